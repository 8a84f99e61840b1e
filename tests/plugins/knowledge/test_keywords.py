"""Which words of a question are looked for, and in which spellings."""

from __future__ import annotations

import pytest

from sre_orchestrator.core.knowledge import Passage
from sre_orchestrator.plugins.knowledge import keywords
from sre_orchestrator.plugins.knowledge.index import Hit, Indexed
from sre_orchestrator.plugins.knowledge.keywords import WordIndex, query_words, spoken
from sre_orchestrator.plugins.knowledge.tables import opened


@pytest.fixture
def index() -> WordIndex:
    made = WordIndex(opened(None))
    texts = ("pods restart", "pods wait for a volume", "nodes restart")
    made.update([Indexed(id=n, title="", passage=Passage(text=text)) for n, text in enumerate(texts, 1)], ())
    return made


def ids(hits: tuple[Hit, ...]) -> list[int]:
    return [hit.id for hit in hits]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The pods are not ready", ("pods", "ready")),
        ("KubePodNotReady", ("kubepodnotready", "kube", "pod", "ready")),
        ("etcdGRPCRequestsSlow 99", ("etcdgrpcrequestsslow", "99", "etcd", "grpc", "requests", "slow")),
        ("is it not there", ("is", "it", "not", "there")),
        ("?!", ()),
    ],
)
def test_a_question_is_asked_by_the_words_that_tell_something(text: str, words: tuple[str, ...]) -> None:
    assert query_words(text) == words


def test_plain_text_is_spoken_as_it_is() -> None:
    assert spoken("pods wait") == "pods wait"


def test_endings_do_not_matter_and_rare_words_count_most(index: WordIndex) -> None:
    found = index.search("pod waiting for volumes", 10)

    assert ids(found) == [2, 1]
    assert 1 > found[0].score > found[1].score > 0


def test_quotes_and_operators_are_words(index: WordIndex) -> None:
    assert ids(index.search('NEAR("nodes" AND -text: OR *', 10)) == [3]


def test_only_some_passages_may_be_looked_at(index: WordIndex) -> None:
    assert ids(index.search("restart", 10, within=[3])) == [3]
    assert ids(index.search("restart", 10, within=[])) == []


def test_what_is_removed_is_not_found(index: WordIndex) -> None:
    index.update((), [3])

    assert ids(index.search("restart", 10)) == [1]


def test_a_word_that_is_everywhere_is_left_out_unless_there_is_no_other(
    index: WordIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keywords, "COMMON", 2)

    assert ids(index.search("pods and a volume", 10)) == [2]
    assert sorted(ids(index.search("pods restart", 10))) == [1, 2, 3]
