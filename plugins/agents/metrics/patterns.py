"""Which workloads would be slow if one pod's, or one node's, network were: compared with those that are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Set

from sre_orchestrator.core.models import Edge, Struct

Calls = Mapping[str, Collection[str]]


class Pattern(Struct, frozen=True, kw_only=True):
    """Of one component: the workloads that its calls would make slow, and how well they match those that are slow.

    ``fit`` is the share of both together that is in both (Jaccard).
    """

    component: str
    touched: int
    shared: int
    fit: float


def called(edges: Iterable[Edge]) -> dict[str, set[str]]:
    """Return the workloads that each workload calls, with the services between them left out."""
    direct: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        if edge.kind == "depends_on":
            direct[edge.source].add(edge.target)
    return {
        caller: {
            callee
            for target in targets
            for callee in (direct.get(target, set()) if target.startswith("service/") else {target})
            if callee != caller
        }
        for caller, targets in direct.items()
        if not caller.startswith("service/")
    }


def first_raised(raised: Collection[str], calls: Calls) -> frozenset[str]:
    """Return those of ``raised`` behind which none of ``raised`` lies; those that call in a circle count as one."""
    behind = {one: _reach({one}, calls) for one in raised}
    return frozenset(
        one for one in raised if not any(two in behind[one] and one not in behind[two] for two in raised if two != one)
    )


def patterns(slow: Set[str], measured: Set[str], calls: Calls, homes: Mapping[str, str]) -> list[Pattern]:
    """Return the patterns of workloads and nodes that touch any slow workload, best first.

    Latency is told by those who serve a request or by those who send it. What is measured where it
    is served shows only who waits: callers. What is measured where it is sent shows the callee as
    slow too. Either may be what was measured, so that the better of the two counts.
    """
    callers = _reversed(calls)
    found = [
        best
        for component, edges in _candidates(measured | slow, calls, homes)
        if (best := _pattern(component, edges, slow, measured | slow, callers)).shared
    ]
    return sorted(found, key=lambda one: (-one.fit, one.component))


def _candidates(
    workloads: Set[str], calls: Calls, homes: Mapping[str, str]
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each workload with its calls, and each node with the calls that cross its border, as (caller, callee)."""
    by_place: dict[str, list[tuple[str, str]]] = {workload: [] for workload in workloads}
    for caller, callees in calls.items():
        for callee in callees:
            ends = {homes.get(caller, ""), homes.get(callee, "")} - {""}
            across = ends if len(ends) == 2 else set()  # noqa: PLR2004 - a call between two nodes
            for place in ({caller, callee} & workloads) | across:
                by_place.setdefault(place, []).append((caller, callee))
    yield from sorted(by_place.items())


def _pattern(
    component: str, edges: list[tuple[str, str]], slow: Set[str], measured: Set[str], callers: Calls
) -> Pattern:
    itself = {component} & measured
    waiting = {caller for caller, _ in edges if caller != component} | itself
    served = (waiting | _reach(waiting, callers)) & measured
    sent = served | ({callee for _, callee in edges} & measured)
    return max((_compared(component, touched, slow) for touched in (served, sent)), key=lambda one: one.fit)


def _compared(component: str, touched: Set[str], slow: Set[str]) -> Pattern:
    shared = len(touched & slow)
    return Pattern(component=component, touched=len(touched), shared=shared, fit=shared / (len(touched | slow) or 1))


def _reversed(calls: Calls) -> dict[str, set[str]]:
    callers: dict[str, set[str]] = defaultdict(set)
    for caller, callees in calls.items():
        for callee in callees:
            callers[callee].add(caller)
    return callers


def _reach(start: Set[str], calls: Calls) -> set[str]:
    seen: set[str] = set()
    frontier = {two for one in start for two in calls.get(one, ())}
    while frontier:
        seen |= frontier
        frontier = {two for one in frontier for two in calls.get(one, ())} - seen
    return seen
