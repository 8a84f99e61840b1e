"""The port of search: what is indexed, and what an index of passages promises. ``keywords`` implements it on SQLite.

An index keeps, for each passage of the library, its id, and finds ids again by a text. Ids are given by the library,
grow, and are never used twice, so an index that is kept elsewhere (vectors, say) catches up with
``library.passages(after=…)`` and ``library.ids()``. ``Library(…, meaning=…)`` asks such a second index beside its words
and joins both by their ranks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from sre_orchestrator.core.knowledge import Passage
from sre_orchestrator.core.models import Struct


class Indexed(Struct, frozen=True, kw_only=True):
    """A passage with its id, and what its document is called: its title, and every name of it (alerts, services…)."""

    id: int
    title: str
    names: tuple[str, ...] = ()
    passage: Passage


class Hit(Struct, frozen=True, kw_only=True):
    """The id of a passage that was found, and ``score`` (0 to 1) how well it fits."""

    id: int
    score: float


class Finder(Protocol):
    """Finds passages; safe to ask from several threads."""

    def search(self, text: str, limit: int, *, within: Collection[int] | None = None) -> tuple[Hit, ...]:
        """Return the passages that fit ``text``, best first, at most ``limit``; ``within`` are the ids to choose from."""
        ...


class Index(Finder, Protocol):
    """Finds passages, and is told of them."""

    def update(self, added: Iterable[Indexed], removed: Collection[int]) -> None:
        """Take in passages and forget others."""
        ...
