"""How well a model chooses among questions."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from examinees import SILENT_AFTER, Dead, Examinee
from models import Scripted

from sre_orchestrator.api.examination.asking import examine_asking
from sre_orchestrator.api.examination.papers import Papers
from sre_orchestrator.api.examination.sitting import Room
from sre_orchestrator.core.language.ports import LanguageModel

In = Callable[[LanguageModel], Room]


def test_one_that_knows_the_right_questions_passes(papers: Papers, room: In, knowing: Callable[..., Examinee]) -> None:
    found = examine_asking(papers.choices, room(knowing("ask")))

    assert (found.passed, found.right, found.default_right) == (True, 24, 8)
    assert (found.tokens, found.measures["validity"], found.why) == (120, 1, "better than without it")


@pytest.mark.parametrize("answer", [["Q1"], ["Q2"], ["Q3"], []])
def test_one_that_always_says_the_same_fails(papers: Papers, room: In, answer: list[str]) -> None:
    found = examine_asking(papers.choices, room(Scripted(*[json.dumps({"first": answer})] * 24)))

    assert (found.passed, found.measures["validity"]) == (False, 1)


def test_one_that_is_right_where_it_can_be_decoded_fails(
    papers: Papers, room: In, knowing: Callable[..., Examinee]
) -> None:
    half = knowing("ask")
    answers = [
        *(lambda: "{" for _ in range(12)),
        *(json.dumps({"first": [f"Q{one.questions.index(one.right[0]) + 1}"]}) for one in papers.choices[12:]),
    ]

    found = examine_asking(papers.choices, room(Scripted(*answers)))

    assert (found.passed, found.right, half.asked) == (False, 12, [])
    assert found.why == "only 50% of its answers have the form that is asked for"


def test_one_that_does_not_answer_is_given_up(papers: Papers, room: In) -> None:
    dead = Dead(papers, ())

    found = examine_asking(papers.choices, room(dead))

    assert (found.passed, found.asked, found.right, len(dead.asked)) == (False, SILENT_AFTER, 0, SILENT_AFTER)
    assert found.why == "3 papers in a row without an answer (ModelError: 401: the key is not accepted)"
