"""The library of runbooks: what is kept is found by names and words, and goes when it is removed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from unwritable import open_folder, unwritable

from sre_orchestrator.core.knowledge import Document, LibraryError
from sre_orchestrator.plugins.knowledge.formats import read_document
from sre_orchestrator.plugins.knowledge.library import Library

CART = b"""---
owner: team-cart
service: cart
alerts: [CartErrorsHigh]
last_reviewed: 2020-02-01
---
# Cart answers 500

## Diagnosis

Look at the queue of payments first.

```rule
id: cart-queue-full
```

## Mitigation

Roll the release back.
"""
QUEUE = b"# Queue of payments\n\nConsumers of the queue stand still. CartErrorsHigh may fire, too.\n"


def document(text: bytes, address: str) -> Document:
    return read_document(text, address).document


@pytest.fixture
def library() -> Iterator[Library]:
    with closing(Library()) as made:
        made.keep([document(CART, "/books/cart.md"), document(QUEUE, "/books/queue.md")])
        yield made


def test_a_passage_is_found_by_its_words_with_its_headings_and_place(library: Library) -> None:
    (found,) = library.search("roll back the release")

    assert (found.title, found.headings, found.text) == (
        "Cart answers 500",
        ("Cart answers 500", "Mitigation"),
        "Roll the release back.",
    )
    assert (found.address, found.by, found.stale) == ("/books/cart.md:17", ("words",), False)


def test_the_document_of_an_alert_comes_before_one_that_mentions_it(library: Library) -> None:
    found = library.search("CartErrorsHigh is firing: consumers of the queue stand still")

    assert [(one.address.partition(":")[0], one.by) for one in found] == [
        ("/books/cart.md", ("alert",)),
        ("/books/queue.md", ("words",)),
    ]


def test_a_document_that_was_reviewed_long_ago_is_stale(library: Library) -> None:
    (cart, queue) = library.search("queue of payments", today=date(2030, 1, 1))[::-1]

    assert (cart.stale, queue.stale) == (True, False)


def test_code_is_found_by_its_language_with_its_place(library: Library) -> None:
    assert library.fences("rule") == (("/books/cart.md:14", "id: cart-queue-full\n"),)
    assert library.fences("check") == ()


def test_a_document_takes_the_place_of_its_former_version(library: Library) -> None:
    library.keep([document(b"# Cart\n\nAsk the owner.\n", "/books/cart.md")])

    assert library.search("roll back the release") == ()
    assert library.search("ask the owner")[0].address == "/books/cart.md:1"
    assert library.named("CartErrorsHigh") == ()


def test_what_is_removed_is_not_found(library: Library) -> None:
    assert library.remove(["/books/cart.md", "/books/never.md"]) == 1
    assert [one.address for one in library.documents()] == ["/books/queue.md"]
    assert library.fences("rule") == ()
    assert library.ids() == {one.id for one in library.passages()}


def test_only_documents_of_the_namespaces_and_of_everybody_are_found(library: Library) -> None:
    library.keep([document(b"# Secret queue\n\nOf another team.\n", "r1.md")], namespace="payments")
    library.keep([document(b"# Wide queue\n\nOf two teams.\n", "r2.md")], namespace="payments,shop")

    assert {one.title for one in library.search("queue", namespaces=["shop"])} == {
        "Cart answers 500",
        "Queue of payments",
    }
    assert "Secret queue" in {one.title for one in library.search("queue", namespaces=["payments"])}
    assert "Wide queue" in {one.title for one in library.search("queue", namespaces=["payments", "shop"])}


def test_a_damaged_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    path.write_bytes(b"this is no database" * 100)

    with pytest.raises(LibraryError, match=r"library\.db: the library of runbooks is damaged.*ingest --rebuild"):
        Library(path)


def test_each_of_the_documents_to_choose_from_fits_somehow(library: Library) -> None:
    found = library.fitting("roll the release back", within=["/books/cart.md", "/books/queue.md", "/books/gone.md"])

    assert [(one.title, one.score > 0) for one in found] == [("Cart answers 500", True), ("Queue of payments", False)]


def test_names_do_not_count_in_what_fits(library: Library) -> None:
    assert library.fitting("CartErrorsHigh")[0].score < 1


def test_what_another_keeps_at_this_moment_is_read_without_writing() -> None:
    with open_folder() as folder, closing(Library(folder / "library.db")) as writing:
        writing.keep([document(QUEUE, "/books/queue.md")])
        with unwritable(folder), closing(Library(folder / "library.db")) as reading:
            assert [one.address for one in reading.documents()] == ["/books/queue.md"]


def test_a_copy_whose_last_changes_cannot_be_told_without_writing_is_refused() -> None:
    with open_folder() as folder, closing(Library(folder / "library.db")) as writing:
        writing.keep([document(QUEUE, "/books/queue.md")])
        (folder / "copy").mkdir()
        for name in ("library.db", "library.db-wal"):
            shutil.copy(folder / name, folder / "copy" / name)
        with unwritable(folder / "copy"), pytest.raises(LibraryError, match="see whether the folder can be written"):
            Library(folder / "copy" / "library.db")


def test_a_file_of_another_version_is_told(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("pragma user_version = 99")

    with pytest.raises(LibraryError, match=r"library\.db: is a library of version 99, not 1; make it again"):
        Library(path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(LibraryError, match=r"file/knowledge/library\.db: .*; choose another --state-dir"):
        Library(tmp_path / "file" / "knowledge" / "library.db")


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "library.db").mkdir()

    with pytest.raises(LibraryError, match="cannot be used: unable to open database file; see whether the folder can"):
        Library(tmp_path / "library.db")


def test_a_failure_while_documents_are_kept_leaves_what_was_there(library: Library) -> None:
    def failing() -> Iterator[Document]:
        yield document(b"# Cart\n\nOverwritten.\n", "/books/cart.md")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.keep(failing())

    assert library.search("roll back the release")[0].address == "/books/cart.md:17"


def test_documents_are_listed_for_who_may_see_them(library: Library) -> None:
    library.keep([document(b"# Secret\n", "r.md")], namespace="payments")

    assert [one.address for one in library.documents()] == ["/books/cart.md", "/books/queue.md", "r.md"]
    assert [one.address for one in library.documents(["shop"])] == ["/books/cart.md", "/books/queue.md"]
    assert library.documents()[0].front.owner == "team-cart"


def test_code_of_a_document_is_in_order_and_its_beginning_is_told(library: Library) -> None:
    assert [(one.language, one.line) for one in library.fences_of("/books/cart.md")] == [("rule", 14)]
    assert library.beginning("/books/cart.md", 30) == "Look at the queue of payments "
    assert library.beginning("/books/never.md", 30) == ""


def test_what_says_nothing_finds_nothing(library: Library) -> None:
    assert library.search("?!") == ()
