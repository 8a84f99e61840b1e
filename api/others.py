"""Asks the sources of plugins again and again what they know, for a twin that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import TypeVar

import anyio

from sre_orchestrator.api.contained import gap_of, heard_of
from sre_orchestrator.core.boundary import Success
from sre_orchestrator.core.gather import apart
from sre_orchestrator.core.hookspecs import Source
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.plugins.sources.mirror import Mirror, Told
from sre_orchestrator.plugins.sources.ports import Dependency, Topology

T = TypeVar("T", Component, Edge)
AGAIN_SECONDS = 60.0
LAST_TOLD = "what has changed since {at:%Y-%m-%dT%H:%M:%SZ} in what this source knows for the twin"
NEVER_TOLD = "what this source knows for the twin, beside what it told before the start"


class Others:
    """The sources beside the cluster, all asked at once, ``seconds`` at most, and again a minute later.

    What one no longer tells goes. One that cannot be read is taken to know what it told last, also before a restart.
    """

    def __init__(
        self,
        sources: Sequence[Source] = (),
        seconds: float = 30.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.asked = Event()
        self._sources = dict(_named(sources))
        self._seconds = seconds
        self._clock = clock
        self._told_at: dict[str, datetime] = {}

    def keep_asking(self, mirror: Mirror, stop: Event, missing: Callable[[Gap], None]) -> None:
        """Tell ``mirror`` what they know until ``stop`` is set; ``missing`` is told once of each new gap."""
        known: frozenset[Gap] = frozenset()
        while not stop.is_set():
            told, gaps = anyio.run(self._round, mirror.told)
            if stop.is_set():
                break  # sources may be closed by now
            mirror.hear(told, gaps)
            for gap in gaps:
                if gap not in known:
                    missing(gap)
            known = frozenset(gaps)
            self.asked.set()
            stop.wait(AGAIN_SECONDS)
        self.asked.set()

    async def _round(self, before: dict[str, Told]) -> tuple[dict[str, Told], tuple[Gap, ...]]:
        told: dict[str, Told] = {}
        gaps: list[Gap] = []

        async def ask(name: str, source: Source) -> None:
            told[name], found = await self._ask(name, source, before.get(name, Told()))
            gaps.extend(found)

        async with anyio.create_task_group() as tasks:
            for name, source in self._sources.items():
                tasks.start_soon(ask, name, source)
        return {name: told[name] for name in self._sources}, tuple(sorted(gaps, key=lambda one: (one.agent, one.what)))

    async def _ask(self, name: str, source: Source, before: Told) -> tuple[Told, list[Gap]]:
        heard = await heard_of(source, self._seconds)
        calls, problem = await self._calls(source, before.dependencies)
        told = Told(
            components=tuple(one for one in heard.known if isinstance(one, Component)),
            edges=tuple(one for one in heard.known if isinstance(one, Edge)),
            dependencies=calls,
        )
        gaps = [one for one in heard.known if isinstance(one, Gap)]
        if why := heard.problem or problem:
            at = self._told_at.get(name)
            gaps.append(gap_of(source, why, LAST_TOLD.format(at=at) if at else NEVER_TOLD))
        else:
            self._told_at[name] = self._clock()
        return (_beside(told, before) if heard.problem else told), gaps

    async def _calls(self, source: Source, before: tuple[Dependency, ...]) -> tuple[tuple[Dependency, ...], str]:
        if not isinstance(source, Topology):
            return (), ""
        outcome = await apart(lambda: _dependencies(source), name=f"calls-{source.name}", seconds=self._seconds)
        if isinstance(outcome, Success):
            return outcome.value, ""
        return before, outcome.why if outcome else f"no answer within {self._seconds:g} s"


async def _dependencies(source: Topology) -> tuple[Dependency, ...]:
    return tuple(await source.dependencies())


def _beside(told: Told, before: Told) -> Told:
    """Return what was told before, in the words of what is told now where there are any."""
    components = {one.id: one for one in (*before.components, *told.components)}
    edges = {(one.source, one.kind, one.target): one for one in (*before.edges, *told.edges)}
    return Told(components=tuple(components.values()), edges=tuple(edges.values()), dependencies=told.dependencies)


def _named(sources: Sequence[Source]) -> Iterator[tuple[str, Source]]:
    """Yield sources by their names; a further one of the same name has a number."""
    seen: dict[str, int] = {}
    for one in sources:
        seen[one.name] = number = seen.get(one.name, 0) + 1
        yield (f"{one.name} {number}" if number > 1 else one.name), one
