"""A cluster for ``watch`` that changes from round to round: each round sees the next of some recorded snapshots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
from clusters import Cluster, shop

from sre_orchestrator.api.incidents import IncidentStore, Record
from sre_orchestrator.api.scenes import Recorded
from sre_orchestrator.api.watching import Scene, Told, Watcher
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.gather import Observations
from sre_orchestrator.core.hookspecs import Agent, Sources
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Watch

Change = Callable[[Cluster], object]
EVERY = Watch(skip_agents=("connectivity",), close_after_seconds=90)


class Broken:
    """An agent that raises instead of looking."""

    def __init__(self, agent: Agent) -> None:
        self.name, self.description, self.kinds = agent.name, agent.description, agent.kinds

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Raise."""
        del scope, sources
        raise RuntimeError("out of order")
        yield  # makes this an asynchronous generator


class Film:
    """Rounds thirty seconds apart, of which each sees the snapshot that a letter of ``script`` names.

    ``!`` is a round in which every agent fails, ``?`` one in which the cluster cannot be reached.
    """

    def __init__(self, installation: Installation, frames: dict[str, Path], state: Path, watch: Watch = EVERY) -> None:
        self.news: list[Told] = []
        self.store = IncidentStore(state)
        self._installation = installation
        self._frames = frames
        self._watch = watch
        self._number = 0
        self._letter = ""

    def play(self, script: str, *, begin: int = 0) -> Film:
        """Run a round a letter."""
        self._number = begin
        watcher = Watcher(self, self.store, self, watch=self._watch)
        for self._letter in script:
            if self._letter == "?":
                with suppress(InputError):
                    anyio.run(watcher.round)
            else:
                anyio.run(watcher.round)
            self._number += 1
        return self

    @property
    def events(self) -> list[str]:
        """Return what happened, in order."""
        return [one.event for one in self.news]

    @property
    def causes(self) -> list[tuple[str, str]]:
        """Return cause and component of the open incidents."""
        return sorted((one.cause, one.component) for one in self.store.open())

    @property
    def only(self) -> Record:
        """Return the only open incident."""
        (one,) = self.store.open()
        return one

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Scene]:
        """Yield the next round."""
        if self._letter == "?":
            raise InputError("the cluster cannot be reached")
        frame = self._frames["." if self._letter == "!" else self._letter]
        async with Recorded(self._installation, frame).look() as scene:
            agents: Sequence[Agent] = scene.parts.agents
            broken = [Broken(one) for one in agents] if self._letter == "!" else agents
            yield Scene(parts=replace(scene.parts, agents=broken), at=scene.at + self._number * timedelta(seconds=30))

    def noted(self, seen: Observations) -> None:
        """Learn nothing."""

    def told(self, news: Told) -> None:
        """Keep what is told."""
        self.news.append(news)


def frame(folder: Path, name: str, *changes: Change) -> Path:
    """Return a snapshot of a healthy shop with ``changes``."""
    cluster = shop()
    for change in changes:
        change(cluster)
    return cluster.write(folder / name)
