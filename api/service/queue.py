"""Spreads investigations over replicas: a queue in the PostgreSQL database that keeps the incidents.

The incidents are the truth and the jobs follow from them: whatever is lost of the queue is made again by a look at what
is unfinished. Exactly one report comes of an incident even if two replicas should investigate it, since only the first
that ends is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import anyio.to_thread
import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException
from procrastinate.jobs import DeleteJobCondition, Status
from procrastinate.schema import SchemaManager
from procrastinate.worker import Worker
from psycopg import sql

from sre_orchestrator.api.service.dispatch import Investigations, utc_now
from sre_orchestrator.api.service.ports import Investigator, Notifier, SharedStore
from sre_orchestrator.api.service.store.engine import libpq_address
from sre_orchestrator.core.settings import Service

UNNAMED = "incidents"
LOOK_SECONDS = 5.0
LOCK = 0x5E_0E  # of PostgreSQL: replicas that start together make the queue's tables one after the other
HELD = "SELECT lock FROM procrastinate_jobs WHERE queue_name = %(queue)s AND status IN ('todo', 'doing')"
log = structlog.get_logger()


class Queue:
    """Workers of one of several replicas (``api.service.ports.Dispatcher``)."""

    def __init__(
        self,
        store: SharedStore,
        investigator: Investigator,
        notifier: Notifier,
        *,
        limits: Service,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._investigations = Investigations(store, investigator, notifier, limits=limits, now=now)
        self._backlog = store.backlog
        self._limits = limits
        self._now = now
        self._name = limits.queue or UNNAMED
        self._address = libpq_address(limits.database_url)
        self._schema = f"queue_{hashlib.blake2b(SchemaManager.get_schema().encode(), digest_size=4).hexdigest()}"
        options = {"options": f"-c search_path={self._schema}"}
        self._app = App(connector=PsycopgConnector(conninfo=self._address, kwargs=options, min_size=1, max_size=4))
        # A lock an incident: nobody else works on it meanwhile. That alerts of one fingerprint are one incident is the
        # store's work, in the transaction that accepts them, so the queueing lock is the incident's too.
        self._job = self._app.task(name="investigate", queue=self._name)(self._investigate)
        self._deferring: set[asyncio.Task[None]] = set()
        self._ending = False
        self._trouble = "the queue has not begun to work"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work while the context lasts; what is cut off at its end, another replica takes up."""
        library = logging.getLogger("procrastinate")
        library.handlers, library.propagate = [_Told(logging.WARNING)], False
        await anyio.to_thread.run_sync(self._prepare)
        async with self._app.open_async():
            looking, working = asyncio.create_task(self._look()), asyncio.create_task(self._work())
            try:
                yield
            finally:
                self._ending = True
                looking.cancel()
                working.cancel()
                await asyncio.wait({looking, working, *self._deferring})

    def trouble(self) -> str:
        """Return why nothing would be investigated here (``api.service.ports.Living``)."""
        return self._trouble

    def wake(self, incident_id: str) -> None:
        """Say that there is something to do."""
        task = asyncio.get_running_loop().create_task(self._defer(incident_id))
        self._deferring.add(task)
        task.add_done_callback(self._deferring.discard)

    def _prepare(self) -> None:
        """Make the queue's tables where they are not there.

        Each form of them has a schema of its own, so that a new version of the library needs no migration.
        """
        schema = sql.Identifier(self._schema)
        with psycopg.connect(self._address) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            known = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (self._schema,)).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
                connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(schema))
                connection.execute(SchemaManager.get_schema())

    async def _work(self) -> None:
        """Keep a worker at work; one that is cancelled finishes what it runs, within the grace period."""
        while not self._ending:
            self._trouble = ""
            worker = asyncio.create_task(self._worker().run())  # type: ignore[no-untyped-call] # it says no type
            try:
                await asyncio.wait({worker})
            finally:
                if self._ending:
                    worker.cancel()
                    await asyncio.wait({worker})
            error = None if worker.cancelled() else worker.exception()
            self._trouble = f"the queue failed: {error or 'its worker stopped'}"
            log.error("the queue failed", why=str(error or "its worker stopped"))
            await asyncio.sleep(LOOK_SECONDS)

    def _worker(self) -> Worker:
        return Worker(
            self._app,
            queues=[self._name],
            concurrency=self._limits.workers,
            shutdown_graceful_timeout=self._limits.grace_seconds,
            delete_jobs=DeleteJobCondition.ALWAYS,  # how it ended, the incident says
            install_signal_handlers=False,
            update_heartbeat_interval=self._limits.stalled_seconds / 3,
            stalled_worker_timeout=self._limits.stalled_seconds,
        )

    async def _investigate(self, incident: str) -> None:
        record = await self._investigations.safely(lambda: self._backlog.take_up(incident, self._now()))
        if record:
            await self._investigations.investigate(record)

    async def _look(self) -> None:
        """Look, again and again, for what has no job: its replica died before it made one, or while it worked."""
        while True:
            try:
                await self._mend()
            except ProcrastinateException as error:
                log.error("the queue failed", why=str(error.__cause__ or error))
            await asyncio.sleep(min(LOOK_SECONDS, self._limits.stalled_seconds))

    async def _mend(self) -> None:
        jobs, silent = self._app.job_manager, self._limits.stalled_seconds
        for job in await jobs.get_stalled_jobs(queue=self._name, seconds_since_heartbeat=silent):
            log.warning("a replica died at an investigation", incident=job.lock)
            with suppress(ProcrastinateException):  # another replica noticed it too
                await jobs.finish_job(job, Status.FAILED, delete_job=True)
        unfinished = await self._investigations.safely(self._backlog.unfinished) or ()
        held = {row["lock"] for row in await self._app.connector.execute_query_all_async(HELD, queue=self._name)}
        for one in unfinished:
            if one not in held:
                await self._defer(one)

    async def _defer(self, incident_id: str) -> None:
        try:
            await self._job.configure(lock=incident_id, queueing_lock=incident_id).defer_async(incident=incident_id)
        except AlreadyEnqueued:
            return
        except ProcrastinateException as error:
            log.error("an incident was not queued yet", incident=incident_id, why=str(error.__cause__ or error))


class _Told(logging.Handler):
    """What the library logs, in our log."""

    def emit(self, record: logging.LogRecord) -> None:
        log.warning("queue", said=record.getMessage())
