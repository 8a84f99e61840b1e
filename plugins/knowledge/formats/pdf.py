"""The door to PDF (pypdf): the text of its pages, under the bookmarks that lead to them."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

from pypdf import PasswordType, PdfReader
from pypdf.errors import PdfReadError
from pypdf.generic import Destination

from sre_orchestrator.plugins.knowledge.formats.front import front_of
from sre_orchestrator.plugins.knowledge.formats.outline import Outline
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, Reading, UnreadableError

MOST_BOOKMARKS = 5000


def read(content: bytes, bounds: Bounds) -> Reading:
    """Return what the pages say; pages that are pictures say nothing."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of what it mends
    try:
        pdf = PdfReader(io.BytesIO(content))
        if pdf.is_encrypted and pdf.decrypt("") is PasswordType.NOT_DECRYPTED:
            raise UnreadableError("is encrypted; save it without a password")
        return _read(pdf, bounds)
    except PdfReadError as error:
        raise UnreadableError(f"is a damaged PDF: {error}; export it again") from error


def _read(pdf: PdfReader, bounds: Bounds) -> Reading:
    pages, total = min(bounds.pages, len(pdf.pages)), len(pdf.pages)
    marks: dict[int, list[tuple[int, str]]] = {}
    for level, mark in _bookmarks(pdf.outline, 1):
        number = pdf.get_destination_page_number(mark)
        marks.setdefault(-1 if number is None else number, []).append((level, str(mark.title)))
    outline = Outline(bounds)
    for number in range(pages):
        for level, title in marks.get(number, ()) if marks else ((1, f"Page {number + 1}"),):
            outline.heading(level, title)
        outline.paragraph(pdf.pages[number].extract_text())
    passages = tuple(one for one in outline.passages() if one.text)
    if not passages:
        raise UnreadableError("holds no text, only pictures; make it searchable first (OCR)")
    told = {str(name).lstrip("/"): str(value) for name, value in (pdf.metadata or {}).items()}
    front, notes = front_of(told)
    if pages < total:
        left = f"has {total} pages, of which the first {pages} were read (knowledge.pages); split it, or raise that"
        notes = (*notes, left)
    return Reading(title="", front=front, passages=passages, notes=notes)


def _bookmarks(found: object, level: int) -> Iterator[tuple[int, Destination]]:
    """Yield the bookmarks with their levels; a list holds those below the one before it."""
    for one in found if isinstance(found, list) else ():
        if isinstance(one, Destination):
            yield level, one
        else:
            yield from _bookmarks(one, level + 1)
