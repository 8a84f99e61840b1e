"""Keeps what is to be told to others until it is told (``api.service.ports.Outbox``)."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Engine, select, update

from sre_orchestrator.api.service.ports import Delivery
from sre_orchestrator.api.service.store.rows import time_text
from sre_orchestrator.api.service.store.tables import delivery


class Deliveries:
    """What is to be told, in a database; every method is a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, target: str, now: datetime, until: datetime) -> Delivery | None:
        """Return the delivery to ``target`` that is due for the longest time; it is due again at ``until``."""
        waiting = delivery.c.target == target, delivery.c.due_at <= time_text(now)
        oldest = select(delivery.c.id).where(*waiting).order_by(delivery.c.due_at).limit(1)
        ours = (
            update(delivery)
            .where(
                delivery.c.id == oldest.with_for_update(skip_locked=True).scalar_subquery(),
                delivery.c.due_at <= time_text(now),
            )
            .values(due_at=time_text(until), attempts=delivery.c.attempts + 1)
            .returning(*(delivery.c[name] for name in Delivery.__struct_fields__))
        )
        with self._engine.begin() as connection:
            row = connection.execute(ours).mappings().first()
        return msgspec.convert({name: row[name] for name in Delivery.__struct_fields__}, Delivery) if row else None

    def told(self, delivery_id: str) -> None:
        """Note that it arrived."""
        self._set(delivery_id, None, "")

    def untold(self, delivery_id: str, error: str, again: datetime | None) -> None:
        """Note that it did not arrive."""
        self._set(delivery_id, time_text(again) if again else None, error)

    def _set(self, delivery_id: str, due_at: str | None, error: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(delivery).where(delivery.c.id == delivery_id).values(due_at=due_at, error=error))
