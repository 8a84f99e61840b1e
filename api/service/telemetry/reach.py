"""Asks again and again whether the cluster answers, beside the requests: a probe must not wait for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import anyio
import anyio.to_thread

from sre_orchestrator.api.service.beside import beside
from sre_orchestrator.core.boundary import Failure, guarded

ASK_SECONDS = 15.0


class Reach:
    """Knows whether the cluster answered when it was last asked (``api.service.ports.Background``)."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._why = ""

    def why(self) -> str:
        """Return why it did not answer, or nothing."""
        return self._why

    def running(self) -> AbstractAsyncContextManager[None]:
        """Ask while the context lasts."""
        return beside(self._work)

    async def _work(self) -> None:
        while True:
            outcome = await anyio.to_thread.run_sync(guarded, self._ask, abandon_on_cancel=True)
            self._why = outcome.why if isinstance(outcome, Failure) else ""
            await anyio.sleep(ASK_SECONDS)
