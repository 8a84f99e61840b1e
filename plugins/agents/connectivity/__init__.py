"""Looks at what active checks met: connections, certificates, answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.connectivity.connections import look_at_connections
from sre_orchestrator.plugins.agents.connectivity.served import look_at_answers, look_at_certificates
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Connectivity


class ConnectivityAgent:
    """Tells what checks of services and ingresses met; never why."""

    name = "connectivity"
    description = "active checks from inside the cluster: TCP connections, DNS names, TLS certificates, HTTP answers"
    examples = (
        "the TLS certificate expired or is for another host name",
        "a TCP connection to a port is refused or times out when it is tried",
        "a host cannot be reached with HTTPS from inside the cluster",
    )
    kinds = frozenset(
        {"connection.probed", "connection.failed", "connection.lost_from_node", "certificate.served", "flow.errors"}
    )

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what the checks in the scope's namespaces met; nothing where there is no source of them."""
        source = sources.find(Connectivity)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        if source is None:
            return
        nodes = await sources.need(ClusterObjects).list(Node)  # type: ignore[type-abstract]
        names = frozenset(one.metadata.name for one in nodes.items)
        probes = await source.probes(scope.namespaces)
        observe = Observer(self.name, sources.cluster)
        for fact in look_at_connections(observe, probes.tcp, names):
            yield fact
        for fact in look_at_certificates(observe, probes.tls):
            yield fact
        for fact in look_at_answers(observe, probes.http):
            yield fact
        for gap in probes.gaps:
            yield gap


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the connectivity agent."""
    del settings
    return [ConnectivityAgent()]
