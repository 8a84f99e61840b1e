"""Looks at services and what carries requests to them: endpoints, ports, addresses, routes, policies, DNS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.network.configured import look_at_addresses
from sre_orchestrator.plugins.agents.network.denied import look_at_policies
from sre_orchestrator.plugins.agents.network.meshed import look_at_sidecars
from sre_orchestrator.plugins.agents.network.ports import look_at_ports
from sre_orchestrator.plugins.agents.network.resolved import look_at_names
from sre_orchestrator.plugins.agents.network.routed import look_at_routes
from sre_orchestrator.plugins.agents.network.selected import look_at_selected
from sre_orchestrator.plugins.agents.network.view import WORKLOADS, read_view
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.network import Ingress, NetworkPolicy, Service
from sre_orchestrator.plugins.objects.pods import Pod

LOOKS = (
    look_at_selected,
    look_at_ports,
    look_at_addresses,
    look_at_routes,
    look_at_policies,
    look_at_names,
    look_at_sidecars,
)
BY_SERVICE = ("service.endpoints", "service.without_endpoints", "selector.mismatch", "selector.stray",
              "service.port", "port.mismatch", "protocol.mismatch", "listener.conflict",
              "address.configured", "address.mismatch")  # fmt: skip
BY_ROUTE = ("route", "route.suspect")
BY_POLICY = ("policy.denies",)
BY_NAME = ("dns.config", "dns.override", "mesh.sidecar")


class NetworkAgent:
    """Compares what services, routes, policies and callers declare."""

    name = "network"
    description = "services, endpoints, ports, addresses, routes, ingress, network policies, DNS"
    examples = (
        "a service has no endpoints, its selector or target port is wrong",
        "a network policy blocks traffic between services",
        "DNS does not resolve names, the ingress routes to the wrong service",
    )
    kinds = frozenset({*BY_SERVICE, *BY_ROUTE, *BY_POLICY, *BY_NAME, "dns.server", "reference.unresolved"})

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what the declared network shows."""
        view = await read_view(scope, sources)
        observe = Observer(self.name, sources.cluster)
        for look in LOOKS:
            for fact in look(view, observe):
                yield fact
        for coverage in view.coverage(BY_SERVICE, Service, Pod, *WORKLOADS):
            yield coverage
        for coverage in view.coverage(BY_ROUTE, Service, Ingress, ConfigMap, *WORKLOADS):
            yield coverage
        for coverage in view.coverage(BY_POLICY, Service, NetworkPolicy, ConfigMap, *WORKLOADS):
            yield coverage
        for coverage in view.coverage(BY_NAME, Service, Pod, ConfigMap, *WORKLOADS):
            yield coverage


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the network agent."""
    del settings
    return [NetworkAgent()]
