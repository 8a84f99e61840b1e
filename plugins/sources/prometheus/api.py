"""Prometheus' HTTP API v1, as Prometheus, Thanos, Mimir and VictoriaMetrics answer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
import numpy as np

from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.plugins.objects.meta import Time
from sre_orchestrator.plugins.sources.http import HttpService, Parameters, ServiceProblem
from sre_orchestrator.plugins.sources.ports import Series

T = TypeVar("T")
API = "/api/v1"
UNPROCESSABLE = 422
BAD_REQUEST = 400
# More than the range, so that a sample at its very beginning is in it whichever end the server leaves out.
MARGIN_MS = 1
MOST_WARNINGS = 5


class Step(Struct, frozen=True, kw_only=True):
    """A window in which values are asked for every ``seconds``, up to its end."""

    since: datetime
    until: datetime
    seconds: int


class Rule(msgspec.Struct):
    """An alerting or recording rule; ``annotations`` as written."""

    name: str = ""
    query: str = ""
    type: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Raised(msgspec.Struct, rename="camel"):
    """An alert as Prometheus itself tells it."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    state: str = ""
    active_at: Time | None = None


class _Answer(msgspec.Struct, rename="camel"):
    status: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""
    error_type: str = ""
    warnings: list[str] = []
    is_partial: bool = False


class _Row(msgspec.Struct):
    metric: dict[str, str] = {}
    values: list[tuple[float, str]] = []


class _Result(msgspec.Struct, rename="camel"):
    result: list[_Row] = []


class _Version(msgspec.Struct):
    version: str = ""
    application: str = ""


class _Group(msgspec.Struct):
    rules: list[Rule] = []


class _Groups(msgspec.Struct):
    groups: list[_Group] = []


class _Alerts(msgspec.Struct):
    alerts: list[Raised] = []


class PrometheusApi:
    """Asks one server; what it warns of is kept in ``gaps`` until ``taken``."""

    def __init__(self, service: HttpService) -> None:
        self._service = service
        self._timeout = f"{service.timeout_seconds:g}s"
        self.gaps: list[Gap] = []

    def names(self, since: datetime, until: datetime, *selectors: str) -> list[str]:
        """Return the names of the metrics that had samples in the window and that any selector fits."""
        fields = [("match[]", one) for one in selectors]
        return self._ask("GET", "/label/__name__/values", [*_window(since, until), *fields], list[str])

    def labels(self, since: datetime, until: datetime) -> list[str]:
        """Return the names of all labels."""
        return self._ask("GET", "/labels", _window(since, until), list[str])

    def samples(self, selector: str, since: datetime, until: datetime) -> list[Series]:
        """Return the samples as they were stored, with the times at which they were taken."""
        first, last = _ms(since), _ms(until)
        query = f"{selector}[{last - first + MARGIN_MS}ms]"
        found = self._ask("POST", "/query", [*self._query(query), ("time", _text(last))], _Result)
        return self._series(found, first / 1000, last / 1000)

    def values(self, query: str, step: Step, name: str = "") -> list[Series]:
        """Return the values of an expression at each step; ``name`` for series that have none."""
        fields = [
            *self._query(query),
            ("start", _text(_ms(step.since))),
            ("end", _text(_ms(step.until))),
            ("step", str(step.seconds)),
        ]
        found = self._ask("POST", "/query_range", fields, _Result)
        return self._series(found, float("-inf"), float("inf"), name)

    def rules(self) -> list[Rule]:
        """Return the alerting rules."""
        groups = self._ask("GET", "/rules", [("type", "alert")], _Groups).groups
        return [rule for group in groups for rule in group.rules if rule.type == "alerting"]

    def alerts(self) -> list[Raised]:
        """Return the alerts that are pending or firing."""
        return self._ask("GET", "/alerts", [], _Alerts).alerts

    def version(self) -> str:
        """Return what the server calls itself, once it has answered a query.

        Raises:
            ServiceProblem: it answers none.

        """
        self._ask("POST", "/query", self._query("vector(1)"), msgspec.Raw)
        try:
            found = self._ask("GET", "/status/buildinfo", [], _Version)
        except ServiceProblem:
            return ""
        return f"{found.application} {found.version}".strip()

    def _query(self, query: str) -> list[tuple[str, str]]:
        # nocache: VictoriaMetrics else moves the ends of the window to multiples of the step
        return [("query", query), ("timeout", self._timeout), ("nocache", "1")]

    def _ask(self, method: str, path: str, fields: Parameters, kind: type[T]) -> T:
        call = self._service.post if method == "POST" else self._service.get
        try:
            answer = self._service.decoded(call(API + path, fields), _Answer)
        except ServiceProblem as problem:
            raise _refined(self._service, problem, dict(fields).get("query", "")) from problem
        if answer.status != "success":
            raise ServiceProblem(
                f"{self._service.key} {self._service.address}",
                f"says {answer.error_type or 'nothing'}: {answer.error}",
                f"see whether {self._service.key}.url is the right service",
            )
        self._note(answer)
        return self._service.decoded(bytes(answer.data), kind)

    def _series(self, found: _Result, first: float, last: float, name: str = "") -> list[Series]:
        try:
            return list(_series(found, first, last, name))
        except ValueError as error:
            raise ServiceProblem(
                f"{self._service.key} {self._service.address}",
                f"a value is no number: {error}",
                f"see whether {self._service.key}.url is the right service",
            ) from error

    def _note(self, answer: _Answer) -> None:
        said = answer.warnings[:MOST_WARNINGS]
        if answer.is_partial:
            said.append("the answer is partial: some storage nodes did not take part")
        for one in said:
            gap = Gap(
                agent=self._service.key,
                what="some series",
                why=without_secrets(one),
                remedy=f"look at {self._service.key}'s stores",
            )
            if gap not in self.gaps:
                self.gaps.append(gap)


def regex_of(values: Iterable[str]) -> str:
    r"""Return a regular expression, as a PromQL string holds it, that fits any of ``values`` wholly.

    >>> print(regex_of(["shop", "team.a"]))
    shop|team\\.a
    """
    return "|".join(_escaped(one) for one in values)


def _escaped(text: str) -> str:
    return "".join(one if one.isalnum() or one in "_-:" else f"\\\\{one}" for one in text)


def _refined(service: HttpService, problem: ServiceProblem, query: str) -> ServiceProblem:
    """Return what to do about a query that the server will not answer."""
    if problem.status not in (BAD_REQUEST, UNPROCESSABLE) or not query:
        return problem
    return ServiceProblem(
        f"{service.key} {service.address}",
        f"{problem.why} to {query[:120]}",
        "ask about fewer namespaces or a shorter time, or raise the server's limits (query.max-samples)",
        status=problem.status,
        body=problem.body,
    )


def _series(found: _Result, first: float, last: float, name: str = "") -> Iterable[Series]:
    for row in found.result:
        times = np.fromiter((at for at, _ in row.values), dtype=np.float64, count=len(row.values))
        values = np.fromiter((float(value) for _, value in row.values), dtype=np.float64, count=len(row.values))
        inside = (times >= first) & (times <= last)
        labels = {key: value for key, value in row.metric.items() if key != "__name__"}
        if inside.any():
            yield Series(
                name=row.metric.get("__name__") or name, labels=labels, times=times[inside], values=values[inside]
            )


def _window(since: datetime, until: datetime) -> Sequence[tuple[str, str]]:
    return [("start", _text(_ms(since))), ("end", _text(_ms(until)))]


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _text(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"
