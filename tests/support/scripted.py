"""An investigator and a notifier that do what a test says, and stores that they work on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import anyio
import anyio.to_thread

from sre_orchestrator.api.service.models import Arrival, IncidentRecord, Reported
from sre_orchestrator.api.service.store import Database
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


class Told:
    """A notifier that remembers."""

    def __init__(self) -> None:
        self.finished_ones: list[IncidentRecord] = []

    def finished(self, record: IncidentRecord, bundle: Bundle) -> None:
        """Remember."""
        del bundle
        self.finished_ones.append(record)


class Scripted:
    """An investigator that does what the test says."""

    def __init__(self, act: Callable[[str], Bundle]) -> None:
        self._act = act
        self.asked: list[str] = []

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Act."""
        del reported
        self.asked.append(incident_id)
        progress.step("gather")
        progress.agent("logs", "asked")
        return self._act(incident_id)


def accept(store: Database, *descriptions: str) -> list[str]:
    """Accept incidents and return their ids."""
    return [
        store.accept(Arrival(reported=Reported(description=one), origin="api"), NOW).record.id for one in descriptions
    ]


def status(store: Database, name: str) -> str:
    """Return the status of an incident."""
    view = store.get(name)
    assert view is not None
    return view.status


async def eventually(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Return once ``holds`` does."""
    with anyio.fail_after(seconds):
        while not await anyio.to_thread.run_sync(holds):
            await anyio.sleep(0.02)
