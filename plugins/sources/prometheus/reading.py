"""Reads the series of a window within bounds: as they are stored where they are few, added up by workload where not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import msgspec
import numpy as np

from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.plugins.sources.http import ServiceProblem
from sre_orchestrator.plugins.sources.http_series import part_of
from sre_orchestrator.plugins.sources.metric_names import NODES, PODS, WORKLOADS, Form, signal_of
from sre_orchestrator.plugins.sources.ports import Series
from sre_orchestrator.plugins.sources.prometheus.api import PrometheusApi, Step
from sre_orchestrator.plugins.sources.prometheus.places import LABELS, Place, places
from sre_orchestrator.plugins.sources.prometheus.table import Table, Tried, is_understood, placed

# A metric with more series is added up in Prometheus; so are the largest when all together are more.
MOST_OF_A_METRIC, MOST_SERIES = 1_000, 10_000
# Series asked for at once, so that an answer stays at a few megabytes.
AT_ONCE = 2_000
# Longer windows are read at steps.
MOST_STORED = timedelta(hours=3)
# Agents look at 64 points (agents.metrics.shifts).
POINTS, LEAST_STEP = 60, 15
# A rate needs two samples in its range; with four, one may be missing.
RATE_SAMPLES, UNKNOWN_INTERVAL, MOST_INTERVAL = 4, 60.0, 120.0
COUNTED: frozenset[Form] = frozenset({"counter", "bucket", "sum", "count"})
# A label of these has too many values, or tells where a metric comes from.
NOT_KEPT = frozenset({"name", "job", "container"})
OUTCOMES = ("le", "quantile", "response_code", "status", "code", "status_code", "grpc_code", "classification")
# NAME-HASH-SUFFIX of a Deployment, NAME-SUFFIX of a DaemonSet, NAME-NUMBER of a StatefulSet.
_WORD = "[bcdfghjklmnpqrstvwxz2456789]"
OF_POD = f"(.+?)(?:-{_WORD}{{6,10}}-{_WORD}{{5}}|-{_WORD}{{5}}|-[0-9]+)?"


class Window(Struct, frozen=True, kw_only=True):
    """The time that is looked at."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return (self.until - self.since).total_seconds()

    def steps(self, points: int = POINTS, least: int = LEAST_STEP) -> Step:
        """Return the window in about ``points`` steps of at least ``least`` seconds, up to its end."""
        seconds = max(least, -(-int(self.seconds) // points))
        count = int(self.seconds) // seconds
        return Step(since=self.until - timedelta(seconds=count * seconds), until=self.until, seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric at a place: with what matchers it is read, and how many series it has."""

    name: str
    place: Place
    matchers: str
    count: int


Look = tuple[str, Callable[[], list[Series]]]


class Reading:
    """One look at the server; ``gaps`` says what it left out, after ``budget`` seconds all that is expensive.

    ``ours`` are the matchers of all series of this cluster, where the server has those of others too.
    """

    def __init__(
        self,
        api: PrometheusApi,
        window: Window,
        table: Table,
        *,
        ours: str = "",
        budget: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.gaps: list[Gap] = []
        self._api = api
        self._window = window
        self._table = table
        self._ours = ours
        self._budget = budget
        self._clock = clock
        self._labels: frozenset[str] = frozenset()
        self._interval = UNKNOWN_INTERVAL
        self._over = ""
        self._left: list[str] = []

    def series(self, namespaces: Sequence[str]) -> list[Series]:
        """Return what agents understand of ``namespaces`` and of nodes, sorted by name and labels.

        Raises:
            ServiceProblem: the server does not answer, or refuses even to name what it has.

        """
        begun = self._clock()
        since, until = self._window.since, self._window.until
        self._labels = frozenset(self._api.labels(since, until))
        names = {
            one: self._api.names(since, until, one.selector) for one in places(self._labels, namespaces, self._ours)
        }
        metrics = [metric for place, there in names.items() for metric in self._metrics(place, there)]
        stored, large = _divided(metrics)
        found = self._looked(begun, [(group[0].name, partial(self._stored, group)) for group in _groups(stored)])
        self._interval = _interval(found) or UNKNOWN_INTERVAL
        later = [look for place, there in names.items() for look in self._computable(place, frozenset(there))]
        later += [(metric.name, partial(self._added_up, metric)) for metric in large]
        found += self._looked(begun, later)
        if self._left:
            remedy = "ask about fewer namespaces, or raise prometheus.timeout_seconds"
            self._lacks(f"{len(self._left)} kinds of series, such as {self._left[0]}", self._over, remedy)
        self.gaps += self._api.gaps
        return sorted(found, key=lambda one: (one.name, sorted(one.labels.items())))

    def _looked(self, begun: float, looks: Sequence[Look]) -> list[Series]:
        """Return what the looks find; a question that the server refuses, or that nobody has time for, is a gap."""
        found: list[Series] = []
        for name, look in looks:
            if not self._over and self._clock() - begun > self._budget:
                self._over = f"the server took {self._budget:g} s for the others"
            if self._over:
                self._left.append(name)
                continue
            try:
                found += look()
            except ServiceProblem as problem:
                self._lacks(f"series such as {name}", problem.why, problem.remedy)
                self._over = "" if problem.status else "the server did not answer the question before"
        return found

    def _lacks(self, what: str, why: str, remedy: str) -> None:
        self.gaps.append(Gap(agent="prometheus", what=what, why=why, remedy=remedy))

    def _metrics(self, place: Place, there: Sequence[str]) -> Iterator[Metric]:
        """Yield the metrics that agents understand with the number of their series; matchers count where anything fits them."""
        names = [one for one in there if is_understood(one) or one in self._table.read]
        told: dict[str, list[str]] = {}
        for name in names:
            told.setdefault(self._table.read.get(name, ""), []).append(name)
        for matchers in sorted(filter(None, told)):
            named = told[matchers]
            fitting = set(self._api.names(self._window.since, self._window.until, place.of(named, matchers)))
            told[matchers] = [one for one in named if one in fitting]
            told.setdefault("", []).extend(one for one in named if one not in fitting)
        for matchers, group in told.items():
            counts = self._counts(place.of(group, matchers)) if group else {}
            for name in group:
                yield Metric(name=name, place=place, matchers=matchers, count=counts.get(name, 0))

    def _counts(self, selector: str) -> Mapping[str, int]:
        """Return how many series each metric has at the beginning or at the end of the window, whichever is more."""
        window = self._window
        step = Step(since=window.since, until=window.until, seconds=max(int(window.seconds), 1))
        found = self._api.values(f"count by (__name__) ({selector})", step)
        return {one.name: int(one.values.max()) for one in found}

    def _stored(self, group: Sequence[Metric]) -> list[Series]:
        selector = group[0].place.of([one.name for one in group], group[0].matchers)
        if self._window.until - self._window.since <= MOST_STORED:
            return self._api.samples(selector, self._window.since, self._window.until)
        return self._api.values(selector, self._window.steps(points=8 * POINTS))

    def _added_up(self, metric: Metric) -> list[Series]:
        """Return a large metric by workload; the rates of a counter are added up again, so that it stays a counter."""
        step = self._window.steps()
        signal = signal_of(metric.name)
        counter = part_of(metric.name) is not None or (signal is not None and signal.form in COUNTED)
        selector = metric.place.of([metric.name], metric.matchers)
        value = f"rate({selector}[{self._range(step)}])" if counter else selector
        for label in reversed([one for one in PODS if one in self._labels]):  # the first of them counts, so it is last
            value = f'label_replace({value}, "workload", "$1", "{label}", "{OF_POD}")'
        combine = "max" if signal and signal.combine == "max" and not counter else "sum"
        kept = ", ".join(one for one in _kept(metric) if one in self._labels or one == "workload")
        found = self._api.values(f"{combine} by ({kept}) ({value})", step, metric.name)
        return [_summed(one, step.seconds) for one in found] if counter else found

    def _computable(self, place: Place, names: frozenset[str]) -> Iterator[Look]:
        """Yield the first expression of each row that can be computed and is not there already."""
        for row in self._table.tried:
            fitting = (one for one in row if names.issuperset(one.needs) and one.name not in names)
            if tried := next(fitting, None):
                yield tried.name, partial(self._computed, place, tried)

    def _computed(self, place: Place, tried: Tried) -> list[Series]:
        step = self._window.steps()
        found = self._api.values(placed(tried.query, place.inside, self._range(step)), step)
        return [msgspec.structs.replace(one, name=tried.name) for one in found]

    def _range(self, step: Step) -> str:
        """Return the range of a rate: it needs some samples, and should tell apart one step from the next."""
        return f"{max(step.seconds, round(RATE_SAMPLES * self._interval))}s"


def _divided(metrics: Iterable[Metric]) -> tuple[list[Metric], list[Metric]]:
    """Return the metrics that are read as stored, the small ones first, and the others."""
    stored: list[Metric] = []
    large: list[Metric] = []
    total = 0
    for one in sorted(metrics, key=lambda one: (one.count, one.name)):
        fits = one.count <= MOST_OF_A_METRIC and total + one.count <= MOST_SERIES
        (stored if fits else large).append(one)
        total += one.count if fits else 0
    return stored, large


def _groups(metrics: Iterable[Metric]) -> Iterator[list[Metric]]:
    """Yield metrics that can be asked for at once."""
    alike: dict[tuple[Place, str], list[Metric]] = {}
    for one in metrics:
        alike.setdefault((one.place, one.matchers), []).append(one)
    for group in alike.values():
        part: list[Metric] = []
        for one in group:
            if part and sum(other.count for other in part) + one.count > AT_ONCE:
                yield part
                part = []
            part.append(one)
        yield part


def _kept(metric: Metric) -> list[str]:
    """Return the labels that agents read, without that of the pod, which becomes the workload."""
    part = part_of(metric.name)
    told = part.row.labels if part else (*LABELS, *WORKLOADS, *OUTCOMES)
    more = NODES if metric.name.startswith(("node_", "machine_")) else ()
    return [one for one in dict.fromkeys((*told, *LABELS, *more, "workload", "le")) if one not in {*PODS, *NOT_KEPT}]


def _summed(series: Series, seconds: int) -> Series:
    """Return a counter that grows at the rates of ``series``."""
    return msgspec.structs.replace(series, values=np.cumsum(np.nan_to_num(series.values)) * seconds)


def _interval(found: Sequence[Series]) -> float:
    """Return the seconds between two samples where they are farthest apart, 0 when nothing tells."""
    usual = [float(np.median(np.diff(one.times))) for one in found if len(one.times) > 1]
    return min(max(usual, default=0.0), MOST_INTERVAL)
