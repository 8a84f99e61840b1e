"""The file of a library: its tables, and what to do when it cannot be used."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sre_orchestrator.core.knowledge import LibraryError
from sre_orchestrator.plugins.knowledge import keywords

VERSION = 1
BUSY_SECONDS = 20.0
UNWRITABLE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
REBUILD = "sre-orchestrator runbooks ingest --rebuild FOLDER…"
AGAIN = f"make it again: {REBUILD}"
TABLES = """
create table if not exists document (
    id integer primary key, address text not null unique, namespace text not null, reader integer not null,
    digest text not null, title text not null, format text not null, front text not null, passages integer not null
);
create table if not exists passage (
    id integer primary key autoincrement, document integer not null references document, body text not null
);
create index if not exists passage_of_document on passage (document);
create table if not exists name (document integer not null, kind text not null, key text not null);
create index if not exists name_by_key on name (key);
create index if not exists name_of_document on name (document);
create table if not exists fence (document integer not null, language text not null, line integer not null, text text not null);
create index if not exists fence_by_language on fence (language);
create index if not exists fence_of_document on fence (document);
"""


class DamagedError(LibraryError):
    """The file of a library holds something else."""


def opened(path: Path | None) -> sqlite3.Connection:
    """Return a connection to the library at ``path`` (``None``: in memory), with its tables.

    A library that is there and cannot be written can be read.

    Raises:
        LibraryError: the file is no library, damaged, or of another version.

    """
    with told(path):
        if path is None:
            return _connected(":memory:", path)
        path.parent.mkdir(parents=True, exist_ok=True)
        address = path.absolute().as_uri()
        try:
            return _connected(address, path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in UNWRITABLE:
                raise
            # without a log of changes (WAL) beside it, which SQLite cannot make there, the file is all there is
            log = path.with_name(f"{path.name}-wal")
            whole = not log.exists() or not log.stat().st_size
            return _connected(f"{address}?{'immutable=1' if whole else 'mode=ro'}", path, written=False)


def _connected(address: str, path: Path | None, *, written: bool = True) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    with ExitStack() as failing:
        failing.callback(connection.close)
        _prepare(connection, path, written=written)
        failing.pop_all()
    return connection


def _prepare(connection: sqlite3.Connection, path: Path | None, *, written: bool) -> None:
    version = connection.execute("pragma user_version").fetchone()[0]
    if version not in (0, VERSION):
        raise LibraryError(f"{path}: is a library of version {version}, not {VERSION}", AGAIN)
    if not written:
        connection.execute("select 1 from document")
        return
    connection.executescript("pragma journal_mode = wal; pragma synchronous = normal;")
    if version == 0:
        connection.executescript(
            f"begin immediate; {TABLES} {keywords.TABLE}; pragma user_version = {VERSION}; commit;"
        )


@contextmanager
def told(path: Path | None) -> Iterator[None]:
    """Say where, and what to do, when SQLite cannot work with the file at ``path``."""
    try:
        yield
    except sqlite3.OperationalError as error:
        remedy = f"see whether the folder can be written, its disk is full, or another program holds it; else {REBUILD}"
        raise LibraryError(f"{path}: the library of runbooks cannot be used: {error}", remedy) from error
    except sqlite3.DatabaseError as error:
        raise DamagedError(f"{path}: the library of runbooks is damaged: {error}", AGAIN) from error
    except OSError as error:
        raise LibraryError(f"{path}: {error.strerror}", "choose another --state-dir") from error


def throw_away(path: Path) -> None:
    """Remove the file of a library, and what SQLite keeps beside it.

    Raises:
        LibraryError: it cannot be removed.

    """
    with told(path):
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
