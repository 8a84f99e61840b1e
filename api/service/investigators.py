"""What the service investigates: a recorded incident, or the cluster that is running."""

from __future__ import annotations

from pathlib import Path

from sre_orchestrator.api.service.models import Reported
from sre_orchestrator.api.service.naming import named
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress


class Recorded:
    """Diagnoses what a snapshot shows, whatever the report is."""

    def __init__(self, installation: Installation, snapshot: Path) -> None:
        self._installation = installation
        self._snapshot = snapshot

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Return the investigation of a report on the snapshot."""
        bundle = await diagnose_snapshot(
            self._installation,
            self._snapshot,
            question=reported.description,
            namespace=reported.namespace,
            at=reported.at,
            progress=progress,
        )
        return named(bundle, incident_id, reported.labels)


class Live:
    """Diagnoses the cluster of the settings, or the context that the report names as its cluster."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Return the investigation of a report on the running cluster."""
        from sre_orchestrator.api.live import diagnose_live  # noqa: PLC0415 - clients of clusters are slow to import

        bundle = await diagnose_live(
            self._installation,
            reported.description,
            namespace=reported.namespace,
            context=reported.cluster,
            at=reported.at,
            progress=progress,
        )
        return named(bundle, incident_id, reported.labels)
