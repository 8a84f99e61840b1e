"""Opens the database: SQLite with a write-ahead log, or PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from sre_orchestrator.api.service.store.migrations import migrate
from sre_orchestrator.core.errors import InputError

BUSY_SECONDS = 30
CONNECT_SECONDS = "10"  # where the address says nothing else (connect_timeout)
POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")


def open_engine(url: str) -> Engine:
    """Return the engine of an up-to-date database at ``url`` (``sqlite:///FILE``, ``postgresql://…``).

    Raises:
        InputError: the address or the database cannot be used; the message holds no password.

    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # what it says may hold the password
        raise InputError(
            "service.database_url: is no address of a database; write postgresql://USER:PASSWORD@HOST:PORT/NAME"
        ) from error
    shown = parsed.render_as_string(hide_password=True)
    try:
        engine = _sqlite(url, parsed.database) if parsed.drivername == "sqlite" else _server(parsed)
        with engine.begin() as connection:
            migrate(connection)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{shown}: the database cannot be used: {error}; pip install 'sre-orchestrator[postgres]'"
        ) from error
    except (ImportError, OSError, SQLAlchemyError) as error:
        why = str(error).splitlines()[0].replace(parsed.password or "\0", "***")
        raise InputError(f"{shown}: the database cannot be used: {why}; set service.database_url") from error
    return engine


def is_server(url: str) -> bool:
    """Say whether ``url`` names a server that several replicas can use."""
    return bool(url) and not url.startswith("sqlite:")


def libpq_address(url: str) -> str:
    """Return the address of a PostgreSQL database as its own clients take it, with the password."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _sqlite(url: str, file: str | None) -> Engine:
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: object) -> None:  # noqa: ANN401 - a connection of the driver
    """Commit for good (FULL): what was accepted survives a power cut; transactions begin where we say."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:  # noqa: ANN401 - see above
    """Take the right to write at once: a transaction that reads first could lose it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _server(url: URL) -> Engine:
    if url.drivername not in POSTGRESQL:
        raise ArgumentError(f"{url.drivername} is not known; known: sqlite, postgresql")
    patience = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
    return create_engine(url.set(drivername=POSTGRESQL[-1]).update_query_dict(patience), pool_pre_ping=True)
