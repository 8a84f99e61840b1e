"""Helps with one incident by asking a model, in the steps that the model may take part in."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.language.assistant import Nobody
from sre_orchestrator.core.language.choosing import put_first
from sre_orchestrator.core.language.conversation import Conversation
from sre_orchestrator.core.language.narrating import narrate
from sre_orchestrator.core.language.reading import added, read
from sre_orchestrator.core.language.suggesting import suggestions
from sre_orchestrator.core.models import ModelUse, Question, Report, Said, Scope
from sre_orchestrator.core.ports import Plan, Twin
from sre_orchestrator.core.rank import Ranking
from sre_orchestrator.core.vocabulary import Vocabulary


class ModelAssistant(Nobody):
    """Does what ``Nobody`` does, and better where the model may help and its answer can be used (``Assistant``)."""

    def __init__(
        self, name: str, conversation: Conversation, steps: Collection[str], *, plan: Plan, vocabulary: Vocabulary
    ) -> None:
        self.name = name
        self._conversation = conversation
        self._steps = frozenset(steps)
        self._plan = plan
        self._vocabulary = vocabulary
        self._said = Said()

    def read(self, scope: Scope, twin: Twin, agents: Sequence[Agent]) -> Scope:
        """Return ``scope`` with the agents in front that the model would ask first; what else it reads is only kept."""
        reading = read(self._conversation, scope, twin, agents) if "read" in self._steps else None
        if reading is None:
            return scope
        self._said = msgspec.structs.replace(
            self._said, components=reading.components, symptoms=reading.symptoms, agents=reading.agents
        )
        return msgspec.structs.replace(scope, agents=added(scope, reading).agents)

    def choose(self, ranking: Ranking, questions: Sequence[Question]) -> tuple[Question, ...]:
        """Return the same questions, those that the model puts first before the others."""
        if "ask" not in self._steps:
            return tuple(questions)
        first = put_first(self._conversation, ranking, questions)
        self._said = msgspec.structs.replace(self._said, asked=(*self._said.asked, *first))
        return tuple(dict.fromkeys((*first, *questions)))

    def narrate(self, report: Report) -> str:
        """Return the report in the words of the model, or of the template."""
        if "narrate" not in self._steps:
            return super().narrate(report)
        self._conversation.learn(report.facts.values())
        return narrate(self._conversation, report)

    def suggest(self, report: Report) -> Report:
        """Return the report with causes that the model thinks possible, if it is unresolved."""
        if "suggest" not in self._steps:
            return report
        self._conversation.learn(report.facts.values())
        found = suggestions(self._conversation, report, self._plan.causes, self._vocabulary)
        return msgspec.structs.replace(report, suggestions=found)

    def said(self) -> Said:
        """Return what was used of the model's answers, for a replay."""
        return self._said

    def uses(self) -> dict[str, ModelUse]:
        """Return what the model cost, by step."""
        return dict(self._conversation.uses)
