"""Runs the rounds of a watch at an interval until it is told to stop; what goes wrong is logged and tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import anyio
import structlog

from sre_orchestrator.api.health import Health
from sre_orchestrator.api.watching import Round
from sre_orchestrator.core.errors import SreError

log = structlog.get_logger()


class Rounds(Protocol):
    """What is run round by round."""

    async def round(self) -> Round:
        """Run one round.

        Raises:
            SreError: it failed, and left everything as it was.

        """
        ...


async def run_rounds(
    watcher: Rounds,
    health: Health,
    stop: anyio.Event,
    *,
    interval_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Run rounds until ``stop`` is set; the one that then runs is finished.

    A round begins ``interval_seconds`` after the one before began, or at once where that took longer.
    """
    while not stop.is_set():
        begun = clock()
        await run_round(watcher, health, clock=clock)
        with anyio.move_on_after(max(0.0, begun + interval_seconds - clock())):
            await stop.wait()


async def run_round(watcher: Rounds, health: Health, *, clock: Callable[[], float] = time.monotonic) -> bool:
    """Run one round and say whether it succeeded; one that fails leaves everything as it was."""
    begun = clock()
    try:
        done = await watcher.round()
    except SreError as error:
        health.failed(str(error))
        log.error("round failed", error=str(error), seconds=round(clock() - begun, 3))
        return False
    if set(done.failed) != set(health.failing):
        log.warning("agents that cannot look", agents=done.failed, before=health.failing)
    health.succeeded(done, clock() - begun)
    log.info(
        "round", at=done.at.isoformat(), seconds=round(clock() - begun, 3), facts=done.facts, gaps=done.gaps,
        symptoms=done.followed, incidents=done.open, requests=done.requests, changes=done.changes,
    )  # fmt: skip
    return True
