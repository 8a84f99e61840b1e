"""Keeps reports: an incident that turns out to have the cause of another joins it, and who is to be told is noted."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from sre_orchestrator.api.service.models import Happened, IncidentRecord
from sre_orchestrator.api.service.store.accepting import FORGOTTEN, known, noted
from sre_orchestrator.api.service.store.rows import record_of, time_text
from sre_orchestrator.api.service.store.tables import delivery, incident, investigation
from sre_orchestrator.core.bundle import bundle_bytes
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.pipeline import Bundle

LOCK = 0x5E_0D  # of PostgreSQL: reports are merged one after the other
OF_ITSELF = frozenset({"alert", "event", "watch"})  # what a person asked is answered by itself


def finished(
    connection: Connection, incident_id: str, bundle: Bundle, now: datetime, targets: Iterable[str]
) -> IncidentRecord:
    """Keep the report of an incident that is running, and what follows from it; else change nothing."""
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
    if not connection.execute(done).rowcount:
        return known(connection, incident_id)
    kept = {"report": packed(report), "bundle": bundle_bytes(bundle)}
    connection.execute(insert(investigation).values(incident=incident_id, **kept))
    noted(connection, incident_id, Happened(number=0, at=now, what="done", text=report.verdict))
    record = merged(connection, known(connection, incident_id), now)
    announce(connection, record, targets, now)
    return record


def packed(report: Report) -> bytes:
    """Return a report as it is stored."""
    return gzip.compress(msgspec.json.encode(report), mtime=0)


def unpacked(stored: bytes) -> Report:
    """Return a report that is stored."""
    return msgspec.json.decode(gzip.decompress(stored), type=Report)


def merged(connection: Connection, record: IncidentRecord, now: datetime) -> IncidentRecord:
    """Return an incident, merged into the oldest open one of the same cause, component and cluster, if any."""
    alone = record.cause and not record.merged_into and record.origin in OF_ITSELF
    if record.cause and connection.dialect.name == "postgresql":  # two that end together would not see each other
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    other = _same(connection, record, now) if alone else None
    if other is None:
        return record
    at = time_text(now)
    into = update(incident).where(incident.c.id == other.id)
    connection.execute(into.values(seen=incident.c.seen + record.seen, updated_at=at))
    connection.execute(update(incident).where(incident.c.id == record.id).values(merged_into=other.id))
    noted(connection, record.id, Happened(number=0, at=now, what="merged", text=f"into {other.id}"))
    noted(connection, other.id, Happened(number=0, at=now, what="merged", text=f"with {record.id}"))
    return known(connection, record.id)


def announce(connection: Connection, record: IncidentRecord, targets: Iterable[str], now: datetime) -> None:
    """Note what is to be told: once for each verdict and first cause of an incident and those merged into it."""
    said = hashlib.blake2b(msgspec.json.encode((record.verdict, record.cause, record.component)), digest_size=16)
    for target in targets:
        row = {
            "id": f"d{os.urandom(16).hex()}",
            "incident": record.merged_into or record.id,
            "target": target,
            "said": said.hexdigest(),
            "created_at": time_text(now),
            "due_at": time_text(now),
            "attempts": 0,
            "error": "",
        }
        try:
            with connection.begin_nested():
                connection.execute(insert(delivery).values(**row))
        except IntegrityError:  # it was told already
            continue


def _same(connection: Connection, record: IncidentRecord, now: datetime) -> IncidentRecord | None:
    open_ones = (
        select(incident)
        .where(
            incident.c.cause == record.cause,
            incident.c.component == record.component,
            incident.c.queue == select(incident.c.queue).where(incident.c.id == record.id).scalar_subquery(),
            incident.c.id != record.id,
            incident.c.status == "done",
            incident.c.merged_into == "",
            incident.c.resolved_at.is_(None),
            incident.c.updated_at >= time_text(now - FORGOTTEN),
        )
        .order_by(incident.c.created_at, incident.c.id)
    )
    found = map(record_of, connection.execute(open_ones).mappings())
    return next((one for one in found if one.reported.cluster == record.reported.cluster), None)
