"""Keeps what runbooks mean for all replicas (``plugins.knowledge.vectors.VectorStore``): one embeds, the others read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from sre_orchestrator.api.service.store.rows import time_text
from sre_orchestrator.api.service.store.tables import runbook_vector
from sre_orchestrator.core.errors import InputError

KEPT = timedelta(days=7)  # replicas may have other texts and another model during an update
SEEN = timedelta(days=1)  # what was seen within it is not written again
PORTION = 500
LOCK = 0x5E_0F  # of PostgreSQL: replicas embed one after the other
PATIENCE = "30s"  # for the turn of a replica; who waited longer tries again later


def _utc_now() -> datetime:
    return datetime.now(UTC)


class VectorTable:
    """Vectors in a database."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = _utc_now) -> None:
        self._engine = engine
        self._now = now

    def known(self, model: str) -> dict[str, bytes]:
        """Return the vectors of a model by their texts."""
        asked = select(runbook_vector.c.text, runbook_vector.c.vector).where(runbook_vector.c.model == model)
        with self._begin() as connection:
            return {row.text: row.vector for row in connection.execute(asked)}

    @contextmanager
    def turn(self, model: str, texts: Sequence[str]) -> Iterator[Sequence[str]]:
        """Yield those of ``texts`` that no replica has embedded; PostgreSQL lets one replica work at a time."""
        if self._engine.dialect.name != "postgresql":
            yield self._missing(model, texts)
            return
        with self._begin() as connection:
            _lock(connection)
            yield self._missing(model, texts)

    def keep(self, model: str, rows: Mapping[str, bytes]) -> None:
        """Keep vectors by their texts."""
        seen_at = time_text(self._now())
        values = [
            {"model": model, "digest": _digest(one), "text": one, "vector": vector, "seen_at": seen_at}
            for one, vector in rows.items()
        ]
        with self._begin() as connection:
            for some in _portions(rows):
                connection.execute(delete(runbook_vector).where(*_those(model, some)))
            connection.execute(insert(runbook_vector), values)

    def keep_only(self, model: str, texts: Collection[str]) -> None:
        """Note that ``texts`` are wanted now; forget what no replica has wanted for a week, of whatever model."""
        now = self._now()
        due = runbook_vector.c.seen_at < time_text(now - SEEN)
        gone = runbook_vector.c.seen_at < time_text(now - KEPT)
        with self._begin() as connection:
            _lock(connection)
            for some in _portions(texts):
                wanted = update(runbook_vector).where(*_those(model, some), due)
                connection.execute(wanted.values(seen_at=time_text(now)))
            connection.execute(delete(runbook_vector).where(gone))

    def _missing(self, model: str, texts: Sequence[str]) -> Sequence[str]:
        asked = select(runbook_vector.c.digest).where(*_those(model, texts))
        with self._begin() as connection:
            there = set(connection.scalars(asked))
        return [one for one in texts if _digest(one) not in there]

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            where = self._engine.url.render_as_string(hide_password=True)
            why = str(error).splitlines()[0].replace(self._engine.url.password or "\0", "***")
            raise InputError(f"{where}: the vectors of runbooks cannot be used: {why}; see to the database") from error


def _lock(connection: Connection) -> None:
    """Wait until nobody else changes vectors; SQLite lets one write at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT set_config('lock_timeout', :patience, true)"), {"patience": PATIENCE})
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _portions(texts: Collection[str]) -> Iterator[Sequence[str]]:
    every = list(texts)
    return (every[begin : begin + PORTION] for begin in range(0, len(every), PORTION))


def _those(model: str, texts: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return runbook_vector.c.model == model, runbook_vector.c.digest.in_([_digest(one) for one in texts])


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()
