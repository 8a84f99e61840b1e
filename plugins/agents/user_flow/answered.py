"""Puts the series of requests together by who answered them and by route, and reads what they gained."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.agents.user_flow.flows import TARGET
from sre_orchestrator.plugins.agents.user_flow.requests import grpc_status
from sre_orchestrator.plugins.sources.http_series import HttpSeries, part_of
from sre_orchestrator.plugins.sources.ports import Series

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_CODE = re.compile(r"[1-5](?:\d\d|xx)?")
_GRPC = re.compile(r"[A-Z][A-Za-z]+")
LONG = 60.0


class Answered(Struct, frozen=True, kw_only=True):
    """Whose requests: the component that is asked, the service in front of it where known, the route, the host.

    ``side`` tells apart who counted, where both ends of a call do.
    """

    component: str
    callee: str = ""
    route: str = ""
    host: str = ""
    metric: str
    side: str = ""


class Window(Struct, frozen=True, kw_only=True):
    """A part of the time in Unix seconds; what happened at ``since`` is before it."""

    since: float
    until: float


@dataclass(frozen=True, kw_only=True)
class Growth:
    """How much a counter grew at each sample; resets count from nothing."""

    times: npt.NDArray[np.float64]
    gains: npt.NDArray[np.float64]

    def within(self, window: Window) -> float:
        """Return how much it grew in ``window``."""
        return float(self.gains[(self.times > window.since) & (self.times <= window.until)].sum())


@dataclass(kw_only=True)
class Tally:
    """What was counted for one ``Answered``: requests by status, and the parts of a histogram of durations."""

    seconds: float = 1.0
    counters: dict[str, list[Growth]] = field(default_factory=lambda: defaultdict(list))
    buckets: dict[float, list[Growth]] = field(default_factory=lambda: defaultdict(list))
    sums: list[Growth] = field(default_factory=list)
    counts: list[Growth] = field(default_factory=list)

    def window(self) -> Window:
        """Return the time that was counted; empty where there is one sample only."""
        groups = (*self.counters.values(), *self.buckets.values(), self.sums, self.counts)
        times = [one.times for many in groups for one in many if len(one.times)]
        since = min((float(one[0]) for one in times), default=0.0)
        return Window(since=since - 1, until=max((float(one[-1]) for one in times), default=since))

    def requests(self, window: Window, low: int = 0) -> float:
        """Return how many requests were answered, all or those with a status from ``low`` to ``low + 99``."""
        return sum(one.within(window) for code, many in self.counters.items() if _of(code, low) for one in many)

    def code(self, window: Window, low: int) -> int:
        """Return the most frequent status of a class; 0 when only classes are counted."""
        found = {
            int(code): sum(one.within(window) for one in many)
            for code, many in self.counters.items()
            if _of(code, low) and code.isdigit()
        }
        return max(found, key=lambda one: (found[one], -one), default=0)

    def first(self, window: Window, low: int) -> float:
        """Return when the first request of a class was counted, the end of ``window`` when none was."""
        every = [one for code, many in self.counters.items() if _of(code, low) for one in many]
        grown = (one.times[(one.gains > 0) & (one.times > window.since)] for one in every)
        return min((float(times[0]) for times in grown if len(times)), default=window.until)

    def duration(self, window: Window) -> Duration:
        """Return how long requests took in ``window``."""
        if self.buckets:
            steps = {limit: sum(one.within(window) for one in many) for limit, many in self.buckets.items()}
            return Duration(seconds=quantile(steps, TARGET) * self.seconds, count=max(steps.values()))
        count, total = (sum(one.within(window) for one in many) for many in (self.counts, self.sums))
        return Duration(seconds=total / count * self.seconds if count and self.sums else math.nan, count=count)


class Duration(Struct, frozen=True, kw_only=True):
    """The ``TARGET`` of the durations of a histogram, else their mean, in seconds (NaN of none), and of how many."""

    seconds: float
    count: float


def tallies(series: Iterable[Series], places: Places, named: Named) -> dict[Answered, Tally]:
    """Return the tallies of what exists; each metric of each component and route has its own."""
    found: dict[Answered, Tally] = {}
    some = [one for one in series if len(one.times)]
    begin = min((float(one.times[0]) for one in some), default=0.0)
    for one in some:
        part = part_of(one.name)
        if part is None:
            continue
        row, base = part.row, re.sub(r"_(?:bucket|sum|count)$", "", one.name)
        component, callee, route = named.place(one, row, places)
        code = status(one.labels, row)
        if not component or (part.form == "requests" and not code):
            continue
        key = Answered(
            component=component,
            callee=callee,
            route=_route(one.labels, row) or route,
            host=_first(one.labels, row.hosts),
            metric=one.name if part.form == "requests" else base,
            side=_first(one.labels, row.sides),
        )
        _add(found.setdefault(key, Tally(seconds=row.seconds)), part.form, one.labels, code, _growth(one, begin))
    return found


def _add(tally: Tally, form: str, labels: Mapping[str, str], code: str, growth: Growth) -> None:
    if form == "bucket":
        limit = labels.get("le", "")
        if limit:
            tally.buckets[float(limit)].append(growth)
    elif form == "sum":
        tally.sums.append(growth)
    else:
        if form == "count":
            tally.counts.append(growth)
        if code:
            tally.counters[code].append(growth)


class Named:
    """Finds who answers behind the names that proxies give."""

    def __init__(self, services: Iterable[tuple[str, str]], ingresses: Iterable[tuple[str, str]]) -> None:
        self._services = frozenset(services)
        self._joined = {f"{space}-{name}": (space, name) for space, name in self._services}
        self._ingresses = frozenset(ingresses)

    def place(self, one: Series, row: HttpSeries, places: Places) -> tuple[str, str, str]:
        """Return component, service and route; ``""`` for each that is unknown or does not exist."""
        space, service, route = self._service(one.labels, row)
        callee = component_id("service", space, service) if (space, service) in self._services else ""
        ingress = _first(one.labels, row.ingresses)
        if (space, ingress) in self._ingresses:
            return component_id("ingress", space, ingress), callee, route
        workload = _first(one.labels, row.workloads)
        named = [places.of("", {"namespace": space, "workload": name}) for name in (workload, service) if name]
        if row.pods and not callee:
            named.append(places.of(one.name, one.labels))
        return next(filter(None, named), callee), callee, route

    def _service(self, labels: Mapping[str, str], row: HttpSeries) -> tuple[str, str, str]:
        space, value = _first(labels, row.namespaces), _first(labels, row.services)
        for pattern in row.composites:
            match = re.fullmatch(pattern, value)
            parts = match.groupdict() if match else {}
            if "both" in parts:
                return (*self._split(parts["both"] or ""), "")
            if parts:
                return parts.get("namespace") or space, parts.get("service") or "", parts.get("route") or ""
        return space, value.partition(".")[0], ""

    def _split(self, both: str) -> tuple[str, str]:
        """Return namespace and service of ``shop-cart`` or ``shop-cart-<port or route>``: the longest that exists."""
        words = both.split("-")
        for end in range(len(words), 1, -1):
            found = self._joined.get("-".join(words[:end]))
            if found:
                return found
        return "", ""


def status(labels: Mapping[str, str], row: HttpSeries) -> str:
    """Return the status that a series counts, ``503`` or ``5xx``, or ``""``."""
    for name in row.codes:
        value = labels.get(name, "")
        if _CODE.fullmatch(value):
            return f"{value}xx" if len(value) == 1 else value
        if name == "grpc_code" and _GRPC.fullmatch(value):
            return str(grpc_status(value))
    return ""


def quantile(steps: Mapping[float, float], wanted: float) -> float:
    """Return a quantile of cumulative buckets, interpolated as Prometheus does; NaN when nothing was counted.

    >>> quantile({0.1: 50, 0.5: 90, float("inf"): 100}, 0.5), quantile({0.1: 5, float("inf"): 10}, 0.9)
    (0.1, 0.1)
    """
    limits = sorted(steps)
    total = steps[limits[-1]]
    if not total:
        return math.nan
    limit = next(one for one in limits if steps[one] >= wanted * total)
    lower = [one for one in limits if one < limit]
    below, count = max(lower, default=0.0), max((steps[one] for one in lower), default=0.0)
    part = (wanted * total - count) / (steps[limit] - count)
    return below if math.isinf(limit) else below + (limit - below) * part


def _growth(one: Series, begin: float) -> Growth:
    """Return the growth of a counter; one that appears long after ``begin`` grew from nothing."""
    import numpy as np  # noqa: PLC0415 - slow to import

    known = np.isfinite(one.values)
    times, values = one.times[known], one.values[known]
    steps = np.diff(values)
    gains = np.where(steps >= 0, steps, values[1:])
    if len(times) and times[0] > begin + 2 * (times[1] - times[0] if len(times) > 1 else LONG):
        return Growth(times=times, gains=np.concatenate((values[:1], gains)))
    return Growth(times=times[1:], gains=gains)


def _of(code: str, low: int) -> bool:
    return not low or code[0] == str(low // 100)


def _route(labels: Mapping[str, str], row: HttpSeries) -> str:
    route, method = _first(labels, row.routes), _first(labels, row.methods)
    return f"{method.upper()} {route}" if route and method else route


def _first(labels: Mapping[str, str], names: Sequence[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
