"""Finds the pods that wait for a node, and groups those that the scheduler treats alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Scope, Struct
from sre_orchestrator.plugins.agents.scheduling.messages import Refusal, read_message
from sre_orchestrator.plugins.agents.scheduling.needs import requests_of
from sre_orchestrator.plugins.agents.scheduling.places import Cluster, owner_kind
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.pods import Pod, PodSpec
from sre_orchestrator.plugins.objects.workloads import DaemonSet, Workload

PARTIAL = "snapshot/partial"
PATIENCE_SECONDS = 10.0
_GATED = "SchedulingGated"


class Waiting(Struct, frozen=True, kw_only=True):
    """A pod without a node; ``answered`` is ``None`` when the recording does not show whether the scheduler spoke."""

    pod: Pod
    component: str
    at: datetime | None = None
    age_seconds: float = 0.0
    lingers: bool = False
    message: str = ""
    answered: bool | None = None

    @property
    def gated(self) -> bool:
        """Say whether scheduling gates hold the pod back."""
        return bool(self.pod.spec.scheduling_gates)

    @property
    def refusal(self) -> Refusal:
        """Return what the scheduler said, clause by clause."""
        return read_message(self.message)


def waiting_pods(pods: Iterable[Pod], events: Iterable[Event], scope: Scope) -> list[Waiting]:
    """Return the pods of ``scope`` that have no node, by name; one that was just created and not yet tried is left out."""
    said = _latest(events)
    found = []
    for pod in pods:
        if pod.spec.node_name or pod.status.phase not in {"Pending", ""} or pod.metadata.deletion_timestamp:
            continue
        if pod.metadata.namespace not in scope.namespaces:
            continue
        one = _waiting(pod, said.get((pod.metadata.namespace, pod.metadata.name)), scope)
        if one.answered or one.gated or one.age_seconds > PATIENCE_SECONDS:
            found.append(one)
    return sorted(found, key=lambda one: one.component)


def _latest(events: Iterable[Event]) -> Mapping[tuple[str, str], Event]:
    found: dict[tuple[str, str], Event] = {}
    for event in sorted(events, key=lambda one: (str(one.last or ""), one.metadata.name)):
        if event.reason == "FailedScheduling" and event.about.kind == "Pod" and read_message(event.text).clauses:
            found[event.about.namespace, event.about.name] = event
    return found


def _waiting(pod: Pod, event: Event | None, scope: Scope) -> Waiting:
    created = pod.metadata.creation_timestamp
    condition = pod.condition("PodScheduled")
    message = (condition.message if condition else "") or (event.text if event else "")
    if condition and condition.reason == _GATED:
        message = ""
    unknown = PARTIAL in pod.metadata.annotations and not condition and not event
    return Waiting(
        pod=pod,
        component=component_id("pod", pod.metadata.namespace, pod.metadata.name),
        at=(condition.last_transition_time if condition else None) or (event.first if event else None) or created,
        age_seconds=max((scope.until - created).total_seconds(), 0.0) if created else 0.0,
        lingers=created is not None and created < scope.since,
        message=message,
        answered=None if unknown else bool(condition or event),
    )


def last_placed(cluster: Cluster) -> dict[str, datetime]:
    """Return scheduler → when it last gave a pod a node; static pods were given theirs by nobody."""
    last: dict[str, datetime] = {}
    for pod in (pod for place in cluster.places for pod in place.pods if owner_kind(pod) != "Node"):
        condition, scheduler = pod.condition("PodScheduled"), pod.spec.scheduler_name
        at = condition.last_transition_time if condition and condition.status == "True" else None
        if at and (scheduler not in last or at > last[scheduler]):
            last[scheduler] = at
    return last


def alike(waiting: Iterable[Waiting]) -> Iterator[Waiting]:
    """Yield the first pod of each group with one owner and one spec as far as scheduling reads it."""
    seen: set[tuple[str, bytes]] = set()
    for one in waiting:
        key = (str(one.pod.metadata.owner_references or one.component), _signature(one.pod.spec))
        if key not in seen:
            seen.add(key)
            yield one


def _signature(spec: PodSpec) -> bytes:
    claims = [one.persistent_volume_claim.claim_name for one in spec.volumes if one.persistent_volume_claim]
    parts = (spec.node_selector, spec.affinity, spec.tolerations, spec.topology_spread_constraints, requests_of(spec))
    return msgspec.json.encode((parts, claims, spec.scheduler_name), order="sorted")


def templates_without_pods(workloads: Iterable[Workload], pods: Iterable[Pod], scope: Scope) -> Iterator[Waiting]:
    """Yield a stand-in pod for each workload that wants pods and has none."""
    labels: dict[str, list[Mapping[str, str]]] = {}
    for pod in pods:
        labels.setdefault(pod.metadata.namespace, []).append(pod.metadata.labels)
    for workload in workloads:
        namespace, selector = workload.metadata.namespace, workload.spec.selector
        if namespace not in scope.namespaces or isinstance(workload, DaemonSet) or selector is None:
            continue
        if (
            workload.desired
            and not workload.available
            and not any(selector.matches(one) for one in labels.get(namespace, ()))
        ):
            template = workload.spec.template
            meta = msgspec.structs.replace(template.metadata, namespace=namespace, name=workload.metadata.name)
            kind = type(workload).__name__
            yield Waiting(
                pod=Pod(metadata=meta, spec=template.spec),
                component=component_id(kind, namespace, workload.metadata.name),
            )
