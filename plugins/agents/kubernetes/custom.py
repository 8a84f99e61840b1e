"""Custom resources that say that something is wrong with them; what is well, on its way or suspended says nothing."""

from __future__ import annotations

from collections.abc import Iterator

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact, Scope
from sre_orchestrator.plugins.agents.kubernetes.view import View, identity
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.custom import Application, Certificate, Delivery, Rollout, ScaledObject
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.pods import Condition
from sre_orchestrator.plugins.objects.registry import KINDS

MAX_MESSAGE = 500
PAUSED = "Paused"


def custom_facts(view: View) -> Iterator[Fact]:
    """Yield each condition that is not as it should be, of the custom resources that concern the scope."""
    for one in view.custom_resources:
        if concerns(one, view.scope):
            for condition in wrong_with(one):
                since = condition.last_transition_time
                if since is None or since <= view.scope.until:
                    yield _fact(view, one, condition)


def concerns(one: Object, scope: Scope) -> bool:
    """Say whether an object lives in, or delivers to, a namespace of the scope."""
    return not {one.metadata.namespace, *_delivers_to(one)}.isdisjoint(scope.namespaces)


def wrong_with(one: Object) -> Iterator[Condition]:
    """Yield what is wrong, as conditions."""
    match one:
        case Certificate():
            yield from _unready(one.status.conditions)
        case Delivery() if not one.spec.suspend:
            yield from _unready(one.status.conditions)
        case ScaledObject() if not _is(one.status.conditions, PAUSED):
            yield from _unready(one.status.conditions)
            yield from (each for each in one.status.conditions if each.type == "Fallback" and each.status == "True")
        case Application():
            yield from _undelivered(one)
        case Rollout() if one.status.phase == "Degraded" and not one.spec.paused and one.spec.replicas != 0:
            yield _degraded(one)


def _unready(conditions: tuple[Condition, ...]) -> Iterator[Condition]:
    return (one for one in conditions if one.type == "Ready" and one.status == "False")


def _is(conditions: tuple[Condition, ...], kind: str) -> bool:
    return any(one.type == kind and one.status == "True" for one in conditions)


def _undelivered(one: Application) -> Iterator[Condition]:
    """Yield the last sync when it failed, what Argo CD cannot do, and that the delivered objects are not well."""
    last = one.status.operation_state
    if last and last.phase in {"Failed", "Error"}:
        at = last.finished_at or last.started_at
        yield Condition(type="Synced", status="False", reason=last.phase, message=last.message, last_transition_time=at)
    for each in one.status.conditions:
        if each.type.endswith("Error") and not (last and each.type == "SyncError"):
            when = each.last_transition_time
            yield Condition(
                type="Synced", status="False", reason=each.type, message=each.message, last_transition_time=when
            )
    health = one.status.health
    if health.status in {"Degraded", "Missing"}:
        yield Condition(
            type="Healthy",
            status="False",
            reason=health.status,
            message=health.message,
            last_transition_time=health.last_transition_time,
        )


def _degraded(one: Rollout) -> Condition:
    """Return a phase as a condition; the time is that of the condition that made it so."""
    reason, colon, _ = one.status.message.partition(":")
    times = [
        each.last_transition_time
        for each in one.status.conditions
        if each.type in {"Progressing", "InvalidSpec"} and each.last_transition_time
    ]
    return Condition(
        type="Phase",
        status="Degraded",
        reason=reason if colon else "",
        message=one.status.message,
        last_transition_time=max(times, default=None),
    )


def _fact(view: View, one: Object, condition: Condition) -> Fact:
    listed, meta = KINDS[type(one)], one.metadata
    return view.observe(
        "resource.state",
        identity(one),
        query=kubectl_get(f"{listed.plural}.{listed.group}", meta.namespace, meta.name),
        at=condition.last_transition_time,
        resource_kind=listed.kind,
        type=condition.type,
        status=condition.status,
        reason=condition.reason or None,
        message=condition.message[:MAX_MESSAGE] or None,
        target=_target(one),
        for_seconds=view.age(condition.last_transition_time),
    )


def _delivers_to(one: Object) -> set[str]:
    """Return the namespaces of what is delivered; of a Kustomization that names none, those of what it delivered last."""
    named = ""
    delivered: set[str] = set()
    if isinstance(one, Application):
        named = one.spec.destination.namespace
    elif isinstance(one, Delivery):
        named = one.spec.target_namespace
        delivered = (
            {each.id.partition("_")[0] for each in one.status.inventory.entries} if one.status.inventory else set()
        )
    return {named} if named else delivered - {""}


def _target(one: Object) -> str | None:
    """Return the component id of what the object is about."""
    namespace = one.metadata.namespace
    match one:
        case Certificate():
            return component_id("secret", namespace, one.spec.secret_name) if one.spec.secret_name else None
        case ScaledObject():
            target = one.spec.scale_target_ref
            return component_id(target.kind, namespace, target.name) if target.name else None
        case Application() | Delivery():
            places = _delivers_to(one) or {namespace}
            return component_id("namespace", None, places.pop()) if len(places) == 1 else None
        case _:
            return None
