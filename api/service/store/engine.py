"""Opens the database: SQLite with a write-ahead log, or PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from sre_orchestrator.api.service.store.migrations import migrate
from sre_orchestrator.core.errors import InputError

BUSY_SECONDS = 30


def open_engine(url: str) -> Engine:
    """Return the engine of an up-to-date database at ``url`` (``sqlite:///FILE``, ``postgresql://…``).

    Raises:
        InputError: the address or the database cannot be used; the message holds no password.

    """
    shown = url.partition("://")[0]
    try:
        parsed = make_url(url)
        shown = parsed.render_as_string(hide_password=True)
        engine = _sqlite(url, parsed.database) if parsed.drivername == "sqlite" else _server(url)
        with engine.begin() as connection:
            migrate(connection)
    except (ArgumentError, ImportError, OSError, SQLAlchemyError) as error:
        raise InputError(
            f"{shown}: the database cannot be used: {str(error).splitlines()[0]}; set service.database_url"
        ) from error
    return engine


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


def _server(url: str) -> Engine:
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(url, pool_pre_ping=True)
