"""Tells how much waits, and whether the tables are still those that this program made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, func, select, text

from sre_orchestrator.api.service.ports import StoreState
from sre_orchestrator.api.service.store.tables import incident

_REVISION = text("SELECT version_num FROM alembic_version")


class Waiting:
    """What waits in a database, by two small queries over an index."""

    def __init__(self, engine: Engine) -> None:
        self._read = engine.execution_options(isolation_level="AUTOCOMMIT")
        with self._read.connect() as connection:
            self._ours = connection.scalar(_REVISION)

    def state(self) -> StoreState:
        """Return how much waits."""
        waiting = (
            select(incident.c.status, func.count(), func.min(incident.c.created_at))
            .where(incident.c.status.in_(("queued", "running")))
            .group_by(incident.c.status)
        )
        with self._read.connect() as connection:
            found = {status: (count, oldest) for status, count, oldest in connection.execute(waiting)}
            revision = connection.scalar(_REVISION)
        nothing = (0, None)
        queued, oldest = found.get("queued", nothing)
        wrong = "" if revision == self._ours else f"its schema is {revision}, this program made {self._ours}"
        return StoreState(
            queued=queued,
            running=found.get("running", nothing)[0],
            oldest_queued_at=datetime.fromisoformat(oldest) if oldest else None,
            wrong=wrong,
        )
