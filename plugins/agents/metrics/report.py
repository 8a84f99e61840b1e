"""Facts from changes: what changed, what held, what is near its limit, and node against node."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import Fact, Scalar
from sre_orchestrator.plugins.agents.metrics.changes import Change
from sre_orchestrator.plugins.agents.metrics.patterns import Pattern, first_raised, patterns
from sre_orchestrator.plugins.agents.metrics.places import Places

# node-mixin's NodeCPUHighUsage and NodeMemoryHighUtilization alert above nine tenths.
NEAR = 0.9
ORDER_OF_MAGNITUDE = 10
MOSTLY = 0.5


@dataclass(frozen=True, kw_only=True)
class Picture:
    """All changes of a scope, and where things run."""

    observe: Observer
    places: Places
    changes: Sequence[Change]

    def of(self, signal: str, direction: str = "") -> list[Change]:
        """Return the changes of a signal."""
        return [one for one in self.changes if one.signal == signal and one.direction == (direction or one.direction)]

    def measured(self, signal: str) -> set[str]:
        """Return the workloads of which ``signal`` was measured; all when only alerts speak of it."""
        told = self.of(signal)
        by_curve = {one.component for one in told if one.score is not None}
        return (by_curve or set(self.places.pods)) | {one.component for one in told}

    def raised(self) -> dict[str, Change]:
        """Return for each workload whose latency rose noticeably the metric that shows it most.

        Noticeably: by the same order of magnitude as the one that rose most; the small rises
        beside it are echoes.
        """
        ups = [one for one in self.of("latency", "up") if one.component not in self.places.nodes]
        largest = max((one.added or 0.0 for one in ups), default=0.0)
        found: dict[str, Change] = {}
        for one in ups:
            if one.added is None or one.added * ORDER_OF_MAGNITUDE >= largest:
                known = found.get(one.component)
                if known is None or (one.added or 0.0, one.metric) > (known.added or 0.0, known.metric):
                    found[one.component] = one
        return found


def facts(picture: Picture, calls: Mapping[str, Collection[str]]) -> Iterator[Fact]:
    """Yield every fact, in order of component and metric."""
    raised = picture.raised()
    first = first_raised(raised.keys(), calls)
    for _, one in sorted(raised.items()):
        yield _fact(picture, "latency.raised", one, first=one.component in first)
    for one in sorted(picture.changes, key=lambda one: (one.component, one.signal, one.metric)):
        if one.direction != "steady" and not (one.signal == "latency" and one.component in raised):
            yield _fact(picture, "metric.changed", one, signal=one.signal, direction=one.direction)
    yield from _steady(picture)
    yield from _saturated(picture)
    yield from _retransmissions(picture)
    yield from _patterns(picture, first, calls)


def _fact(picture: Picture, kind: str, one: Change, **more: Scalar) -> Fact:
    return picture.observe(
        kind,
        one.component,
        query=one.metric,
        at=one.began,
        metric=one.metric,
        before=_short(one.before),
        after=_short(one.after),
        ratio=_short(one.ratio),
        score=_short(one.score),
        began_at=_stamp(one.began),
        unit=one.unit or None,
        node=picture.places.node_of(one.component),
        **more,
    )


def _steady(picture: Picture) -> Iterator[Fact]:
    moved = {(one.component, one.signal) for one in picture.changes if one.direction != "steady"}
    of_interest = {component for component, _ in moved} | picture.places.nodes
    told: set[tuple[str, str]] = set()
    for one in sorted(picture.changes, key=lambda one: (one.component, one.signal, one.metric)):
        key = (one.component, one.signal)
        if one.component in of_interest and key not in moved and key not in told:
            told.add(key)
            yield picture.observe(
                "metric.steady",
                one.component,
                query=one.metric,
                signal=one.signal,
                metric=one.metric,
                usual=_short(one.before),
                unit=one.unit or None,
            )


def _saturated(picture: Picture) -> Iterator[Fact]:
    for one in sorted(picture.changes, key=lambda one: (one.component, one.metric)):
        limit = _limit(picture, one)
        used = one.high or 0.0 if one.direction != "down" else 0.0
        if limit and used >= NEAR * limit:
            yield picture.observe(
                "metric.saturated",
                one.component,
                query=one.metric,
                at=one.began,
                signal=one.signal,
                metric=one.metric,
                used_ratio=_short(used / limit),
                limit=limit,
            )


def _limit(picture: Picture, one: Change) -> float:
    if one.unit == "ratio" and one.signal in {"cpu", "memory", "io"}:
        return 1.0
    if one.signal in {"cpu", "memory"} and one.component not in picture.places.nodes:
        return picture.places.limit(one.component, one.signal)
    return 0.0


def _retransmissions(picture: Picture) -> Iterator[Fact]:
    """Yield nodes that run workloads, when any node sends more again than before."""
    rates = {one.component: one for one in picture.of("retransmissions") if one.component in picture.places.nodes}
    raised = {node for node, one in rates.items() if one.direction == "up"}
    busy = sorted({node for one in picture.changes if (node := picture.places.node_of(one.component))})
    highest = max((rates[node].after or 0.0 for node in raised), default=0.0)
    for node in busy if raised & set(busy) else ():
        own = rates[node].after if node in rates else None
        sent = _sent(picture, node)
        yield picture.observe(
            "node.retransmissions",
            node,
            query=rates[node].metric if node in rates else "",
            at=rates[node].began if node in rates else None,
            raised=node in raised,
            after=_short(own),
            share=_short(own / sent) if own is not None and sent else None,
            highest=node in raised and (own or 0.0) >= highest,
            peers=len(busy) - 1,
            peers_raised=len(raised & set(busy) - {node}),
        )


def _sent(picture: Picture, node: str) -> float:
    sent: dict[str, float] = {}
    for one in picture.of("network-transmit"):
        if one.after is not None and picture.places.node_of(one.component) == node:
            sent[one.component] = max(one.after, sent.get(one.component, 0.0))
    return sum(sent.values())


def _patterns(picture: Picture, first: Collection[str], calls: Mapping[str, Collection[str]]) -> Iterator[Fact]:
    """Yield the workload and the nodes whose calls match best what is slow; of equal workloads the most downstream."""
    slow = {one.component for one in picture.of("latency", "up")} - picture.places.nodes
    measured = picture.measured("latency") - picture.places.nodes
    homes = {workload: node for workload in measured | slow if (node := picture.places.node_of(workload))}
    found = patterns(slow, measured, calls, homes) if slow else []
    best = max((one.fit for one in found), default=0.0)
    workloads = [one for one in found if one.component not in picture.places.nodes]
    nodes = [one for one in found if one.component in picture.places.nodes]
    leading, nearest = _leading(workloads, first), _leading(nodes, ())
    for one in (*leading, *nearest):
        yield picture.observe(
            "latency.pattern",
            one.component,
            query="kubectl get pods -A -o wide",
            slow=len(slow),
            touched=one.touched,
            shared=one.shared,
            fit=_short(one.fit),
            best=one.fit == best,
            alone=len(leading if one in leading else nearest) == 1,
            mostly=one.fit > MOSTLY,
            first=len(first),
            here=sum(one.component in {workload, homes.get(workload)} for workload in first),
        )


def _leading(found: Sequence[Pattern], preferred: Collection[str]) -> list[Pattern]:
    """Return those that fit best, of them the preferred ones if any is."""
    top = [one for one in found if one.fit == found[0].fit]
    return [one for one in top if one.component in preferred] or top


def _short(value: float | None) -> float | None:
    """Return four significant digits, so that no platform's last digit makes another fact."""
    return None if value is None else float(f"{value:.4g}")


def _stamp(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
