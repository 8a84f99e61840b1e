"""Compiles the rule book while the service is already ready: the first investigation finds it done."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import anyio
import anyio.to_thread
import structlog

from sre_orchestrator.api.service.beside import beside
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.boundary import Failure, guarded

AFTER_SECONDS = 1.0  # whoever waits for the service to be ready is answered first
log = structlog.get_logger()


class Warming:
    """Has an installation compile its rules (``api.service.ports.Background``)."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def running(self) -> AbstractAsyncContextManager[None]:
        """Compile in a thread while the context lasts."""
        return beside(self._work)

    async def _work(self) -> None:
        await anyio.sleep(AFTER_SECONDS)
        outcome = await anyio.to_thread.run_sync(guarded, lambda: self._installation.plan, abandon_on_cancel=True)
        if isinstance(outcome, Failure):
            log.error("the rules cannot be used; every investigation will fail", why=outcome.why)
