"""Finds the enumerated questions that would separate the top hypotheses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sre_orchestrator.core.gather import NO_MORE, NOTHING, Observations
from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.models import Question

if TYPE_CHECKING:
    from sre_orchestrator.core.rank import Ranking

ASKED_OF = 5


def next_questions(
    ranking: Ranking, seen: Observations, agents: Sequence[Agent], asked: set[tuple[str, str]]
) -> tuple[Question, ...]:
    """Return the questions about the first hypotheses that an agent could still answer.

    A question that was asked is not asked again, and an agent that failed or misses its source is not asked any.
    Agents that answer questions declare ``answers``, the kinds they can look up.
    """
    able: dict[str, list[str]] = {}
    for agent in agents:
        for kind in getattr(agent, "answers", ()):
            able.setdefault(kind, []).append(agent.name)
    blind = {gap.agent for gap in seen.gaps if gap.what in (NOTHING, NO_MORE)}
    found: dict[tuple[str, str], Question] = {}
    for hypothesis in ranking.hypotheses[:ASKED_OF]:
        for missing in hypothesis.missing:
            key = (missing.kind, missing.component or hypothesis.component)
            names = tuple(name for name in able.get(missing.kind, ()) if name not in blind)
            if names and key not in asked:
                found.setdefault(key, Question(kind=key[0], component=key[1], text=missing.condition, agents=names))
    return tuple(found.values())
