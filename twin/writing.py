"""Writes to the twin's tables: what differs closes one version and opens the next. The caller holds the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from sqlite3 import Connection

from sre_orchestrator.core.identity import kind_of, namespace_of
from sre_orchestrator.core.models import Component, Edge
from sre_orchestrator.core.ports import Position, Record
from sre_orchestrator.twin.rows import attributes_text, time_from, time_text

Ends = tuple[str, str, str]  # source, kind, target
Known = tuple[str, str]  # attributes and since of a component
_ENDS = "source = ?2 AND kind = ?3 AND target = ?4"
_LAST = (
    "SELECT max(coalesce((SELECT max(valid_from) FROM component), ''), coalesce((SELECT max(valid_to) FROM component), ''),"
    " coalesce((SELECT max(valid_from) FROM edge), ''), coalesce((SELECT max(valid_to) FROM edge), ''))"
)


def last_change(connection: Connection) -> str:
    """Return the time of the last change, ``""`` when there is none."""
    last: str = connection.execute(_LAST).fetchone()[0]
    return last


def after(last: str, at: datetime) -> str:
    """Return ``at``, or the next possible time after the last change when the clock has been set back."""
    now = time_text(at)
    return now if now > last else time_text(time_from(last) + timedelta(microseconds=1))


def known_of(components: Iterable[Component]) -> dict[str, Known | None]:
    """Return by id what the table holds of components."""
    return {one.id: (attributes_text(one), time_text(one.since) if one.since else "") for one in components}


def provenances_of(edges: Iterable[Edge]) -> dict[Ends, str | None]:
    """Return by ends what the table holds of edges: every provenance of an edge in one text."""
    each: dict[Ends, dict[str, None]] = {}
    for one in edges:
        each.setdefault((one.source, one.kind, one.target), {}).update(dict.fromkeys(one.provenance.split("; ")))
    return {ends: "; ".join(sorted(filter(None, texts))) for ends, texts in each.items()}


def replace_components(connection: Connection, wanted: Mapping[str, Known | None], now: str, *, whole: bool) -> None:
    """Make the present components as ``wanted``; ``None`` is absent, as is, when ``whole``, what is not mentioned."""
    if whole:
        rows = connection.execute("SELECT id, attributes, since FROM component WHERE valid_to IS NULL").fetchall()
    else:
        rows = [
            row
            for name in wanted
            for row in connection.execute(
                "SELECT id, attributes, since FROM component WHERE valid_to IS NULL AND id = ?", (name,)
            )
        ]
    present: dict[str, Known] = {name: (attributes, since) for name, attributes, since in rows}
    _close(connection, "component", "id = ?2", [(now, one) for one in present if wanted.get(one) != present[one]])
    connection.executemany(
        "INSERT INTO component VALUES (?, ?, ?, ?, ?, ?, NULL)",
        [
            (name, kind_of(name), namespace_of(name), *known, now)
            for name, known in wanted.items()
            if known and present.get(name) != known
        ],
    )


def replace_edges(connection: Connection, wanted: Mapping[Ends, str | None], now: str, *, whole: bool) -> None:
    """Make the present edges as ``wanted``; ``None`` is absent, as is, when ``whole``, what is not mentioned."""
    select = "SELECT source, kind, target, provenance FROM edge WHERE valid_to IS NULL"
    if whole:
        rows = connection.execute(select).fetchall()
    else:
        one_edge = f"{select} AND source = ? AND kind = ? AND target = ?"
        rows = [row for ends in wanted for row in connection.execute(one_edge, ends)]
    present: dict[Ends, str] = {(source, kind, target): provenance for source, kind, target, provenance in rows}
    _close(connection, "edge", _ENDS, [(now, *one) for one in present if wanted.get(one) != present[one]])
    connection.executemany(
        "INSERT INTO edge VALUES (?, ?, ?, ?, ?, NULL)",
        [
            (*ends, provenance, now)
            for ends, provenance in wanted.items()
            if provenance is not None and present.get(ends) != provenance
        ],
    )


def keep(connection: Connection, records: Iterable[Record], positions: Iterable[Position]) -> None:
    """Keep what a source wants back when it begins again."""
    records = list(records)
    connection.executemany(
        "DELETE FROM record WHERE kind = ? AND id = ?", [(one.kind, one.id) for one in records if not one.content]
    )
    connection.executemany(
        "INSERT OR REPLACE INTO record VALUES (?, ?, ?)",
        [(one.kind, one.id, one.content) for one in records if one.content],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO position VALUES (?, ?, ?)", [(one.kind, one.version, one.notes) for one in positions]
    )


def belong_to(connection: Connection, identity: str) -> None:
    """Note whose twin this is; what sources kept of another cluster goes."""
    if connection.execute("SELECT identity FROM cluster").fetchall() != [(identity,)]:
        for table in ("record", "position", "cluster"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute("INSERT INTO cluster VALUES (?, '')", (identity,))


def read_anew(connection: Connection, program: str) -> bool:
    """Note which version of the program reads the cluster from now on; say whether another one did before."""
    known: list[tuple[str]] = connection.execute("SELECT program FROM cluster").fetchall()
    connection.execute("UPDATE cluster SET program = ?", (program,))
    return known not in ([], [("",)], [(program,)])


def amend(connection: Connection, wanted: Mapping[str, Known | None], relations: Mapping[Ends, str | None]) -> None:
    """Rewrite what is there in place: that a new version of the program reads more is no change of the cluster."""
    connection.executemany(
        "UPDATE component SET attributes = ?, since = ? WHERE id = ? AND valid_to IS NULL",
        [(*known, name) for name, known in wanted.items() if known],
    )
    connection.executemany(
        "UPDATE edge SET provenance = ? WHERE source = ? AND kind = ? AND target = ? AND valid_to IS NULL",
        [(provenance, *ends) for ends, provenance in relations.items()],
    )
    earliest = connection.execute("SELECT min(valid_from) FROM component").fetchone()[0]
    connection.executemany(
        "INSERT OR IGNORE INTO edge VALUES (?, ?, ?, ?, ?, NULL)",
        [(*ends, provenance, earliest) for ends, provenance in relations.items()],
    )


def _close(connection: Connection, table: str, which: str, rows: Iterable[tuple[str, ...]]) -> None:
    """Close open versions; one that was opened at the very same time is taken back."""
    rows = list(rows)
    connection.executemany(f"DELETE FROM {table} WHERE {which} AND valid_to IS NULL AND valid_from = ?1", rows)
    connection.executemany(f"UPDATE {table} SET valid_to = ?1 WHERE {which} AND valid_to IS NULL", rows)
