"""What the agent knows of one signal of one component, whether a curve or an alert told it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sre_orchestrator.plugins.agents.metrics.shifts import Shift


@dataclass(frozen=True, kw_only=True)
class Change:
    """A signal that rose, fell or held; numbers are ``None`` where an alert gives none. Latencies are in seconds."""

    component: str
    signal: str
    metric: str
    direction: str
    before: float | None = None
    after: float | None = None
    unit: str = ""
    score: float | None = None
    high: float | None = None
    began: datetime | None = None

    @property
    def ratio(self) -> float | None:
        """Return after / before where both are known and there was something before."""
        return self.after / self.before if self.before and self.after is not None else None

    @property
    def added(self) -> float | None:
        """Return after - before."""
        return self.after - self.before if self.before is not None and self.after is not None else None


def from_shifts(shifts: Iterable[Shift]) -> list[Change]:
    """Return the changes that curves show."""
    return [
        Change(
            component=shift.curve.component,
            signal=shift.curve.signal.name,
            metric=shift.curve.metric,
            direction=shift.direction,
            before=shift.before,
            after=shift.after,
            unit=shift.curve.signal.unit,
            score=shift.score,
            high=shift.high,
            began=datetime.fromtimestamp(shift.began, UTC) if shift.began else None,
        )
        for shift in shifts
    ]


def merged(told: Iterable[Change], alerted: Iterable[Change]) -> list[Change]:
    """Return what curves told, and of alerts what no curve speaks about."""
    kept = list(told)
    known = {(one.component, one.signal) for one in kept}
    return [*kept, *(one for one in alerted if (one.component, one.signal) not in known)]
