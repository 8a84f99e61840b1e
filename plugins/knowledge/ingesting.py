"""Brings a library up to date with folders, files and pages: what is new is read, what is gone is removed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.knowledge import Document
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.settings import KnowledgeSettings
from sre_orchestrator.plugins.knowledge.fetching import fetch, is_url, too_heavy
from sre_orchestrator.plugins.knowledge.formats import Read, format_of, read_document
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds
from sre_orchestrator.plugins.knowledge.library import Library

TOGETHER = 50  # documents that are kept in one transaction: what an interruption costs at most
Outcome = Literal["added", "changed", "unchanged"]


class Ingested(Struct, frozen=True, kw_only=True):
    """What an ingestion did, in addresses; ``problems`` name what could not be read, ``notes`` what was left out.

    ``skipped`` files are in none of the formats; ``alerts`` is how many alert rules are in files. ``refused`` are rules and checks of the library that cannot be used.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    alerts: int = 0

    @property
    def failed(self) -> bool:
        """Say whether there was something to read, and nothing of it could be."""
        return bool(self.problems) and not (self.added or self.changed or self.unchanged or self.alerts)


class Progress(Protocol):
    """Is told how an ingestion goes."""

    def expect(self, parts: int) -> None:
        """Note that so many documents are to be read, too."""
        ...

    def done(self, what: str) -> None:
        """Note that one document is done."""
        ...


class Ingestion:
    """One ingestion into a library; what it kept stays when it is interrupted, and the next one goes on from there."""

    def __init__(self, library: Library, settings: KnowledgeSettings, progress: Progress) -> None:
        self._library = library
        self._settings = settings
        self._progress = progress
        self._waiting: list[Document] = []
        self._outcomes: dict[str, Outcome] = {}
        self._removed: list[str] = []
        self._skipped: list[str] = []
        self._problems: list[str] = []
        self._notes: list[str] = []

    def run(self, places: Sequence[str]) -> Ingested:
        """Ingest folders (recursively), files and URLs.

        A folder's documents that are not there any more are removed, those that cannot be read stay as they were.

        Raises:
            LibraryError: the library cannot be used.

        """
        for place in places:
            try:
                if is_url(place):
                    self._page(place)
                elif (path := absolute(place)).is_dir():
                    self._folder(path)
                else:
                    self._files([path])
            except InputError as error:
                self._problems.append(str(error))
        return self._told()

    def _folder(self, folder: Path) -> None:
        unseen: list[str] = []
        paths = list(_walk(folder, unseen, self._settings.documents))
        self._problems += unseen
        known = [path for path in paths if format_of(str(path))]
        self._skipped += (str(path) for path in paths if not format_of(str(path)))
        self._files(known)
        if not unseen:  # what is in a folder that cannot be listed may still be there
            gone = self._library.below(f"{str(folder).rstrip(os.sep)}{os.sep}") - set(map(str, paths))
            self._library.remove(gone)
            self._removed += sorted(gone)

    def _files(self, paths: Sequence[Path]) -> None:
        self._progress.expect(len(paths))
        for path in paths:
            try:
                self._take(str(path), _content(path, self._settings.document_bytes))
            except OSError as error:
                self._problems.append(
                    f"{path}: cannot be read: {error.strerror}; see whether it is there and may be read"
                )
            except InputError as error:
                self._problems.append(str(error))
            self._progress.done(path.name)
        self._keep()

    def _page(self, url: str) -> None:
        self._progress.expect(1)
        page = fetch(url, self._settings)
        self._take(url, page.content, page.media_type)
        self._keep()
        self._progress.done(url)

    def _take(self, address: str, content: bytes, media_type: str = "") -> None:
        """Read a document that is not kept as it is; unreadable ones are told, and the rest goes on."""
        known = self._library.digest(address)
        if known == hashlib.sha256(content).hexdigest():
            self._outcomes.setdefault(address, "unchanged")
            return
        read = self.read(content, address, media_type)
        self._notes += read.notes
        self._waiting.append(read.document)
        self._outcomes[address] = "added" if known is None else "changed"
        if len(self._waiting) >= TOGETHER:
            self._keep()

    def read(self, content: bytes, address: str, media_type: str = "") -> Read:
        """Return a document as the settings let it be read."""
        bounds = Bounds(pages=self._settings.pages, unpacked_bytes=self._settings.unpacked_bytes)
        return read_document(content, address, format=format_of(address, media_type), bounds=bounds)

    def _keep(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._library.keep(waiting)

    def _told(self) -> Ingested:
        def those(outcome: Outcome) -> tuple[str, ...]:
            return tuple(address for address, one in self._outcomes.items() if one == outcome)

        return Ingested(
            added=those("added"),
            changed=those("changed"),
            unchanged=those("unchanged"),
            removed=tuple(self._removed),
            skipped=tuple(self._skipped),
            problems=tuple(dict.fromkeys(self._problems)),
            notes=tuple(dict.fromkeys(self._notes)),
        )


def absolute(place: str) -> Path:
    """Return a path from the root on; links in it stay, since those of a mounted ConfigMap change with its contents."""
    return Path(os.path.abspath(Path(place).expanduser()))  # noqa: PTH100 - resolve() follows links


def _walk(folder: Path, unseen: list[str], most: int) -> Iterator[Path]:
    """Yield the files below ``folder`` by name, hidden ones left out; what cannot be listed goes to ``unseen``."""

    def refused(error: OSError) -> None:
        unseen.append(f"{error.filename}: cannot be listed: {error.strerror}; see whether it may be read")

    count = 0
    for here, below, names in os.walk(folder, onerror=refused):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if name.startswith("."):
                continue
            count += 1
            if count > most:
                unseen.append(f"{folder}: holds more than {most} files (knowledge.documents); name folders in it")
                return
            yield Path(here) / name


def _content(path: Path, limit: int) -> bytes:
    """Return the bytes of a file.

    Raises:
        InputError: its name cannot be kept, it is a device or pipe, or weighs too much; such files are not opened.
        OSError: it cannot be read.

    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = str(path).encode("utf-8", "replace").decode()
        raise InputError(f"{shown}: its name is not UTF-8; rename it") from error
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise InputError(f"{path}: is no file but a device, pipe or folder; name a file")
    if about.st_size > limit:
        raise InputError(f"{path}: {too_heavy(limit)}")
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise InputError(f"{path}: {too_heavy(limit)}")
    return content
