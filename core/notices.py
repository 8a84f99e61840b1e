"""What alerting systems say, whatever their format: all of it is data from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from sre_orchestrator.core.models import Struct


class Notice(Struct, frozen=True, kw_only=True):
    """What an alert, or a group of ``count`` alerts, says.

    ``fingerprint`` stays the same as long as it is the same trouble, of whatever length; a notice that is not
    ``firing`` says that it is over. ``at`` is when it began; ``namespace`` may name several, joined by commas. A
    delivery that is repeated has the same ``key``.
    """

    description: str
    fingerprint: str
    firing: bool = True
    namespace: str = ""
    labels: dict[str, str] = {}
    at: datetime | None = None
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    key: str = ""
