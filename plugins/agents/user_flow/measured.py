"""Reads failing flows from metrics: shares of success, and counters of requests by status."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.sources.ports import Series

_SHARE = re.compile(
    r"(?P<good>success|availability)\w*(?:ratio|rate|percent)|(?P<bad>error|failure)\w*(?:ratio|percent)", re.IGNORECASE
)
_COUNTER = re.compile(r"(?:requests?|responses?|http_server)\w*(?:_total|_count)$", re.IGNORECASE)
_CODES = (
    "response_code",
    "status",
    "code",
    "status_code",
    "http_status_code",
    "http_response_status_code",
    "envoy_response_code",
)
_ROUTES = ("uri", "route", "path", "handler", "http_route", "ingress")
DROP, SPREADS = 0.05, 5.0
FEWEST_POINTS = 6
FEWEST, SHARE = 3, 0.05


class Measured(Struct, frozen=True, kw_only=True):
    """A share of failing requests at a component; ``first`` is Unix seconds of the first bad sample."""

    component: str
    route: str
    status_class: str
    ratio: float
    first: float
    metric: str
    count: int = 0
    total: int = 0


def measured_in(series: Iterable[Series], places: Places) -> Iterator[Measured]:
    """Yield the failing flows that the series show about components that exist."""
    counters: dict[tuple[str, str, str], dict[str, list[Series]]] = defaultdict(lambda: defaultdict(list))
    for one in series:
        component = places.of(one.name, one.labels)
        share = _SHARE.search(one.name)
        code = _code(one.labels)
        if component and share:
            yield from _dropped(one, component, good=bool(share["good"]))
        elif component and code and _COUNTER.search(one.name):
            route = next((one.labels[name] for name in _ROUTES if one.labels.get(name)), "")
            counters[component, route, one.name][code].append(one)
    for (component, route, metric), by_code in sorted(counters.items()):
        yield from _counted(component, route, metric, by_code)


def _code(labels: Mapping[str, str]) -> str:
    """Return ``2xx``, ``5xx`` and so on for a label that names a status, or ``""``."""
    for name in _CODES:
        value = labels.get(name, "")
        if re.fullmatch(r"[1-5](?:\d\d|xx)", value):
            return f"{value[0]}xx"
    return ""


def _dropped(one: Series, component: str, *, good: bool) -> Iterator[Measured]:
    """Yield a share that is worse in its last quarter than in its first half by its own spread and by ``DROP``."""
    whole = 100.0 if "percent" in one.name.lower() or one.unit == "percent" else 1.0
    bad = [1 - value / whole if good else value / whole for value in one.values.tolist()]
    if len(bad) < FEWEST_POINTS:
        return
    before, after = bad[: len(bad) // 2], bad[-(len(bad) // 4 or 1) :]
    usual = statistics.median(before)
    spread = statistics.median(abs(value - usual) for value in before)
    limit = usual + max(DROP, SPREADS * spread)
    now = statistics.median(after)
    if now > limit:
        first = next(at for at, value in zip(one.times.tolist(), bad, strict=True) if value > limit)
        yield Measured(
            component=component, route="", status_class="5xx", ratio=round(now, 4), first=first, metric=one.name
        )


def _counted(component: str, route: str, metric: str, by_code: Mapping[str, Sequence[Series]]) -> Iterator[Measured]:
    """Yield 5xx responses that a counter gained in the window, when they are a share of all that it gained."""
    gained = {code: sum(_gain(one.values.tolist()) for one in series) for code, series in by_code.items()}
    bad, total = gained.get("5xx", 0.0), sum(gained.values())
    if bad < FEWEST or bad < SHARE * total:
        return
    first = min(_first_gain(one) for one in by_code["5xx"] if _gain(one.values.tolist()))
    yield Measured(
        component=component,
        route=route,
        status_class="5xx",
        ratio=round(bad / total, 4),
        first=first,
        metric=metric,
        count=round(bad),
        total=round(total),
    )


def _gain(values: Sequence[float]) -> float:
    """Return how much a counter grew, resets included."""
    return sum(after - before if after >= before else after for before, after in pairwise(values))


def _first_gain(one: Series) -> float:
    values, times = one.values.tolist(), one.times.tolist()
    return next(float(at) for (before, after), at in zip(pairwise(values), times[1:], strict=True) if after != before)
