"""Replicas that share a database embed each text once, and none forgets what another wants."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from extras import need
from investigation import NOW
from meanings import Dictionary
from postgres import fresh_database
from sqlalchemy import Engine, text

from sre_orchestrator.api.advice import Advice
from sre_orchestrator.api.blocks import Shelf
from sre_orchestrator.api.service.meanings import AGAIN, Meanings
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.service.store.engine import open_engine
from sre_orchestrator.api.service.store.vectors import KEPT, PORTION, SEEN, VectorTable
from sre_orchestrator.core.errors import InputError, ModelError
from sre_orchestrator.core.settings import ModelSettings, Settings
from sre_orchestrator.plugins.knowledge.formats import read_document
from sre_orchestrator.plugins.knowledge.library import Library, library_file
from sre_orchestrator.plugins.knowledge.vectors import TOGETHER, Vectors, VectorStore, floats

TEXTS = [f"text {number}" for number in range(3 * TOGETHER)]
LITTLE = timedelta(minutes=1)


class Clock:
    """Tells a time that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """Return it."""
        return self.now


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = fresh_database() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'service.db'}"
    made = open_engine(url)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> VectorTable:
    return VectorTable(engine, clock)


def embed(store: VectorStore, embedder: Dictionary, *texts: str) -> Vectors:
    vectors = Vectors(store, embedder)
    list(vectors.embed(texts))
    return vectors


def replica(state: Path, store: VectorStore, embedder: Dictionary, *names: str) -> Advice:
    """Return the advice of a replica whose library holds documents of these names."""
    with closing(Library(library_file(str(state)))) as library:
        library.keep(
            read_document(f"# {name}\n\nThe disk is full.\n".encode(), f"/{name}.md").document for name in names
        )
    settings = Settings(state_dir=str(state), model=ModelSettings(embedder="dictionary:any"))
    advice = Advice(Shelf(state), settings, lambda: embedder)
    advice.vectors = lambda: store
    return advice


def test_what_a_replica_embedded_another_reads(store: VectorTable) -> None:
    embed(store, Dictionary(), *TEXTS)
    second = Dictionary()

    vectors = embed(store, second, *TEXTS, "disk full")

    assert second.asked == ["disk full"]
    assert vectors.known()["disk full"] == floats(vectors.one("disk full"))
    assert len(vectors.known()) == len(TEXTS) + 1


def test_replicas_that_begin_together_embed_each_text_once(tmp_path: Path) -> None:
    with closing(open_database(fresh_database(), tmp_path)) as first, ThreadPoolExecutor(4) as threads:
        replicas = [Dictionary() for _ in range(4)]

        list(threads.map(lambda one: embed(first.vectors, one, *TEXTS), replicas))

        assert sorted(text for one in replicas for text in one.asked) == sorted(TEXTS)


def test_a_replica_whose_model_fails_lets_another_go_on(store: VectorTable) -> None:
    with pytest.raises(ModelError):
        embed(store, Dictionary(breaks_after=TOGETHER), *TEXTS)
    second = Dictionary()

    embed(store, second, *TEXTS)

    assert second.asked == TEXTS[TOGETHER:]


def test_what_is_kept_again_is_replaced(store: VectorTable) -> None:
    store.keep("d1", {"full": b"old", "late": b"old"})

    store.keep("d1", {"full": b"new!"})

    assert store.known("d1") == {"full": b"new!", "late": b"old"}


def test_many_texts_go_in_portions(store: VectorTable, clock: Clock) -> None:
    many = {f"text {number}": b"1234" for number in range(PORTION + 1)}
    store.keep("d1", many)
    clock.now += KEPT + LITTLE

    store.keep_only("d1", many)

    assert store.known("d1") == many


def test_neither_another_model_nor_other_texts_go_at_once(store: VectorTable, clock: Clock) -> None:
    embed(store, Dictionary("d1"), "full", "late")
    clock.now += KEPT

    embed(store, Dictionary("d2"), "full")

    assert set(store.known("d1")) == {"full", "late"}
    assert set(store.known("d2")) == {"full"}


def test_what_no_replica_wants_for_a_week_goes(store: VectorTable, clock: Clock) -> None:
    embed(store, Dictionary("d1"), "full", "late")
    embed(store, Dictionary("d2"), "full")
    clock.now += SEEN + LITTLE
    embed(store, Dictionary("d1"), "late")
    clock.now += KEPT - SEEN

    embed(store, Dictionary("d1"), "slow")

    assert set(store.known("d1")) == {"late", "slow"}
    assert store.known("d2") == {}


def test_a_database_that_fails_is_named_without_its_password(tmp_path: Path) -> None:
    url = fresh_database()
    with closing(open_database(url, tmp_path)) as database:
        engine = open_engine(url)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE runbook_vector"))
        engine.dispose()

        with pytest.raises(
            InputError, match=r"//sre:\*\*\*@.*the vectors of runbooks cannot be used: .*does not exist"
        ):
            database.vectors.known("d1")


def test_the_second_embeds_nothing(store: VectorTable, tmp_path: Path) -> None:
    need("txtai", "txtai, see .ci/models")
    one, two = Dictionary(), Dictionary()
    first, second = replica(tmp_path / "1", store, one, "a", "b"), replica(tmp_path / "2", store, two, "a", "b")

    Meanings(first).refresh()
    Meanings(second).refresh()

    assert (len(one.asked), two.asked) == (2, [])
    assert [meaning.progress.done for meaning in second.meanings()] == [2]
    assert not list(tmp_path.rglob("*-vectors.db"))
    first.close()
    second.close()


def test_what_a_replica_still_uses_is_not_forgotten_by_an_update(
    store: VectorTable, clock: Clock, tmp_path: Path
) -> None:
    need("txtai", "txtai, see .ci/models")
    advice = replica(tmp_path, store, Dictionary("d1"), "a")
    meanings = Meanings(advice, now=clock)
    for _ in range(2 * KEPT // AGAIN):
        meanings.refresh()
        clock.now += AGAIN

    embed(store, Dictionary("d2"), "full")

    assert len(store.known("d1")) == 1
    advice.close()


def test_a_database_that_fails_leaves_words_and_is_told(engine: Engine, store: VectorTable, tmp_path: Path) -> None:
    need("txtai", "txtai, see .ci/models")
    advice = replica(tmp_path, store, Dictionary(), "memory-limit-too-low")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE runbook_vector"))

    found = advice.libraries()[0].search("the disk is full")

    assert [one.by for one in found] == [("words",)]
    assert ["the vectors of runbooks cannot be used" in gap.why for gap in advice.gaps()] == [True]
    advice.close()
