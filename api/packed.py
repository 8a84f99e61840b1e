"""The runbooks that plugins bring along, beside those that are ingested."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, cast

from sre_orchestrator.core.additions import files_in
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.knowledge import Document
from sre_orchestrator.core.settings import KnowledgeSettings

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from sre_orchestrator.plugins.knowledge.library import Library

Folders = Mapping[str, Sequence[object]]
"""Folders of runbooks, by the names of the plugins that bring them."""


class Packed:
    """A library in memory, read when it is first asked for; where no plugin has runbooks, it costs nothing.

    ``problems`` name by then what could not be read. Addresses are ``plugins/NAME/PATH``: the same on every machine.
    """

    def __init__(self, folders: Callable[[], Folders], settings: KnowledgeSettings) -> None:
        self._folders = folders
        self._settings = settings
        self._reading = Lock()
        self._read = False
        self._library: Library | None = None
        self.problems: dict[str, list[str]] = {}

    def library(self) -> Library | None:
        """Return the library, or ``None`` where there is none."""
        with self._reading:
            if not self._read:
                self._read = True
                self._library = self._filled(self._folders())
            return self._library

    def close(self) -> None:
        """Forget the library."""
        with self._reading:
            if self._library:
                self._library.close()
            self._library, self._read = None, False

    def _filled(self, folders: Folders) -> Library | None:
        if not any(folders.values()):
            return None
        from sre_orchestrator.plugins.knowledge.library import Library  # noqa: PLC0415 - only where runbooks are

        library = Library()
        library.keep(document for plugin, given in folders.items() for document in self._documents(plugin, given))
        return library

    def _documents(self, plugin: str, folders: Sequence[object]) -> Iterator[Document]:
        from sre_orchestrator.plugins.knowledge.formats import format_of, read_document  # noqa: PLC0415
        from sre_orchestrator.plugins.knowledge.formats.reading import Bounds  # noqa: PLC0415

        bounds = Bounds(pages=self._settings.pages, unpacked_bytes=self._settings.unpacked_bytes)
        for folder in folders:
            for path, file in files_in(cast("Traversable", folder)):
                address = f"plugins/{plugin}/{path}"
                kind = format_of(address)
                if kind is None:
                    continue
                try:
                    yield read_document(file.read_bytes(), address, format=kind, bounds=bounds).document
                except (InputError, OSError) as error:
                    self.problems.setdefault(plugin, []).append(f"{path}: {error}")
