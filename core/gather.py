"""Asks the agents, all at once; what goes wrong becomes a gap."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import msgspec

from sre_orchestrator.core.boundary import Failure, Success, guarded
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Agent, Sources
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope, Struct
from sre_orchestrator.core.structs import learn_structs
from sre_orchestrator.core.vocabulary import Vocabulary

if TYPE_CHECKING:
    from sre_orchestrator.core.pipeline import Parts

T = TypeVar("T")
MAX_OBSERVATIONS = 500_000
NOTHING, NO_MORE = "everything it looks at", "everything it had not yet reported"


class Observations(Struct, frozen=True, kw_only=True):
    """What the agents saw: distinct facts by id order, coverage, gaps, wall time of each agent in ms."""

    facts: tuple[Fact, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    gaps: tuple[Gap, ...] = ()
    agents_ms: dict[str, int] = {}

    def plus(self, other: Observations) -> Observations:
        """Return both together; a fact that was seen twice counts once, as first seen."""
        return _merge([*self.facts, *self.coverage, *self.gaps, *other.facts, *other.coverage, *other.gaps]).timed(
            {
                name: self.agents_ms.get(name, 0) + other.agents_ms.get(name, 0)
                for name in self.agents_ms | other.agents_ms
            }
        )

    def timed(self, agents_ms: dict[str, int]) -> Observations:
        """Return the same with ``agents_ms``."""
        return Observations(facts=self.facts, coverage=self.coverage, gaps=self.gaps, agents_ms=agents_ms)


async def gather(scope: Scope, parts: Parts) -> Observations:
    """Ask the agents of ``scope`` concurrently, each in a thread of its own with a time limit.

    An agent that raises, hangs (also in blocking code), never ends or yields garbage becomes a Gap;
    what it yielded before that is kept. Later agents of the list are asked when a place is free.
    """
    parts.progress.step("gather")
    learn_structs()
    places = anyio.Semaphore(parts.settings.concurrent_agents)
    found: list[Fact | Coverage | Gap] = []
    agents_ms: dict[str, int] = {}

    async def ask(agent: Agent) -> None:
        async with places:
            parts.progress.agent(agent.name, "asked")
            begun = time.perf_counter()
            kept, problem = await _ask(agent, scope, parts.sources, parts.settings.agent_timeout_seconds)
            took = round((time.perf_counter() - begun) * 1000)
            agents_ms[agent.name] = agents_ms.get(agent.name, 0) + took
            found.extend(_checked(agent, kept, parts.vocabulary))
            if problem:
                found.append(problem)
            parts.progress.agent(agent.name, "failed" if problem else "done")

    async with anyio.create_task_group() as tasks:
        for name in dict.fromkeys(scope.agents):
            for agent in parts.agents:
                if agent.name == name:
                    tasks.start_soon(ask, agent)
    return _merge(found).timed(dict(sorted(agents_ms.items())))


async def _ask(agent: Agent, scope: Scope, sources: Sources, timeout: float) -> tuple[Sequence[object], Gap | None]:
    kept = _Kept()
    outcome = await apart(lambda: _collect(agent, scope, sources, kept), name=f"agent-{agent.name}", seconds=timeout)
    if outcome is None:
        problem: Gap | None = _gap(agent, f"no answer within {timeout:g} s", "raise agent_timeout_seconds")
    else:
        problem = _gap(agent, outcome.why) if isinstance(outcome, Failure) else outcome.value
    return kept.close(), problem


async def apart(
    call: Callable[[], Coroutine[Any, Any, T]], *, name: str, seconds: float
) -> Success[T] | Failure | None:
    """Run what plugin code does in a thread and an event loop of its own, so that it may block.

    ``None`` when it did not end in time; it goes on then, and nobody waits for it.
    """
    answer: Future[Success[T] | Failure] = Future()
    answer.set_running_or_notify_cancel()

    def work() -> None:
        answer.set_result(guarded(lambda: asyncio.run(call())))

    threading.Thread(target=copy_context().run, args=(work,), name=name, daemon=True).start()
    ended, _ = await asyncio.wait([asyncio.wrap_future(answer)], timeout=seconds)
    return ended.pop().result() if ended else None


async def _collect(agent: Agent, scope: Scope, sources: Sources, kept: _Kept) -> Gap | None:
    try:
        async for observation in agent.gather(scope, sources):
            if not kept.add(observation):
                return _gap(agent, f"it did not end after {MAX_OBSERVATIONS} observations")
    except SourceMissing as missing:
        return Gap(agent=agent.name, what=NOTHING, why=str(missing))
    return None


class _Kept:
    """What an agent has yielded so far; closed, it takes no more from an agent that goes on too long."""

    def __init__(self) -> None:
        self._observations: list[object] = []
        self._closed = False

    def add(self, observation: object) -> bool:
        if self._closed or len(self._observations) >= MAX_OBSERVATIONS:
            return False
        self._observations.append(observation)
        return True

    def close(self) -> Sequence[object]:
        self._closed = True
        return tuple(self._observations)


def _gap(agent: Agent, why: str, remedy: str = "look at the agent's log") -> Gap:
    return Gap(agent=agent.name, what=NO_MORE, why=why, remedy=remedy)


def _checked(agent: Agent, kept: Iterable[object], vocabulary: Vocabulary) -> Iterable[Fact | Coverage | Gap]:
    complaints: Counter[str] = Counter()
    for observation in kept:
        complaint = _complaint(agent, observation, vocabulary)
        if complaint:
            complaints[complaint] += 1
        else:
            yield cast("Fact | Coverage | Gap", observation)
    for complaint, count in sorted(complaints.items()):
        yield Gap(
            agent=agent.name,
            what=f"{count} observations were refused",
            why=complaint,
            remedy="report this as a bug of the agent",
        )


def _complaint(agent: Agent, observation: object, vocabulary: Vocabulary) -> str:
    if isinstance(observation, Fact):
        complaint = vocabulary.complaint(observation)
        if not complaint and observation.kind not in agent.kinds:
            return f"{observation.kind} is not among the kinds that it declares"
        return complaint
    if not isinstance(observation, Coverage | Gap):
        return f"yielded a {type(observation).__name__}, not a Fact, Coverage or Gap"
    if not all(isinstance(text, str) for text in msgspec.structs.astuple(observation)):
        return f"yielded a {type(observation).__name__} that holds no text"
    return ""


def _merge(found: Iterable[Fact | Coverage | Gap]) -> Observations:
    facts: dict[str, Fact] = {}
    coverage: set[Coverage] = set()
    gaps: set[Gap] = set()
    for observation in found:
        if isinstance(observation, Fact):
            known = facts.get(observation.id)
            if known is None or _order(observation) < _order(known):
                facts[observation.id] = observation
        elif isinstance(observation, Coverage):
            coverage.add(observation)
        else:
            gaps.add(observation)
    return Observations(
        facts=tuple(facts[key] for key in sorted(facts)),
        coverage=tuple(sorted(coverage, key=lambda one: (one.kind, one.scope))),
        gaps=tuple(sorted(gaps, key=lambda gap: (gap.agent, gap.what, gap.why, gap.remedy))),
    )


def _order(fact: Fact) -> tuple[bool, datetime, str, str]:
    """First seen wins; agent and query decide where times are equal, so that order never does."""
    return fact.observed_at is None, fact.observed_at or datetime.max.replace(tzinfo=UTC), fact.agent, fact.query
