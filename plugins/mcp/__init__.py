"""MCP servers as agents, and in place of the clients of Kubernetes and Prometheus; settings alone say which."""

from __future__ import annotations

from collections.abc import Sequence

from sre_orchestrator.core.hookspecs import Agent, Source, hookimpl
from sre_orchestrator.core.settings import Settings


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return an agent for each server that has tools whose results are facts."""
    if not settings.mcp_servers:
        return []
    from sre_orchestrator.plugins.mcp.agent import agents_of  # noqa: PLC0415 - nobody pays for what is not configured

    return agents_of(settings.mcp_servers)


@hookimpl
def register_sources(settings: Settings, cluster: Source) -> Sequence[Source]:
    """Return the metrics of a server that stands in for Prometheus."""
    if not settings.mcp_servers:
        return []
    from sre_orchestrator.plugins.mcp.metrics import metrics_of  # noqa: PLC0415

    return metrics_of(settings, cluster)
