"""Asks the agents, all at once; what goes wrong becomes a gap."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING

import anyio

from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Agent, Sources
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope, Struct
from sre_orchestrator.core.vocabulary import Vocabulary

if TYPE_CHECKING:
    from sre_orchestrator.core.pipeline import Parts


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

    An agent that raises, hangs (also in blocking code) or yields garbage becomes a Gap; what it
    yielded before that is kept. Later agents of the list are asked when a place is free.
    """
    parts.progress.step("gather")
    places = anyio.Semaphore(parts.settings.concurrent_agents)
    found: list[Fact | Coverage | Gap] = []
    agents_ms: dict[str, int] = {}
    named = {agent.name: agent for agent in parts.agents}

    async def ask(agent: Agent) -> None:
        async with places:
            parts.progress.agent(agent.name, "asked")
            begun = time.perf_counter()
            kept, problem = await _ask(agent, scope, parts.sources, parts.settings.agent_timeout_seconds)
            agents_ms[agent.name] = round((time.perf_counter() - begun) * 1000)
            found.extend(_checked(agent, kept, parts.vocabulary))
            if problem:
                found.append(problem)
            parts.progress.agent(agent.name, "failed" if problem else "done")

    async with anyio.create_task_group() as tasks:
        for name in scope.agents:
            tasks.start_soon(ask, named[name])
    return _merge(found).timed(dict(sorted(agents_ms.items())))


async def _ask(agent: Agent, scope: Scope, sources: Sources, timeout: float) -> tuple[list[object], Gap | None]:
    kept: list[object] = []
    answer: Future[Gap | None] = Future()
    answer.set_running_or_notify_cancel()

    def work() -> None:
        outcome = guarded(lambda: asyncio.run(_collect(agent, scope, sources, kept)))
        answer.set_result(_failed(agent, outcome.why) if isinstance(outcome, Failure) else outcome.value)

    threading.Thread(target=work, name=f"agent-{agent.name}", daemon=True).start()
    with anyio.move_on_after(timeout):
        return kept, await asyncio.wrap_future(answer)
    why = f"no answer within {timeout:g} s"
    return list(kept), Gap(
        agent=agent.name, what="everything it had not yet reported", why=why, remedy="raise agent_timeout_seconds"
    )


async def _collect(agent: Agent, scope: Scope, sources: Sources, kept: list[object]) -> Gap | None:
    try:
        async for observation in agent.gather(scope, sources):
            kept.append(observation)
    except SourceMissing as missing:
        return Gap(agent=agent.name, what="everything it looks at", why=str(missing))
    return None


def _failed(agent: Agent, why: str) -> Gap:
    return Gap(agent=agent.name, what="everything it had not yet reported", why=why, remedy="look at the agent's log")


def _checked(agent: Agent, kept: Iterable[object], vocabulary: Vocabulary) -> Iterable[Fact | Coverage | Gap]:
    complaints: dict[str, int] = {}
    for observation in kept:
        if isinstance(observation, Fact):
            complaint = vocabulary.complaint(observation)
            if not complaint and observation.kind not in agent.kinds:
                complaint = f"{observation.kind} is not among the kinds that it declares"
            if complaint:
                complaints[complaint] = complaints.get(complaint, 0) + 1
            else:
                yield observation
        elif isinstance(observation, Coverage | Gap):
            yield observation
        else:
            complaint = f"yielded a {type(observation).__name__}, not a Fact, Coverage or Gap"
            complaints[complaint] = complaints.get(complaint, 0) + 1
    for complaint, count in sorted(complaints.items()):
        yield Gap(
            agent=agent.name,
            what=f"{count} observations were refused",
            why=complaint,
            remedy="report this as a bug of the agent",
        )


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


def _order(fact: Fact) -> tuple[bool, str, str]:
    """First seen wins; the agent's name decides where times are equal, so that order never does."""
    return fact.observed_at is None, fact.observed_at.isoformat() if fact.observed_at else "", fact.agent
