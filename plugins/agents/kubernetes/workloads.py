"""What Deployments, StatefulSets and DaemonSets want and have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.kubernetes.view import View, identity
from sre_orchestrator.plugins.agents.reading import kubectl_describe, kubectl_get
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.workloads import Workload

EXPECTED = {"Available": "True", "Progressing": "True", "ReplicaFailure": "False"}
ENDED = frozenset({"Succeeded", "Failed"})


def workload_facts(view: View) -> Iterator[Fact]:
    """Yield how many pods each workload wants and has, and which of its conditions are not as they should be."""
    existing = Counter(view.owner(pod) for pod in view.pods if pod.status.phase not in ENDED)
    starting = Counter(view.owner(pod) for pod in view.pods if view.starting(pod))
    scaled = {
        component_id(one.spec.scale_target_ref.kind, one.metadata.namespace, one.spec.scale_target_ref.name)
        for one in view.autoscalers
    }
    for workload in view.workloads:
        here = identity(workload)
        kind, meta = KINDS[type(workload)].kind, workload.metadata
        yield view.observe(
            "workload.replicas",
            here,
            query=kubectl_get(kind, meta.namespace, meta.name),
            desired=workload.desired,
            ready=workload.ready,
            available=workload.available,
            updated=workload.status.updated_replicas,
            existing=existing[here],
            paused=workload.spec.paused,
            autoscaled=here in scaled,
            service=_service(view, workload),
        )
        yield from _unavailable(view, workload, existing=existing[here], starting=starting[here])
        yield from _conditions(view, workload)


def _service(view: View, workload: Workload) -> str | None:
    """Return the first service that selects the workload's pods."""
    found = view.services_of(workload.metadata.namespace, workload.spec.template.metadata.labels)
    return min(map(identity, found), default=None)


def _unavailable(view: View, workload: Workload, *, existing: int, starting: int) -> Iterator[Fact]:
    """Yield that pods lack, unless the workload or the pods that lack are only just starting."""
    here, meta = identity(workload), workload.metadata
    lacking = workload.desired - workload.available
    if lacking > starting:
        yield view.observe(
            "workload.unavailable",
            here,
            query=kubectl_describe(KINDS[type(workload)].kind, meta.namespace, meta.name),
            at=_since(workload),
            desired=workload.desired,
            available=workload.available,
            existing=existing,
        )


def _since(workload: Workload) -> datetime | None:
    """Return when it became unavailable; a workload that never was available is as old as its condition."""
    times = [one.last_transition_time for one in workload.status.conditions if one.type == "Available"]
    return next((at for at in times if at), workload.metadata.creation_timestamp)


def _conditions(view: View, workload: Workload) -> Iterator[Fact]:
    for one in workload.status.conditions:
        if EXPECTED.get(one.type, one.status) != one.status:
            yield view.observe(
                "workload.condition",
                identity(workload),
                query=kubectl_describe(KINDS[type(workload)].kind, workload.metadata.namespace, workload.metadata.name),
                at=one.last_transition_time,
                type=one.type,
                status=one.status,
                reason=one.reason,
                message=one.message,
            )
