"""Keeps incidents in SQL (``api.service.ports.Store``)."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sre_orchestrator.api.service.models import (
    Arrival,
    Feedback,
    Happened,
    IncidentRecord,
    IncidentView,
    Page,
    Query,
)
from sre_orchestrator.api.service.ports import Accepted
from sre_orchestrator.api.service.store.engine import open_engine
from sre_orchestrator.api.service.store.listing import listed
from sre_orchestrator.api.service.store.rows import record_of, time_text
from sre_orchestrator.api.service.store.tables import feedback as feedbacks
from sre_orchestrator.api.service.store.tables import happened, incident, investigation
from sre_orchestrator.core.bundle import bundle_bytes
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.pipeline import Bundle

RACES = 5


def open_database(url: str, state: Path) -> Database:
    """Open the database at ``url``, by default a SQLite file in ``state``.

    Raises:
        InputError: it cannot be used.

    """
    return Database(open_engine(url or f"sqlite:///{state / 'service.db'}"))


class Database:
    """Incidents in a database; every method is a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read = engine.execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def accept(self, arrival: Arrival, now: datetime) -> Accepted:
        """Keep an arrival; when this returns, it is on disk."""
        for _ in range(RACES):
            try:
                with self._engine.begin() as connection:
                    return _accept(connection, arrival, now)
            except IntegrityError:  # another replica has just accepted the same key or fingerprint
                continue
        raise InputError("the incident could not be stored: others store the same one all the time; try again")

    def get(self, incident_id: str) -> IncidentView | None:
        """Return an incident with its report."""
        with self._read.connect() as connection:
            row = _row(connection, incident_id)
            if row is None:
                return None
            report = connection.scalar(select(investigation.c.report).where(investigation.c.incident == incident_id))
        record = record_of(row)
        return IncidentView(
            **msgspec.structs.asdict(record),
            report=msgspec.json.decode(gzip.decompress(report), type=Report) if report else None,
        )

    def list(self, query: Query) -> Page:
        """Return a page of incidents."""
        with self._read.connect() as connection:
            return listed(connection, query)

    def claim(self, now: datetime, incident_id: str = "") -> IncidentRecord | None:
        """Return a queued incident that is now ours."""
        wanted = select(incident.c.id).where(incident.c.status == "queued")
        if incident_id:
            wanted = wanted.where(incident.c.id == incident_id)
        oldest = wanted.order_by(incident.c.created_at, incident.c.id).limit(1).with_for_update(skip_locked=True)
        taken = (
            update(incident)
            .where(incident.c.id == oldest.scalar_subquery(), incident.c.status == "queued")
            .values(status="running", attempts=incident.c.attempts + 1, updated_at=time_text(now))
            .returning(incident)
        )
        with self._engine.begin() as connection:
            row = connection.execute(taken).mappings().first()
            if row is None:
                return None
            _note(connection, row["id"], Happened(number=0, at=now, what="running"))
            return record_of(row)

    def finish(self, incident_id: str, bundle: Bundle, now: datetime) -> IncidentRecord:
        """Keep a report, once."""
        report = bundle.report
        first = report.hypotheses[0] if report.hypotheses and report.verdict == "diagnosed" else None
        done = (
            update(incident)
            .where(incident.c.id == incident_id, incident.c.status == "running")
            .values(
                status="done",
                updated_at=time_text(now),
                verdict=report.verdict,
                cause=first.cause if first else "",
                component=first.component if first else "",
                confidence=first.confidence if first else 0.0,
                error="",
            )
        )
        with self._engine.begin() as connection:
            if connection.execute(done).rowcount:
                kept = {"report": gzip.compress(msgspec.json.encode(report), mtime=0), "bundle": bundle_bytes(bundle)}
                connection.execute(insert(investigation).values(incident=incident_id, **kept))
                _note(connection, incident_id, Happened(number=0, at=now, what="done", text=report.verdict))
            return _known(connection, incident_id)

    def fail(self, incident_id: str, error: str, now: datetime, *, retry: bool) -> IncidentRecord:
        """Note that an investigation failed."""
        status = "queued" if retry else "failed"
        failed = (
            update(incident)
            .where(incident.c.id == incident_id, incident.c.status == "running")
            .values(status=status, updated_at=time_text(now), error=error)
        )
        with self._engine.begin() as connection:
            if connection.execute(failed).rowcount:
                what = Happened(number=0, at=now, what="queued" if retry else "failed", text=error)
                _note(connection, incident_id, what)
            return _known(connection, incident_id)

    def requeue_running(self, now: datetime) -> int:
        """Put back what was running when the process died."""
        back = (
            update(incident)
            .where(incident.c.status == "running")
            .values(status="queued", updated_at=time_text(now))
            .returning(incident.c.id)
        )
        with self._engine.begin() as connection:
            found = connection.scalars(back).all()
            for one in found:
                _note(connection, one, Happened(number=0, at=now, what="queued", text="the service was restarted"))
            return len(found)

    def resolve(self, incident_id: str, now: datetime) -> None:
        """Note that it is over: the next arrival of its fingerprint is a new incident."""
        over = (
            update(incident)
            .where(incident.c.id == incident_id, incident.c.resolved_at.is_(None))
            .values(resolved_at=time_text(now), updated_at=time_text(now), fingerprint=None)
        )
        with self._engine.begin() as connection:
            if connection.execute(over).rowcount:
                _note(connection, incident_id, Happened(number=0, at=now, what="resolved"))

    def bundle(self, incident_id: str) -> bytes | None:
        """Return the investigation as a bundle file."""
        with self._read.connect() as connection:
            kept: bytes | None = connection.scalar(
                select(investigation.c.bundle).where(investigation.c.incident == incident_id)
            )
            return kept

    def note(self, incident_id: str, what: Happened) -> None:
        """Keep a step of an investigation; it gets the next number."""
        with self._engine.begin() as connection:
            _note(connection, incident_id, what)

    def happened(self, incident_id: str, after: int = 0) -> Sequence[Happened]:
        """Return the steps after number ``after``."""
        steps = select(happened).where(happened.c.incident == incident_id, happened.c.number > after)
        with self._read.connect() as connection:
            rows = connection.execute(steps.order_by(happened.c.number)).mappings().all()
        return [msgspec.convert({name: row[name] for name in Happened.__struct_fields__}, Happened) for row in rows]

    def feedback(self, incident_id: str, feedback: Feedback, caller: str, now: datetime) -> None:
        """Keep what a person says of a hypothesis."""
        row = {"incident": incident_id, "at": time_text(now), "caller": caller, "said": msgspec.json.encode(feedback)}
        with self._engine.begin() as connection:
            connection.execute(insert(feedbacks).values(**row))

    def prune(self, before: datetime) -> int:
        """Remove finished incidents that were last touched before ``before``."""
        old = select(incident.c.id).where(
            incident.c.updated_at < time_text(before), incident.c.status.in_(("done", "failed"))
        )
        with self._engine.begin() as connection:
            found = connection.scalars(old).all()
            for some in _portions(found):
                for table in (investigation, happened, feedbacks):
                    connection.execute(delete(table).where(table.c.incident.in_(some)))
                connection.execute(delete(incident).where(incident.c.id.in_(some)))
        return len(found)


def _accept(connection: Connection, arrival: Arrival, now: datetime) -> Accepted:
    for column, value in (("idempotency_key", arrival.idempotency_key), ("fingerprint", arrival.fingerprint)):
        if value and (row := _first(connection, column, value)):
            return Accepted(record=_folded(connection, row, column == "fingerprint", now), folded=True)
    name = _new_id(now)
    connection.execute(insert(incident).values(**_new(arrival, name, now)))
    _note(connection, name, Happened(number=0, at=now, what="queued"))
    return Accepted(record=_known(connection, name))


def _folded(connection: Connection, row: RowMapping, counted: bool, now: datetime) -> IncidentRecord:
    """Return the incident that was there already; a repeated request is the same arrival and counts once."""
    if counted:
        connection.execute(
            update(incident)
            .where(incident.c.id == row["id"])
            .values(seen=incident.c.seen + 1, updated_at=time_text(now))
        )
    return _known(connection, row["id"])


def _new(arrival: Arrival, name: str, now: datetime) -> dict[str, Any]:
    at = time_text(now)
    return {
        "id": name,
        "status": "queued",
        "origin": arrival.origin,
        "reporter": arrival.reporter,
        "reported": msgspec.json.encode(arrival.reported),
        "description": arrival.reported.description,
        "namespace": arrival.reported.namespace,
        "created_at": at,
        "updated_at": at,
        "seen": 1,
        "attempts": 0,
        "merged_into": "",
        "cause": "",
        "component": "",
        "confidence": 0.0,
        "error": "",
        "fingerprint": arrival.fingerprint or None,
        "idempotency_key": arrival.idempotency_key or None,
    }


def _new_id(now: datetime) -> str:
    """Return an id that sorts by time and that nobody can guess."""
    return f"i{int(now.timestamp() * 1000):012x}{os.urandom(8).hex()}"


def _first(connection: Connection, column: str, value: str) -> RowMapping | None:
    return connection.execute(select(incident).where(incident.c[column] == value)).mappings().first()


def _row(connection: Connection, incident_id: str) -> RowMapping | None:
    return _first(connection, "id", incident_id)


def _known(connection: Connection, incident_id: str) -> IncidentRecord:
    row = _row(connection, incident_id)
    if row is None:
        raise InputError(f"there is no incident {incident_id}")
    return record_of(row)


def _note(connection: Connection, incident_id: str, what: Happened) -> None:
    last = select(func.coalesce(func.max(happened.c.number), 0) + 1).where(happened.c.incident == incident_id)
    row = {"incident": incident_id, "at": time_text(what.at), "what": what.what, "text": what.text}
    connection.execute(insert(happened).values(number=last.scalar_subquery(), **row))


def _portions(found: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (found[begin : begin + size] for begin in range(0, len(found), size))
