"""Forgets finished incidents after the time that the settings give, while the service runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

import anyio
import anyio.to_thread
import structlog

from sre_orchestrator.api.service.beside import beside
from sre_orchestrator.api.service.dispatch import utc_now
from sre_orchestrator.api.service.ports import Store
from sre_orchestrator.core.boundary import Failure, guarded

HOUR = 3600.0
log = structlog.get_logger()


class Retention:
    """Prunes the store at the start and then every hour (``api.service.ports.Background``)."""

    def __init__(
        self, store: Store, days: float, *, every_seconds: float = HOUR, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._kept = timedelta(days=days)
        self._every = every_seconds
        self._now = now

    def running(self) -> AbstractAsyncContextManager[None]:
        """Prune while the context lasts."""
        return beside(self._work)

    async def _work(self) -> None:
        while True:
            outcome = await anyio.to_thread.run_sync(guarded, self._prune)
            if isinstance(outcome, Failure):
                log.error("old incidents were not forgotten", why=outcome.why)
            elif outcome.value:
                log.info("forgotten", incidents=outcome.value)
            await anyio.sleep(self._every)

    def _prune(self) -> int:
        return self._store.prune(self._now() - self._kept)
