"""Reads what people said of hypotheses, with what the service had said."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, RowMapping, select

from sre_orchestrator.api.service.models import Feedback, Said
from sre_orchestrator.api.service.store.listing import within
from sre_orchestrator.api.service.store.tables import feedback, incident

READ = (
    *(feedback.c[name] for name in ("number", "incident", "at", "caller", "said")),
    *(incident.c[name] for name in ("verdict", "cause", "component", "confidence")),
)


def said_of(
    connection: Connection, incident_id: str, after: int, limit: int, namespaces: tuple[str, ...]
) -> Sequence[Said]:
    """Return what was said of an incident, or of all, after a number."""
    chosen = select(*READ).join(incident, incident.c.id == feedback.c.incident).where(feedback.c.number > after)
    if incident_id:
        chosen = chosen.where(feedback.c.incident == incident_id)
    if namespaces:
        chosen = chosen.where(within(incident.c.namespace, namespaces))
    rows = connection.execute(chosen.order_by(feedback.c.number).limit(limit)).mappings()
    return [_said(row) for row in rows]


def _said(row: RowMapping) -> Said:
    values = {str(name): value for name, value in row.items() if name != "said"}
    return msgspec.convert({**values, "feedback": msgspec.json.decode(row["said"], type=Feedback)}, Said)
