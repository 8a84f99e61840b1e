"""What a server does not tell of metrics is a gap, as with Prometheus itself."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import msgspec
import pytest
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.mcp_servers import McpServer, MetricTools, StandIn
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins import mcp as plugin
from sre_orchestrator.plugins.mcp import metrics
from sre_orchestrator.plugins.mcp.metrics import McpPrometheus, Requests
from sre_orchestrator.plugins.mcp.server import Server, end_shared
from sre_orchestrator.plugins.sources import prometheus
from sre_orchestrator.plugins.sources.http import ServiceProblem

READS = ToolAnnotations(read_only_hint=True)
AT = datetime(2030, 5, 1, 12, tzinfo=UTC)
TOOLS = MetricTools(
    instant=StandIn(tool="now", arguments={"query": "$query", "time": "$time"}, items="$.result", values="value"),
    range=StandIn(
        tool="range",
        arguments={"query": "$query", "start": "$start", "end": "$end", "step": "$step"},
        items="$.result",
        cut="$.cut",
    ),
)
Tell = Callable[[str], Any]


def offering(tell: Tell, asked: list[str]) -> MCPServer:
    server = MCPServer("metrics")

    @server.tool(annotations=READS, structured_output=False)
    def now(query: str, time: str) -> Any:
        asked.append(query)
        del time
        return tell(query)

    @server.tool(name="range", annotations=READS, structured_output=False)
    def ranged(query: str, start: str, end: str, step: str) -> Any:
        asked.append(f"{query} {float(end) - float(start):g} {step}")
        return {**tell(query), "cut": "big" in query}

    return server


@contextmanager
def requests(tell: Tell, *, stored: bool = True) -> Iterator[tuple[Requests, list[str]]]:
    asked: list[str] = []
    instant = msgspec.structs.replace(TOOLS.instant, values="values" if stored else "value")
    tools = msgspec.structs.replace(TOOLS, stored=stored, instant=instant)
    settings = McpServer(name="here", command="x", metrics=tools)
    server = Server(settings, transport=lambda *_: offering(tell, asked))
    try:
        yield Requests(server, tools), asked
    finally:
        server.close()


def row(value: str = "1", **labels: str) -> dict[str, Any]:
    return {"metric": labels, "values": [[AT.timestamp(), value]], "value": value}


def decoded(body: bytes) -> Any:
    return msgspec.json.decode(body)


WINDOW = [("start", str(AT.timestamp() - 600)), ("end", str(AT.timestamp()))]


def test_names_and_labels_are_asked_for_in_queries() -> None:
    def tell(query: str) -> Any:
        if query.startswith("count by (__name__)"):
            return {"result": [row(__name__="up"), row(__name__="errors_total"), row()]}
        return {"result": [row(label=one) for one in ("namespace", "pod") if f'"{one}"' in query]}

    with requests(tell) as (asked, queries):
        names = decoded(asked.get("/api/v1/label/__name__/values", [*WINDOW, ("match[]", '{a="b"}')]))
        labels = decoded(asked.get("/api/v1/labels", WINDOW))

    assert names["data"] == ["errors_total", "up"]
    assert queries[0] == 'count by (__name__) (last_over_time({a="b"}[600s]))'
    assert labels["data"] == ["namespace", "pod"]
    assert max(map(len, queries)) <= metrics.MOST_QUERY


def test_stored_samples_are_asked_for_where_the_server_has_them() -> None:
    with requests(lambda _: {"result": [row(a="b")]}) as (asked, queries):
        found = decoded(asked.post("/api/v1/query", [("query", "{x}[600000ms]"), ("time", str(AT.timestamp()))]))

    assert queries == ["{x}[600000ms]"]
    assert found["data"]["result"] == [{"metric": {"a": "b"}, "values": [[AT.timestamp(), "1"]]}]
    assert found["warnings"] == []


@pytest.mark.parametrize(("count", "step"), [("11", 30), ("20", 15), ("1", 300), ("x", 15)])
def test_values_at_the_usual_interval_stand_in_for_stored_samples(count: str, step: int) -> None:
    def tell(query: str) -> Any:
        return {"result": [row(count)]} if query.startswith("max(") else {"result": [row(a="b")]}

    selector = '{__name__=~"a|b",namespace="shop"}'
    with requests(tell, stored=False) as (asked, queries):
        fields = [("query", f"{selector}[600000ms]"), ("time", str(AT.timestamp()))]
        found = decoded(asked.post("/api/v1/query", fields))

    assert queries[0] == 'max(count_over_time({__name__=~"a",namespace="shop"}[300s]))'
    assert queries[1] == f"{selector} 600 {step}s"
    assert found["warnings"] == [
        f"the MCP server here gives no stored samples: these are values at every {step} seconds"
    ]


def test_an_answer_that_was_cut_is_told() -> None:
    fields = [("query", "big"), *WINDOW, ("step", "15")]
    with requests(lambda _: {"result": []}) as (asked, _):
        found = decoded(asked.get("/api/v1/query_range", fields))

    assert found["warnings"] == ["the MCP server here cut the answer"]


def failing(query: str) -> Any:
    raise ToolError(f"400 bad query {query}")


@pytest.mark.parametrize(
    ("tell", "path", "why"),
    [
        (failing, "/api/v1/query", "400 bad query up"),
        (lambda _: {"data": []}, "/api/v1/query", "has no list at $.result"),
        (lambda _: "prose", "/api/v1/query", "the answer is no JSON"),
        (failing, "/api/v1/rules", "does not tell /api/v1/rules"),
    ],
)
def test_what_cannot_be_had_is_a_problem_of_the_server(tell: Tell, path: str, why: str) -> None:
    with requests(tell) as (asked, _), pytest.raises(ServiceProblem, match=re.escape(why)) as problem:
        asked.get(path, [("query", "up"), ("time", "1")])

    assert "MCP server here" in str(problem.value)


@contextmanager
def source(command: str) -> Iterator[McpPrometheus]:
    server = McpServer(name="here", command=command, metrics=TOOLS, replaces="prometheus", connect_seconds=5.0)
    yield McpPrometheus(server, TOOLS, Settings())
    end_shared([server])


def test_a_server_that_is_not_there_is_a_missing_source() -> None:
    with source("/nowhere/server") as gone:
        found = anyio.run(gone.describe)
        with pytest.raises(SourceMissing, match="MCP server here"):
            anyio.run(gone.series, AT - timedelta(hours=1), AT)

    assert (found.name, found.how) == ("prometheus", "MCP server here")
    assert "No such file" in found.problem


def test_the_server_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sre_orchestrator.plugins.mcp.session._transport", lambda *_: offering(failing, []))

    with source("x") as here:
        found = anyio.run(here.describe)

    assert found.version.startswith("metrics")
    assert not found.problem


class Nothing:
    """A source that has nothing."""

    name = "nothing"

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing."""
        return
        yield


def test_only_one_of_both_tells_metrics() -> None:
    cluster = Nothing()
    own = Settings(mcp_servers=(McpServer(name="a", preset="prometheus-mcp", replaces="prometheus"),))
    other = Settings(mcp_servers=(McpServer(name="a", preset="prometheus-mcp"),))

    assert len(plugin.register_sources(own, cluster)) == 1
    assert list(prometheus.register_sources(own, cluster)) == []
    assert list(plugin.register_sources(other, cluster)) == []
    assert len(prometheus.register_sources(other, cluster)) == 1
    assert list(plugin.register_sources(Settings(), cluster)) == []
