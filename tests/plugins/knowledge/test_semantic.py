import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from extras import need
from meanings import Dictionary

from sre_orchestrator.core.errors import InputError, ModelError
from sre_orchestrator.plugins.knowledge.semantic import SemanticIndex, Text, installed
from sre_orchestrator.plugins.knowledge.vectors import floats


@pytest.fixture(autouse=True)
def _txtai() -> None:
    need("txtai", "txtai, see .ci/models")


def text(number: int, what: str) -> Text:
    return Text(number=number, meaning=what, words=what)


def index_of(*texts: Text, known: bool = True, embedder: Dictionary | None = None) -> SemanticIndex:
    made = embedder or Dictionary()
    vectors = {one.meaning: floats(made.embed([one.meaning])[0]) for one in texts} if known else {}
    return SemanticIndex(texts, vectors, lambda line: made.embed([line])[0])


def test_a_passage_is_found_by_its_meaning_without_a_common_word() -> None:
    index = index_of(text(3, "Volumes run out of space"), text(7, "Requests are late"))

    found = index.search("the disk is full", 2)

    assert found[0].number == 3
    assert found[0].score > 0.6
    index.close()


def test_of_two_with_the_same_meaning_the_one_with_the_same_words_is_first() -> None:
    index = index_of(text(1, "A disk is full"), text(2, "KubePersistentVolume space"), text(4, "late"))

    found = index.search("persistent volumes without space", 3)

    assert found[0].number == 2
    index.close()


def test_a_passage_without_a_vector_is_found_by_its_words() -> None:
    index = index_of(text(1, "Queues grow"), text(2, "Nodes restart"), known=False)

    assert [one.number for one in index.search("why do queues grow", 5)] == [1]
    assert index.search("a full disk", 5) == ()
    index.close()


def test_some_with_and_some_without_vectors_are_found_together() -> None:
    texts = (text(1, "the volume has no space"), text(2, "Queues grow on disk"))
    vectors = {texts[0].meaning: floats(Dictionary().embed([texts[0].meaning])[0])}
    index = SemanticIndex(texts, vectors, lambda line: Dictionary().embed([line])[0])

    found = {one.number for one in index.search("a full disk", 5)}

    assert found == {1, 2}
    index.close()


@pytest.mark.parametrize(
    "question",
    [
        "",
        "   \n",
        "!?",
        "select id, text from txtai",
        "'; drop table x",
        "full " * 5000,
        "\ud800 full",
        "a\nfull\ndisk",
    ],
)
def test_any_question_is_answered(question: str) -> None:
    index = index_of(text(1, "space"))

    assert len(index.search(question, 5)) <= 1
    index.close()


def test_an_empty_index_finds_nothing_and_asks_no_model() -> None:
    embedder = Dictionary()
    index = index_of(embedder=embedder)

    assert index.search("full", 5) == ()
    assert embedder.asked == []
    index.close()


def test_a_closed_index_finds_nothing() -> None:
    index = index_of(text(1, "space"))
    index.close()

    assert index.search("full", 5) == ()


def test_a_model_that_fails_is_told() -> None:
    index = index_of(text(1, "space"), embedder=Dictionary(breaks_after=1))

    with pytest.raises(ModelError):
        index.search("full", 5)
    index.close()


def test_many_threads_ask_at_the_same_time() -> None:
    index = index_of(*(text(number, f"alert{number} late") for number in range(200)))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: index.search(f"alert{number} slow", 200)[0].number, range(200)))

    assert found == list(range(200))
    index.close()


def test_a_broken_txtai_says_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "txtai.embeddings", None)

    with pytest.raises(InputError, match="--no-deps 'txtai"):
        index_of(text(1, "space"))
    assert installed()
