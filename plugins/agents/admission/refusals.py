"""Pods and other objects that the API server refuses to create and that are still lacking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sre_orchestrator.core.identity import component_id, kind_of, name_of, namespace_of
from sre_orchestrator.core.models import Fact, Struct
from sre_orchestrator.plugins.agents.admission.messages import Excess, Refusal, excesses, family_of, refusal
from sre_orchestrator.plugins.agents.admission.view import View
from sre_orchestrator.plugins.agents.reading import kubectl_describe
from sre_orchestrator.plugins.objects.workloads import Workload

REASONS = frozenset({"FailedCreate", "ReplicaSetCreateError", "FailedCreatePod", "ReplicaFailure"})
KINDS_OF_OWNERS = frozenset({"deployment", "replicaset", "statefulset", "daemonset", "job", "cronjob"})
MAX_MESSAGE = 1000


class Told(Struct, frozen=True, kw_only=True):
    """One refusal: what the owner could not create, and the words."""

    component: str
    text: str
    first: datetime | None
    last: datetime | None
    count: int = 1


def refusals(view: View) -> Iterator[Fact]:
    """Yield what quotas refuse, one fact a resource, and what else is refused, one fact a reason; ended ones are left out."""
    beyond: dict[tuple[str, str, str], list[tuple[Excess, Told]]] = {}
    refused: dict[tuple[str, Refusal], list[Told]] = {}
    for told in sorted(_told(view), key=lambda one: str(one.last or one.first)):
        top = view.top(told.component)
        exceeded = excesses(told.text)
        for one in exceeded:
            beyond.setdefault((top, one.quota, one.resource), []).append((one, told))
        if not exceeded and not _is_over(view, told):
            refused.setdefault((top, refusal(told.text)), []).append(told)
    for (top, _, _), pairs in beyond.items():
        yield _exceeded(view, top, pairs[-1][0], [told for _, told in pairs])
    for (top, why), several in refused.items():
        yield _refused(view, top, why, several)


def _told(view: View) -> Iterator[Told]:
    """Yield the refusals that events and conditions tell of, of owners that still lack a pod."""
    for event in view.events.items:
        component = component_id(event.about.kind, event.about.namespace, event.about.name)
        refused = event.reason in REASONS or "exceeded quota:" in event.text
        if refused and _is_there(view, component, event.last) and view.lacks(component):
            yield Told(component=component, text=event.text, first=event.first, last=event.last, count=event.times)
    for component, item in view.owners.items():
        if isinstance(item, Workload):
            for condition in item.status.conditions:
                if condition.type == "ReplicaFailure" and condition.status == "True":
                    at = condition.last_transition_time
                    yield Told(component=component, text=condition.message, first=at, last=at)


def _is_there(view: View, component: str, last: datetime | None) -> bool:
    """Say whether an owner exists, or, of an object that is no owner, whether it was refused in the window."""
    if kind_of(component) in KINDS_OF_OWNERS:
        return component in view.owners
    return last is None or last >= view.scope.since


def _is_over(view: View, told: Told) -> bool:
    """Say whether the account that was not found exists by now, so that the next try succeeds."""
    why, namespace = refusal(told.text), namespace_of(told.component)
    return why.failure == "service-account" and any(
        (one.metadata.namespace, one.metadata.name) == (namespace, why.name) for one in view.accounts.items
    )


def _exceeded(view: View, top: str, excess: Excess, several: Sequence[Told]) -> Fact:
    return view.observe(
        "quota.exceeded",
        top,
        query=_query(several[-1].component),
        at=_first(several),
        quota=excess.quota,
        resource=excess.resource,
        family=family_of(excess.resource),
        requested=excess.requested,
        used=excess.used,
        limited=excess.limited,
        message=several[-1].text[-MAX_MESSAGE:],
    )


def _refused(view: View, top: str, why: Refusal, several: Sequence[Told]) -> Fact:
    return view.observe(
        "create.refused",
        top,
        query=_query(several[-1].component),
        at=_first(several),
        failure=why.failure,
        name=why.name or None,
        service=why.service or None,
        message=several[-1].text[-MAX_MESSAGE:],
        count=sum(one.count for one in several),
    )


def _first(several: Sequence[Told]) -> datetime | None:
    return min((one.first for one in several if one.first), default=None)


def _query(component: str) -> str:
    return kubectl_describe(kind_of(component), namespace_of(component), name_of(component))
