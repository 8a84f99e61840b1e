"""Counts where each relation of the twin was read, so that it goes when the last place that says it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sre_orchestrator.core.models import Edge, EdgeKind

Key = tuple[str, EdgeKind, str]


class Tally:
    """Relations with all their provenances, and which of them are different since they were last taken."""

    def __init__(self) -> None:
        self._provenances: dict[Key, tuple[str, ...]] = {}
        self._before: dict[Key, tuple[str, ...]] = {}

    def change(self, gone: Iterable[Edge], made: Iterable[Edge]) -> None:
        """Count one place less for each edge in ``gone``, and one more for each in ``made``."""
        for edge in gone:
            left = list(self._noted(key := _key(edge)))
            left.remove(edge.provenance)
            self._keep(key, left)
        for edge in made:
            self._keep(key := _key(edge), sorted((*self._noted(key), edge.provenance)))

    def edges(self) -> Iterator[Edge]:
        """Yield every relation."""
        return (_edge(key, provenances) for key, provenances in self._provenances.items())

    def take(self) -> tuple[tuple[Edge, ...], tuple[Edge, ...]]:
        """Return the relations that are there and differ since the last time, and those that went."""
        now = {key: self._provenances.get(key, ()) for key, before in self._before.items()}
        differing = [key for key, before in self._before.items() if now[key] != before]
        self._before = {}
        here = tuple(_edge(key, now[key]) for key in differing if now[key])
        return here, tuple(_edge(key, ()) for key in differing if not now[key])

    def _noted(self, key: Key) -> tuple[str, ...]:
        known = self._provenances.get(key, ())
        self._before.setdefault(key, known)
        return known

    def _keep(self, key: Key, provenances: list[str]) -> None:
        if provenances:
            self._provenances[key] = tuple(provenances)
        else:
            del self._provenances[key]


def _key(edge: Edge) -> Key:
    return (edge.source, edge.kind, edge.target)


def _edge(key: Key, provenances: Iterable[str]) -> Edge:
    source, kind, target = key
    return Edge(source=source, kind=kind, target=target, provenance="; ".join(sorted({*provenances} - {""})))
