"""Keeps incidents in SQL (``api.service.ports.Store``)."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from sre_orchestrator.api.service.models import (
    Arrival,
    Feedback,
    Happened,
    IncidentRecord,
    IncidentView,
    Page,
    Query,
    Said,
    StoredView,
)
from sre_orchestrator.api.service.ports import Accepted, StoreState
from sre_orchestrator.api.service.searching import SearchedRunbooks
from sre_orchestrator.api.service.store.accepting import accepted, claimed, known, noted, over, row_of, taken
from sre_orchestrator.api.service.store.backlog import OpenIncidents
from sre_orchestrator.api.service.store.engine import open_engine
from sre_orchestrator.api.service.store.finishing import finished
from sre_orchestrator.api.service.store.keeping import kept
from sre_orchestrator.api.service.store.keys import KeyTable
from sre_orchestrator.api.service.store.listing import listed
from sre_orchestrator.api.service.store.outbox import Deliveries
from sre_orchestrator.api.service.store.rows import record_of, storable, time_text
from sre_orchestrator.api.service.store.runbooks import RunbookTable
from sre_orchestrator.api.service.store.said import keep_said, last_words, said_of
from sre_orchestrator.api.service.store.state import Waiting
from sre_orchestrator.api.service.store.tables import delivery, happened, incident, investigation
from sre_orchestrator.api.service.store.tables import feedback as feedbacks
from sre_orchestrator.api.service.store.vectors import VectorTable
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.pipeline import Bundle

RACES = 5
PORTION = 200  # incidents that are forgotten in one transaction
DEADLOCK = "40P01"  # of PostgreSQL: two took several incidents in different order
T = TypeVar("T")


def open_database(url: str, state: Path, targets: Iterable[str] = (), queue: str = "") -> Database:
    """Open the database at ``url``, by default a SQLite file in ``state``.

    ``targets`` are to be told of reports; ``queue`` names whose workers investigate what is accepted here.

    Raises:
        InputError: it cannot be used.

    """
    engine = open_engine(url or f"sqlite:///{state / 'service.db'}")
    return Database(engine, targets, queue, index=state / "knowledge" / "uploaded.db")


class Database:
    """Incidents in a database; every method is a transaction of its own."""

    def __init__(
        self, engine: Engine, targets: Iterable[str] = (), queue: str = "", *, index: Path | None = None
    ) -> None:
        self._engine = engine
        self._queue = queue
        self._targets = tuple(targets)
        self.backlog = OpenIncidents(engine, queue)
        self.outbox = Deliveries(engine)
        self.keys = KeyTable(engine)
        self.runbooks = SearchedRunbooks(RunbookTable(engine), index)
        self.vectors = VectorTable(engine)
        self._waiting = Waiting(engine)
        self._read = engine.execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        """Close the connections."""
        self.runbooks.close()
        self._engine.dispose()

    def accept(self, arrival: Arrival, now: datetime) -> Accepted:
        """Keep an arrival; when this returns, it is on disk."""
        ours = self._ours(arrival)
        return self._settled(lambda connection: accepted(connection, ours, now))

    def take(self, arrivals: Sequence[Arrival], now: datetime, *, most_new: int) -> Sequence[Accepted | None]:
        """Keep what alerts say; when this returns, it is on disk."""
        ours = [self._ours(one) for one in arrivals]
        return self._settled(lambda connection: [taken(connection, one, now, most_new) for one in ours])

    def get(self, incident_id: str) -> IncidentView | None:
        """Return an incident with its report."""
        view = self.read(incident_id)
        if view is None:
            return None
        report = msgspec.json.decode(view.report, type=Report) if view.report is not None else None
        return IncidentView(**{**msgspec.structs.asdict(view), "report": report})

    def read(self, incident_id: str) -> StoredView | None:
        """Return an incident with its report as it is stored."""
        with self._read.connect() as connection:
            row = row_of(connection, incident_id)
            if row is None:
                return None
            report = connection.scalar(select(investigation.c.report).where(investigation.c.incident == incident_id))
        record = record_of(row)
        stored = msgspec.Raw(gzip.decompress(report)) if report else None
        return StoredView(**msgspec.structs.asdict(record), report=stored)

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
        with self._engine.begin() as connection:
            return claimed(connection, oldest, now)

    def finish(self, incident_id: str, bundle: Bundle, now: datetime) -> IncidentRecord:
        """Keep a report, once."""
        with self._engine.begin() as connection:
            return finished(connection, incident_id, bundle, now, self._targets)

    def keep(self, arrival: Arrival, bundle: Bundle, now: datetime) -> IncidentRecord:
        """Keep an incident together with its report."""
        ours = self._ours(arrival)
        return self._settled(lambda connection: kept(connection, ours, bundle, now, self._targets))

    def kept_as(self, idempotency_key: str) -> str:
        """Return the id of the incident of that key."""
        with self._read.connect() as connection:
            found = connection.scalar(select(incident.c.id).where(incident.c.idempotency_key == idempotency_key))
            return found or ""

    def fail(self, incident_id: str, error: str, now: datetime, *, retry: bool) -> IncidentRecord:
        """Note that an investigation failed."""
        status = "queued" if retry else "failed"
        failed = (
            update(incident)
            .where(incident.c.id == incident_id, incident.c.status == "running")
            .values(status=status, updated_at=time_text(now), error=storable(error))
        )
        with self._engine.begin() as connection:
            if connection.execute(failed).rowcount:
                what = Happened(number=0, at=now, what="queued" if retry else "failed", text=error)
                noted(connection, incident_id, what)
            return known(connection, incident_id)

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
                noted(connection, one, Happened(number=0, at=now, what="queued", text="the service was restarted"))
            return len(found)

    def resolve(self, incident_id: str, now: datetime) -> None:
        """Note that it is over: the next arrival of its fingerprint is a new incident."""
        with self._engine.begin() as connection:
            over(connection, incident_id, now)

    def bundle(self, incident_id: str) -> bytes | None:
        """Return the investigation as a bundle file."""
        with self._read.connect() as connection:
            found: bytes | None = connection.scalar(
                select(investigation.c.bundle).where(investigation.c.incident == incident_id)
            )
            return found

    def note(self, incident_id: str, what: Happened) -> None:
        """Keep a step of an investigation; it gets the next number."""
        with self._engine.begin() as connection:
            noted(connection, incident_id, what)

    def happened(self, incident_id: str, after: int = 0) -> Sequence[Happened]:
        """Return the steps after number ``after``."""
        steps = select(happened).where(happened.c.incident == incident_id, happened.c.number > after)
        with self._read.connect() as connection:
            rows = connection.execute(steps.order_by(happened.c.number)).mappings().all()
        return [msgspec.convert({name: row[name] for name in Happened.__struct_fields__}, Happened) for row in rows]

    def feedback(self, incident_id: str, feedback: Feedback, caller: str, now: datetime) -> None:
        """Keep what a person says of a hypothesis."""
        with self._engine.begin() as connection:
            keep_said(connection, incident_id, feedback, caller, now)

    def said(
        self, incident_id: str = "", *, after: int = 0, limit: int = 200, namespaces: Sequence[str] = ()
    ) -> Sequence[Said]:
        """Return what was said."""
        with self._read.connect() as connection:
            return said_of(connection, incident_id, after, limit, tuple(namespaces))

    def last_words(self, cause: str, *, limit: int, namespaces: Sequence[str] = ()) -> Sequence[Said]:
        """Return the last that was said of hypotheses of a cause."""
        with self._read.connect() as connection:
            return last_words(connection, cause, limit, tuple(namespaces))

    def state(self) -> StoreState:
        """Return how much waits."""
        return self._waiting.state()

    def prune(self, before: datetime) -> int:
        """Remove finished incidents that were last touched before ``before``, in portions: others want to write, too."""
        removed = 0
        while some := self._forgotten(before):
            removed += some
        return removed

    def _forgotten(self, before: datetime) -> int:
        old = select(incident.c.id).where(
            incident.c.updated_at < time_text(before), incident.c.status.in_(("done", "failed"))
        )
        with self._engine.begin() as connection:
            some = connection.scalars(old.limit(PORTION)).all()
            for table in (investigation, happened, feedbacks, delivery):
                connection.execute(delete(table).where(table.c.incident.in_(some)))
            connection.execute(delete(incident).where(incident.c.id.in_(some)))
        return len(some)

    def _ours(self, arrival: Arrival) -> Arrival:
        """Return an arrival as one of our queue: what other clusters' alerts say is folded apart."""
        if not self._queue:
            return arrival
        apart = {"fingerprint": arrival.fingerprint, "crowd": arrival.crowd}
        named = {field: f"{self._queue}/{value}" for field, value in apart.items() if value}
        return msgspec.structs.replace(arrival, queue=self._queue, **named)

    def _settled(self, work: Callable[[Connection], T]) -> T:
        """Work in a transaction, again when another replica has just accepted the same, or ours stood in its way."""
        for _ in range(RACES):
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except IntegrityError:
                continue
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", "") != DEADLOCK:
                    raise
        raise InputError("the incident could not be stored: others store the same one all the time; try again")
