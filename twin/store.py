"""Stores the twin: components and edges with history, in SQLite. Nothing is overwritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.identity import kind_of, namespace_of
from sre_orchestrator.core.models import Component, Edge
from sre_orchestrator.core.ports import Change
from sre_orchestrator.twin import graph, history
from sre_orchestrator.twin.history import Difference, State
from sre_orchestrator.twin.rows import SCHEMA, SCHEMA_VERSION, attributes_text, component_from, edge_from, time_text

__all__ = ["Difference", "State", "TwinStore"]


class TwinStore:
    """The twin of one cluster (``core.ports.Twin``) in a file, or in memory without a path.

    A file is written by one process at a time and read by any number.

    Raises:
        InputError: the file cannot be opened, is no twin, or another version wrote it.

    """

    def __init__(self, path: Path | None = None) -> None:
        self._where = str(path or "the twin in memory")
        with self._explained():
            self._connection = _open(path)
            version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA_VERSION):
                self._connection.close()
                raise InputError(
                    f"{path}: was written by another version of this program; remove the file to build it again"
                )
            if not version:
                self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def sync(self, components: Iterable[Component], edges: Iterable[Edge], at: datetime) -> None:
        """Make the present equal to ``components`` and ``edges``, in one transaction.

        What differs closes its version at ``at`` and opens the next; what is absent is closed;
        what is equal stays untouched. An edge that several sources give is one edge with all
        their provenances. A second sync at the same time corrects the first.

        Raises:
            InputError: ``at`` is before the last change that the twin knows, or the file cannot be written.

        """
        now = time_text(at)
        things = {one.id: (attributes_text(one), time_text(one.since) if one.since else "") for one in components}
        relations: dict[tuple[str, str, str], dict[str, None]] = {}
        for one in edges:
            relations.setdefault((one.source, one.kind, one.target), {})[one.provenance] = None
        with self._explained(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._forward_only(now)
            self._sync_components(things, now)
            self._sync_edges({key: "; ".join(sorted(filter(None, texts))) for key, texts in relations.items()}, now)

    def _forward_only(self, now: str) -> None:
        last: str = self._connection.execute(
            "SELECT max(coalesce((SELECT max(valid_from) FROM component), ''), coalesce((SELECT max(valid_to) FROM component), ''),"
            " coalesce((SELECT max(valid_from) FROM edge), ''), coalesce((SELECT max(valid_to) FROM edge), ''))"
        ).fetchone()[0]
        if now < last:
            raise InputError(
                f"{self._where}: knows changes until {last}, and {now} is before that; history is fed oldest first"
            )

    def _sync_components(self, wanted: dict[str, tuple[str, str]], now: str) -> None:
        rows: list[tuple[str, str, str]] = self._connection.execute(
            "SELECT id, attributes, since FROM component WHERE valid_to IS NULL"
        ).fetchall()
        present = {name: (attributes, since) for name, attributes, since in rows}
        gone = [(now, name) for name, known in present.items() if wanted.get(name) != known]
        self._close("component", "id = ?2", gone)
        self._connection.executemany(
            "INSERT INTO component VALUES (?, ?, ?, ?, ?, ?, NULL)",
            [
                (name, kind_of(name), namespace_of(name), *known, now)
                for name, known in wanted.items()
                if present.get(name) != known
            ],
        )

    def _sync_edges(self, wanted: dict[tuple[str, str, str], str], now: str) -> None:
        rows: list[tuple[str, str, str, str]] = self._connection.execute(
            "SELECT source, kind, target, provenance FROM edge WHERE valid_to IS NULL"
        ).fetchall()
        present = {(source, kind, target): provenance for source, kind, target, provenance in rows}
        gone = [(now, *key) for key, provenance in present.items() if wanted.get(key) != provenance]
        self._close("edge", "source = ?2 AND kind = ?3 AND target = ?4", gone)
        self._connection.executemany(
            "INSERT INTO edge VALUES (?, ?, ?, ?, ?, NULL)",
            [(*key, provenance, now) for key, provenance in wanted.items() if present.get(key) != provenance],
        )

    def _close(self, table: str, which: str, rows: Iterable[tuple[str, ...]]) -> None:
        """Close open versions; one that was opened at the very same time is taken back."""
        rows = list(rows)
        self._connection.executemany(
            f"DELETE FROM {table} WHERE {which} AND valid_to IS NULL AND valid_from = ?1", rows
        )
        self._connection.executemany(f"UPDATE {table} SET valid_to = ?1 WHERE {which} AND valid_to IS NULL", rows)

    def components(self, kind: str = "", namespace: str = "") -> tuple[Component, ...]:
        """Return the present components, sorted by id."""
        rows = self._connection.execute(
            "SELECT id, attributes, since FROM component WHERE valid_to IS NULL"
            " AND (?1 = '' OR kind = ?1) AND (?2 = '' OR namespace = ?2) ORDER BY id",
            (kind, namespace),
        )
        return tuple(component_from(*row) for row in rows)

    def edges(self, components: Collection[str] | None = None) -> tuple[Edge, ...]:
        """Return the present edges, or those that touch ``components``, sorted by source, kind and target."""
        wanted = "" if components is None else " AND (source IN touched OR target IN touched)"
        names = msgspec.json.encode(sorted(components or ())).decode()
        rows = self._connection.execute(
            "WITH touched AS (SELECT value FROM json_each(?)) SELECT source, kind, target, provenance FROM edge"
            f" WHERE valid_to IS NULL{wanted} ORDER BY source, kind, target",
            (names,),
        )
        return tuple(edge_from(*row) for row in rows)

    def neighbours(self, component: str, hops: int = 1) -> tuple[str, ...]:
        """Return the ids within ``hops`` edges (12 at most) in either direction, without ``component``, sorted."""
        return tuple(sorted(graph.neighbours(self._connection, component, hops)))

    def impact(self, component: str, *, direction: graph.Direction = "up", hops: int = 4) -> tuple[str, ...]:
        """Return what is affected by ``component`` (``up``) or what it depends on (``down``), nearest first."""
        return tuple(graph.impact(self._connection, component, direction, hops))

    def paths(self, start: str, end: str, hops: int = 6) -> tuple[tuple[str, ...], ...]:
        """Return the shortest paths between two components in either direction, each a tuple of ids."""
        return graph.paths(self._connection, start, end, hops)

    def as_of(self, at: datetime) -> State:
        """Return the components and edges as they were known at ``at``."""
        return history.state_at(self._connection, time_text(at))

    def diff(self, before: datetime, after: datetime) -> Difference:
        """Return what is different at ``after`` from ``before``."""
        return history.difference(self.as_of(before), self.as_of(after))

    def changes(self, since: datetime, until: datetime) -> tuple[Change, ...]:
        """Return what appeared, changed and went in the window, both ends included, oldest first."""
        return history.changes(self._connection, time_text(since), time_text(until))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the database or the disk refuses into an error that says what to do."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"{self._where}: the twin cannot be used: {error}; see that the disk has room and nobody else writes the file,"
                " or remove it to build it again"
            ) from error


def _open(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return sqlite3.connect(":memory:")
    from sqlite_utils import Database  # noqa: PLC0415 - costs more than a whole twin in memory

    path.parent.mkdir(parents=True, exist_ok=True)
    database = Database(path)
    database.enable_wal()
    return database.conn
