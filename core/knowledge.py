"""What runbooks are made of, and what is found in them; ``plugins.knowledge`` reads and keeps them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Struct


class LibraryError(InputError):
    """A library of runbooks cannot be used: ``why``, with its file, and how to mend that."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why}; {remedy}")
        self.why = why
        self.remedy = remedy


class Fence(Struct, frozen=True, kw_only=True):
    """A block of code; ``line`` is where its text begins in the document, from 1 (0: the format has no lines)."""

    language: str = ""
    text: str
    line: int = 0


class Link(Struct, frozen=True, kw_only=True):
    """A link, relative addresses as the document gives them."""

    text: str
    address: str


class Passage(Struct, frozen=True, kw_only=True):
    """A section of a document: the headings that lead to it, outermost first, and its text without markup."""

    headings: tuple[str, ...] = ()
    text: str
    line: int = 0
    fences: tuple[Fence, ...] = ()
    links: tuple[Link, ...] = ()


class Front(Struct, frozen=True, kw_only=True):
    """What the front matter of a document says of it, as far as it is known to us."""

    title: str = ""
    owner: str = ""
    services: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    reviewed: date | None = None


class Document(Struct, frozen=True, kw_only=True):
    """A runbook: where it is (a path or an address), its title, what it says of itself, and its passages in order.

    ``digest`` is the SHA-256 of its bytes; ``format`` is what it was read as.
    """

    address: str
    title: str
    format: Literal["markdown", "restructuredtext", "html", "pdf", "docx", "text"]
    digest: str
    front: Front = Front()
    passages: tuple[Passage, ...] = ()


class Found(Struct, frozen=True, kw_only=True):
    """A passage that answers a search, and ``score`` (0 to 1) how well.

    ``by`` says what found it: the name of an alert, cause, component or image that it names, its words, or its meaning.
    A document is ``stale`` when it was last reviewed too long ago.
    """

    title: str
    headings: tuple[str, ...] = ()
    text: str
    address: str
    score: float
    by: tuple[Literal["alert", "cause", "component", "image", "words", "meaning"], ...] = ()
    stale: bool = False


class RuleText(Struct, frozen=True, kw_only=True):
    """The text of a ``rule`` block, and where it stands (``runbooks/cart.md:12``)."""

    origin: str
    text: str


class CheckText(Struct, frozen=True, kw_only=True):
    """The text of a ``check`` block, one condition a line with its label, and where it stands."""

    origin: str
    text: str
