"""The list of alerts of Alertmanager's API v2, as it answers and as snapshots keep it."""

from __future__ import annotations

import msgspec

from sre_orchestrator.plugins.objects.meta import Time
from sre_orchestrator.plugins.sources.ports import Alert


class _Status(msgspec.Struct):
    state: str = "active"


class ToldAlert(msgspec.Struct, rename="camel"):
    """One alert of the list."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    starts_at: Time | None = None
    ends_at: Time | None = None
    generator_url: str = msgspec.field(name="generatorURL", default="")
    status: _Status = msgspec.field(default_factory=_Status)

    def alert(self) -> Alert:
        """Return it as sources give it."""
        return Alert(
            labels=self.labels,
            annotations=self.annotations,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            state=self.status.state,
            generator_url=self.generator_url,
        )
