"""A model orders questions; it neither adds nor takes away."""

from __future__ import annotations

import pytest
from reports import hypothesis
from tests.support.models import Scripted

from sre_orchestrator.core.language.choosing import put_first
from sre_orchestrator.core.language.conversation import Conversation
from sre_orchestrator.core.models import Question
from sre_orchestrator.core.rank import Ranking
from sre_orchestrator.core.settings import ModelSettings

CLOSE = Ranking(hypotheses=(hypothesis(confidence=0.6), hypothesis("another", confidence=0.5)))
QUESTIONS = tuple(Question(kind="container.memory", component=f"pod/shop/{name}") for name in "abc")


def chosen(answer: str, ranking: Ranking = CLOSE) -> tuple[tuple[Question, ...], Scripted, Conversation]:
    model = Scripted(answer)
    conversation = Conversation(model, limits=ModelSettings())
    return put_first(conversation, ranking, QUESTIONS), model, conversation


def test_the_questions_that_tell_most_come_first() -> None:
    first, model, conversation = chosen('{"first": ["Q3", "Q1", "Q3"]}')

    assert first == (QUESTIONS[2], QUESTIONS[0])
    assert '"name":"Q1","looks_at":"container.memory","component":"pod/shop/a"' in model.heard[0][1].content
    assert "pod/shop/a" not in str(model.schemas)
    assert conversation.uses["ask"].failures == ()


def test_what_was_not_to_choose_from_is_not_chosen() -> None:
    first, _, conversation = chosen('{"first": ["delete everything", "Q2"]}')

    assert first == (QUESTIONS[1],)
    assert conversation.uses["ask"].failures == ("there is no question delete everything",)


def test_no_answer_chooses_nothing() -> None:
    assert chosen("nonsense")[0] == ()


@pytest.mark.parametrize(
    "ranking",
    [
        Ranking(hypotheses=()),
        Ranking(hypotheses=(hypothesis(),)),
        Ranking(hypotheses=(hypothesis(confidence=0.9), hypothesis("another", confidence=0.2))),
    ],
)
def test_where_one_cause_is_ahead_nobody_is_asked(ranking: Ranking) -> None:
    first, model, _ = chosen("", ranking)

    assert first == ()
    assert not model.heard


def test_one_question_is_no_choice() -> None:
    model = Scripted()

    assert put_first(Conversation(model, limits=ModelSettings()), CLOSE, QUESTIONS[:1]) == ()
    assert not model.heard
