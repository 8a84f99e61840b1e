"""Makes runbooks of uploads in many formats: a title from its front matter or first heading, and an id from its name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from sre_orchestrator.api.service.models import RunbookView
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.knowledge import Document
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.knowledge.formats import MEDIA_TYPES, read_document
from sre_orchestrator.plugins.knowledge.formats.front import split_front
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds
from sre_orchestrator.plugins.knowledge.formats.written import as_markdown

MediaType = Literal["text/markdown", "text/plain"]
WHERE = "the runbook"
MOST_TITLE = 200
KEPT_AS_GIVEN: Mapping[str, MediaType] = {"text/markdown": "text/markdown", "text/plain": "text/plain"}
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)


class Uploaded(Struct, frozen=True, kw_only=True):
    """The text of an upload, what it is, and what it is called where the text does not tell.

    ``document`` is what was read, if it could be; ``notes`` say what was not taken from it.
    """

    text: str
    media_type: MediaType
    title: str = ""
    document: Document | None = None
    notes: tuple[str, ...] = ()


def text_of(content: bytes, given: str, limits: Bounds) -> Uploaded:
    """Return an upload as it is kept: plain text and Markdown as they are, other formats as the Markdown of what they say.

    Raises:
        InputError: it cannot be read.

    """
    if given in KEPT_AS_GIVEN:
        return _as_given(content, KEPT_AS_GIVEN[given])
    read = read_document(content, WHERE, format=MEDIA_TYPES[given], bounds=limits)
    document = read.document
    return Uploaded(
        text=as_markdown(document),
        media_type="text/markdown",
        title=document.title,
        document=document,
        notes=read.notes,
    )


def _as_given(content: bytes, given: MediaType) -> Uploaded:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"the runbook is not UTF-8 (byte {error.start}); send it in UTF-8") from error
    try:
        read = read_document(content, WHERE, format=MEDIA_TYPES[given])  # as the index will read it
    except InputError as error:
        return Uploaded(text=text, media_type=given, notes=(f"{error}; it is kept, and neither searched nor quoted",))
    return Uploaded(text=text, media_type=given, document=read.document, notes=read.notes)


def runbook_of(
    text: str, media_type: MediaType, *, name: str, namespace: str, author: str, now: datetime, title: str = ""
) -> RunbookView:
    """Return a runbook; without ``name`` it is named by its title.

    The same name within the same namespaces has the same id, so that an upload that is repeated is the same runbook.

    Raises:
        InputError: it says nothing, or holds what no text holds.

    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.strip():
        raise InputError("the runbook is empty; send its text as the body")
    if "\x00" in text:
        raise InputError("the runbook holds a NUL character: is no text; send Markdown or plain text")
    content = text.encode()
    title = (title or title_of(text, media_type))[:MOST_TITLE]
    name = name or title
    return RunbookView(
        id=f"r{hashlib.blake2b(msgspec.json.encode((namespace, name)), digest_size=14).hexdigest()}",
        name=name,
        title=title,
        media_type=media_type,
        namespace=namespace,
        digest=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        author=author,
        created_at=now,
        updated_at=now,
        text=text,
    )


def title_of(text: str, media_type: MediaType) -> str:
    """Return the title of a text: what its front matter says, else its first heading, else its first line."""
    if media_type == "text/markdown":
        matter = split_front(text)
        if matter.front.title:
            return matter.front.title[:MOST_TITLE]
        text = matter.rest
        if heading := _HEADING.search(text):
            return heading[1][:MOST_TITLE]
    return next((line for line in map(str.strip, text.splitlines()) if line), "untitled")[:MOST_TITLE]
