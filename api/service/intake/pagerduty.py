"""PagerDuty's webhook (version 3): https://developer.pagerduty.com/docs/webhooks-overview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from sre_orchestrator.core.notices import Notice

FIRING = frozenset({"incident.triggered", "incident.reopened", "incident.unacknowledged", "incident.escalated"})
OVER = "incident.resolved"


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is referred to."""

    id: str = ""
    summary: str | None = None


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """The incident that an event is about; other events carry other things."""

    id: str = ""
    title: str | None = None
    urgency: str | None = None
    service: Named | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What happened."""

    id: str
    event_type: str
    occurred_at: datetime | None = None
    data: Data


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery."""

    event: Event


class PagerDuty:
    """The format ``pagerduty``."""

    name = "pagerduty"

    def notices(self, body: bytes, headers: Mapping[str, str]) -> Sequence[Notice]:
        """Return what an event says; one that neither opens nor resolves an incident (a note, a ping) closes nothing."""
        del headers
        event = msgspec.json.decode(body, type=Delivery).event
        service = event.data.service.summary if event.data.service else None
        labels = {"service": service, "urgency": event.data.urgency, "pagerduty_incident": event.data.id}
        known = event.event_type in FIRING or event.event_type == OVER
        return [
            Notice(
                description=": ".join(part for part in (service, event.data.title) if part),
                fingerprint=event.data.id if known and event.data.id else f"{event.event_type} {event.id}",
                firing=event.event_type in FIRING,
                labels={name: value for name, value in labels.items() if value},
                at=event.occurred_at,
                key=event.id if event.event_type in FIRING else "",
            )
        ]


FORMAT = PagerDuty()
