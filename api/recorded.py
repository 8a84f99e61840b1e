"""The twin of a recorded incident, with what plugins recorded of it."""

from __future__ import annotations

from pathlib import Path

from sre_orchestrator.api.wiring import Installation, read_twin, sources_of
from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.sources.snapshot import open_snapshot
from sre_orchestrator.twin.store import TwinStore


async def read_recorded(installation: Installation, path: Path) -> tuple[TwinStore, tuple[Gap, ...]]:
    """Return the twin of a recorded incident and what plugins could not tell of it; whoever calls this closes the twin."""
    with open_snapshot(path, installation.settings.snapshot_limits) as snapshot:
        sources, seconds = sources_of(installation, snapshot), installation.settings.agent_timeout_seconds
        twin, gaps = await read_twin(sources.all, snapshot.captured_at, seconds)
        theirs = (gap for gap in gaps if gap.agent != snapshot.name)
        return twin, (*installation.plugins.gaps(), *theirs)
