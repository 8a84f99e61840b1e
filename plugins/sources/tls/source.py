"""The source of what issuers and addresses in the settings answer; asked by few connections, told again for a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import AuthChecks
from sre_orchestrator.plugins.sources.ports import Found
from sre_orchestrator.plugins.sources.tls.issuers import check_endpoint, check_issuer
from sre_orchestrator.plugins.sources.trust import Trust

WORKERS = 16
FRESH_SECONDS = 60.0
OFF = Gap(
    agent="auth",
    what="issuers and addresses that settings name under auth",
    why="this runs in no pod of the cluster, so that what it could reach says nothing",
    remedy="install the chart, or set probes.enabled to true where they are reachable, to false to leave them out",
)


class Checks:
    """Asks the issuers and addresses of ``settings``; implements ``TrustChecks``."""

    name = "auth"

    def __init__(self, settings: AuthChecks, *, enabled: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._enabled = enabled
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: tuple[float, Trust] | None = None

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing: it knows no components of its own."""
        for nothing in tuple[Gap, ...]():
            yield nothing

    async def describe(self) -> Found:
        """Ask all of them, and return how many answer as they should."""
        if not self._enabled:
            return Found(name=self.name, problem=OFF.why, remedy=OFF.remedy)
        seen = await self.trust()
        bad = [f"{one.url}: {one.outcome}" for one in seen.issuers if one.outcome != "ok"]
        bad += [
            f"{one.host}:{one.port}: {one.handshake.outcome}" for one in seen.served if one.handshake.outcome != "ok"
        ]
        names = (*self._settings.issuers, *self._settings.endpoints)
        return Found(
            name=self.name,
            how=f"{len(names)} issuers and addresses under auth",
            problem="; ".join(bad),
            remedy="see whether they run and policies let us out; correct auth.issuers and auth.endpoints"
            if bad
            else "",
        )

    async def trust(self) -> Trust:
        """Return what they answer."""
        if not self._enabled:
            return Trust(gaps=(OFF,))
        with self._lock:
            if self._seen is None or self._clock() - self._seen[0] > FRESH_SECONDS:
                self._seen = (self._clock(), self._look())
            return self._seen[1]

    def _look(self) -> Trust:
        settings = self._settings
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="auth") as workers:
            issuers = list(workers.map(lambda url: check_issuer(url, settings), settings.issuers))
            served = list(workers.map(lambda address: check_endpoint(address, settings), settings.endpoints))
        return Trust(
            issuers=tuple(check for check, _ in issuers),
            served=(*(one for _, one in issuers if one), *served),
        )
