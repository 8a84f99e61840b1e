"""The throw-away working memory of one inference: rows, hash indexes, edges, coverage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from sre_orchestrator.core.identity import name_of, namespace_of
from sre_orchestrator.core.models import Coverage, Edge, Fact
from sre_orchestrator.rules.operators import Value, key, same

EVERYWHERE = "*"


class Row(msgspec.Struct, eq=False, gc=False):
    """One matched thing: a fact, a path of edges or a count, with the values that conditions read."""

    values: dict[str, Value]
    ids: tuple[str, ...] = ()
    fact: Fact | None = None
    text: str = ""

    def with_values(self, more: Mapping[str, Value]) -> Row:
        """Return the same row with further values (what a regular expression captured)."""
        return Row({**self.values, **more}, ids=self.ids, fact=self.fact, text=self.text)


def row_of(fact: Fact) -> Row:
    """Return the row of a fact: its attributes beside component, namespace, name and observed_at."""
    component = fact.component
    values: dict[str, Value] = {
        "namespace": namespace_of(component),
        "name": name_of(component),
        **fact.attributes,
        "component": component,
        "observed_at": fact.observed_at,
    }
    return Row(values, ids=(fact.id,), fact=fact)


class Memory:
    """Facts by kind with hash indexes that are built when first asked for.

    ``tick`` is called at every look-up; it ends an inference whose time is over by raising.
    """

    def __init__(
        self,
        facts: Iterable[Fact],
        edges: Sequence[Edge],
        coverage: Iterable[Coverage],
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._tick = tick
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._ids: set[str] = set()
        self._indexes: dict[str, dict[tuple[str, ...], dict[tuple[object, ...], list[Row]]]] = defaultdict(dict)
        self._paths = Paths(edges)
        self._covered: dict[str, set[str]] = defaultdict(set)
        for one in coverage:
            self._covered[one.kind].add(one.scope)
        for fact in sorted(facts, key=lambda fact: fact.id):
            self.add(fact)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, fact: Fact) -> Row | None:
        """Add a fact; return its row, or ``None`` when it is known."""
        if fact.id in self._ids:
            return None
        self._ids.add(fact.id)
        row = row_of(fact)
        self._rows[fact.kind].append(row)
        for attributes, index in self._indexes.get(fact.kind, {}).items():
            _insert(index, attributes, row)
        return row

    def size(self, kind: str) -> int:
        """Return how many facts of ``kind`` there are."""
        return len(self._rows.get(kind, ()))

    def rows(self, kind: str, attributes: tuple[str, ...], wanted: tuple[Value, ...]) -> Sequence[Row]:
        """Return the facts of ``kind`` whose ``attributes`` equal ``wanted`` (all of them when empty)."""
        self._tick()
        if not attributes:
            return self._rows.get(kind, ())
        if not all(same(value, value) for value in wanted):
            return ()
        index = self._indexes[kind].get(attributes)
        if index is None:
            index = self._indexes[kind][attributes] = {}
            for row in self._rows.get(kind, ()):
                _insert(index, attributes, row)
        return index.get(tuple(key(value) for value in wanted), ())

    def paths(self, edge: str, source: str | None, target: str | None, within: int) -> Sequence[Row]:
        """Return the paths of one to ``within`` hops between the given ends (``None`` is open)."""
        self._tick()
        return self._paths.between(edge, source, target, within)

    def covers(self, kind: str, component: str) -> bool:
        """Say whether every fact of ``kind`` about ``component`` (or its namespace) was read."""
        scopes = self._covered.get(kind, ())
        return EVERYWHERE in scopes or component in scopes or f"namespace/{namespace_of(component)}" in scopes


class Paths:
    """Reachability over edges, computed from the bound end and remembered."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        self._down: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._up: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._sources: dict[str, dict[str, None]] = defaultdict(dict)
        for edge in sorted(edges, key=lambda edge: (edge.kind, edge.source, edge.target)):
            self._down[edge.kind, edge.source].append(edge.target)
            self._up[edge.kind, edge.target].append(edge.source)
            self._sources[edge.kind][edge.source] = None
        self._known: dict[tuple[str, str, int, bool], dict[str, int]] = {}

    def between(self, edge: str, source: str | None, target: str | None, within: int) -> list[Row]:
        """Return a row for each path that fits the given ends."""
        if source is not None:
            reached = self._reached(edge, source, within, down=True)
            return [_path(edge, source, there, hops) for there, hops in reached.items() if target in (None, there)]
        if target is not None:
            return [
                _path(edge, there, target, hops)
                for there, hops in self._reached(edge, target, within, down=False).items()
            ]
        return [row for here in self._sources.get(edge, ()) for row in self.between(edge, here, None, within)]

    def _reached(self, edge: str, start: str, within: int, *, down: bool) -> dict[str, int]:
        known = self._known.get((edge, start, within, down))
        if known is not None:
            return known
        index = self._down if down else self._up
        reached: dict[str, int] = {}
        frontier = [start]
        for hops in range(1, within + 1):
            found = dict.fromkeys(
                (there for here in frontier for there in index.get((edge, here), ()) if there not in reached), hops
            )
            reached |= found
            frontier = list(found)
        self._known[edge, start, within, down] = reached
        return reached


def _path(edge: str, source: str, target: str, hops: int) -> Row:
    values: dict[str, Value] = {"from": source, "to": target, "hops": hops}
    return Row(values, text=f"{source} {edge} {target}" + (f" ({hops} hops)" if hops > 1 else ""))


def _insert(index: dict[tuple[object, ...], list[Row]], attributes: tuple[str, ...], row: Row) -> None:
    values = [row.values.get(attribute) for attribute in attributes]
    if all(same(value, value) for value in values):
        index.setdefault(tuple(key(value) for value in values), []).append(row)
