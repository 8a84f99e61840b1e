"""The runbooks of an installation as its diagnoses know them: by name, by words, and by meaning where a model embeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sre_orchestrator.api.blocks import Shelf
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.knowledge import Fence
from sre_orchestrator.core.language.ports import Embedder
from sre_orchestrator.core.models import Gap, Hypothesis, Runbook
from sre_orchestrator.core.ports import Around, Knowledge
from sre_orchestrator.core.settings import Settings

if TYPE_CHECKING:
    from sre_orchestrator.plugins.knowledge.library import Library
    from sre_orchestrator.plugins.knowledge.links import Links
    from sre_orchestrator.plugins.knowledge.meaning import Meaning
    from sre_orchestrator.plugins.knowledge.vectors import VectorStore

WHAT = "the meaning of runbooks; they are found by names and words alone"


class Advice:
    """What an installation knows from runbooks: opened when it is first asked; where there are none, it costs nothing."""

    def __init__(self, shelf: Shelf, settings: Settings, embedder: Callable[[], Embedder | None]) -> None:
        self._shelf = shelf
        self._settings = settings
        self._embedder = embedder
        self._opening = Lock()
        self._meanings: list[Meaning] = []
        self._problem = ""
        self._links: Links | None = None
        self._unlinked = ""
        self.vectors: Callable[[], VectorStore] | None = None
        """Opens what keeps the vectors of all libraries, such as the database that replicas share; without one, a file each."""

    def consulted(self) -> Consulted:
        """Return what is known from when it is first asked on, for one report."""
        return Consulted(self.libraries, self._adviser)

    def libraries(self) -> Sequence[Library]:
        """Return the libraries that there are and can be used, with what their passages mean as far as it is known."""
        with suppress(InputError):  # told by ``Installation.gaps`` already
            found = self._shelf.libraries()
            if found and self._wanted():
                for one in found:
                    self._understood(one)
            return found
        return ()

    def meanings(self) -> Sequence[Meaning]:
        """Return what the passages of libraries mean, with what was embedded before; none without a model or txtai.

        Raises:
            LibraryError: a library cannot be used.

        """
        found = map(self._understood, self._shelf.libraries()) if self._wanted() else ()
        return [one for one in found if one is not None]

    def _adviser(self, libraries: Sequence[Library]) -> Knowledge:
        from sre_orchestrator.plugins.knowledge.advising import Adviser  # noqa: PLC0415 - only where runbooks are

        stale_days = self._settings.knowledge.stale_days
        return Adviser(lambda: libraries, stale_days=stale_days, links=self._confirmed())

    def _understood(self, library: Library) -> Meaning | None:
        with self._opening:
            known = next((one for one in self._meanings if one.library is library), None)
            if known or self._problem:
                return known
            embedder = self._embedder()
            if embedder is None:  # a gap of the model
                return None
            from sre_orchestrator.plugins.knowledge.meaning import Meaning  # noqa: PLC0415 - only where runbooks are

            try:
                vectors = self.vectors() if self.vectors else self._file_of(library)
                meaning = Meaning(library, vectors, embedder)
                meaning.load()
            except InputError as error:
                self._problem = str(error)
                return None
            self._meanings = [one for one in self._meanings if one.library.path != library.path]
            self._meanings.append(meaning)
            library.meaning = meaning
            return meaning

    def _file_of(self, library: Library) -> VectorStore:
        from sre_orchestrator.plugins.knowledge.vectors import VectorFile  # noqa: PLC0415 - only where runbooks are

        name = library.path.stem if library.path else "packed"
        return VectorFile(self._shelf.folder / f"{name}-vectors.db")

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
            for one in self._meanings:
                one.close()
            self._meanings = []

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


class Consulted:
    """A ``core.ports.Knowledge`` for one report: asks once which libraries there are, which may ask a database."""

    def __init__(
        self, libraries: Callable[[], Sequence[Library]], adviser: Callable[[Sequence[Library]], Knowledge]
    ) -> None:
        self._libraries = cache(libraries)
        self._adviser = adviser

    def advise(self, hypothesis: Hypothesis, around: Around) -> tuple[Runbook, ...]:
        """Return the best passages first; empty when nothing fits well, or there is no library that can be used."""
        libraries = self._libraries()
        return self._adviser(libraries).advise(hypothesis, around) if libraries else ()

    def fences(self, address: str) -> Sequence[Fence]:
        """Return the blocks of code of the document at ``address``, in order; none where no library can be used."""
        with suppress(InputError):
            return next((found for one in self._libraries() if (found := one.fences_of(address))), ())
        return ()
