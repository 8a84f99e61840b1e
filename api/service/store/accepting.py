"""Takes in what is reported: a new incident, or one more arrival of an incident that is open."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Select, func, insert, select, update

from sre_orchestrator.api.service.models import Arrival, Happened, IncidentRecord, Reported
from sre_orchestrator.api.service.ports import Accepted
from sre_orchestrator.api.service.store.rows import record_of, storable, time_text
from sre_orchestrator.api.service.store.tables import happened, incident
from sre_orchestrator.core.errors import InputError

ALERTED = ("alert", "event")
MOST_TEXT = 4000  # of Reported
STORM = timedelta(minutes=1)
FORGOTTEN = timedelta(hours=24)  # an alert that is still on is repeated several times a day


def accepted(connection: Connection, arrival: Arrival, now: datetime) -> Accepted:
    """Keep an arrival: a new incident, or one folded into an open incident of the same fingerprint or key.

    Raises:
        InputError: its key was used for something else.

    """
    row = _first(connection, "idempotency_key", arrival.idempotency_key) if arrival.idempotency_key else None
    if row and record_of(row).reported != arrival.reported:
        raise InputError(f"Idempotency-Key: was used for another report, {row['id']}; use a new key for each report")
    return _there(connection, arrival, now) or _opened(connection, arrival, now)


def taken(connection: Connection, arrival: Arrival, now: datetime, most_new: int) -> Accepted | None:
    """Keep what an alert says; ``None`` where one that is over has no open incident."""
    if arrival.over:
        row = _first(connection, "fingerprint", arrival.fingerprint)
        return Accepted(record=over(connection, row["id"], now), folded=True) if row else None
    found = _there(connection, arrival, now)
    if found is None and arrival.crowd and _opened_lately(connection, arrival.queue, now, most_new) >= most_new:
        arrival = _crowded(arrival)
        found = _there(connection, arrival, now)
    return found or _opened(connection, arrival, now)


def over(connection: Connection, incident_id: str, now: datetime) -> IncidentRecord:
    """Note that an incident is over: the next arrival of its fingerprint is a new one."""
    closed = (
        update(incident)
        .where(incident.c.id == incident_id, incident.c.resolved_at.is_(None))
        .values(resolved_at=time_text(now), updated_at=time_text(now), fingerprint=None)
    )
    if connection.execute(closed).rowcount:
        noted(connection, incident_id, Happened(number=0, at=now, what="resolved"))
    return known(connection, incident_id)


def claimed(connection: Connection, wanted: Select[tuple[str]], now: datetime) -> IncidentRecord | None:
    """Return the incident that ``wanted`` selects and locks, now ``running``."""
    ours = (
        update(incident)
        .where(incident.c.id == wanted.scalar_subquery())
        .values(status="running", attempts=incident.c.attempts + 1, updated_at=time_text(now))
        .returning(incident)
    )
    row = connection.execute(ours).mappings().first()
    if row is None:
        return None
    noted(connection, row["id"], Happened(number=0, at=now, what="running"))
    return record_of(row)


def _there(connection: Connection, arrival: Arrival, now: datetime) -> Accepted | None:
    if arrival.idempotency_key and (row := _first(connection, "idempotency_key", arrival.idempotency_key)):
        return Accepted(record=record_of(row), folded=True)  # a repeated request is the same arrival and counts once
    row = _first(connection, "fingerprint", arrival.fingerprint) if arrival.fingerprint else None
    if row is None:
        return None
    if row["origin"] in ALERTED and row["updated_at"] < time_text(now - FORGOTTEN):
        over(connection, row["id"], now)
        return None
    more = {"seen": incident.c.seen + arrival.count, "updated_at": time_text(now)}
    connection.execute(update(incident).where(incident.c.id == row["id"]).values(**more))
    return Accepted(record=known(connection, row["id"]), folded=True)


def _opened(connection: Connection, arrival: Arrival, now: datetime) -> Accepted:
    name = _new_id(now)
    connection.execute(insert(incident).values(**_new(arrival, name, now)))
    noted(connection, name, Happened(number=0, at=now, what="queued"))
    return Accepted(record=known(connection, name))


def _opened_lately(connection: Connection, queue: str, now: datetime, most: int) -> int:
    """Return how many incidents of a queue alerts opened within a minute, counted up to ``most``."""
    lately = select(incident.c.id).where(
        incident.c.created_at > time_text(now - STORM), incident.c.origin.in_(ALERTED), incident.c.queue == queue
    )
    return connection.scalar(select(func.count()).select_from(lately.limit(most).subquery())) or 0


def _crowded(arrival: Arrival) -> Arrival:
    """Return the arrival as one of a storm: about the whole cluster, in the words of the first."""
    reported = arrival.reported
    storm = Reported(
        description=f"alert storm, of which one alert says: {reported.description}"[:MOST_TEXT],
        cluster=reported.cluster,
        labels=reported.labels,
    )
    return msgspec.structs.replace(arrival, reported=storm, fingerprint=arrival.crowd)


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
        "seen": arrival.count,
        "attempts": 0,
        "merged_into": "",
        "cause": "",
        "component": "",
        "confidence": 0.0,
        "error": "",
        "fingerprint": arrival.fingerprint or None,
        "idempotency_key": arrival.idempotency_key or None,
        "queue": arrival.queue,
    }


def _new_id(now: datetime) -> str:
    """Return an id that sorts by time and that nobody can guess."""
    return f"i{int(now.timestamp() * 1000):012x}{os.urandom(8).hex()}"


def _first(connection: Connection, column: str, value: str) -> RowMapping | None:
    return connection.execute(select(incident).where(incident.c[column] == value)).mappings().first()


def row_of(connection: Connection, incident_id: str) -> RowMapping | None:
    """Return the row of an incident."""
    return _first(connection, "id", incident_id)


def known(connection: Connection, incident_id: str) -> IncidentRecord:
    """Return an incident.

    Raises:
        InputError: there is none of that id.

    """
    row = row_of(connection, incident_id)
    if row is None:
        raise InputError(f"there is no incident {incident_id}")
    return record_of(row)


def noted(connection: Connection, incident_id: str, what: Happened) -> None:
    """Keep a step of an investigation; it gets the next number, one writer after the other."""
    connection.execute(select(incident.c.id).where(incident.c.id == incident_id).with_for_update())
    last = select(func.coalesce(func.max(happened.c.number), 0) + 1).where(happened.c.incident == incident_id)
    row = {"incident": incident_id, "at": time_text(what.at), "what": what.what, "text": storable(what.text)}
    connection.execute(insert(happened).values(number=last.scalar_subquery(), **row))
