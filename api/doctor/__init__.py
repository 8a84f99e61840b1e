"""Looks at an installation: what was found and how, what is missing, and what to do about it."""

from __future__ import annotations

from pathlib import Path

from sre_orchestrator.api.doctor.checkup import Check, Checkup, checkup_of
from sre_orchestrator.api.doctor.live import check_cluster
from sre_orchestrator.api.doctor.recorded import check_snapshot
from sre_orchestrator.api.live import attached
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

__all__ = ["Check", "Checkup", "examine"]


async def examine(settings: Settings, snapshot: Path | None = None) -> Checkup:
    """Look at a recorded incident, or else at the cluster of ``settings``, and at this installation.

    Raises:
        InputError: the snapshot cannot be used, the cluster cannot be reached, or the namespace does not exist.

    """
    installation = Installation(settings)
    if snapshot:
        with open_snapshot(snapshot, settings.snapshot_limits) as recorded:
            return checkup_of([one async for one in check_snapshot(installation, recorded)])
    with attached(installation, settings) as (cluster, sources):
        return checkup_of([one async for one in check_cluster(installation, cluster, sources)])
