"""Looks at who may do what, and by which tokens and certificates: accounts, roles, tokens, issuers, clocks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.auth.clocks import OFFSET, clocks
from sre_orchestrator.plugins.agents.auth.permitted import (
    KIND,
    Told,
    permissions,
    read_roles,
    told_by_events,
    told_by_incident,
    told_by_logs,
)
from sre_orchestrator.plugins.agents.auth.stored import STORED, Kept, stored, withheld
from sre_orchestrator.plugins.agents.auth.tokens import PROJECTED, WITHHELD, tokens
from sre_orchestrator.plugins.agents.auth.trusted import ISSUER, SERVED, trusted
from sre_orchestrator.plugins.agents.auth.view import View, look
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.network import Ingress, Service
from sre_orchestrator.plugins.objects.nodes import Lease, Node
from sre_orchestrator.plugins.sources.ports import ClusterObjects, PodLogs, TrustChecks


class AuthAgent:
    """What accounts may do, which tokens they get, which certificates are kept; never why somebody was refused.

    Logs are read only for the workloads that somebody asks about, and roles only where a refusal is told.
    """

    name = "auth"
    description = (
        "service accounts, RBAC roles and bindings, tokens and their audience, certificates, OIDC issuers, clocks"
    )
    examples = (
        "the operator is forbidden to list pods, its service account lacks a role",
        "requests are answered 401 or 403, the token is refused or has expired",
        "logins fail since the identity provider or its keys cannot be reached",
    )
    kinds = frozenset({KIND, PROJECTED, WITHHELD, OFFSET, ISSUER, SERVED, STORED})
    answers = frozenset({KIND})

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what is seen in the namespaces of ``scope``; where something is asked, what was asked for."""
        cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        view = await look(Observer(self.name, sources.cluster), scope, cluster)
        told = await _told(view, sources)
        for one in permissions(view, told, await read_roles(cluster)) if told else ():
            yield one
        if scope.questions:
            return
        for one in tokens(view):
            yield one
        for one in clocks(view.observe, await cluster.list(Node), await cluster.list(Lease)):
            yield one
        kept = await _kept(cluster)
        for one in (*stored(view, kept), *withheld(view, kept)):
            yield one
        checks = sources.find(TrustChecks)  # type: ignore[type-abstract]
        for one in trusted(view, await checks.trust(), kept.services) if checks else ():
            yield one


async def _kept(cluster: ClusterObjects) -> Kept:
    return Kept(
        secrets=await cluster.list(Secret),
        config_maps=await cluster.list(ConfigMap),
        ingresses=await cluster.list(Ingress),
        services=await cluster.list(Service),
    )


async def _told(view: View, sources: Sources) -> list[Told]:
    if not view.scope.questions:
        return [*told_by_events(view), *told_by_incident(view)]
    logs = sources.find(PodLogs)  # type: ignore[type-abstract]
    asked = frozenset(one.component for one in view.scope.questions if one.kind == KIND)
    return await told_by_logs(view, logs, asked) if logs and asked else []


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Provide the auth agent."""
    del settings
    return [AuthAgent()]
