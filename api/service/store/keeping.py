"""Keeps what was investigated before it was reported: what a watch finds, and what it later finds of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from sre_orchestrator.api.service.models import Arrival, IncidentRecord
from sre_orchestrator.api.service.naming import named
from sre_orchestrator.api.service.past import without_past
from sre_orchestrator.api.service.store.accepting import accepted
from sre_orchestrator.api.service.store.finishing import finished, unpacked
from sre_orchestrator.api.service.store.tables import incident, investigation
from sre_orchestrator.core.pipeline import Bundle


def kept(
    connection: Connection, arrival: Arrival, bundle: Bundle, now: datetime, targets: Iterable[str]
) -> IncidentRecord:
    """Keep an incident with its report, in place of the report that it had; the same one again changes nothing."""
    record = accepted(connection, arrival, now).record
    bundle = named(bundle, record.id, record.reported.labels)
    before = connection.scalar(select(investigation.c.report).where(investigation.c.incident == record.id))
    if before and without_past(unpacked(before)) == without_past(bundle.report):
        return record
    connection.execute(delete(investigation).where(investigation.c.incident == record.id))
    connection.execute(update(incident).where(incident.c.id == record.id).values(status="running"))
    return finished(connection, record.id, bundle, now, targets)
