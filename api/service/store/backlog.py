"""What is left to investigate, for a queue that spreads it over replicas (``api.service.ports.Backlog``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, select

from sre_orchestrator.api.service.models import IncidentRecord
from sre_orchestrator.api.service.store.accepting import claimed
from sre_orchestrator.api.service.store.tables import incident

OPEN = ("queued", "running")


class OpenIncidents:
    """The incidents of one queue that have no report yet; every method is a transaction of its own."""

    def __init__(self, engine: Engine, queue: str) -> None:
        self._engine = engine
        self._queue = queue
        self._read = engine.execution_options(isolation_level="AUTOCOMMIT")

    def unfinished(self) -> Sequence[str]:
        """Return the ids, oldest first."""
        ours = select(incident.c.id).where(incident.c.status.in_(OPEN), incident.c.queue == self._queue)
        with self._read.connect() as connection:
            return connection.scalars(ours.order_by(incident.c.created_at, incident.c.id)).all()

    def take_up(self, incident_id: str, now: datetime) -> IncidentRecord | None:
        """Return that incident, now ``running``, or ``None`` when it is over."""
        wanted = select(incident.c.id).where(incident.c.id == incident_id, incident.c.status.in_(OPEN))
        with self._engine.begin() as connection:
            return claimed(connection, wanted.with_for_update(), now)
