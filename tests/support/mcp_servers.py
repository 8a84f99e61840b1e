"""MCP servers for tests: small ones with a fault, real ones, and how their settings look."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from extras import program

from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.mcp_servers import FactMapping, McpServer, ToolCall
from sre_orchestrator.core.models import Coverage, Fact, Gap, Incident, Scope
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.plugins.mcp.agent import McpAgent
from sre_orchestrator.plugins.mcp.server import Server

SMALL = Path(__file__).with_name("small_mcp_server.py")
AT = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
PHASES = FactMapping(
    kind="pod.phase",
    items="$.items[*]",
    values={"name": "name", "space": "namespace", "phase": "phase"},
    component="pod/$space/$name",
    attributes={"phase": "$phase"},
)
PATIENT: dict[str, Any] = {"connect_seconds": 60.0, "call_seconds": 30.0, "total_seconds": 120.0}
"""Real servers are started while other tests run."""
PODS = ToolCall(tool="pods", arguments={"namespace": "$namespace"}, facts=(PHASES,))


def small(fault: str, file: Path | None = None, **more: Any) -> McpServer:
    """Return the settings of the small server."""
    given: dict[str, Any] = {"tools": (PODS,), "connect_seconds": 30.0, "call_seconds": 20.0, **more}
    arguments = (str(SMALL), fault, *([str(file)] if file else []))
    return McpServer(name="small", command=sys.executable, args=arguments, **given)


def scope(*components: str, namespaces: tuple[str, ...] = ("shop",)) -> Scope:
    """Return where to look."""
    return Scope(
        incident=Incident(id="i1", description="web is down", at=AT),
        namespaces=namespaces,
        components=components,
        since=AT - timedelta(hours=1),
        until=AT,
    )


def asked(server: Server, where: Scope | None = None) -> tuple[list[Fact], list[Coverage], list[Gap]]:
    """Return what the agent of a server reports."""
    agent = McpAgent(server)
    agent.learn(load_vocabulary())

    async def gather() -> list[Fact | Coverage | Gap]:
        return [one async for one in agent.gather(where or scope(), Sources(()))]

    found = anyio.run(gather)
    return (
        [one for one in found if isinstance(one, Fact)],
        [one for one in found if isinstance(one, Coverage)],
        [one for one in found if isinstance(one, Gap)],
    )


def kubernetes(kubeconfig: Path, **more: Any) -> McpServer:
    """Return the settings of kubernetes-mcp-server."""
    return McpServer(
        name="kube",
        preset="kubernetes-mcp-server",
        command=program("kubernetes-mcp-server"),
        env={"KUBECONFIG": str(kubeconfig)},
        **PATIENT | more,
    )


def prometheus_by(preset: str, url: str, **more: Any) -> McpServer:
    """Return the settings of a server that asks the Prometheus at ``url``."""
    return McpServer(name="prom", preset=preset, command=program(preset), env={"PROMETHEUS_URL": url}, **PATIENT | more)
