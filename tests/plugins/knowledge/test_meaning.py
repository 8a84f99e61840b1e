from collections.abc import Iterator
from pathlib import Path

import pytest
from extras import need
from meanings import Dictionary

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.knowledge import Document, Passage
from sre_orchestrator.plugins.knowledge.library import Library
from sre_orchestrator.plugins.knowledge.meaning import Meaning
from sre_orchestrator.plugins.knowledge.vectors import TOGETHER, Progress, VectorFile


@pytest.fixture(autouse=True)
def _txtai() -> None:
    need("txtai", "txtai, see .ci/models")


@pytest.fixture
def library() -> Iterator[Library]:
    made = Library()
    made.keep([document("volumes", "Volumes have no space", "Make them larger"), document("slow", "Requests are late")])
    yield made
    made.close()


def document(name: str, *texts: str) -> Document:
    return Document(
        address=f"/books/{name}.md",
        title=name,
        format="markdown",
        digest=name,
        passages=(Passage(headings=(name,), text=""), *(Passage(headings=(name, "Part"), text=one) for one in texts)),
    )


def test_what_is_embedded_is_found_by_meaning(library: Library, tmp_path: Path) -> None:
    meaning = Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary())
    list(meaning.embed())
    library.meaning = meaning

    found = library.search("the disk is full")

    assert (found[0].title, found[0].text, found[0].by) == ("volumes", "Volumes have no space", ("meaning",))
    assert meaning.progress == Progress(done=5, all=5)
    meaning.close()


def test_the_beginnings_of_documents_are_embedded_first(library: Library, tmp_path: Path) -> None:
    embedder = Dictionary()

    list(Meaning(library, VectorFile(tmp_path / "v.db"), embedder).embed())

    assert embedder.asked[:2] == ["volumes. Part. Volumes have no space", "slow. Part. Requests are late"]


def test_what_databases_keep_in_no_text_is_not_embedded(tmp_path: Path) -> None:
    library, embedder = Library(), Dictionary()
    library.keep([document("odd", "Volumes\0have no space")])

    list(Meaning(library, VectorFile(tmp_path / "v.db"), embedder).embed())

    assert embedder.asked[0] == "odd. Part. Volumes have no space"


def test_the_beginnings_are_found_before_all_is_embedded(tmp_path: Path) -> None:
    library = Library()
    library.keep([document("long", "Volumes have no space", *(f"Part {number}" for number in range(3 * TOGETHER)))])
    meaning = Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary())

    for progress in meaning.embed():
        if progress.done == TOGETHER:
            assert meaning.search("disk full", 1)

    assert meaning.progress.done == meaning.progress.all == 3 * TOGETHER + 2


def test_what_was_embedded_before_is_found_without_the_work(library: Library, tmp_path: Path) -> None:
    list(Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary()).embed())
    embedder = Dictionary()
    meaning = Meaning(library, VectorFile(tmp_path / "v.db"), embedder)

    meaning.load()

    assert embedder.asked == []
    assert meaning.progress == Progress(done=5, all=5)
    assert meaning.search("a full disk", 1)


def test_a_document_that_is_new_is_found_by_words_until_it_is_embedded(library: Library, tmp_path: Path) -> None:
    list(Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary()).embed())
    library.keep([document("queues", "Consumers stand still")])
    meaning = Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary())

    meaning.load()

    assert meaning.progress == Progress(done=5, all=7)
    assert library.search("consumers stand still")[0].title == "queues"


def test_a_passage_that_was_removed_is_not_found_any_more(library: Library, tmp_path: Path) -> None:
    meaning = Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary())
    list(meaning.embed())
    library.meaning = meaning

    library.remove(["/books/volumes.md"])

    assert "volumes" not in {one.title for one in library.search("a full disk")}


def test_only_what_is_asked_for_is_found(library: Library, tmp_path: Path) -> None:
    meaning = Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary())
    list(meaning.embed())
    everything = meaning.search("a full disk late", 5)

    assert meaning.search("a full disk late", 5, within={everything[1].id}) == everything[1:2]


def test_nothing_is_found_before_it_is_loaded_or_after_it_is_closed(library: Library, tmp_path: Path) -> None:
    meaning = Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary())
    before = meaning.search("full", 5)
    meaning.load()

    meaning.close()

    assert (before, meaning.search("full", 5)) == ((), ())


def test_where_the_model_fails_words_answer(library: Library, tmp_path: Path) -> None:
    meaning = Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary(breaks_after=TOGETHER))
    list(meaning.embed())
    library.meaning = meaning
    for _ in range(TOGETHER):
        meaning.search("full", 1)

    found = library.search("requests that are late")

    assert [(one.title, one.by) for one in found] == [("slow", ("words",))]


def test_a_model_that_fails_while_it_embeds_is_told_and_what_it_did_is_found(tmp_path: Path) -> None:
    library = Library()
    library.keep([document("volumes", "Volumes have no space", *(f"Part {number}" for number in range(3 * TOGETHER)))])
    meaning = Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary(breaks_after=TOGETHER + 3))

    with pytest.raises(ModelError):
        list(meaning.embed())

    after = Meaning(library, VectorFile(tmp_path / "v.db"), Dictionary())
    after.load()
    assert meaning.progress.done == after.progress.done == TOGETHER
    assert after.search("disk full", 1)


def test_of_a_large_library_the_beginnings_alone_are_embedded(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sre_orchestrator.plugins.knowledge.meaning.MOST", 4)
    embedder = Dictionary()
    meaning = Meaning(library, VectorFile(tmp_path / "v.db"), embedder)

    list(meaning.embed())

    assert embedder.asked == ["volumes. Part. Volumes have no space", "slow. Part. Requests are late"]
    assert meaning.progress == Progress(done=2, all=2)
