"""Stands before an investigator: what an investigation cost and found is counted, traced and logged when it ends."""

from __future__ import annotations

import structlog
from structlog.contextvars import bound_contextvars

from sre_orchestrator.api.service.models import Reported
from sre_orchestrator.api.service.ports import Investigator
from sre_orchestrator.api.service.telemetry.timings import Ended, Timings
from sre_orchestrator.api.service.telemetry.together import Telemetry
from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress
from sre_orchestrator.core.redact import without_secrets

log = structlog.get_logger()


class Observed:
    """An investigator that is observed (``api.service.ports.Investigator``)."""

    def __init__(self, investigator: Investigator, telemetry: Telemetry) -> None:
        self._investigator = investigator
        self._telemetry = telemetry

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Investigate; every line that is logged meanwhile carries the incident's id."""
        with bound_contextvars(incident=incident_id), _Watched(self._telemetry, incident_id, reported, progress) as one:
            one.bundle = await self._investigator.investigate(incident_id, reported, one.timings)
            return one.bundle


class _Watched:
    def __init__(self, telemetry: Telemetry, incident_id: str, reported: Reported, progress: Progress) -> None:
        self.timings = Timings(progress)
        self.bundle: Bundle | None = None
        self._telemetry = telemetry
        self._incident = incident_id
        self._reported = reported
        self._running = telemetry.figures.working()

    def __enter__(self) -> _Watched:
        self._running.__enter__()
        self._telemetry.health.active()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._running.__exit__(None, None, None)
        self._telemetry.health.active()
        why = without_secrets(f"{kind.__name__}: {error}") if kind else ""
        ended = self.timings.ended(self._incident, self._reported, self.bundle, why)
        told = guarded(lambda: self._telemetry.investigated(ended))
        if isinstance(told, Failure):
            log.warning("telemetry failed", why=told.why)
        if ended.bundle:
            log.info("investigated", **_words(ended, ended.bundle))


def _words(ended: Ended, bundle: Bundle) -> dict[str, object]:
    report = bundle.report
    first = report.hypotheses[0] if report.hypotheses and report.verdict == "diagnosed" else None
    return {
        "verdict": report.verdict,
        "cause": first.cause if first else "",
        "seconds": round(ended.seconds, 3),
        "gaps": len(report.gaps),
        "failed_agents": sorted({one.name for one in ended.agents if one.failed}),
    }
