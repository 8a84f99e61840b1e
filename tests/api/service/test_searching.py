"""The index of uploaded runbooks follows what is kept, whoever keeps it, and heals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from sre_orchestrator.api.service.dispatch import utc_now
from sre_orchestrator.api.service.models import RunbookQuery, RunbookView
from sre_orchestrator.api.service.runbooks import runbook_of
from sre_orchestrator.api.service.store import Database, open_database

INDEX = "knowledge/uploaded.db"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database("", tmp_path)) as opened:
        yield opened


def kept(store: Database, text: str, name: str, namespace: str = "") -> RunbookView:
    made = runbook_of(text, "text/markdown", name=name, namespace=namespace, author="", now=utc_now())
    return store.runbooks.keep(made, most=100)[0]


def found(store: Database, text: str, *namespaces: str, limit: int = 50) -> list[str]:
    page = store.runbooks.list(RunbookQuery(text=text, namespaces=namespaces, limit=limit))
    return [one.name for one in page.items]


def test_nothing_is_opened_before_somebody_searches(store: Database, tmp_path: Path) -> None:
    kept(store, "# Cart\n\nRoll back.\n", "cart")
    listed = [one.name for one in store.runbooks.list(RunbookQuery()).items]

    assert (listed, (tmp_path / INDEX).exists()) == (["cart"], False)


def test_each_replica_follows_what_others_keep(store: Database, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'service.db'}"
    with closing(open_database(url, tmp_path / "other")) as other:
        mine = kept(store, "# Cart\n\nRoll back.\n", "cart")
        seen = found(other, "roll back")
        kept(store, "# Cart\n\nDrain it.\n", "cart")
        replaced = found(other, "roll back"), found(other, "drain")
        store.runbooks.remove(mine.id)

        assert (seen, replaced, found(other, "drain")) == (["cart"], ([], ["cart"]), [])


def test_a_document_of_the_same_text_is_read_once(store: Database) -> None:
    kept(store, "# Cart\n\nRoll back.\n", "cart")
    before = store.runbooks.library().ids()

    assert store.runbooks.library().ids() == before


def test_many_runbooks_of_others_do_not_hide_ours(store: Database) -> None:
    for number in range(60):
        kept(store, "# Queue\n\nqueue queue queue\n", f"theirs-{number}", "bank")
    kept(store, "# Cart\n\nSomething about a queue, and much else that is told here.\n", "ours", "shop")

    assert found(store, "queue", "shop") == ["ours"]
    assert len(found(store, "queue", "shop", "bank")) > 40


def test_a_damaged_index_is_made_again(store: Database, tmp_path: Path) -> None:
    kept(store, "# Cart\n\nRoll back.\n", "cart")
    found(store, "roll back")
    store.runbooks.close()
    (tmp_path / INDEX).write_bytes(b"noise" * 5000)

    assert found(store, "roll back") == ["cart"]


def test_an_index_in_memory_is_as_good(store: Database, tmp_path: Path) -> None:
    del store
    from sre_orchestrator.api.service.store.engine import open_engine  # noqa: PLC0415

    with closing(Database(open_engine(f"sqlite:///{tmp_path / 'service.db'}"))) as bare:
        kept(bare, "# Cart\n\nRoll back.\n", "cart")

        assert found(bare, "roll back") == ["cart"]


def test_what_nothing_can_be_made_of_is_not_found(store: Database) -> None:
    odd = msgspec.structs.replace(kept(store, "# Cart\n", "cart"), id="rodd", name="odd", text="\x00" * 9, digest="d")
    store.runbooks.keep(odd, most=100)

    assert found(store, "cart") == ["cart"]


def test_an_excerpt_begins_where_a_word_stands(store: Database) -> None:
    kept(store, f"# Cart\n\n{'Look around. ' * 40}\n\nThen undo it.\n", "cart")
    (one,) = store.runbooks.list(RunbookQuery(text="undo")).items
    (other,) = store.runbooks.list(RunbookQuery(text="cart")).items

    assert one.excerpt == "Then undo it."
    assert other.excerpt.startswith("Look around.")
