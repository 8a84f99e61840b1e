"""Reads the series of a window within bounds: as they are stored where they are few, added up by workload where not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import numpy as np

from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.plugins.sources.http import ServiceProblem
from sre_orchestrator.plugins.sources.http_series import part_of
from sre_orchestrator.plugins.sources.metric_names import NODES, PODS, WORKLOADS, Form, signal_of
from sre_orchestrator.plugins.sources.ports import Series
from sre_orchestrator.plugins.sources.prometheus.api import PrometheusApi, Step
from sre_orchestrator.plugins.sources.prometheus.places import LABELS, Place, places
from sre_orchestrator.plugins.sources.prometheus.table import Table, is_understood, placed

# A metric with more series is added up in Prometheus; so are the largest when all together are more.
MOST_OF_A_METRIC, MOST_SERIES = 1_000, 10_000
# Series asked for at once, so that an answer stays at a few megabytes.
AT_ONCE = 2_000
# Longer windows are read at steps.
MOST_STORED = timedelta(hours=3)
POINTS, LEAST_STEP = 120, 15
LOOKBACK = 300
RATE_STEPS, LEAST_RATE = 4, 120
COUNTED: frozenset[Form] = frozenset({"counter", "bucket", "sum", "count"})
# A label of these has too many values, or tells where a metric comes from.
NOT_KEPT = frozenset({"name", "job", "container"})
OUTCOMES = ("le", "quantile", "response_code", "status", "code", "status_code", "grpc_code", "classification")
# NAME-HASH-SUFFIX of a Deployment, NAME-SUFFIX of a DaemonSet, NAME-NUMBER of a StatefulSet.
_WORD = "[bcdfghjklmnpqrstvwxz2456789]"
OF_POD = f"(.+?)(?:-{_WORD}{{6,10}}-{_WORD}{{5}}|-{_WORD}{{5}}|-[0-9]+)"


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


@dataclass
class Reading:
    """One look at the server."""

    api: PrometheusApi
    window: Window
    table: Table
    gaps: list[Gap] = field(default_factory=list)

    def series(self, namespaces: Sequence[str]) -> list[Series]:
        """Return what agents understand of ``namespaces`` and of nodes, sorted by name and labels.

        Raises:
            ServiceProblem: the server does not answer, or refuses even to name what it has.

        """
        since, until = self.window.since, self.window.until
        metrics: list[Metric] = []
        found: list[Series] = []
        for place in places(self.api.labels(since, until), namespaces):
            names = self.api.names(since, until, place.selector)
            metrics += self._metrics(place, [one for one in names if is_understood(one) or one in self.table.read])
            found += self._computed(place, frozenset(names))
        stored, large = _divided(metrics)
        for group in _groups(stored):
            with self._leaving_out(group[0].name):
                found += self._stored(group)
        for metric in large:
            with self._leaving_out(metric.name):
                found += self._added_up(metric)
        self.gaps += self.api.gaps
        return sorted(found, key=lambda one: (one.name, sorted(one.labels.items())))

    def _metrics(self, place: Place, names: Sequence[str]) -> Iterator[Metric]:
        """Yield how many series each metric has; its matchers count where anything fits them."""
        every = self._counts(place, names)
        told: dict[str, list[str]] = {}
        for name in names:
            told.setdefault(self.table.read.get(name, ""), []).append(name)
        for matchers, group in sorted(told.items()):
            fewer = self._counts(place, group, matchers) if matchers else {}
            for name in group:
                kept = matchers if name in fewer else ""
                yield Metric(name=name, place=place, matchers=kept, count=fewer.get(name, every.get(name, 0)))

    def _counts(self, place: Place, names: Sequence[str], matchers: str = "") -> Mapping[str, int]:
        """Return the largest number of series of each metric at a time, looked at often enough to miss none."""
        if not names:
            return {}
        step = self.window.steps(points=12, least=LOOKBACK)
        found = self.api.values(f"count by (__name__) ({place.of(names, matchers)})", step)
        return {one.name: int(one.values.max()) for one in found}

    def _stored(self, group: Sequence[Metric]) -> list[Series]:
        selector = group[0].place.of([one.name for one in group], group[0].matchers)
        if self.window.until - self.window.since <= MOST_STORED:
            return self.api.samples(selector, self.window.since, self.window.until)
        return self.api.values(selector, self.window.steps(points=4 * POINTS))

    def _added_up(self, metric: Metric) -> list[Series]:
        """Return a large metric by workload; a counter's growth is added up, so that it stays a counter."""
        step = self.window.steps()
        signal = signal_of(metric.name)
        counter = part_of(metric.name) is not None or (signal is not None and signal.form in COUNTED)
        selector = metric.place.of([metric.name], metric.matchers)
        value = f"increase({selector}[{step.seconds}s])" if counter else selector
        value = f'label_replace({value}, "workload", "$1", "pod", "(.+)")'
        value = f'label_replace({value}, "workload", "$1", "pod", "{OF_POD}")'
        combine = "max" if signal and signal.combine == "max" and not counter else "sum"
        kept = ", ".join(_kept(metric))
        found = self.api.values(f"{combine} by ({kept}) ({value})", step, metric.name)
        return [_summed(one) for one in found] if counter else found

    def _computed(self, place: Place, names: frozenset[str]) -> Iterator[Series]:
        """Yield the results of the first expression of each row that can be computed and is not there already."""
        step = self.window.steps()
        rate = f"{max(RATE_STEPS * step.seconds, LEAST_RATE)}s"
        for row in self.table.tried:
            for tried in row:
                if names.issuperset(tried.needs) and tried.name not in names:
                    query = placed(tried.query, place.inside, rate)
                    with self._leaving_out(tried.name):
                        found = self.api.values(query, step)
                        yield from (msgspec.structs.replace(one, name=tried.name) for one in found)
                    break

    @contextmanager
    def _leaving_out(self, name: str) -> Iterator[None]:
        """Go on with a gap where the server refuses one question."""
        try:
            yield
        except ServiceProblem as problem:
            if not problem.status:
                raise
            self.gaps.append(
                Gap(agent="prometheus", what=f"series such as {name}", why=problem.why, remedy=problem.remedy)
            )


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


def _summed(series: Series) -> Series:
    return msgspec.structs.replace(series, values=np.cumsum(np.nan_to_num(series.values)))
