"""Stores the twin: components and edges with history, in SQLite. Nothing is overwritten."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import DatabaseError

import msgspec
from sqlite_utils import Database

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.identity import kind_of, namespace_of
from sre_orchestrator.core.models import Component, Edge, EdgeKind, Struct
from sre_orchestrator.core.ports import Change

SCHEMA = """
CREATE TABLE IF NOT EXISTS component (
    id TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, attributes TEXT NOT NULL, since TEXT NOT NULL,
    valid_from TEXT NOT NULL, valid_to TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS component_now ON component (id) WHERE valid_to IS NULL;
CREATE INDEX IF NOT EXISTS component_from ON component (valid_from);
CREATE INDEX IF NOT EXISTS component_to ON component (valid_to);
CREATE TABLE IF NOT EXISTS edge (
    source TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, provenance TEXT NOT NULL,
    valid_from TEXT NOT NULL, valid_to TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS edge_now ON edge (source, kind, target) WHERE valid_to IS NULL;
CREATE INDEX IF NOT EXISTS edge_up ON edge (target, kind, source) WHERE valid_to IS NULL;
CREATE INDEX IF NOT EXISTS edge_from ON edge (valid_from);
CREATE INDEX IF NOT EXISTS edge_to ON edge (valid_to);
"""
MAX_HOPS = 12
# How a fault travels (``up`` names what is affected): the walk goes against the arrow for the
# first kinds (dependants, owners, users) and with it for the others (a node's pods are sources).
AGAINST = (
    "depends_on",
    "runs_on",
    "mounts",
    "binds",
    "uses_config",
    "uses_secret",
    "uses_account",
    "routes_to",
    "selects",
)
ALONG = ("owns", "limits", "scales")


class Difference(Struct, frozen=True, kw_only=True):
    """What is different between two times: component ids, and edges as ``source kind target``."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    edges_added: tuple[str, ...] = ()
    edges_removed: tuple[str, ...] = ()


class TwinStore:
    """The twin of one cluster (``core.ports.Twin``) in a file, or in memory without a path."""

    def __init__(self, path: Path | None = None) -> None:
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = Database(path) if path is not None else Database(memory=True)
            if path is not None:
                self._db.enable_wal()
            self._db.conn.executescript(SCHEMA)
        except (OSError, DatabaseError) as error:
            raise InputError(
                f"{path}: the twin cannot be opened: {error}; remove the file to build it again"
            ) from error

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def sync(self, components: Iterable[Component], edges: Iterable[Edge], at: datetime) -> None:
        """Make the present equal to ``components`` and ``edges``, in one transaction.

        What differs closes its version at ``at`` and opens the next; what is absent is closed.
        """
        now = _text(at)
        wanted = {one.id: (_attributes(one), _text(one.since) if one.since else "") for one in components}
        related = {(one.source, one.kind, one.target): one.provenance for one in edges}
        with self._db.conn:
            self._sync_components(wanted, now)
            self._sync_edges(related, now)

    def _sync_components(self, wanted: dict[str, tuple[str, str]], now: str) -> None:
        present = {row[0]: row[1] for row in self._query("SELECT id, attributes FROM component WHERE valid_to IS NULL")}
        gone = [name for name, attributes in present.items() if name not in wanted or wanted[name][0] != attributes]
        new = [name for name, (attributes, _) in wanted.items() if present.get(name) != attributes]
        self._db.conn.executemany(
            "UPDATE component SET valid_to = ? WHERE id = ? AND valid_to IS NULL", [(now, name) for name in gone]
        )
        self._db.conn.executemany(
            "INSERT INTO component VALUES (?, ?, ?, ?, ?, ?, NULL)",
            [(name, kind_of(name), namespace_of(name), wanted[name][0], wanted[name][1], now) for name in new],
        )

    def _sync_edges(self, wanted: dict[tuple[str, EdgeKind, str], str], now: str) -> None:
        rows = self._query("SELECT source, kind, target FROM edge WHERE valid_to IS NULL")
        present = {(str(row[0]), str(row[1]), str(row[2])) for row in rows}
        gone = [(now, *key) for key in present if key not in wanted]
        new = [(*key, provenance, now) for key, provenance in wanted.items() if key not in present]
        self._db.conn.executemany(
            "UPDATE edge SET valid_to = ? WHERE source = ? AND kind = ? AND target = ? AND valid_to IS NULL", gone
        )
        self._db.conn.executemany("INSERT INTO edge VALUES (?, ?, ?, ?, ?, NULL)", new)

    def components(self, kind: str = "", namespace: str = "") -> tuple[Component, ...]:
        """Return the present components, sorted by id."""
        rows = self._query(
            "SELECT id, attributes, since FROM component WHERE valid_to IS NULL AND (? = '' OR kind = ?) AND (? = '' OR namespace = ?) ORDER BY id",
            (kind, kind, namespace, namespace),
        )
        return tuple(_component(*map(str, row)) for row in rows)

    def as_of(self, at: datetime) -> tuple[Component, ...]:
        """Return the components as they were known at ``at``, sorted by id."""
        rows = self._query(
            "SELECT id, attributes, since FROM component WHERE valid_from <= ?1 AND (valid_to IS NULL OR valid_to > ?1) ORDER BY id",
            (_text(at),),
        )
        return tuple(_component(*map(str, row)) for row in rows)

    def diff(self, before: datetime, after: datetime) -> Difference:
        """Return what is different at ``after`` from ``before``."""
        old = {one.id: _attributes(one) for one in self.as_of(before)}
        new = {one.id: _attributes(one) for one in self.as_of(after)}
        old_edges, new_edges = self._edges_at(before), self._edges_at(after)
        return Difference(
            added=tuple(sorted(new.keys() - old.keys())),
            removed=tuple(sorted(old.keys() - new.keys())),
            changed=tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name])),
            edges_added=tuple(sorted(new_edges - old_edges)),
            edges_removed=tuple(sorted(old_edges - new_edges)),
        )

    def _edges_at(self, at: datetime) -> set[str]:
        rows = self._query(
            "SELECT source, kind, target FROM edge WHERE valid_from <= ?1 AND (valid_to IS NULL OR valid_to > ?1)",
            (_text(at),),
        )
        return {f"{row[0]} {row[1]} {row[2]}" for row in rows}

    def edges(self, components: Collection[str] | None = None) -> tuple[Edge, ...]:
        """Return the present edges, or those that touch ``components``, sorted."""
        if components is None:
            rows = self._query(
                "SELECT source, kind, target, provenance FROM edge WHERE valid_to IS NULL ORDER BY source, kind, target"
            )
        else:
            names = msgspec.json.encode(sorted(components)).decode()
            rows = self._query(
                "WITH wanted AS (SELECT value FROM json_each(?)) SELECT source, kind, target, provenance FROM edge"
                " WHERE valid_to IS NULL AND (source IN wanted OR target IN wanted) ORDER BY source, kind, target",
                (names,),
            )
        return tuple(
            Edge(source=str(a), kind=msgspec.convert(k, EdgeKind), target=str(b), provenance=str(p))
            for a, k, b, p in rows
        )

    def neighbours(self, component: str, hops: int = 1) -> tuple[str, ...]:
        """Return the ids within ``hops`` edges in either direction, without ``component``, sorted."""
        step = (
            "SELECT target, hops + 1 FROM walk JOIN edge ON source = id AND valid_to IS NULL WHERE hops < ?2"
            " UNION SELECT source, hops + 1 FROM walk JOIN edge ON target = id AND valid_to IS NULL WHERE hops < ?2"
        )
        return tuple(sorted(self._walk(step, component, hops)))

    def impact(self, component: str, *, direction: str = "up", hops: int = 4) -> tuple[str, ...]:
        """Return what is affected by ``component`` (``up``) or what it depends on (``down``), nearest first."""
        against, along = (AGAINST, ALONG) if direction == "up" else (ALONG, AGAINST)
        step = (
            f"SELECT source, hops + 1 FROM walk JOIN edge ON target = id AND valid_to IS NULL AND kind IN {_in(against)} WHERE hops < ?2"
            f" UNION SELECT target, hops + 1 FROM walk JOIN edge ON source = id AND valid_to IS NULL AND kind IN {_in(along)} WHERE hops < ?2"
        )
        return tuple(self._walk(step, component, hops))

    def _walk(self, step: str, component: str, hops: int) -> list[str]:
        """Return what a bounded recursive walk reaches, nearest first; ``step`` holds constants only."""
        rows = self._query(
            f"WITH RECURSIVE walk(id, hops) AS (SELECT ?1, 0 UNION {step})"
            " SELECT id, min(hops) AS distance FROM walk WHERE id != ?1 GROUP BY id ORDER BY distance, id",
            (component, min(hops, MAX_HOPS)),
        )
        return [str(row[0]) for row in rows]

    def paths(self, start: str, end: str, hops: int = 6) -> tuple[tuple[str, ...], ...]:
        """Return the shortest paths between two components in either direction, each a tuple of ids."""
        found: list[tuple[str, ...]] = []
        frontier: list[tuple[str, ...]] = [(start,)]
        seen = {start}
        for _ in range(min(hops, MAX_HOPS)):
            following = [(*path, near) for path in frontier for near in self.neighbours(path[-1]) if near not in seen]
            found = [path for path in following if path[-1] == end]
            if found or not following:
                break
            seen |= {path[-1] for path in following}
            frontier = list({path[-1]: path for path in following}.values())
        return tuple(sorted(found))

    def changes(self, since: datetime, until: datetime) -> tuple[Change, ...]:
        """Return the components that opened or closed a version in the window, oldest first.

        The first sight of a component counts at its own creation time.
        """
        window = (_text(since), _text(until))
        rows = list(self._query("SELECT id, valid_from, since FROM component", ()))
        first = _firsts(rows)
        found = set()
        for name, valid_from, created in rows:
            opened = str(created) if first[str(name)] == valid_from and created else str(valid_from)
            what = "created" if first[str(name)] == valid_from else "changed"
            if window[0] <= opened <= window[1]:
                found.add((opened, what, str(name)))
        current = {str(row[0]) for row in self._query("SELECT id FROM component WHERE valid_to IS NULL")}
        for name, closed in self._query("SELECT id, max(valid_to) FROM component GROUP BY id"):
            if str(name) not in current and window[0] <= str(closed) <= window[1]:
                found.add((str(closed), "removed", str(name)))
        return tuple(
            Change(at=datetime.fromisoformat(at), what=what, component=name, text=f"{name} {what}")
            for at, what, name in sorted(found)
        )

    def _query(self, sql: str, parameters: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
        return iter(self._db.conn.execute(sql, parameters).fetchall())


def _firsts(rows: Iterable[tuple[object, ...]]) -> dict[str, str]:
    first: dict[str, str] = {}
    for name, valid_from, _ in rows:
        first[str(name)] = min(first.get(str(name), str(valid_from)), str(valid_from))
    return first


def _in(kinds: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{kind}'" for kind in kinds) + ")"


def _attributes(component: Component) -> str:
    return msgspec.json.encode(component.attributes, order="sorted").decode()


def _component(name: str, attributes: str, since: str) -> Component:
    return Component(
        id=name,
        attributes=msgspec.json.decode(attributes, type=dict[str, str | int | float | bool]),
        since=datetime.fromisoformat(since) if since else None,
    )


def _text(at: datetime) -> str:
    """Return a time as text that sorts: UTC, microseconds always there."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
