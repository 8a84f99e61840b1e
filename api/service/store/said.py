"""Keeps what people say of hypotheses, and reads it with what the service had said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, RowMapping, Select, func, insert, select

from sre_orchestrator.api.service.models import Feedback, Said
from sre_orchestrator.api.service.store.listing import within
from sre_orchestrator.api.service.store.rows import time_text
from sre_orchestrator.api.service.store.tables import feedback, incident

READ = (
    *(feedback.c[name] for name in ("number", "incident", "at", "caller", "said")),
    *(incident.c[name] for name in ("verdict", "cause", "component", "confidence")),
)


def keep_said(connection: Connection, incident_id: str, said: Feedback, caller: str, now: datetime) -> None:
    """Keep what ``caller`` says."""
    row = {"incident": incident_id, "at": time_text(now), "caller": caller, "said": msgspec.json.encode(said)}
    connection.execute(insert(feedback).values(**row, cause=said.cause, component=said.component))


def said_of(
    connection: Connection, incident_id: str, after: int, limit: int, namespaces: tuple[str, ...]
) -> Sequence[Said]:
    """Return what was said of an incident, or of all, after a number."""
    chosen = _within(namespaces).where(feedback.c.number > after)
    if incident_id:
        chosen = chosen.where(feedback.c.incident == incident_id)
    rows = connection.execute(chosen.order_by(feedback.c.number).limit(limit)).mappings()
    return [_said(row) for row in rows]


def last_words(connection: Connection, cause: str, limit: int, namespaces: tuple[str, ...]) -> Sequence[Said]:
    """Return the last that was said of each hypothesis of a cause, the newest first."""
    last = select(func.max(feedback.c.number)).where(feedback.c.cause == cause)
    chosen = _within(namespaces).where(feedback.c.number.in_(last.group_by(feedback.c.incident, feedback.c.component)))
    rows = connection.execute(chosen.order_by(feedback.c.number.desc()).limit(limit)).mappings()
    return [_said(row) for row in rows]


def _within(namespaces: tuple[str, ...]) -> Select[tuple[object, ...]]:
    chosen = select(*READ).join(incident, incident.c.id == feedback.c.incident)
    return chosen.where(within(incident.c.namespace, namespaces)) if namespaces else chosen


def _said(row: RowMapping) -> Said:
    values = {str(name): value for name, value in row.items() if name != "said"}
    return msgspec.convert({**values, "feedback": msgspec.json.decode(row["said"], type=Feedback)}, Said)
