"""Prometheus through an MCP server: tools of the server stand in for requests to its HTTP API.

Everything above a request stays as it is (``plugins.sources.prometheus``): what is read, in which bounds, and what is
said to be lacking.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from sre_orchestrator.core.hookspecs import Source
from sre_orchestrator.core.mcp_servers import McpServer, MetricTools, StandIn
from sre_orchestrator.core.models import Scalar
from sre_orchestrator.core.settings import Endpoint, Settings
from sre_orchestrator.plugins.mcp.answers import McpProblem, content_of
from sre_orchestrator.plugins.mcp.filling import filled
from sre_orchestrator.plugins.mcp.known import resolved_all
from sre_orchestrator.plugins.mcp.paths import first_at
from sre_orchestrator.plugins.mcp.server import Server, shared
from sre_orchestrator.plugins.sources.http import HttpService, Parameters, ServiceProblem
from sre_orchestrator.plugins.sources.metric_names import NODES, PODS, WORKLOADS
from sre_orchestrator.plugins.sources.ports import Found
from sre_orchestrator.plugins.sources.prometheus.places import LABELS
from sre_orchestrator.plugins.sources.prometheus.reading import LEAST_STEP, OUTCOMES
from sre_orchestrator.plugins.sources.prometheus.source import Prometheus
from sre_orchestrator.plugins.sources.prometheus.table import load_table

KNOWN_LABELS = tuple(dict.fromkeys((*LABELS, *PODS, *WORKLOADS, *NODES, *OUTCOMES)))
_STORED = re.compile(r"(?P<selector>.+)\[(?P<ms>\d+)ms\]", re.DOTALL)
_NAMES = re.compile(r'(__name__=~"[^|"]+)\|[^"]*')
# Some servers take no longer queries.
MOST_QUERY = 1800
MOST_CALLS = 2000
POINTS = 480
COUNTED, INTERVALS = 300, (5, 10, 15, 20, 30, 60, 120, 300)
BAD_REQUEST, NOT_FOUND = 400, 404


def metrics_of(settings: Settings, cluster: Source) -> Sequence[Source]:
    """Return the metrics of the server that stands in for Prometheus, if there is one."""
    del cluster
    for server in resolved_all(settings.mcp_servers):
        if server.replaces == "prometheus" and server.metrics:
            return [McpPrometheus(server, server.metrics, settings)]
    return []


class McpPrometheus(Prometheus):
    """Metrics of a running cluster, as a server tells them."""

    def __init__(self, server: McpServer, tools: MetricTools, settings: Settings) -> None:
        table = load_table(map(Path, settings.signal_folders))
        super().__init__(settings.prometheus, None, table, ours=settings.metrics_matchers)
        self._server = shared(server)
        self.located = _Here(self._server, tools)


class _Here:
    """Where metrics are asked for."""

    def __init__(self, server: Server, tools: MetricTools) -> None:
        self._server = server
        self._tools = tools

    async def service(self) -> HttpService:
        """Return what answers in place of an HTTP service.

        Raises:
            SourceMissing: the server cannot be reached.

        """
        try:
            self._server.session()
        except McpProblem as problem:
            raise _problem(self._server.name, problem) from problem
        return Requests(self._server, self._tools)

    async def describe(self) -> Found:
        """Return which server answers."""
        try:
            self._server.session()
        except McpProblem as problem:
            return Found(name="prometheus", how=_place(self._server.name), problem=str(problem), remedy=problem.remedy)
        about = self._server.greeting
        return Found(name="prometheus", how=_place(self._server.name), version=f"{about.name} {about.version}".strip())


class Requests(HttpService):
    """Answers requests to Prometheus' HTTP API by calls of tools."""

    def __init__(self, server: Server, tools: MetricTools) -> None:
        settings = server.settings
        endpoint = Endpoint(url=f"mcp:{server.name}", timeout_seconds=settings.total_seconds)
        super().__init__(endpoint, "prometheus")
        self._name = server.name
        self._tools = tools
        self._visit = server.visit(calls=MOST_CALLS, seconds=float("inf"))

    def get(self, path: str, parameters: Parameters = ()) -> bytes:
        """Return what Prometheus would answer.

        Raises:
            ServiceProblem: the server cannot say, or says that it failed.

        """
        fields = dict(parameters)
        if path.endswith("/query"):
            return self._query(fields["query"], float(fields.get("time", 0)))
        if path.endswith("/query_range"):
            values = {
                "query": fields["query"],
                "start": fields["start"],
                "end": fields["end"],
                "step": f"{fields['step']}s",
            }
            return self._answer(self._tools.range, values)
        if path.endswith(("/label/__name__/values", "/labels")):
            since, until = float(fields["start"]), float(fields["end"])
            window = f"[{max(1, round(until - since))}s]"
            selectors = [value for name, value in parameters if name == "match[]"]
            found = self._names(selectors, window, until) if selectors else self._labels(window, until)
            return msgspec.json.encode({"status": "success", "data": sorted(found)})
        raise ServiceProblem(_place(self._name), f"does not tell {path}", "ask Prometheus itself", status=NOT_FOUND)

    def post(self, path: str, parameters: Parameters = ()) -> bytes:
        """Return what ``get`` does."""
        return self.get(path, parameters)

    def _query(self, query: str, at: float) -> bytes:
        """Return stored samples; where the server gives none, values at steps, and a warning that says so."""
        stored = _STORED.fullmatch(query)
        if not stored or self._tools.stored:
            return self._answer(self._tools.instant, {"query": query, "time": _text(at)})
        seconds = int(stored["ms"]) // 1000
        step = max(self._interval(stored["selector"], at), -(-seconds // POINTS))
        warning = f"the MCP server {self._name} gives no stored samples: these are values at every {step} seconds"
        start = at - seconds // step * step
        values = {"query": stored["selector"], "start": _text(start), "end": _text(at), "step": f"{step}s"}
        return self._answer(self._tools.range, values, warning)

    def _interval(self, selector: str, at: float) -> int:
        """Return the usual seconds between two samples, as their number in the last minutes tells."""
        one = _NAMES.sub(r"\g<1>", selector)  # without their names, series of several metrics may be the same
        query = f"max(count_over_time({one}[{COUNTED}s]))"
        use = self._tools.instant
        rows = self._rows(use, {"query": query, "time": _text(at)})[0]
        count = first_at(rows, f"[0].{use.values}")
        try:
            seconds = COUNTED / max(float(str(count)), 1.0)
        except ValueError:
            return LEAST_STEP
        return min(INTERVALS, key=lambda one: abs(one - seconds))

    def _names(self, selectors: Sequence[str], window: str, at: float) -> set[str]:
        query = " or ".join(f"count by (__name__) (last_over_time({one}{window}))" for one in selectors)
        return {labels["__name__"] for labels in self._vector(query, at) if "__name__" in labels}

    def _labels(self, window: str, at: float) -> set[str]:
        """Return which of the labels that matter some series has: servers have no tool that lists all."""
        found: set[str] = set()
        for query in _joined(
            f'label_replace(count(last_over_time({{{one}!=""}}{window})), "label", "{one}", "", "")'
            for one in KNOWN_LABELS
        ):
            found |= {labels["label"] for labels in self._vector(query, at) if "label" in labels}
        return found

    def _vector(self, query: str, at: float) -> list[dict[str, str]]:
        use = self._tools.instant
        rows = self._rows(use, {"query": query, "time": _text(at)})[0]
        return [_labels_of(row, use) for row in rows]

    def _answer(self, use: StandIn, values: dict[str, str], warning: str = "") -> bytes:
        rows, cut = self._rows(use, values)
        warnings = [warning] if warning else []
        if cut:
            warnings.append(f"the MCP server {self._name} cut the answer")
        result = [
            {"metric": _labels_of(row, use), "values": samples}
            for row in rows
            if isinstance(samples := first_at(row, use.values), list)
        ]
        return msgspec.json.encode(
            {"status": "success", "data": {"resultType": "matrix", "result": result}, "warnings": warnings}
        )

    def _rows(self, use: StandIn, values: dict[str, str]) -> tuple[list[object], bool]:
        given: dict[str, Scalar] = dict(values)
        arguments = {name: filled(text, given) for name, text in use.arguments.items()}
        try:
            answer = self._visit.call(use.tool, arguments, trusted=use.trusted)
            content = content_of(answer, "json")
        except McpProblem as problem:
            raise _problem(self._name, problem) from problem
        rows = first_at(content, use.items)
        if not isinstance(rows, list):
            why = f"what the tool {use.tool!r} answered has no list at {use.items}"
            raise ServiceProblem(
                _place(self._name), why, "correct metrics in the settings of the server", status=NOT_FOUND
            )
        return rows, bool(use.cut and first_at(content, use.cut))


def _labels_of(row: object, use: StandIn) -> dict[str, str]:
    labels = first_at(row, use.labels)
    return {str(name): str(value) for name, value in labels.items()} if isinstance(labels, dict) else {}


def _joined(terms: Iterator[str]) -> Iterator[str]:
    """Yield queries that are as long as servers take."""
    part: list[str] = []
    for term in terms:
        if part and sum(map(len, part)) + 4 * len(part) + len(term) > MOST_QUERY:
            yield " or ".join(part)
            part = []
        part.append(term)
    yield " or ".join(part)


def _place(name: str) -> str:
    return f"MCP server {name}"


def _problem(name: str, problem: McpProblem) -> ServiceProblem:
    # an answer that is an error says that it is there, and may answer the next question
    return ServiceProblem(_place(name), str(problem), problem.remedy, status=0 if problem.passing else BAD_REQUEST)


def _text(at: float) -> str:
    return f"{at:.3f}"
