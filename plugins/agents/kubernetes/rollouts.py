"""What the newest revision of a Deployment changed against the one before, and who scaled what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.kubernetes.templates import changes, direction
from sre_orchestrator.plugins.agents.kubernetes.view import View, identity
from sre_orchestrator.plugins.agents.reading import kubectl_events
from sre_orchestrator.plugins.objects.workloads import Deployment, HorizontalPodAutoscaler, ReplicaSet, Workload

REVISION = "deployment.kubernetes.io/revision"
ROLLOUT = timedelta(minutes=10)  # progressDeadlineSeconds by default
_SECRET_NAME = re.compile(r"pass|secret|token|key|credential|auth", re.IGNORECASE)
_SCALED = re.compile(
    r"Scaled (?:up|down) replica set (?P<set>\S+) (?:from (?P<old>\d+) )?to (?P<to>\d+)(?: from (?P<from>\d+))?"
)
_RESIZED = re.compile(r"New size: (?P<to>\d+)(?:; reason: (?P<why>.*))?")


def rollout_facts(view: View) -> Iterator[Fact]:
    """Yield the changes of each Deployment's newest revision that came in the window, or whose pods lack now."""
    by_owner: dict[str, list[ReplicaSet]] = {}
    for one in view.replica_sets:
        by_owner.setdefault(view.owner(one), []).append(one)
    for workload in view.workloads:
        newest_first = sorted(by_owner.get(identity(workload), ()), key=_revision, reverse=True)
        if not isinstance(workload, Deployment) or len(newest_first) < 2:  # noqa: PLR2004 - one revision changed nothing
            continue
        newest, before = newest_first[:2]
        at = _rolled_out(workload, newest, before)
        if view.in_window(at) or workload.available < workload.desired:
            yield from _changed(view, workload, newest, before, at)


def scaling_facts(view: View) -> Iterator[Fact]:
    """Yield when a Deployment's newest revision was scaled, and when an autoscaler set a new size.

    A rollout scales its new revision up, soon after it was made, and never to zero.
    """
    newest = {view.owner(one): one for one in sorted(view.replica_sets, key=_revision)}
    for workload in view.workloads:
        if identity(workload) in newest:
            yield from _scaled(view, workload, newest[identity(workload)])
    for autoscaler in view.autoscalers:
        yield from _resized(view, autoscaler)


def _scaled(view: View, workload: Workload, newest: ReplicaSet) -> Iterator[Fact]:
    for event in view.events.get(identity(workload), ()):
        match = _SCALED.search(event.text) if event.reason == "ScalingReplicaSet" else None
        if not match or match["set"] != newest.metadata.name:
            continue
        if match["to"] != "0" and not _settled(newest, event.last):
            continue
        old = match["from"] or match["old"]
        if int(match["to"]) == workload.desired and view.in_window(event.last):
            yield view.observe(
                "workload.scaled",
                identity(workload),
                query=kubectl_events("deployment", workload.metadata.namespace, workload.metadata.name),
                at=event.last,
                to=int(match["to"]),
                message=event.text,
                **{"from": int(old)} if old else {},
            )


def _resized(view: View, autoscaler: HorizontalPodAutoscaler) -> Iterator[Fact]:
    namespace, target = autoscaler.metadata.namespace, autoscaler.spec.scale_target_ref
    for event in view.events.get(identity(autoscaler), ()):
        match = _RESIZED.search(event.text) if event.reason == "SuccessfulRescale" else None
        if match and view.in_window(event.last):
            yield view.observe(
                "workload.scaled",
                component_id(target.kind, namespace, target.name),
                query=kubectl_events("horizontalpodautoscaler", namespace, autoscaler.metadata.name),
                at=event.last,
                to=int(match["to"]),
                by=identity(autoscaler),
                message=event.text,
            )


def _changed(
    view: View, workload: Deployment, newest: ReplicaSet, before: ReplicaSet, at: datetime | None
) -> Iterator[Fact]:
    meta = workload.metadata
    for one in changes(before.spec.template.spec, newest.spec.template.spec):
        hidden = one.what == "env" and _SECRET_NAME.search(one.item)
        yield view.observe(
            "container.changed",
            identity(workload),
            query=f"kubectl rollout history deployment {meta.name} -n {meta.namespace} --revision={_revision(newest)}",
            at=at,
            container=one.container or None,
            what=one.what,
            item=one.item or None,
            before=None if hidden else one.before,
            after=None if hidden else one.after,
            direction=direction(one),
            revision=_revision(newest),
        )


def _rolled_out(workload: Deployment, newest: ReplicaSet, before: ReplicaSet) -> datetime | None:
    """Return when the newest revision came: a roll-back reuses an older ReplicaSet, then the condition tells."""
    made, other = newest.metadata.creation_timestamp, before.metadata.creation_timestamp
    if made and other and made >= other:
        return made
    progressing = [one.last_update_time for one in workload.status.conditions if one.type == "Progressing"]
    return next((at for at in progressing if at), None)


def _revision(one: ReplicaSet) -> int:
    text = one.metadata.annotations.get(REVISION, "")
    return int(text) if text.isdigit() else 0


def _settled(one: ReplicaSet, at: datetime | None) -> bool:
    """Say whether a ReplicaSet was scaled long enough after it was made that this was no rollout."""
    made = one.metadata.creation_timestamp
    return bool(made and at and at - made > ROLLOUT)
