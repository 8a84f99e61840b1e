"""What may help with an incident: a model that passed its examinations, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.models import ModelUse, Question, Report, Said, Scope
from sre_orchestrator.core.narrate import TemplateNarrator
from sre_orchestrator.core.ports import Narrator, Twin
from sre_orchestrator.core.rank import Ranking


class Assistant(Narrator, Protocol):
    """Helps with one incident; may add, must not take away, and never raises."""

    @property
    def name(self) -> str:
        """Name the model, as reports do; empty where there is none."""
        ...

    def read(self, scope: Scope, twin: Twin, agents: Sequence[Agent]) -> Scope:
        """Return ``scope`` with the agents to ask first in front; which agents are asked stays as it is."""
        ...

    def choose(self, ranking: Ranking, questions: Sequence[Question]) -> tuple[Question, ...]:
        """Return the same questions, the most telling first."""
        ...

    def suggest(self, report: Report) -> Report:
        """Return an unresolved report with unproven suggestions, apart from the hypotheses."""
        ...

    def said(self) -> Said:
        """Return what was used of the model's answers, for a replay."""
        ...

    def uses(self) -> dict[str, ModelUse]:
        """Return what the model cost, by step."""
        ...


class Nobody(TemplateNarrator):
    """Helps where there is no model: the flow's own order, and sentences from a template."""

    name: str = ""

    def read(self, scope: Scope, twin: Twin, agents: Sequence[Agent]) -> Scope:
        """Return ``scope``."""
        del twin, agents
        return scope

    def choose(self, ranking: Ranking, questions: Sequence[Question]) -> tuple[Question, ...]:
        """Return the questions."""
        del ranking
        return tuple(questions)

    def suggest(self, report: Report) -> Report:
        """Return the report."""
        return report

    def said(self) -> Said:
        """Return nothing."""
        return Said()

    def uses(self) -> dict[str, ModelUse]:
        """Return nothing."""
        return {}
