"""Whether the service is ready, and if not, why: a few cheap questions, asked once a second at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

from sre_orchestrator.api.service.ports import StoreState
from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.models import Struct

REMEMBERED_SECONDS = 1.0
STUCK_SECONDS = 60.0  # and the time that an investigation may take


class ReadyCheck(Struct, frozen=True, kw_only=True):
    """One thing that was looked at; ``why`` says what is wrong. ``needed``: without it, the service is not ready."""

    ok: bool
    why: str = ""
    needed: bool = True


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether incidents can be accepted and are investigated; ``degraded`` says yes, with gaps."""

    status: Literal["ready", "degraded", "not ready"]
    why: str = ""
    checks: dict[str, ReadyCheck] = {}


class Health:
    """What the service knows of how it is; safe to call from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, Readiness] | None = None
        self._active = clock()
        self._draining = False
        self._needed: dict[str, Callable[[], str]] = {}
        self._wanted: dict[str, Callable[[], str]] = {}

    def check(self, name: str, look: Callable[[], str], *, needed: bool = True) -> None:
        """Look at one more thing: ``look`` says what is wrong, and may block or raise."""
        (self._needed if needed else self._wanted)[name] = look

    def drain(self) -> None:
        """Say that the service is about to end; it is not ready from now on."""
        self._draining = True
        self._known = None

    def active(self) -> None:
        """Note that an investigation has begun or ended."""
        self._active = self._clock()

    @property
    def idle_seconds(self) -> float:
        """Return how long no investigation has begun or ended."""
        return self._clock() - self._active

    def readiness(self) -> Readiness:
        """Look, or return what was seen within the last second."""
        with self._lock:
            now = self._clock()
            if self._known is None or now - self._known[0] >= REMEMBERED_SECONDS:
                self._known = now, self._look()
            return self._known[1]

    def _look(self) -> Readiness:
        draining = "the service is about to end" if self._draining else ""
        checks = {"draining": ReadyCheck(ok=not draining, why=draining)}
        checks |= _looked(self._needed, needed=True) | _looked(self._wanted, needed=False)
        failing = {name: one for name, one in checks.items() if not one.ok}
        why = "; ".join(f"{name}: {one.why}" for name, one in failing.items())
        if any(one.needed for one in failing.values()):
            return Readiness(status="not ready", why=why, checks=checks)
        return Readiness(status="degraded" if failing else "ready", why=why, checks=checks)


def backlog(state: Callable[[], StoreState], health: Health, limit_seconds: float, now: Callable[[], datetime]) -> str:
    """Say that incidents wait although nothing has been investigated for longer than an investigation may take."""
    oldest = state().oldest_queued_at
    waits = (now() - oldest).total_seconds() if oldest else 0.0
    bound = limit_seconds + STUCK_SECONDS
    if waits <= bound or health.idle_seconds <= bound:
        return ""
    return (
        f"an incident has waited for {waits:.0f} s, and nothing was investigated here for {health.idle_seconds:.0f} s"
    )


def _looked(looks: Mapping[str, Callable[[], str]], *, needed: bool) -> dict[str, ReadyCheck]:
    found = {}
    for name, look in looks.items():
        outcome = guarded(look)
        why = outcome.why.partition("\n")[0][:200] if isinstance(outcome, Failure) else outcome.value
        found[name] = ReadyCheck(ok=not why, why=why, needed=needed)
    return found
