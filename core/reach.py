"""How far the symptoms of a cause travel along the twin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from sre_orchestrator.core.identity import component_id, kind_of
from sre_orchestrator.core.models import Cause, Edge, EdgeKind, Propagation

Direction = Literal["up", "down"]
USUAL = (
    Propagation(edge="selects", direction="up"),
    Propagation(edge="routes_to", direction="up"),
    Propagation(edge="depends_on", direction="up", hops=4),
    Propagation(edge="belongs_to_release", direction="down"),
)
BEFORE_USUAL = {
    "node": (Propagation(edge="runs_on", direction="up"),),
    "namespace": (),
    "claim": (Propagation(edge="mounts", direction="up"),),
    "service": (Propagation(edge="selects", direction="down"),),
}
MAX_CLIMB = 8
TO_NEEDED: tuple[tuple[EdgeKind, Direction], ...] = (
    ("depends_on", "down"),
    ("routes_to", "down"),
    ("selects", "down"),
    ("owns", "up"),
)


class Graph:
    """The edges of a scope, indexed both ways."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        self._down: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._up: dict[tuple[str, str], list[str]] = defaultdict(list)
        for edge in edges:
            self._down[edge.kind, edge.source].append(edge.target)
            self._up[edge.kind, edge.target].append(edge.source)
        self._reach: dict[tuple[str, str], dict[str, int]] = {}

    def step(self, kind: EdgeKind, component: str, direction: Direction) -> Sequence[str]:
        """Return the direct neighbours along ``kind``."""
        index = self._down if direction == "down" else self._up
        return index.get((kind, component), ())

    def workload(self, component: str) -> str:
        """Return the top owner of ``component``: pod → ReplicaSet → Deployment; itself when nothing owns it."""
        for _ in range(MAX_CLIMB):
            owners = self.step("owns", component, "up")
            if not owners:
                break
            component = min(owners)
        return component

    def reach(self, cause: Cause, component: str) -> dict[str, int]:
        """Return the components where ``cause`` at ``component`` can show, with their distance in hops.

        Beside the declared ``propagates``, symptoms travel as they do in any cluster: to the pods
        that a workload owns, to the services that select them, to callers, and to the release whose
        upgrade waits for them.
        """
        key = (cause.id, component)
        if key not in self._reach:
            self._reach[key] = self._spread(cause, component)
        return self._reach[key]

    def _spread(self, cause: Cause, component: str) -> dict[str, int]:
        distance = {component: 0}
        paths = (*cause.propagates, *BEFORE_USUAL.get(cause.blamed_on, ()))
        self._owned(distance)
        for path in paths:
            self._follow(path, distance)
        for path in (*USUAL, *USUAL):
            self._follow(path, distance)
        return distance

    def _follow(self, path: Propagation, distance: dict[str, int]) -> None:
        frontier = list(distance)
        for _ in range(path.hops):
            found = []
            for here in frontier:
                for there in self.step(path.edge, here, path.direction):
                    if there not in distance:
                        distance[there] = distance[here] + 1
                        found.append(there)
            if not found:
                break
            frontier = [*found, *self._owned(distance, found)]

    def _owned(self, distance: dict[str, int], start: Iterable[str] | None = None) -> list[str]:
        added = []
        frontier = list(distance if start is None else start)
        while frontier:
            here = frontier.pop()
            for there in (*self.step("owns", here, "down"), *self._owner_of_pod(here)):
                if there not in distance:
                    distance[there] = distance[here]
                    added.append(there)
                    frontier.append(there)
        return added

    def _owner_of_pod(self, component: str) -> Sequence[str]:
        return self.step("owns", component, "up") if kind_of(component) in {"pod", "replicaset", "job"} else ()


def blamed(cause: Cause, component: str, graph: Graph) -> str:
    """Return the object that a report names for ``cause`` seen at ``component``."""
    if cause.blamed_on == "workload":
        return graph.workload(component)
    if cause.blamed_on == "namespace":
        kind, _, rest = component.partition("/")
        return component if kind == "namespace" else component_id("namespace", None, rest.partition("/")[0])
    if cause.blamed_on == "node" and kind_of(component) == "pod":
        return min(graph.step("runs_on", component, "down"), default=component)
    return component


def needed(components: Iterable[str], edges: Sequence[Edge]) -> frozenset[str]:
    """Return ``components`` and everything that they call or route to, directly or not."""
    graph = Graph(edges)
    found = set(components)
    frontier = list(found)
    while frontier:
        here = frontier.pop()
        ahead = {there for kind, direction in TO_NEEDED for there in graph.step(kind, here, direction)} - found
        found |= ahead
        frontier += ahead
    return frozenset(found)
