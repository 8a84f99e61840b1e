"""What is no runbook is refused in a moment, with where, what, and what to do."""

from __future__ import annotations

import random
import sys
import time
from contextlib import suppress

import documents
import extras
import pytest

from sre_orchestrator.plugins.knowledge.formats import FORMATS, Format, read_document
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, UnreadableError

NOISE = random.Random(1).randbytes(50_000)
SMALL = Bounds(characters=1000)
MOMENT = 10.0  # seconds, on a busy machine; what is read again and again takes minutes
AGAIN = {
    "comments": b"<!--",
    "attributes": b"<a b='",
    "names": b"<a b ",
    "instructions": b"<?",
    "sections": b"<![CDATA[",
    "ends": b"</",
    "brackets": b"[",
    "emphasis": b"*a **b ",
    "shortcodes": b"{{< ",
    "fronts": b"---\n",
    "paragraphs": b"a\n\n",
    "references": b"`a`_ ",
}


def refused(content: bytes, address: str, bounds: Bounds | None = None) -> str:
    with pytest.raises(UnreadableError) as error:
        read_document(content, address, bounds=bounds)
    return str(error.value)


@pytest.mark.parametrize("format", ["markdown", "restructuredtext", "html", "text"])
def test_binary_noise_is_no_text(format: Format) -> None:
    with pytest.raises(UnreadableError, match=r"^/b/noise: is no text but binary data; export it as Markdown"):
        read_document(NOISE, "/b/noise", format=format)


def test_binary_noise_is_no_pdf() -> None:
    assert refused(b"%PDF-1.7\n" + NOISE, "/b/noise.pdf").startswith("/b/noise.pdf: is a damaged PDF: ")


def test_binary_noise_is_no_docx() -> None:
    extras.need("docx", "documents")

    assert refused(b"PK\x03\x04" + NOISE, "/b/noise.docx").startswith("/b/noise.docx: is no DOCX: ")


def test_an_encrypted_pdf_is_refused() -> None:
    content = documents.pdf(["secret"], password="hunter2")

    assert refused(content, "/b/a.pdf") == "/b/a.pdf: is encrypted; save it without a password"


def test_a_pdf_of_pictures_is_refused() -> None:
    assert "holds no text, only pictures; make it searchable first" in refused(documents.pdf([""]), "/b/a.pdf")


def test_a_zip_bomb_is_refused_unopened() -> None:
    extras.need("docx", "documents")
    content = documents.bomb(100)

    assert len(content) < 200_000
    assert refused(content, "/b/bomb.docx") == (
        "/b/bomb.docx: unpacks to 100 MiB in 2 parts, more than 64 MiB (knowledge.unpacked_bytes); export its text alone"
    )


def test_markup_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    extras.need("docx", "documents")
    made = documents.paragraphs(200_000)
    few = documents.paragraphs(30)
    monkeypatch.setattr("sre_orchestrator.plugins.knowledge.formats.docx.MOST_BLOCKS", 20)

    assert refused(made, "/b/a.docx", Bounds(unpacked_bytes=4 * 1024**2)) == (
        "/b/a.docx: holds 1 MiB of markup, more than 1 MiB (a quarter of knowledge.unpacked_bytes); export its text alone"
    )
    assert refused(few, "/b/a.docx") == ("/b/a.docx: holds more than 20 paragraphs; split it, or export its text alone")


def test_another_encoding_is_told_with_the_line() -> None:
    assert refused("# Cart\n\nGröße\n".encode("latin-1"), "/b/a.md") == (
        "/b/a.md:3: is not UTF-8 (byte 0xf6 at 10); save it as UTF-8: iconv -f WINDOWS-1252 -t UTF-8"
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_an_encoding_that_tells_itself_is_read(encoding: str) -> None:
    assert read_document("# Größe\r\n\r\nText\r\n".encode(encoding), "/b/a.md").document.title == "Größe"


def test_an_empty_document_is_refused() -> None:
    assert refused(b" \n", "/b/a.md") == "/b/a.md: is empty; write something into it, or remove it"


def test_a_page_that_its_scripts_write_is_refused() -> None:
    assert "says nothing without its scripts" in refused(b"<body><div id=app></div><script>app()</script>", "/b/a.html")


def test_a_page_nested_deeply_is_refused() -> None:
    assert refused(b"<div>" * 5000 + b"a</div>", "/b/a.html").startswith("/b/a.html:1: has elements nested 200 deep")


def test_an_unknown_format_is_told_with_the_known_ones() -> None:
    assert refused(b"text", "/b/a.odt").startswith("/b/a.odt: is of no known format; name it .docx, .htm, ")


@pytest.mark.parametrize("name", ["a.md", "a.pdf"])
def test_too_much_text_is_refused(name: str) -> None:
    content = documents.pdf(["word " * 100] * 4) if name == "a.pdf" else b"word " * 400

    assert refused(content, f"/b/{name}", SMALL) == (
        f"/b/{name}: holds more than 1000 characters of text, which is no runbook; split it"
    )


@pytest.mark.parametrize("included", ["a.rst", "/etc/passwd"])
def test_included_files_are_left_out_and_told(included: str) -> None:
    text = f"Cart\n====\n\n.. include:: {included}\n\nRead on.\n\n.. csv-table:: x\n   :file: {included}\n"
    read = read_document(text.encode(), "/b/a.rst")

    assert [passage.text for passage in read.document.passages] == ["Read on."]
    assert read.notes == (
        f"/b/a.rst:4: the include of {included} is left out (no file is inserted, so none can insert itself);"
        " ingest that file, too, or copy its text",
    )


def test_what_a_parser_cannot_take_is_told() -> None:
    nested = b"".join(b" " * depth + b"* a\n\n" for depth in range(500))

    assert "cannot be read as restructuredtext: RecursionError: " in refused(nested, "/b/a.rst")


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    monkeypatch.delitem(sys.modules, "sre_orchestrator.plugins.knowledge.formats.docx", raising=False)

    assert "docx is not installed; run: pip install 'sre-orchestrator[documents]'" in refused(
        b"PK\x03\x04", "/b/a.docx"
    )


@pytest.mark.parametrize("format", [one for one in FORMATS if one not in ("pdf", "docx")])
@pytest.mark.parametrize("again", AGAIN)
def test_what_opens_and_never_closes_is_read_in_a_moment(again: str, format: Format) -> None:
    begun = time.perf_counter()
    with suppress(UnreadableError):
        read_document(AGAIN[again] * 5000, "/b/a", format=format)

    assert time.perf_counter() - begun < MOMENT


def test_a_line_without_end_is_told() -> None:
    assert refused(b"Cart\n\n" + b"*a **b " * 5000, "/b/a.rst") == (
        "/b/a.rst:3: the line is longer than 10000 characters; break it"
    )
