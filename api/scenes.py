"""What can be watched, as each round finds it: a recorded snapshot."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from sre_orchestrator.api.watching import Scene
from sre_orchestrator.api.wiring import Installation, twin_of
from sre_orchestrator.core.gather import Observations
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.pipeline import Parts
from sre_orchestrator.core.ports import Twin
from sre_orchestrator.plugins.sources.snapshot import open_snapshot


class Recorded:
    """A snapshot: each round finds what the folder or archive then holds, as of when it was taken."""

    def __init__(self, installation: Installation, path: Path) -> None:
        self._installation = installation
        self._path = path

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Scene]:
        """Yield the snapshot; ``InputError`` when it cannot be used."""
        with open_snapshot(self._path, self._installation.settings.snapshot_limits) as snapshot:
            async with twin_of([snapshot], snapshot.captured_at) as (twin, gaps):
                parts = parts_of(self._installation, Sources([snapshot]), twin, gaps)
                yield Scene(parts=parts, at=snapshot.captured_at)

    def noted(self, seen: Observations) -> None:
        """Learn nothing: a snapshot stays as it is."""


def parts_of(installation: Installation, sources: Sources, twin: Twin, gaps: Iterable[Gap]) -> Parts:
    """Return what an investigation of ``sources`` is made of."""
    return Parts(
        **vars(installation.reasoning()),
        twin=twin,
        sources=sources,
        agents=installation.agents,
        clock=time.perf_counter,
        gaps=(*installation.gaps(), *gaps),
    )
