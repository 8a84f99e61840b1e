"""Reads failing and slow flows from metrics: shares of success, counters of requests by status, histograms of durations.

Which names and labels are understood says ``plugins.sources.http_series``; any gauge that is called a
share of success or of errors is understood too.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator, Mapping

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.agents.user_flow.answered import Answered, Tally, Window
from sre_orchestrator.plugins.agents.user_flow.declared import DeclaredFlow, DeclaredFlows
from sre_orchestrator.plugins.agents.user_flow.flows import (
    CLIENT_SHARE,
    FEWEST,
    FEWEST_SLOW,
    MOST_ROUTES,
    NOT_SIGNED_IN,
    SERVER_SHARE,
    SLOWER,
    SLOWER_BY_SECONDS,
    TARGET,
    asked_by_machines,
)
from sre_orchestrator.plugins.sources.ports import Series

_SHARE = re.compile(
    r"(?P<good>success|availability)\w*(?:ratio|rate|percent)|(?P<bad>error|failure)\w*(?:ratio|percent)", re.IGNORECASE
)
DROP, SPREADS = 0.05, 5.0
FEWEST_POINTS = 6
MANY = 20
CLIENT_RISE, CLIENT_RISEN = 3.0, 0.2


class Measured(Struct, frozen=True, kw_only=True):
    """A share of failing requests at a component; ``first`` is Unix seconds of the first bad sample."""

    at: Answered
    status_class: str
    ratio: float
    first: float
    status_code: int = 0
    count: int = 0
    total: int = 0
    flow: DeclaredFlow | None = None


class MeasuredSlow(Struct, frozen=True, kw_only=True):
    """A flow that takes longer than before (``before`` in seconds, where there was one), or than its objective allows."""

    at: Answered
    before: float | None
    after: float
    count: int
    quantile: float | None
    last: float
    flow: DeclaredFlow | None = None


def measured_in(
    series: Iterable[Series], places: Places, counted: Mapping[Answered, Tally], declared: DeclaredFlows
) -> Iterator[Measured | MeasuredSlow]:
    """Yield the failing and slow flows that shares among the series, and what was counted of them, show.

    Where several metrics tell of the same route, the one that counted most decides.
    """
    for one in series:
        share = _SHARE.search(one.name)
        component = places.of(one.name, one.labels) if share else None
        if share and component:
            yield from _dropped(one, component, good=bool(share["good"]))
    found: dict[tuple[str, ...], Measured | MeasuredSlow] = {}
    for at, tally in sorted(counted.items(), key=lambda item: repr(item[0])):
        if not asked_by_machines(at.route.rpartition(" ")[2]):
            flow = declared.of(at.component, callee=at.callee, route=at.route, host=at.host)
            for told in _told(at, tally, flow):
                kind = told.status_class if isinstance(told, Measured) else "slow"
                known = found.get((at.component, at.route, at.host, kind))
                if known is None or known.count < told.count:
                    found[at.component, at.route, at.host, kind] = told
    yield from _worst(found)


def _worst(found: Mapping[tuple[str, ...], Measured | MeasuredSlow]) -> Iterator[Measured | MeasuredSlow]:
    """Yield at most ``MOST_ROUTES`` of each component and kind, those that count most first."""
    told: dict[tuple[str, str], int] = {}
    for (component, _, _, kind), one in sorted(found.items(), key=lambda item: (-item[1].count, item[0])):
        told[component, kind] = told.get((component, kind), 0) + 1
        if told[component, kind] <= MOST_ROUTES or one.flow:
            yield one


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
        at = Answered(component=component, metric=one.name)
        yield Measured(at=at, status_class="5xx", ratio=round(now, 4), first=first)


def _told(at: Answered, tally: Tally, flow: DeclaredFlow | None) -> Iterator[Measured | MeasuredSlow]:
    parts = Parts.of(tally.window())
    allowed = flow.objective.allowed if flow else None
    for name, window in (("5xx", _server_errors(tally, parts, allowed)), ("4xx", _client_errors(tally, parts))):
        if window:
            low = int(name[0]) * 100
            total, bad = tally.requests(window), tally.requests(window, low)
            yield Measured(
                at=at,
                status_class=name,
                ratio=round(bad / total, 4),
                first=tally.first(window, low),
                status_code=tally.code(window, low),
                count=round(bad),
                total=round(total),
                flow=flow,
            )
    yield from _slow(at, tally, parts, flow)


class Parts(Struct, frozen=True, kw_only=True):
    """The time that was measured: all of it, its halves, its last quarter."""

    whole: Window
    older: Window
    newer: Window
    now: Window

    @classmethod
    def of(cls, whole: Window) -> Parts:
        """Return the parts of ``whole``."""
        length = whole.until - whole.since
        return cls(
            whole=whole,
            older=Window(since=whole.since, until=whole.until - length / 2),
            newer=Window(since=whole.until - length / 2, until=whole.until),
            now=Window(since=whole.until - length / 4, until=whole.until),
        )


def _server_errors(tally: Tally, parts: Parts, allowed: float | None) -> Window | None:
    """Return where 5xx stand out as in access logs (``Flow.errors``), or in the last quarter against the first half."""
    limit = SERVER_SHARE if allowed is None else min(SERVER_SHARE, allowed)
    if tally.requests(parts.whole, 500) >= FEWEST and _share(tally, parts.whole, 500) >= limit:
        older, newer = _share(tally, parts.older, 500), _share(tally, parts.newer, 500)
        if newer >= older or newer >= CLIENT_SHARE:
            return parts.whole
    lately, before = _share(tally, parts.now, 500), _share(tally, parts.older, 500)
    return parts.now if tally.requests(parts.now, 500) >= FEWEST and lately >= max(limit, before + limit) else None


def _client_errors(tally: Tally, parts: Parts) -> Window | None:
    """Return where 4xx are the rule, or lately a multiple of what is usual here."""
    older, newer = _share(tally, parts.older, 400), _share(tally, parts.newer, 400)
    often = tally.requests(parts.whole, 400) >= FEWEST and _share(tally, parts.whole, 400) >= CLIENT_SHARE
    if often and newer >= older and tally.code(parts.whole, 400) != NOT_SIGNED_IN:
        return parts.whole
    enough = min(tally.requests(parts.older), tally.requests(parts.now)) >= MANY
    return parts.now if enough and _share(tally, parts.now, 400) >= max(CLIENT_RISEN, CLIENT_RISE * older) else None


def _share(tally: Tally, window: Window, low: int) -> float:
    total = tally.requests(window)
    return tally.requests(window, low) / total if total else 0.0


def _slow(at: Answered, tally: Tally, parts: Parts, flow: DeclaredFlow | None) -> Iterator[MeasuredSlow]:
    """Yield a flow that is ``SLOWER`` than before, or slower than its objective; few requests tell nothing."""
    usual, lately = tally.duration(parts.older), tally.duration(parts.now)
    if lately.count < FEWEST_SLOW:
        return
    known = usual.count >= FEWEST_SLOW
    slower = known and lately.seconds >= max(SLOWER * usual.seconds, usual.seconds + SLOWER_BY_SECONDS)
    most = flow.objective.latency_seconds if flow else None
    if slower or (most is not None and lately.seconds > most):
        yield MeasuredSlow(
            at=at,
            before=round(usual.seconds, 4) if known else None,
            after=round(lately.seconds, 4),
            count=round(lately.count),
            quantile=TARGET if tally.buckets else None,
            last=parts.whole.until,
            flow=flow,
        )
