from pathlib import Path

import pytest
from meanings import Dictionary

from sre_orchestrator.core.errors import InputError, ModelError
from sre_orchestrator.plugins.knowledge.vectors import TOGETHER, Progress, VectorFile, Vectors, floats

TEXTS = [f"text {number}" for number in range(3 * TOGETHER)]


def test_each_text_is_embedded_once(tmp_path: Path) -> None:
    embedder = Dictionary()
    list(Vectors(VectorFile(tmp_path / "v.db"), embedder).embed(["full", "late", "full"]))

    progress = list(Vectors(VectorFile(tmp_path / "v.db"), embedder).embed(["late", "full", "new"]))

    assert sorted(embedder.asked) == ["full", "late", "new"]
    assert progress == [Progress(done=2, all=3), Progress(done=3, all=3)]


def test_work_that_was_interrupted_goes_on_where_it_ended(tmp_path: Path) -> None:
    failing, after = Dictionary(breaks_after=TOGETHER), Dictionary()
    with pytest.raises(ModelError):
        list(Vectors(VectorFile(tmp_path / "v.db"), failing).embed(TEXTS))

    list(Vectors(VectorFile(tmp_path / "v.db"), after).embed(TEXTS))

    assert after.asked == TEXTS[TOGETHER:]


def test_whoever_stops_asking_ends_the_work(tmp_path: Path) -> None:
    embedder = Dictionary()
    vectors = Vectors(VectorFile(tmp_path / "v.db"), embedder)

    for progress in vectors.embed(TEXTS):
        if progress.done:
            break

    assert len(vectors.known()) == TOGETHER
    assert len(embedder.asked) == TOGETHER


def test_another_model_begins_anew_and_what_was_of_the_first_goes(tmp_path: Path) -> None:
    list(Vectors(VectorFile(tmp_path / "v.db"), Dictionary("d1")).embed(["full"]))
    other = Dictionary("d2")

    list(Vectors(VectorFile(tmp_path / "v.db"), other).embed(["full"]))

    assert other.asked == ["full"]
    assert Vectors(VectorFile(tmp_path / "v.db"), Dictionary("d1")).known() == {}


def test_vectors_of_texts_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    vectors = Vectors(VectorFile(tmp_path / "v.db"), Dictionary())
    list(vectors.embed(["full", "late"]))

    list(vectors.embed(["late"]))

    assert set(vectors.known()) == {"late"}
    assert vectors.known()["late"] == floats(vectors.one("late"))


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "v.db").write_bytes(b"noise " * 1000)

    with pytest.raises(InputError, match=r"v\.db: cannot be used: .*remove it"):
        Vectors(VectorFile(tmp_path / "v.db"), Dictionary()).known()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InputError, match=r"v\.db: cannot be used"):
        Vectors(VectorFile(tmp_path / "file" / "v.db"), Dictionary()).known()
