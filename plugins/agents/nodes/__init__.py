"""The nodes agent: conditions, leases, system units, what runs on each node, the control plane."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.nodes.conditions import conditions
from sre_orchestrator.plugins.agents.nodes.control_plane import NAMESPACE, control_plane
from sre_orchestrator.plugins.agents.nodes.control_plane_logs import control_plane_logs
from sre_orchestrator.plugins.agents.nodes.events import events
from sre_orchestrator.plugins.agents.nodes.leases import leases
from sre_orchestrator.plugins.agents.nodes.logs import journals
from sre_orchestrator.plugins.agents.nodes.stuck import stuck_pods
from sre_orchestrator.plugins.agents.nodes.units import units
from sre_orchestrator.plugins.agents.nodes.view import View
from sre_orchestrator.plugins.agents.reading import covered
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.nodes import Lease, Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.ports import ClusterObjects, HostUnits, PodLogs


class NodesAgent:
    """Looks at nodes; never diagnoses."""

    name = "nodes"
    description = "nodes, kubelet, container runtime, kube-proxy, leases, pressure, control plane"
    examples = (
        "a node is NotReady, the machine is down, its kubelet stopped reporting",
        "a host has memory pressure or disk pressure and evicts",
        "the container runtime, kube-proxy or the control plane does not work",
    )
    kinds = frozenset(
        {
            "node.not_ready",
            "node.condition",
            "node.lease",
            "unit.state",
            "unit.restarted",
            "unit.log",
            "node.stuck_pods",
            "node.event",
            "control_plane.state",
            "control_plane.log",
        }
    )

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what each node and its units say, compared with the other nodes."""
        cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        listed, pods = await cluster.list(Node), await cluster.list(Pod)
        held, happened = await cluster.list(Lease), await cluster.list(Event)
        hosts = sources.find(HostUnits)  # type: ignore[type-abstract]
        view = View(
            scope=scope,
            observe=Observer(self.name, sources.cluster),
            nodes=listed.items,
            pods=pods.items,
            leases=held.items,
            events=happened.items,
            units=tuple(await hosts.units()) if hosts else (),
        )
        for part in (conditions, leases, units, journals, stuck_pods, events, control_plane):
            for fact in part(view):
                yield fact
        logs = sources.find(PodLogs)  # type: ignore[type-abstract]
        for found in control_plane_logs(view, logs) if logs else ():
            yield found
        for one in covered(("node.not_ready", "node.condition"), listed):
            yield one
        if {"*", NAMESPACE} & pods.complete_in:
            yield Coverage(kind="control_plane.state", scope="*")
        for node in sorted({unit.node for unit in view.units}):
            for kind in ("unit.state", "unit.log"):
                yield Coverage(kind=kind, scope=f"node/{node}")


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the nodes agent."""
    del settings
    return [NodesAgent()]
