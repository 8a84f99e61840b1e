"""One incident, from report to answer. Read this file first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from sre_orchestrator.core.around import around
from sre_orchestrator.core.ask import next_questions
from sre_orchestrator.core.cite import cite
from sre_orchestrator.core.gather import Observations, gather
from sre_orchestrator.core.hookspecs import Agent, Sources
from sre_orchestrator.core.language.assistant import Assistant
from sre_orchestrator.core.models import Cost, Edge, Gap, Hypothesis, Incident, Report, Said, Scope, Struct, Versions
from sre_orchestrator.core.ports import Budget, Guide, Inference, Knowledge, Narrator, Plan, Progress, Twin
from sre_orchestrator.core.rank import Ranking, rank
from sre_orchestrator.core.reading.order import AgentOrder
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.core.report import compose
from sre_orchestrator.core.route import route
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import Vocabulary

ADVISED = 5  # hypotheses that runbooks are looked for


@dataclass(frozen=True, kw_only=True)
class Reasoning:
    """What concludes and words; a replay needs no more."""

    plan: Plan
    vocabulary: Vocabulary
    narrator: Narrator
    knowledge: Knowledge
    settings: Settings
    versions: Versions
    progress: Progress
    guide: Guide | None = None


@dataclass(frozen=True, kw_only=True)
class Parts(Reasoning):
    """What an installation is made of; ``api.wiring`` puts it together."""

    twin: Twin
    sources: Sources
    assistant: Assistant
    agents: Sequence[Agent]
    clock: Callable[[], float]
    order: AgentOrder | None = None
    gaps: tuple[Gap, ...] = ()


class Bundle(Struct, frozen=True, kw_only=True):
    """An investigation that can be replayed: what was observed, where, at what cost, what a model said, and the report."""

    format: int = 1
    scope: Scope
    seen: Observations
    edges: tuple[Edge, ...]
    cost: Cost
    said: Said = Said()
    report: Report


async def diagnose(incident: Incident, parts: Parts) -> Bundle:
    """Diagnose one incident; the report is in the bundle, beside all that it was concluded from.

    The steps are those of ``docs/explanation/flow.md``: route, gather, infer, rank, ask next
    (bounded by ``settings.rounds`` and ``settings.round_budget_seconds``), advise, narrate, cite, suggest.
    ``parts.assistant`` narrates, and may put what is asked first into another order.
    """
    begun = parts.clock()
    incident = msgspec.structs.replace(incident, description=without_secrets(incident.description))
    edges = parts.twin.edges()
    routed = route(incident, parts.twin, parts.agents, parts.settings, edges=edges, order=parts.order)
    scope = parts.assistant.read(routed, parts.twin, parts.agents)
    seen = (await gather(scope, parts)).plus(Observations(gaps=parts.gaps))
    asked: set[tuple[str, str]] = set()
    for _ in range(parts.settings.rounds):
        _, ranking = conclude(scope, seen, edges, parts)
        questions = parts.assistant.choose(ranking, next_questions(ranking, seen, parts.agents, asked))
        if not questions or parts.clock() - begun > parts.settings.round_budget_seconds:
            break
        asked |= {(question.kind, question.component) for question in questions}
        agents = tuple(sorted({name for question in questions for name in question.agents}))
        seen = seen.plus(await gather(msgspec.structs.replace(scope, questions=questions, agents=agents), parts))
    report = parts.assistant.suggest(answer(scope, seen, edges, Cost(), parts))
    cost = _cost(parts.clock() - begun, seen, parts.assistant)
    report = msgspec.structs.replace(report, cost=cost)
    return Bundle(scope=scope, seen=seen, edges=edges, cost=cost, said=parts.assistant.said(), report=report)


def answer(scope: Scope, seen: Observations, edges: Sequence[Edge], cost: Cost, parts: Reasoning) -> Report:
    """Return the report that follows from what was observed; a replay calls this alone."""
    inference, ranking = conclude(scope, seen, edges, parts)
    advised = _advise(ranking.hypotheses, scope.incident, seen=seen, inference=inference, parts=parts)
    report = compose(
        scope.incident,
        ranking=msgspec.structs.replace(ranking, hypotheses=advised),
        seen=seen,
        inference=inference,
        vocabulary=parts.vocabulary,
        settings=parts.settings,
        versions=parts.versions,
        cost=cost,
    )
    parts.progress.step("narrate")
    return cite(msgspec.structs.replace(report, narrative=parts.narrator.narrate(report)))


def conclude(scope: Scope, seen: Observations, edges: Sequence[Edge], parts: Reasoning) -> tuple[Inference, Ranking]:
    """Return what the rules derive from the observations, and the hypotheses ranked."""
    parts.progress.step("infer")
    inference = parts.plan.infer(seen.facts, edges, seen.coverage, Budget())
    parts.progress.step("rank")
    ranking = rank(
        scope,
        facts=seen.facts,
        derivations=inference.derivations,
        edges=edges,
        causes=parts.plan.causes,
        vocabulary=parts.vocabulary,
        settings=parts.settings,
    )
    return inference, ranking


def _cost(seconds: float, seen: Observations, assistant: Assistant) -> Cost:
    uses = assistant.uses()
    return Cost(
        llm_calls=sum(one.calls for one in uses.values()),
        tokens=sum(one.prompt_tokens + one.completion_tokens for one in uses.values()),
        elapsed_ms=round(seconds * 1000),
        agents_ms=seen.agents_ms,
        model=uses,
    )


def _advise(
    hypotheses: Sequence[Hypothesis], incident: Incident, *, seen: Observations, inference: Inference, parts: Reasoning
) -> tuple[Hypothesis, ...]:
    """Return the hypotheses, the first with the runbooks that fit, and what those mean now."""
    derived = (one.derived for one in inference.derivations)
    facts = {fact.id: fact for fact in (*seen.facts, *derived) if fact is not None}
    advised: list[Hypothesis] = []
    for one in hypotheses[:ADVISED]:
        there = around(one, incident, facts, first=not advised)
        found = msgspec.structs.replace(one, runbooks=parts.knowledge.advise(one, there))
        if found.runbooks and parts.guide is not None:
            found = msgspec.structs.replace(found, runbooks=parts.guide.guided(found, facts, seen.coverage))
        advised.append(found)
    return (*advised, *hypotheses[ADVISED:])
