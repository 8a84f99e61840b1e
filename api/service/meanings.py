"""Embeds the runbooks of a service beside its requests, when they change; what is embedded is found from then on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import structlog

from sre_orchestrator.api.advice import Advice
from sre_orchestrator.api.service.beside import beside
from sre_orchestrator.api.service.dispatch import utc_now
from sre_orchestrator.core.boundary import Failure, guarded

if TYPE_CHECKING:
    from sre_orchestrator.plugins.knowledge.meaning import Meaning

EVERY_SECONDS = 10.0
AGAIN = timedelta(days=1)  # says to replicas that the vectors are still wanted
log = structlog.get_logger()


class Meanings:
    """Keeps the meaning of runbooks up to date (``api.service.ports.Background``)."""

    def __init__(self, advice: Advice, *, every: float = EVERY_SECONDS, now: Callable[[], datetime] = utc_now) -> None:
        self._advice = advice
        self._every = every
        self._now = now
        self._begun = now()
        self._ending = Event()
        self._known: dict[Meaning, frozenset[int]] = {}
        self._failed = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look for changes in a thread while the context lasts."""
        async with beside(self._work):
            try:
                yield
            finally:
                self._ending.set()

    async def _work(self) -> None:
        while True:
            await anyio.sleep(self._every)
            outcome = await anyio.to_thread.run_sync(guarded, self.refresh)
            failed = outcome.why if isinstance(outcome, Failure) else ""
            if failed and failed != self._failed:
                log.warning("runbooks cannot be embedded; they are found by names and words", why=failed)
            self._failed = failed

    def refresh(self) -> None:
        """Embed what is new, until that is done or the service ends; once a day look through all.

        Raises:
            SreError: the library, its vectors or the model cannot be used.

        """
        if self._now() - self._begun >= AGAIN:
            self._known.clear()
            self._begun = self._now()
        for meaning in self._advice.meanings():
            ids = meaning.library.ids()
            if ids == self._known.get(meaning):
                continue
            log.info("embedding runbooks", passages=len(ids), done=meaning.progress.done)
            for _ in meaning.embed():
                if self._ending.is_set():
                    return
            self._known[meaning] = ids
            log.info("runbooks are embedded", passages=meaning.progress.done)
