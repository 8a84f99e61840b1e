"""What every format's reader takes and gives."""

from __future__ import annotations

from collections.abc import Callable

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.knowledge import Front, Passage
from sre_orchestrator.core.models import Struct


class UnreadableError(InputError):
    """A document cannot be read; its text says what is wrong with it and what to do."""


class Bounds(Struct, frozen=True, kw_only=True):
    """How many pages are read, what an archive may unpack to, and how much text a document may hold (bytes, characters)."""

    pages: int = 300
    unpacked_bytes: int = 64 * 1024**2
    characters: int = 2 * 1024**2


class Reading(Struct, frozen=True, kw_only=True):
    """What a reader found: what the document is called and says of itself, its passages, and what was left out.

    A note begins with ``LINE: `` where a line is known.
    """

    title: str = ""
    front: Front = Front()
    passages: tuple[Passage, ...] = ()
    notes: tuple[str, ...] = ()


def too_long(bounds: Bounds) -> UnreadableError:
    """Return what is said of a document with too much text."""
    return UnreadableError(f"holds more than {bounds.characters} characters of text, which is no runbook; split it")


Reader = Callable[[bytes, Bounds], Reading]
