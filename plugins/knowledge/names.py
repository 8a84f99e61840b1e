"""The names that a document is found by exactly: alerts, services and causes, however they are spelled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from sre_orchestrator.core.knowledge import Document
from sre_orchestrator.core.models import Struct

NameKind = Literal["alert", "cause", "component"]
LONGEST = 100
_APART = re.compile(r"[\W_]+")
_IDENTIFIER = re.compile(r"\S*(?:[a-z0-9][A-Z]|[A-Z]{2,}[a-z]|\w[_-]\w)\S*")


class Name(Struct, frozen=True, kw_only=True):
    """What a document is called, as what."""

    kind: NameKind
    text: str


def names_of(document: Document) -> tuple[Name, ...]:
    """Return what a document says that it is about; its file, title and first heading may be the name of an alert."""
    headings = document.passages[0].headings if document.passages else ()
    alerts = (*document.front.alerts, stem_of(document.address), document.title, *headings[:1])
    kinds: tuple[tuple[NameKind, tuple[str, ...]], ...] = (
        ("alert", alerts),
        ("cause", document.front.causes),
        ("component", document.front.services),
    )
    found = (Name(kind=kind, text=text) for kind, texts in kinds for text in texts if len(text) <= LONGEST)
    return tuple(dict.fromkeys(found))


def key_of(name: str) -> str:
    """Return what two spellings of a name have in common: ``Kube Pod Not Ready`` is ``KubePodNotReady``."""
    return _APART.sub("", name).casefold()


def keys_in(text: str) -> Iterator[str]:
    """Yield what ``text`` may name: all of it, then the identifiers in it (a plain word names nothing)."""
    whole = [text] if len(text) <= LONGEST else []
    yield from filter(None, map(key_of, (*whole, *_IDENTIFIER.findall(text))))


def stem_of(address: str) -> str:
    """Return the name of a file or page, without its ending."""
    path = PurePosixPath(unquote(urlsplit(address).path) if "://" in address else address)
    return path.parent.name if path.stem in ("index", "_index", "README") else path.stem
