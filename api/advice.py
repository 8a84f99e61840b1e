"""The runbooks of an installation as its diagnoses know them: by name, by words, and by meaning where a model embeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sre_orchestrator.api.blocks import Shelf
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.language.ports import Embedder
from sre_orchestrator.core.models import Gap, Hypothesis, Runbook
from sre_orchestrator.core.ports import Around
from sre_orchestrator.core.settings import Settings

if TYPE_CHECKING:
    from sre_orchestrator.plugins.knowledge.library import Library
    from sre_orchestrator.plugins.knowledge.links import Links
    from sre_orchestrator.plugins.knowledge.meaning import Meaning

WHAT = "the meaning of runbooks; they are found by names and words alone"


class Advice:
    """A ``core.ports.Knowledge``: the library is opened when it is first asked; where there is none, it costs nothing."""

    def __init__(self, shelf: Shelf, settings: Settings, embedder: Callable[[], Embedder | None]) -> None:
        self._shelf = shelf
        self._settings = settings
        self._embedder = embedder
        self._opening = Lock()
        self._meaning: Meaning | None = None
        self._problem = ""
        self._links: Links | None = None
        self._unlinked = ""

    def advise(self, hypothesis: Hypothesis, around: Around) -> tuple[Runbook, ...]:
        """Return the best passages first; empty when nothing fits well, or there is no library that can be used."""
        if not self.libraries():
            return ()
        from sre_orchestrator.plugins.knowledge.advising import Adviser  # noqa: PLC0415 - only where runbooks are

        stale_days = self._settings.knowledge.stale_days
        return Adviser(self.libraries, stale_days=stale_days, links=self._confirmed()).advise(hypothesis, around)

    def libraries(self) -> Sequence[Library]:
        """Return the libraries that there are and can be used, with what their passages mean as far as it is known."""
        found = [self._shelf.packed()]
        with suppress(InputError):  # told by ``Installation.gaps`` already
            found.append(self._shelf.library())
            if found[-1] is not None:
                self.meaning()
        return [library for library in found if library is not None]

    def meaning(self) -> Meaning | None:
        """Return the meaning of the library, with what was embedded before; ``None`` without library, model or txtai.

        Raises:
            LibraryError: the library cannot be used.

        """
        library = self._shelf.library() if self._wanted() else None
        with self._opening:
            if library is None or library.meaning is not None or self._problem:
                return self._meaning
            embedder = self._embedder()
            if embedder is None:  # a gap of the model
                return None
            from sre_orchestrator.plugins.knowledge.meaning import Meaning  # noqa: PLC0415 - only where runbooks are

            try:
                meaning = Meaning(library, self._shelf.folder, embedder)
                meaning.load()
            except InputError as error:
                self._problem = str(error)
                return None
            library.meaning = self._meaning = meaning
            return meaning

    def passages(self) -> frozenset[int]:
        """Return the ids of the passages of the library.

        Raises:
            LibraryError: the library cannot be used.

        """
        library = self._shelf.library()
        return library.ids() if library else frozenset()

    def gaps(self) -> tuple[Gap, ...]:
        """Return a gap where meaning was asked for, and cannot be known, or where confirmed links cannot be read."""
        self._confirmed()
        unlinked = Gap(agent="runbooks", what="the confirmed links of alerts", why=self._unlinked)
        return (*self._unknown_meaning(), *([unlinked] if self._unlinked else []))

    def _unknown_meaning(self) -> tuple[Gap, ...]:
        if not self._settings.model.embedder or not self._shelf.there():
            return ()
        if find_spec("txtai") is None:
            from sre_orchestrator.plugins.knowledge.semantic import INSTALL  # noqa: PLC0415 - rarely needed

            return (Gap(agent="runbooks", what=WHAT, why="txtai is not installed", remedy=INSTALL),)
        return (Gap(agent="runbooks", what=WHAT, why=self._problem),) if self._problem else ()

    def close(self) -> None:
        """Give back memory."""
        with self._opening:
            if self._meaning:
                self._meaning.close()
                self._meaning = None

    def _confirmed(self) -> Links | None:
        """Return what the owner confirmed; a file that cannot be read is told by ``gaps``."""
        if self._links is None and self._settings.knowledge.links:
            from sre_orchestrator.plugins.knowledge.links import Links, read_links  # noqa: PLC0415 - most have none

            try:
                self._links = read_links(Path(self._settings.knowledge.links))
            except InputError as error:
                self._links, self._unlinked = Links(), str(error)
        return self._links

    def _wanted(self) -> bool:
        return bool(self._settings.model.embedder) and find_spec("txtai") is not None
