"""Compares the clocks of nodes by the leases that each kubelet renews with its own, every ten seconds."""

from __future__ import annotations

from collections.abc import Iterator

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Coverage, Fact
from sre_orchestrator.plugins.agents.reading import covered, kubectl_get
from sre_orchestrator.plugins.objects.nodes import Lease, Node
from sre_orchestrator.plugins.sources.ports import Listing

OFFSET = "clock.offset"
NAMESPACE = "kube-node-lease"
FEWEST = 3
AHEAD_SECONDS = 60.0
# A kubelet that is silent for so long is no longer Ready (node-monitor-grace-period is 40 to 50 s), so a Ready node
# whose lease is this old renews it with a clock that is behind.
BEHIND_SECONDS = 150.0


def clocks(observe: Observer, nodes: Listing[Node], leases: Listing[Lease]) -> Iterator[Fact | Coverage]:
    """Yield the nodes whose clocks differ from the middle of all; of two nobody can say which is wrong."""
    ready = {one.metadata.name for one in nodes.items if _ready(one)}
    renewed = {
        one.metadata.name: one.spec.renew_time
        for one in leases.items
        if one.metadata.namespace == NAMESPACE and one.metadata.name in ready and one.spec.renew_time
    }
    enough = len(renewed) >= FEWEST
    middle = sorted(one.timestamp() for one in renewed.values())[len(renewed) // 2] if enough else 0.0
    for name, at in sorted(renewed.items()) if enough else ():
        offset = at.timestamp() - middle
        if offset > AHEAD_SECONDS or offset < -BEHIND_SECONDS:
            yield observe(
                OFFSET,
                component_id("node", None, name),
                query=kubectl_get("lease", NAMESPACE, name),
                offset_seconds=round(offset, 1),
                compared=len(renewed) - 1,
            )
    yield from covered((OFFSET,), nodes, leases)


def _ready(node: Node) -> bool:
    return any(one.type == "Ready" and one.status == "True" for one in node.status.conditions)
