"""Watches the cluster while the service runs: what is found becomes an incident of the service, already investigated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event, Thread

import anyio
import anyio.to_thread
import msgspec
import structlog

from sre_orchestrator.api.health import Health
from sre_orchestrator.api.incidents import BUNDLE, REPORT, IncidentStore, Record
from sre_orchestrator.api.rounds import Rounds, run_rounds
from sre_orchestrator.api.scenes import Followed, Recorded
from sre_orchestrator.api.service.dispatch import utc_now
from sre_orchestrator.api.service.models import Arrival, Reported
from sre_orchestrator.api.service.past import remembered
from sre_orchestrator.api.service.ports import Store
from sre_orchestrator.api.watching import Round, Scenes, Watcher
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.bundle import read_bundle
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.pipeline import Bundle

LONGEST_TEXT, LONGEST_NAME = 4000, 253  # of Reported
log = structlog.get_logger()


class Watched:
    """Rounds of a watch in a thread of their own (``api.service.ports.Background``).

    Of several replicas each keeps a twin, and the first one hands over: all find the same at other times.
    ``health`` is what it knows of itself. With a ``snapshot`` it watches that instead of the cluster of the settings.
    """

    def __init__(
        self,
        store: Store,
        installation: Installation,
        snapshot: Path | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        settings = installation.settings
        self.health = Health(settings.watch.interval_seconds)
        self._store = store
        self._installation = installation
        self._snapshot = snapshot
        self._now = now
        self._watch = msgspec.structs.replace(settings.watch, skip_agents=()) if snapshot else settings.watch
        self._stop = Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch while the context lasts; the round that then runs is finished, within the grace period."""
        thread = Thread(target=self._run, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            grace = self._installation.settings.service.grace_seconds
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(thread.join, grace)

    def _run(self) -> None:
        outcome = guarded(partial(anyio.run, self._rounds))
        if isinstance(outcome, Failure):
            self.health.failed(outcome.why)
            log.error("the watch has ended", why=outcome.why)

    async def _rounds(self) -> None:
        settings = self._installation.settings
        kept = IncidentStore(Path(settings.state_dir), settings.cluster.context)
        for warning in kept.warnings:
            log.warning(warning)
        async with AsyncExitStack() as ending, anyio.create_task_group() as tasks:
            stop = anyio.Event()
            tasks.start_soon(self._heed, stop)
            scenes: Scenes
            if self._snapshot:
                scenes = Recorded(self._installation, self._snapshot)
            else:
                scenes = await ending.enter_async_context(Followed(self._installation, settings))
            watcher = Watcher(scenes, kept, self.health, watch=self._watch, namespace=settings.namespace)
            rounds = watcher if settings.replica else Handing(watcher, kept, self._store, self._now)
            await run_rounds(rounds, self.health, stop, interval_seconds=self._watch.interval_seconds)

    async def _heed(self, stop: anyio.Event) -> None:
        await anyio.to_thread.run_sync(self._stop.wait)
        stop.set()


class Handing:
    """Rounds after each of which the service's store is told what became of the incidents of the watch.

    What the store could not take is told after the next round, and what a crash left untold after the first.
    """

    def __init__(self, watcher: Rounds, kept: IncidentStore, store: Store, now: Callable[[], datetime]) -> None:
        self._watcher = watcher
        self._kept = kept
        self._store = store
        self._now = now
        self._told: dict[str, Record] = {}

    async def round(self) -> Round:
        """Run a round and hand over what it found."""
        done = await self._watcher.round()
        records = self._kept.records
        self._told = {name: one for name, one in self._told.items() if name in records}
        for record in records.values():
            if self._told.get(record.id) != record:
                self._tell(record)
        return done

    def _tell(self, record: Record) -> None:
        outcome = guarded(partial(self._hand_over, record))
        if isinstance(outcome, Failure):
            log.error("an incident of the watch was not stored", watched=record.id, why=outcome.why)
        else:
            self._told[record.id] = record

    def _hand_over(self, record: Record) -> None:
        now, name = self._now(), f"watch {record.cluster} {record.id}"
        if record.closed:
            over = Arrival(reported=_reported(record, ""), origin="watch", fingerprint=name, over=True)
            self._store.take([over], now, most_new=1)
            return
        bundle = _investigation(self._kept.folder(record))
        reported = _reported(record, bundle.report.incident.namespace)
        arrival = Arrival(reported=reported, origin="watch", fingerprint=name, idempotency_key=name)
        self._store.keep(arrival, remembered(bundle, self._store, self._store.kept_as(name)), now)


def _reported(record: Record, namespace: str) -> Reported:
    return Reported(
        description=record.description[:LONGEST_TEXT],
        namespace=namespace if len(namespace) <= LONGEST_NAME else "",
        cluster=record.cluster,
        at=record.opened,
    )


def _investigation(folder: Path) -> Bundle:
    """Return the investigation with the report on this of its incidents."""
    report = msgspec.json.decode((folder / REPORT).read_bytes(), type=Report)
    return msgspec.structs.replace(read_bundle(folder / BUNDLE), report=report)
