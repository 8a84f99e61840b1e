"""The papers are enough, of this catalogue and vocabulary, and nothing gives the answer away."""

from __future__ import annotations

from collections import Counter

from sre_orchestrator.api.examination.papers import Papers
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.language.choosing import SHOWN, close


def test_there_are_enough_in_many_languages(papers: Papers) -> None:
    languages = Counter(one.language for one in papers.texts.texts)

    assert (papers.count("read"), papers.count("ask"), papers.count("narrate")) == (36, 24, 24)
    assert len(languages) >= 10
    assert len({one.text for one in papers.texts.texts}) == 36
    assert {one.verdict for one in papers.reports} == {"diagnosed", "unresolved"}
    assert len({one.hypotheses[0].cause for one in papers.reports if one.hypotheses}) >= 20


def test_what_is_right_in_a_text_exists_there(papers: Papers, installation: Installation) -> None:
    agents = {agent.name for agent in installation.agents}

    for one in papers.texts.texts:
        assert one.components <= set(papers.texts.worlds[one.world]), one.id
        assert one.agents <= agents, one.id
        assert one.components
        assert one.agents


def test_questions_are_of_the_vocabulary_and_the_right_ones_at_all_places(
    papers: Papers, installation: Installation
) -> None:
    kinds = installation.vocabulary.kinds

    for one in papers.choices:
        assert {question.kind for question in one.questions} <= set(kinds)
        assert close(one.ranking)
        assert 1 == len(one.right) < len(one.questions) <= SHOWN
    places = Counter(one.questions.index(one.right[0]) for one in papers.choices)
    assert min(places[place] for place in range(3)) >= 5


def test_facts_of_reports_are_of_the_vocabulary(papers: Papers, installation: Installation) -> None:
    complaints = [installation.vocabulary.complaint(fact) for one in papers.reports for fact in one.facts.values()]

    assert set(complaints) == {""}


def test_some_papers_are_from_all_parts(papers: Papers) -> None:
    some = papers.some(3)

    assert [some.count(step) for step in ("read", "ask", "narrate")] == [3, 3, 3]
    assert [one.language for one in some.texts.texts] == ["en", "en", "es"]
    assert papers.some(1000) == papers
