"""Leases of nodes, compared with each other, so that the age of a recording does not matter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.nodes.view import View, node_id
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.nodes import Lease

NAMESPACE = "kube-node-lease"
# The kubelet's nodeLeaseDurationSeconds unless set: kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1
DURATION_SECONDS = 40


def leases(view: View) -> Iterator[Fact]:
    """Yield each node's lease and whether it is left behind by the others'."""
    present = {node.metadata.name for node in view.nodes}
    renewed = [(lease, at) for lease, at in node_leases(view) if not present or lease.metadata.name in present]
    newest = max((at for _, at in renewed), default=None)
    if newest is None:
        return
    behind = [(lease, at, newest - at > duration(lease)) for lease, at in renewed]
    left = sum(late for _, _, late in behind)
    for lease, at, late in behind:
        yield view.observe(
            "node.lease",
            node_id(lease.metadata.name),
            query=kubectl_get("lease", NAMESPACE, lease.metadata.name),
            at=at,
            behind_seconds=round((newest - at).total_seconds(), 1),
            duration_seconds=float(duration(lease).total_seconds()),
            stale=late and 2 * left <= len(behind),
        )


def node_leases(view: View) -> list[tuple[Lease, datetime]]:
    """Return the leases of nodes that were ever renewed, with when."""
    return [
        (lease, lease.spec.renew_time)
        for lease in view.leases
        if lease.metadata.namespace == NAMESPACE and lease.spec.renew_time
    ]


def duration(lease: Lease) -> timedelta:
    """Return how long a lease holds."""
    return timedelta(seconds=lease.spec.lease_duration_seconds or DURATION_SECONDS)
