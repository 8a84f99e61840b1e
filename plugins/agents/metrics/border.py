"""Calls between workloads, and which of them cross a node's border."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from sre_orchestrator.core.models import Edge, Struct
from sre_orchestrator.plugins.agents.metrics.places import Places


class Border(Struct, frozen=True, kw_only=True):
    """Of one node: how many of the workloads that turned slow first its border explains, and how slow it is as a whole."""

    node: str
    explained: int
    crossing: int
    raised: int

    @property
    def share(self) -> float:
        """Return the share of the crossing workloads that turned slow."""
        return self.raised / self.crossing if self.crossing else 0.0


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


def first_raised(raised: Collection[str], calls: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return those of ``raised`` that call none of ``raised``; of a circle, all."""
    return frozenset(one for one in raised if not _downstream(one, raised, calls))


def borders(
    first: Collection[str],
    raised: Collection[str],
    measured: Collection[str],
    calls: Mapping[str, Collection[str]],
    places: Places,
) -> list[Border]:
    """Return each node's border, for nodes whose workloads call or are called across it."""
    home = {workload: node for workload in measured if (node := places.node_of(workload))}
    across: dict[str, set[str]] = defaultdict(set)
    for caller, callees in calls.items():
        for callee in callees:
            nodes = {home.get(caller, ""), home.get(callee, "")} - {""}
            if len(nodes) == 2:  # noqa: PLR2004 - a call between two nodes
                for node in nodes:
                    across[node] |= {caller, callee}
    return [
        Border(
            node=node,
            explained=len(across[node] & set(first)),
            crossing=len(across[node]),
            raised=len(across[node] & set(raised)),
        )
        for node in sorted(across)
    ]


def _downstream(one: str, raised: Collection[str], calls: Mapping[str, Collection[str]]) -> bool:
    """Say whether a raised workload lies behind ``one``, reached through raised ones or not; not counting circles through ``one``."""
    seen, frontier = {one}, set(calls.get(one, ())) - {one}
    while frontier:
        if any(two in raised and one not in _reach(two, calls) for two in frontier):
            return True
        seen |= frontier
        frontier = {three for two in frontier for three in calls.get(two, ())} - seen
    return False


def _reach(start: str, calls: Mapping[str, Collection[str]]) -> set[str]:
    seen: set[str] = set()
    frontier = set(calls.get(start, ()))
    while frontier:
        seen |= frontier
        frontier = {two for one in frontier for two in calls.get(one, ())} - seen
    return seen
