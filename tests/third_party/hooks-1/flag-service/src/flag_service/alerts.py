"""The format of alerts: what the status page of Flag Service posts to its subscribers."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sre_orchestrator.core.notices import Notice

OVER = {"resolved", "postmortem", "completed"}


class _Trouble(msgspec.Struct):
    id: str
    name: str
    status: str
    created_at: datetime | None = None


class _Post(msgspec.Struct):
    incident: _Trouble


class StatusAlerts:
    """Reads the posts; each says how one trouble of Flag Service is now."""

    name = "flag-service"

    def notices(self, body: bytes, headers: Mapping[str, str]) -> Sequence[Notice]:
        """Return what a post says; one that is no such post raises, and the sender is told."""
        del headers
        trouble = msgspec.json.decode(body, type=_Post).incident
        return [
            Notice(
                description=f"Flag Service: {trouble.name}",
                fingerprint=trouble.id,
                firing=trouble.status not in OVER,
                at=trouble.created_at,
                key=f"{trouble.id} {trouble.status}",
            )
        ]
