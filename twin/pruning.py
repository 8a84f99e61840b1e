"""Forgets old history: closed versions only, a little at a time."""

from __future__ import annotations

from sqlite3 import Connection

ROWS = 5_000
_TABLES = ("component", "edge")


def prune(connection: Connection, older_than: str, most_bytes: int) -> int:
    """Delete the oldest closed versions, at most ``ROWS``, and give their pages back; return how many there were.

    Those that ended before ``older_than`` go, and, while the twin takes more than ``most_bytes``, any.
    """
    oldest = _oldest(connection)
    doomed = oldest if _used_bytes(connection) > most_bytes else [end for end in oldest if end < older_than]
    if not doomed:
        return 0
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE valid_to <= ?", (doomed[-1],))
    return len(doomed)


def _oldest(connection: Connection) -> list[str]:
    """Return when the oldest closed versions ended, oldest first."""
    each = " UNION ALL ".join(
        f"SELECT * FROM (SELECT valid_to FROM {table} WHERE valid_to IS NOT NULL ORDER BY valid_to LIMIT {ROWS})"
        for table in _TABLES
    )
    rows = connection.execute(f"{each} ORDER BY valid_to LIMIT {ROWS}")
    return [end for (end,) in rows]


def _used_bytes(connection: Connection) -> int:
    size, pages, free = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    return size * (pages - free)
