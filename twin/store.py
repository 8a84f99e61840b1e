"""Stores the twin: components and edges with history, in SQLite. Nothing is overwritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Component, Edge
from sre_orchestrator.core.ports import Change, Delta, Position, Record
from sre_orchestrator.twin import graph, history, pruning, writing
from sre_orchestrator.twin.history import Difference, State
from sre_orchestrator.twin.rows import READABLE, SCHEMA, SCHEMA_VERSION, component_from, edge_from, time_from, time_text

__all__ = ["Difference", "State", "TwinStore"]


class TwinStore:
    """The twin of one cluster (``core.ports.Twin``) in a file, or in memory without a path.

    A file is written by one process at a time and read by any number.

    Raises:
        InputError: the file cannot be opened, is no twin, or another version wrote it.

    """

    def __init__(self, path: Path | None = None, *, read_only: bool = False) -> None:
        self._where = str(path or "the twin in memory")
        self._program = ""
        with self._explained():
            self._connection = _reading(path) if path and read_only else _open(path)
            version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (READABLE if read_only else (0, *READABLE)):
                self._connection.close()
                raise InputError(
                    f"{path}: was written by another version of this program; remove the file to build it again"
                )
            if not read_only and version != SCHEMA_VERSION:
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
        now, wanted, relations = time_text(at), writing.known_of(components), writing.provenances_of(edges)
        with self._transaction() as connection:
            if now < (last := writing.last_change(connection)):
                raise InputError(
                    f"{self._where}: knows changes until {last}, and {now} is before that; history is fed oldest first"
                )
            writing.replace_components(connection, wanted, now, whole=True)
            writing.replace_edges(connection, relations, now, whole=True)

    def apply(self, delta: Delta, at: datetime) -> datetime:
        """Keep what is different at ``at``: all of it or nothing, and only once however often it is applied.

        Returns ``at``, or a time just after the last change when the clock has been set back.

        Raises:
            InputError: the file cannot be written; nothing of the delta is kept.

        """
        wanted, relations = writing.known_of(delta.components), writing.provenances_of(delta.edges)
        wanted |= dict.fromkeys(delta.gone)
        relations |= {(one.source, one.kind, one.target): None for one in delta.edges_gone}
        with self._transaction() as connection:
            now = writing.after(writing.last_change(connection), at)
            if delta.whole and writing.read_anew(connection, self._program):
                writing.amend(connection, wanted, relations)
            writing.replace_components(connection, wanted, now, whole=delta.whole)
            writing.replace_edges(connection, relations, now, whole=delta.whole)
            writing.keep(connection, delta.records, delta.positions)
        return time_from(now)

    def belong_to(self, identity: str, program: str) -> None:
        """Let this be the twin of the cluster ``identity``; records and positions of any other are dropped.

        ``program`` is the version that reads the cluster: what another one reads differently is no change, so the
        first whole delta of a new version corrects what is there instead of adding to the history.
        """
        self._program = program
        with self._transaction() as connection:
            writing.belong_to(connection, identity)

    def records(self) -> tuple[Record, ...]:
        """Return what was kept of objects, for the source that gave it."""
        rows = self._connection.execute("SELECT kind, id, content FROM record ORDER BY kind, id")
        return tuple(Record(kind=kind, id=name, content=content) for kind, name, content in rows)

    def positions(self) -> tuple[Position, ...]:
        """Return how far each kind had been read when the records were kept."""
        rows = self._connection.execute("SELECT kind, version, notes FROM position ORDER BY kind")
        return tuple(Position(kind=kind, version=version, notes=notes) for kind, version, notes in rows)

    def prune(self, older_than: datetime, most_bytes: int) -> int:
        """Forget some of the history that ended before ``older_than`` or does not fit; return how many versions.

        A call takes a few milliseconds, so that nobody waits; call it until it returns 0. The present
        is never touched, so a twin can stay larger than ``most_bytes``.
        """
        with self._transaction() as connection:
            forgotten = pruning.prune(connection, time_text(older_than), most_bytes)
        if forgotten:
            with self._explained():
                self._connection.executescript("PRAGMA incremental_vacuum")  # execute() would free one page only
        return forgotten

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

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

    def seen_at(self, at: datetime) -> tuple[Change, ...]:
        """Return the changes that the delta applied at ``at`` made, whenever they happened, oldest first."""
        return history.seen_at(self._connection, time_text(at))

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
    path.touch(mode=0o600)  # objects are as confidential as the cluster
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts only before the first table
    Database(connection).enable_wal()
    return connection


def _reading(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise InputError(f"{path}: there is no twin; keep one with: sre-orchestrator twin follow")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
