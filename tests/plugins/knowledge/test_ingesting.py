"""Bringing a library up to date: what is new, changed, gone, unreadable, elsewhere, and what an interruption leaves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import documents
import pytest
from http_services import Reply, answering

from sre_orchestrator.core.settings import KnowledgeSettings
from sre_orchestrator.plugins.knowledge import library as shelves
from sre_orchestrator.plugins.knowledge.fetching import fetch
from sre_orchestrator.plugins.knowledge.ingesting import Ingested, Ingestion
from sre_orchestrator.plugins.knowledge.library import Library

LOCAL = KnowledgeSettings(allowed_hosts=("127.0.0.1",))


class Watched:
    """Progress that is remembered, and may interrupt."""

    def __init__(self, stop_at: str = "") -> None:
        self.parts = 0
        self.seen: list[str] = []
        self._stop_at = stop_at

    def expect(self, parts: int) -> None:
        """Count."""
        self.parts += parts

    def done(self, what: str) -> None:
        """Remember, and interrupt where it was asked for."""
        self.seen.append(what)
        if what == self._stop_at:
            raise KeyboardInterrupt


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with closing(Library(tmp_path / "state" / "library.db")) as made:
        yield made


@pytest.fixture
def books(tmp_path: Path) -> Path:
    (tmp_path / "books" / "team").mkdir(parents=True)
    (tmp_path / "books" / "cart.md").write_text("# Cart\n\nRoll back.\n")
    (tmp_path / "books" / "team" / "queue.rst").write_text("Queue\n=====\n\nDrain it.\n")
    return tmp_path / "books"


def ingest(library: Library, *places: object, settings: KnowledgeSettings = LOCAL) -> Ingested:
    return Ingestion(library, settings, Watched()).run([str(place) for place in places])


def names(addresses: tuple[str, ...]) -> list[str]:
    return [Path(one).name for one in addresses]


def test_what_is_new_changed_and_gone_is_told(library: Library, books: Path) -> None:
    first = ingest(library, books)
    (books / "cart.md").write_text("# Cart\n\nAsk the owner.\n")
    (books / "team" / "queue.rst").unlink()
    (books / "new.txt").write_text("New\n")
    second = ingest(library, books)

    assert names(first.added) == ["cart.md", "queue.rst"]
    assert [names(one) for one in (second.added, second.changed, second.removed)] == [
        ["new.txt"], ["cart.md"], ["queue.rst"],
    ]  # fmt: skip
    assert library.search("roll back") == ()


def test_every_document_is_progress(library: Library, books: Path) -> None:
    progress = Watched()
    Ingestion(library, LOCAL, progress).run([str(books)])

    assert (progress.parts, progress.seen) == (2, ["cart.md", "queue.rst"])


def test_bad_documents_are_named_and_the_others_are_ingested(library: Library, books: Path) -> None:
    bad: Mapping[str, bytes] = {
        "encrypted.pdf": documents.pdf(["x"], password="hunter2"),
        "noise.md": bytes(range(256)) * 9,
        "latin.md": "Größe".encode("latin-1"),
        "scripts.html": b"<script>app()</script>",
        "huge.txt": b"x" * 70_000,
    }
    for name, content in bad.items():
        (books / name).write_bytes(content)
    (books / "cyclic.rst").write_text("Cyclic\n======\n\n.. include:: cyclic.rst\n")
    (books / "pages.pdf").write_bytes(documents.pdf(["page"] * 5))

    told = ingest(library, books, settings=KnowledgeSettings(document_bytes=60_000, pages=3))

    assert [Path(one.split(":")[0]).name for one in told.problems] == sorted(bad)
    assert all("; " in one for one in told.problems)
    assert names(told.added) == ["cart.md", "cyclic.rst", "pages.pdf", "queue.rst"]
    assert [one.removeprefix(f"{books}/").split(",")[0] for one in told.notes] == [
        "cyclic.rst:4: the include of cyclic.rst is left out (no file is inserted",
        "pages.pdf: has 5 pages",
    ]


def test_a_document_that_became_unreadable_stays_as_it_was(library: Library, books: Path) -> None:
    ingest(library, books)
    (books / "cart.md").write_bytes(b"\x00" * 100)
    told = ingest(library, books)

    assert (len(told.problems), told.removed) == (1, ())
    assert library.search("roll back")[0].title == "Cart"


def test_an_interruption_loses_nothing_and_the_next_ingestion_goes_on(
    library: Library, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(library, books)
    monkeypatch.setattr("sre_orchestrator.plugins.knowledge.ingesting.TOGETHER", 1)
    (books / "cart.md").unlink()
    for name in ("d.md", "e.md", "f.md"):
        (books / name).write_text(f"# {name}\n")
    with pytest.raises(KeyboardInterrupt):
        Ingestion(library, LOCAL, Watched("e.md")).run([str(books)])

    with closing(Library(library.path)) as again:
        left = names(tuple(one.address for one in again.documents()))
    rest = ingest(library, books)

    assert left == ["cart.md", "d.md", "e.md", "queue.rst"]
    assert (names(rest.added), names(rest.removed)) == (["f.md"], ["cart.md"])


def test_what_a_newer_program_reads_otherwise_is_read_again(
    library: Library, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(library, books)
    monkeypatch.setattr(shelves, "READER", 2)

    assert names(ingest(library, books).changed) == ["cart.md", "queue.rst"]


def test_hidden_files_and_other_formats_are_skipped(library: Library, books: Path) -> None:
    (books / ".git").mkdir()
    (books / ".git" / "a.md").write_text("# Hidden\n")
    (books / ".b.md").write_text("# Hidden\n")
    (books / "OWNERS").write_text("me\n")
    told = ingest(library, books)

    assert (names(told.added), names(told.skipped)) == (["cart.md", "queue.rst"], ["OWNERS"])


def test_links_of_a_mounted_folder_are_followed_under_their_own_names(library: Library, tmp_path: Path) -> None:
    hidden = tmp_path / "mount" / "..2026"
    hidden.mkdir(parents=True)
    (hidden / "cart.md").write_text("# Cart\n")
    (tmp_path / "mount" / "cart.md").symlink_to(hidden / "cart.md")

    assert ingest(library, tmp_path / "mount").added == (str(tmp_path / "mount" / "cart.md"),)


def test_a_pipe_is_not_opened(library: Library, books: Path) -> None:
    os.mkfifo(books / "pipe.md")

    assert ingest(library, books).problems == (
        f"{books}/pipe.md: is no file but a device, pipe or folder; name a file",
    )


def test_a_name_that_is_no_text_is_told(library: Library, books: Path) -> None:
    (books / os.fsdecode(b"gr\xfc\xdfe.md")).write_text("# Cart\n")

    assert ingest(library, books).problems == (f"{books}/gr??e.md: its name is not UTF-8; rename it",)


def test_a_file_that_grows_while_it_is_read_is_cut_off(library: Library) -> None:
    (problem,) = ingest(library, "/proc/self/status", settings=KnowledgeSettings(document_bytes=10)).problems

    assert problem == "/proc/self/status: weighs more than 10 bytes (knowledge.document_bytes); split it, or raise that"


def test_a_folder_that_cannot_be_listed_loses_nothing(
    library: Library, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(library, books)
    listed = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("team"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    told = ingest(library, books)

    assert told.problems == (f"{books}/team: cannot be listed: Permission denied; see whether it may be read",)
    assert told.removed == ()


def test_too_many_files_are_told_and_nothing_is_removed(library: Library, books: Path) -> None:
    ingest(library, books)
    told = ingest(library, books, settings=KnowledgeSettings(documents=1))

    assert "holds more than 1 files (knowledge.documents)" in told.problems[0]
    assert told.removed == ()


def test_a_page_of_an_allowed_host_is_ingested_after_a_redirection(library: Library) -> None:
    pages = {
        "/cart": Reply(302, headers={"Location": "/wiki/cart"}),
        "/wiki/cart": Reply(body=b"<h1>Cart</h1><p>Roll back.</p>", headers={"Content-Type": "text/html"}),
    }
    with answering(pages) as service:
        first = ingest(library, f"{service.address}/cart")
        again = ingest(library, f"{service.address}/cart")

        assert (first.added, again.unchanged) == ((f"{service.address}/cart",),) * 2
        assert library.search("roll back")[0].address == f"{service.address}/cart"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (
            Reply(302, headers={"Location": "http://169.254.169.254/latest"}),
            "add 169.254.169.254 to knowledge.allowed_hosts",
        ),
        (
            Reply(302, headers={"Location": "file:///etc/passwd"}),
            "leads to file:///etc/passwd, which is of no allowed host",
        ),
        (Reply(302, headers={"Location": "/cart"}), "redirects more than 5 times; name the page itself"),
        (Reply(404), "answers 404; see whether it is public, or save it as a file"),
        (Reply(body=b"x" * 2000), "weighs more than 1000 bytes (knowledge.document_bytes)"),
        (Reply(body=b"x", headers={"Content-Type": "image/png"}), "is of no known format"),
    ],
    ids=["elsewhere", "file", "round", "missing", "heavy", "picture"],
)
def test_a_page_that_is_none_is_told(library: Library, reply: Reply, says: str) -> None:
    settings = KnowledgeSettings(allowed_hosts=("127.0.0.1",), document_bytes=1000)
    with answering({"/cart": reply}) as service:
        (problem,) = ingest(library, f"{service.address}/cart", settings=settings).problems

    assert problem.startswith(f"{service.address}/cart")
    assert says in problem


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://wiki.example.org/cart", "is of no allowed host; add wiki.example.org to knowledge.allowed_hosts"),
        ("http://127.0.0.1:1/cart", "cannot be fetched: ConnectError"),
        ("http://me:hunter2@127.0.0.1/cart", "holds a user or password; save the page as a file"),
        ("http://127.0.0.1:port/cart", "is no address"),
    ],
)
def test_an_address_that_cannot_be_used_is_told(library: Library, url: str, says: str) -> None:
    (problem,) = ingest(library, url).problems

    assert says in problem
    assert "hunter2" not in problem


def test_a_host_may_be_allowed_with_its_port() -> None:
    with answering({"/a": Reply(body=b"text")}) as service:
        allowed = KnowledgeSettings(allowed_hosts=(service.address.removeprefix("http://"),))

        assert fetch(f"{service.address}/a", allowed).content == b"text"
