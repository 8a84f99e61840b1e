"""Stands before the outbox: what became of notifications is counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sre_orchestrator.api.service.ports import Delivery, Outbox


class CountedOutbox:
    """An outbox that is counted (``api.service.ports.Outbox``); ``count`` is told target and outcome."""

    def __init__(self, outbox: Outbox, count: Callable[[str, str], None]) -> None:
        self._outbox = outbox
        self._count = count
        self._targets: dict[str, str] = {}

    def due(self, target: str, now: datetime, until: datetime) -> Delivery | None:
        """Return what is due."""
        found = self._outbox.due(target, now, until)
        if found:
            self._targets[found.id] = target
        return found

    def told(self, delivery_id: str) -> None:
        """Note that it arrived, or that nobody wants it any more."""
        self._outbox.told(delivery_id)
        self._noted(delivery_id, "delivered")

    def untold(self, delivery_id: str, error: str, again: datetime | None) -> None:
        """Note that it did not arrive."""
        self._outbox.untold(delivery_id, error, again)
        self._noted(delivery_id, "retried" if again else "given_up")

    def _noted(self, delivery_id: str, outcome: str) -> None:
        if target := self._targets.pop(delivery_id, ""):
            self._count(target, outcome)
