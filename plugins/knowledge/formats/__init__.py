"""Reads runbooks: bytes in one of the formats that people write in become a ``core.knowledge.Document``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import PurePosixPath
from typing import Literal, get_args
from urllib.parse import unquote, urlsplit

from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.knowledge import Document, Passage
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, Reader, Reading, UnreadableError

Format = Literal["markdown", "restructuredtext", "html", "pdf", "docx", "text"]
SUFFIXES: Mapping[str, Format] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "restructuredtext",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".txt": "text",
    ".text": "text",
}
MEDIA_TYPES: Mapping[str, Format] = {
    "text/markdown": "markdown",
    "text/x-rst": "restructuredtext",
    "text/prs.fallenstein.rst": "restructuredtext",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/plain": "text",
}
_MAGIC: Mapping[bytes, Format] = {b"%PDF-": "pdf", b"PK\x03\x04": "docx"}
FORMATS: tuple[Format, ...] = get_args(Format)
SHOWN = 200
_LINE = re.compile(r"\d+: ")


class Read(Struct, frozen=True, kw_only=True):
    """A document, and what could not be taken from it (each note says where, what, and what to do)."""

    document: Document
    notes: tuple[str, ...] = ()


def format_of(address: str, media_type: str = "") -> Format | None:
    """Return the format that a media type or, without a telling one, the end of a path or URL names."""
    known = MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower())
    by_name = SUFFIXES.get(PurePosixPath(_path(address)).suffix.lower())
    return by_name or known if known == "text" else known or by_name


def read_document(content: bytes, address: str, *, format: Format | None = None, bounds: Bounds | None = None) -> Read:
    """Return what ``content`` says; ``address`` is where it is, and tells its format if ``format`` does not.

    Raises:
        UnreadableError: it cannot be read; the message begins with the address.

    """
    told = format or format_of(address)
    if told is None:
        raise UnreadableError(f"{address}: is of no known format; name it {', '.join(sorted(SUFFIXES))}")
    found: Format = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), told)
    reading = _reading(content, address, found, bounds or Bounds())
    title = reading.front.title or reading.title or _stem(address)
    document = Document(
        address=address,
        title=title,
        format=found,
        digest=hashlib.sha256(content).hexdigest(),
        front=reading.front,
        passages=reading.passages or (Passage(headings=(title,), text=""),),
    )
    return Read(document=document, notes=tuple(_where(address, note) for note in reading.notes))


def _reading(content: bytes, address: str, format: Format, bounds: Bounds) -> Reading:
    outcome = guarded(lambda: _tried(content, format, bounds))  # what parsers raise on noise is not known beforehand
    if isinstance(outcome, Failure):
        what = f"{address}: cannot be read as {format}: {outcome.why[:SHOWN]}; correct it, or export it again"
        raise UnreadableError(what)
    if isinstance(outcome.value, UnreadableError):
        raise UnreadableError(_where(address, str(outcome.value))) from outcome.value
    return outcome.value


def _tried(content: bytes, format: Format, bounds: Bounds) -> Reading | UnreadableError:
    try:
        return _reader(format)(content, bounds)
    except UnreadableError as error:
        return error
    except ModuleNotFoundError as error:
        return UnreadableError(f"{error.name} is not installed; run: pip install 'sre-orchestrator[documents]'")


def _reader(format: Format) -> Reader:
    """Return the reader of a format; its library is imported only then."""
    reader: Reader = import_module(f"{__name__}.{format}").read
    return reader


def _where(address: str, what: str) -> str:
    """Return ``ADDRESS: what``, or ``ADDRESS:LINE: what`` where it begins with a line."""
    return f"{address}:{what}" if _LINE.match(what) else f"{address}: {what}"


def _path(address: str) -> str:
    return unquote(urlsplit(address).path) if "://" in address else address


def _stem(address: str) -> str:
    return PurePosixPath(_path(address)).stem or address
