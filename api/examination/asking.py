"""Examines how a model chooses among questions: the one that tells two close hypotheses apart should come first."""

from __future__ import annotations

from collections.abc import Sequence

from sre_orchestrator.api.examination.comparing import compared
from sre_orchestrator.api.examination.marks import Result
from sre_orchestrator.api.examination.papers import Choice
from sre_orchestrator.api.examination.sitting import Room, Watched, sit
from sre_orchestrator.core.language.choosing import put_first


def examine_asking(papers: Sequence[Choice], room: Room) -> Result:
    """Return how often the question that the model puts first is right, beside the order that the flow has anyway."""
    sitting = sit(papers, room, _right, _components)
    right = [one.mark for one in sitting.marked]
    return compared("ask", sitting, right, [paper.questions[0] in paper.right for paper in papers], {})


def _right(paper: Choice, conversation: Watched) -> bool:
    first = put_first(conversation, paper.ranking, paper.questions)
    return bool(first) and first[0] in paper.right


def _components(paper: Choice) -> frozenset[str]:
    hypotheses = (one.component for one in paper.ranking.hypotheses)
    return frozenset((*hypotheses, *(one.component for one in paper.questions)))
