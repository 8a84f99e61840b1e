"""Investigates what was accepted, in this process: a few workers that take the oldest queued incident."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread
import structlog

from sre_orchestrator.api.service.models import Happened, IncidentRecord
from sre_orchestrator.api.service.ports import Investigator, Notifier, Store
from sre_orchestrator.core.boundary import Failure, Success, guarded
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import Service

T = TypeVar("T")
LOOK_SECONDS = 1.0  # what was accepted is found without being told
MOST_DEATHS = 20  # of the process during an incident: then it is the incident that kills it
log = structlog.get_logger()


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Investigations:
    """Investigates claimed incidents, one at a time a call, whatever goes wrong meanwhile."""

    def __init__(
        self,
        store: Store,
        investigator: Investigator,
        notifier: Notifier,
        *,
        limits: Service,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.store = store
        self.limits = limits
        self.now = now
        self._investigator = investigator
        self._notifier = notifier
        self._first = anyio.Lock()
        self._begun = False

    async def investigate(self, record: IncidentRecord) -> None:
        """Investigate; the first one alone, since it loads and learns what all need (see core.structs)."""
        async with self._first:
            if not self._begun:
                await self._one(record)
                self._begun = True
                return
        await self._one(record)

    async def _one(self, record: IncidentRecord) -> None:
        """Investigate in a thread: an inference that takes long stops nobody else."""
        if record.attempts > self.limits.attempts + MOST_DEATHS:
            await self._fail(record, f"not investigated: the process died at it {record.attempts - 1} times")
            return
        outcome: Success[Bundle] | Failure | None = None
        with anyio.move_on_after(self.limits.incident_seconds):
            outcome = await anyio.to_thread.run_sync(self._call(record), abandon_on_cancel=True)
        if isinstance(outcome, Success):
            bundle = outcome.value
            done = await self.safely(lambda: self.store.finish(record.id, bundle, self.now()))
            if done:
                self._notifier.finished(done, bundle)
            return
        await self._fail(
            record, outcome.why if outcome else f"not investigated within {self.limits.incident_seconds:g} s"
        )

    async def safely(self, call: Callable[[], T]) -> T | None:
        """Return what the store answers; a store that fails is asked again later, and ends no worker."""
        outcome = await anyio.to_thread.run_sync(guarded, call)
        if isinstance(outcome, Failure):
            log.error("the store failed", why=outcome.why)
            await anyio.sleep(LOOK_SECONDS)
            return None
        return outcome.value

    async def _fail(self, record: IncidentRecord, why: str) -> None:
        mistaken = why.startswith(InputError.__name__)
        retry = not mistaken and record.attempts < self.limits.attempts
        text = why.removeprefix(f"{InputError.__name__}: ")
        log.warning("investigation failed", incident=record.id, why=text, retry=retry)
        await self.safely(lambda: self.store.fail(record.id, text, self.now(), retry=retry))

    def _call(self, record: IncidentRecord) -> Callable[[], Success[Bundle] | Failure]:
        progress = Noted(self.store, record.id, self.now)
        investigate = partial(self._investigator.investigate, record.id, record.reported, progress)
        return partial(guarded, partial(anyio.run, investigate))


class InProcess:
    """Workers of the only process that uses a database (``api.service.ports.Dispatcher``)."""

    def __init__(
        self,
        store: Store,
        investigator: Investigator,
        notifier: Notifier,
        *,
        limits: Service,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._investigations = Investigations(store, investigator, notifier, limits=limits, now=now)
        self._store = store
        self._limits = limits
        self._now = now
        self._woken = anyio.Event()
        self._ending = False
        self._alive = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work while the context lasts; what is cut off at its end is taken up at the next start."""
        await anyio.to_thread.run_sync(self._store.requeue_running, self._now())
        async with anyio.create_task_group() as tasks:
            for _ in range(self._limits.workers):
                tasks.start_soon(self._work)
            try:
                yield
            finally:
                self._ending = True
                self._woken.set()
                tasks.cancel_scope.deadline = anyio.current_time() + self._limits.grace_seconds

    def trouble(self) -> str:
        """Return why nothing would be investigated (``api.service.ports.Living``)."""
        if self._alive == self._limits.workers:
            return ""
        return f"{self._alive} of {self._limits.workers} workers are alive"

    def wake(self, incident_id: str) -> None:
        """Say that there is something to do."""
        del incident_id
        self._woken.set()
        self._woken = anyio.Event()

    async def _work(self) -> None:
        self._alive += 1
        try:
            while not self._ending:
                await self._work_once()
        finally:
            self._alive -= 1

    async def _work_once(self) -> None:
        woken = self._woken
        record = await self._investigations.safely(lambda: self._store.claim(self._now()))
        if record:
            await self._investigations.investigate(record)
        else:
            with anyio.move_on_after(LOOK_SECONDS):
                await woken.wait()


class Noted:
    """Progress that is kept with the incident, for those who watch it being investigated."""

    def __init__(self, store: Store, incident_id: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._incident_id = incident_id
        self._now = now

    def step(self, name: str) -> None:
        """Note a step."""
        self._note(Happened(number=0, at=self._now(), what="step", text=name))

    def agent(self, name: str, state: str) -> None:
        """Note an agent."""
        self._note(Happened(number=0, at=self._now(), what="agent", text=f"{name} {state}"))

    def _note(self, what: Happened) -> None:
        guarded(lambda: self._store.note(self._incident_id, what))


class Silent:
    """Tells nobody (``api.service.ports.Notifier``)."""

    def finished(self, record: IncidentRecord, bundle: Bundle) -> None:
        """Tell nobody."""
