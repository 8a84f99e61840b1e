"""Notifications are counted by target and by what became of them."""

from __future__ import annotations

from datetime import UTC, datetime

from sre_orchestrator.api.service.ports import Delivery
from sre_orchestrator.api.service.telemetry import CountedOutbox

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


class Kept:
    """An outbox with one delivery."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []

    def due(self, target: str, now: datetime, until: datetime) -> Delivery | None:
        """Return it to slack."""
        del until
        return (
            Delivery(id="d1", incident="i1", target=target, created_at=now, attempts=1) if target == "slack" else None
        )

    def told(self, delivery_id: str) -> None:
        """Remember."""
        self.said.append((delivery_id,))

    def untold(self, delivery_id: str, error: str, again: datetime | None) -> None:
        """Remember."""
        self.said.append((delivery_id, error, again))


def test_what_becomes_of_deliveries_is_counted_and_passed_on() -> None:
    kept, counted = Kept(), list[tuple[str, str]]()
    outbox = CountedOutbox(kept, lambda target, outcome: counted.append((target, outcome)))

    assert outbox.due("other", NOW, NOW) is None
    for end in (
        lambda: outbox.told("d1"),
        lambda: outbox.untold("d1", "no", NOW),
        lambda: outbox.untold("d1", "no", None),
    ):
        assert outbox.due("slack", NOW, NOW)
        end()
    outbox.told("unknown")

    assert counted == [("slack", "delivered"), ("slack", "retried"), ("slack", "given_up")]
    assert kept.said == [("d1",), ("d1", "no", NOW), ("d1", "no", None), ("unknown",)]
