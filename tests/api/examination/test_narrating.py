"""How well a model words reports, by checks that are not those of incidents."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from examinees import Examinee
from models import Scripted
from reports import CHANGED, KILLED, hypothesis, proof, report

from sre_orchestrator.api.examination.narrating import Line, examine_narrating, graded, lines, statements
from sre_orchestrator.api.examination.papers import Papers
from sre_orchestrator.api.examination.sitting import Room
from sre_orchestrator.core.language.ports import LanguageModel
from sre_orchestrator.core.narrate import TemplateNarrator

In = Callable[[LanguageModel], Room]
ABOUT = report(
    hypothesis(proof=(proof("app of cart was OOMKilled", KILLED),)),
    hypothesis("A node has too little memory", component="node/node-a", proof=(proof("node-a is full", CHANGED),)),
)


def test_the_template_is_right_in_all_reports(papers: Papers) -> None:
    marks = [graded(one, lines(TemplateNarrator().narrate(one))) for one in papers.reports]

    assert [one for one in marks if one.wrong or one.citations.precision < 1 or one.told.recall < 1] == []


def test_one_that_says_what_was_proved_passes(papers: Papers, room: In, knowing: Callable[..., Examinee]) -> None:
    found = examine_narrating(papers.reports, room(knowing("narrate")))

    assert (found.passed, found.why) == (True, "what it says is in the facts")
    assert found.measures["citation_recall"] >= 0.9
    assert found.measures["sentences_kept"] >= 0.9


def test_one_that_makes_things_up_fails(papers: Papers, room: In) -> None:
    sentence = {"text": "The payment-gateway-77 failed 99 times.", "facts": ["F1"]}
    answer = json.dumps({"summary": sentence, "explanation": [sentence]})

    found = examine_narrating(papers.reports, room(Scripted(*[answer] * 24)))

    assert (found.passed, found.right, found.measures["sentences_kept"]) == (False, 0, 0)
    assert "what can be shown cites only 0% of what was proved" in found.why


def test_one_that_answers_in_no_form_fails(papers: Papers, room: In) -> None:
    found = examine_narrating(papers.reports, room(Scripted(*["no"] * 24)))

    assert found.why.startswith("only 0% of its answers have the form that is asked for and ")


def test_one_that_does_not_answer_is_given_up(papers: Papers, room: In) -> None:
    found = examine_narrating(papers.reports, room(Scripted(tokens=0)))

    assert (found.passed, found.asked, found.measures["citation_recall"]) == (False, 3, 0)
    assert found.why.startswith("3 papers in a row without an answer")


@pytest.mark.parametrize(
    ("text", "fact", "right"),
    [
        ("The container was OOMKilled.", KILLED.id, True),
        ("cart hat zu wenig Speicher.", KILLED.id, True),
        ("Es reicht nicht.", KILLED.id, True),
        ("The container was OOMKilled.", CHANGED.id, False),
        ("node-a is full.", KILLED.id, False),
    ],
)
def test_a_citation_is_of_the_fact_that_the_sentence_has_words_of(text: str, fact: str, right: bool) -> None:
    mark = graded(ABOUT, [Line(text=text, facts=(fact,))])

    assert (mark.citations.right, mark.citations.given) == (int(right), 1)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (Line(text="cart was OOMKilled.", facts=(KILLED.id,)), 0),
        (Line(text="Its limit was 512 before.", facts=(CHANGED.id,)), 0),
        (Line(text="Its limit was 512 before.", facts=(KILLED.id,)), 1),
        (Line(text="cart was OOMKilled.", facts=()), 1),
        (Line(text="cart was OOMKilled.", facts=("f000000000000",)), 1),
    ],
)
def test_a_wrong_sentence_has_a_number_or_citation_from_nowhere(line: Line, wrong: int) -> None:
    assert graded(ABOUT, [line]).wrong == wrong


def test_one_wrong_sentence_that_is_shown_is_too_many(
    papers: Papers, room: In, knowing: Callable[..., Examinee], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = "sre_orchestrator.core.language.narrating.complaint"
    monkeypatch.setattr(target, lambda *_: "")
    model = knowing("narrate")
    model.adds = "It failed 4711 times."

    found = examine_narrating(papers.reports, room(model))

    assert (found.passed, found.measures["wrong_sentences_shown"]) == (False, 24)
    assert found.why == "24 wrong sentences would be shown"


def test_without_a_hypothesis_the_symptoms_are_to_be_told() -> None:
    assert statements(report()) == tuple(frozenset({one}) for one in report().symptoms)
