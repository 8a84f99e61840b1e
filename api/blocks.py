"""The blocks of code of the runbooks in the library: rules for the book, checks, and commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sre_orchestrator.api.packed import Packed
from sre_orchestrator.core.knowledge import CheckText, LibraryError, RuleText
from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.core.vocabulary import Vocabulary
from sre_orchestrator.rules.checks import read_checks

if TYPE_CHECKING:
    from sre_orchestrator.plugins.knowledge.library import Library

RULE, CHECK = "rule", "check"


class Blocks(Struct, frozen=True, kw_only=True):
    """What is written in runbooks for the rule book; none where there is no library. ``gaps`` are libraries that cannot be used."""

    rules: tuple[RuleText, ...] = ()
    checks: tuple[CheckText, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def problems(self, vocabulary: Vocabulary) -> tuple[str, ...]:
        """Return what is wrong with checks, with document and line."""
        return tuple(problem for check in self.checks for problem in read_checks(check, vocabulary)[1])


class Shelf:
    """The library of an installation, opened when it is first asked for something; where there is none, it costs nothing."""

    def __init__(self, state_dir: Path, packed: Packed | None = None) -> None:
        self._state_dir = state_dir
        self._packed = packed
        self._library: Library | None = None
        self._lock = Lock()
        self.beside: list[Callable[[], Library | None]] = []
        """More libraries, such as that of what a service was sent; each call may bring its library up to date."""

    def blocks(self) -> Blocks:
        """Return all rules and checks of what was ingested and of plugins; what a service was sent makes no rules."""
        ingested, packed = _blocks_of(self.library), _blocks_of(self.packed)
        return Blocks(
            rules=ingested.rules + packed.rules,
            checks=ingested.checks + packed.checks,
            gaps=ingested.gaps + packed.gaps,
        )

    def libraries(self) -> Sequence[Library]:
        """Return what was ingested, what plugins bring along, and what is beside.

        Raises:
            LibraryError: a library cannot be used.

        """
        opened = (open_one() for open_one in (self.library, self.packed, *self.beside))
        return [one for one in opened if one is not None]

    def packed(self) -> Library | None:
        """Return the library of what plugins bring along, or ``None`` where they bring nothing."""
        return self._packed.library() if self._packed else None

    def close(self) -> None:
        """Close the libraries that are open."""
        if self._packed:
            self._packed.close()
        with self._lock:
            if self._library is not None:
                self._library.close()
                self._library = None

    @property
    def folder(self) -> Path:
        """Return where the library is, and what belongs to it."""
        return self._state_dir / "knowledge"

    def there(self) -> bool:
        """Return whether there may be a library, without opening it."""
        return self.folder.is_dir()

    def library(self) -> Library | None:
        """Return the library, or ``None`` where there is none.

        Raises:
            LibraryError: the library cannot be used.

        """
        with self._lock:
            if self._library is None and self.there():
                from sre_orchestrator.plugins.knowledge.library import Library, library_file  # noqa: PLC0415

                file = library_file(str(self._state_dir))
                self._library = Library(file) if file.exists() else None
            return self._library


def _blocks_of(opened: Callable[[], Library | None]) -> Blocks:
    try:
        library = opened()
        if library is None:
            return Blocks()
        return Blocks(
            rules=tuple(RuleText(origin=where, text=text) for where, text in library.fences(RULE)),
            checks=tuple(CheckText(origin=where, text=text) for where, text in library.fences(CHECK)),
        )
    except LibraryError as error:
        what = "the library of runbooks, and the rules and checks in it"
        return Blocks(gaps=(Gap(agent="runbooks", what=what, why=error.why, remedy=error.remedy),))
