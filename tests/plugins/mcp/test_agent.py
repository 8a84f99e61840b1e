"""The agent of a server: what it asks, what it reports, and how it takes part in a diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from mcp.server.mcpserver import Context, MCPServer
from mcp_servers import PHASES, PODS, asked, scope, small
from mcp_types import ToolAnnotations

from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.mcp_servers import McpServer, ToolCall
from sre_orchestrator.core.models import Coverage
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins import mcp as plugin
from sre_orchestrator.plugins.mcp.agent import McpAgent
from sre_orchestrator.plugins.mcp.server import Server

COMPLETE = msgspec.structs.replace(PHASES, complete=True)


def server_of(tell: Callable[[str], Any], **more: Any) -> Server:
    """Return a server of this process with the tool ``pods``."""
    offering = MCPServer("here")

    @offering.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
    def pods(namespace: str) -> Any:
        return tell(namespace)

    given: dict[str, Any] = {"tools": (PODS,), **more}
    return Server(McpServer(name="here", command="x", **given), transport=lambda *_: offering)


def pods(*names: str) -> Callable[[str], Any]:
    return lambda space: {"items": [{"name": one, "namespace": space, "phase": "Failed"} for one in names]}


def test_each_namespace_of_the_scope_is_asked_for() -> None:
    server = server_of(pods("web-1", "web-2"))

    facts, coverage, gaps = asked(server, scope(namespaces=("shop", "pay")))

    server.close()
    assert sorted(one.component for one in facts) == [
        f"pod/{space}/web-{number}" for space in ("pay", "shop") for number in (1, 2)
    ]
    assert (coverage, gaps) == ([], [])


def test_what_was_read_completely_is_covered() -> None:
    server = server_of(pods("web-1"), tools=(ToolCall(tool="pods", arguments=PODS.arguments, facts=(COMPLETE,)),))

    _, coverage, _ = asked(server)

    server.close()
    assert coverage == [Coverage(kind="pod.phase", scope="namespace/shop")]


def test_what_was_read_in_part_is_not_covered() -> None:
    def tell(space: str) -> Any:
        if space == "pay":
            raise ValueError("no rights there")
        return pods("web-1")(space)

    use = ToolCall(tool="pods", arguments=PODS.arguments, facts=(COMPLETE,))
    server = server_of(tell, tools=(use,))

    facts, coverage, gaps = asked(server, scope(namespaces=("shop", "pay")))

    server.close()
    assert len(facts) == 1
    assert coverage == []
    assert [one.what for one in gaps] == ["call pods namespace=pay"]


def test_items_that_become_no_fact_are_one_gap() -> None:
    server = server_of(pods("web 1", "web 2", "web-3"))

    facts, _, gaps = asked(server)

    server.close()
    assert [one.component for one in facts] == ["pod/shop/web-3"]
    assert [one.what for one in gaps] == ["2 of the facts of kind pod.phase in: call pods namespace=shop"]
    assert "mcp check" in gaps[0].remedy


def test_facts_and_calls_are_bounded() -> None:
    many = server_of(pods(*(f"web-{number}" for number in range(9))), facts=5)
    facts, _, gaps = asked(many)
    many.close()
    assert len(facts) == 5
    assert gaps[0].what == "further facts"

    asked_often = server_of(pods("web-1"), calls=2)
    facts, _, gaps = asked(asked_often, scope(namespaces=("a", "b", "c")))
    asked_often.close()
    assert len(facts) == 2
    assert [one.what for one in gaps] == ["call pods namespace=c"]
    assert gaps[0].remedy == "raise calls of mcp_servers here"


def test_the_server_stays_between_incidents() -> None:
    started: list[int] = []
    offering = MCPServer("here")

    @offering.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
    async def pods(namespace: str, context: Context[Any]) -> Any:
        del context
        return {"items": [{"name": "web-1", "namespace": namespace, "phase": "Failed"}]}

    def transport(*_: object) -> object:
        started.append(1)
        return offering

    server = Server(McpServer(name="here", command="x", tools=(PODS,)), transport=transport)
    first, second = asked(server)[0], asked(server)[0]
    server.close()

    assert first == second
    assert len(started) == 1


def test_an_agent_describes_itself_as_settings_say() -> None:
    agent = McpAgent(Server(small("none", description="pods of the other cluster", examples=("pods fail there",))))
    plain = McpAgent(Server(small("none")))

    assert isinstance(agent, Agent)
    assert (agent.name, agent.description, agent.examples) == (
        "mcp-small",
        "pods of the other cluster",
        ("pods fail there",),
    )
    assert plain.description == "what the MCP server small tells"
    assert agent.kinds == {"pod.phase"}


def test_a_server_is_an_agent_only_where_its_results_are_facts() -> None:
    settings = Settings(
        mcp_servers=(small("none"), McpServer(name="kube", preset="kubernetes-mcp-server", replaces="kubernetes"))
    )

    assert [one.name for one in plugin.register_agents(settings)] == ["mcp-small"]
    assert plugin.register_agents(Settings()) == []


def test_the_agent_closes_its_server() -> None:
    server = server_of(pods("web-1"))
    agent = McpAgent(server)
    asked(server)

    agent.close()

    assert server._session is None
