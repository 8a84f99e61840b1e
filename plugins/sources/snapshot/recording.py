"""A snapshot that is being written: whole files only, and a note of what is there, so that it can be gone on with."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from sre_orchestrator.core.errors import InputError, SreError
from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.plugins.objects.registry import Listed
from sre_orchestrator.plugins.sources.ports import EVERYWHERE, LogStream
from sre_orchestrator.plugins.sources.snapshot.layouts import PREVIOUS

AGENT = "snapshot"
OBJECTS = "cluster-resources"
NOTES = ".recording.json"
PARTIAL = ".partial"
INFO = "snapshot.yaml"
GAPS = "gaps.json"
# names of the API: letters, digits and signs, none of which leads out of a folder
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}")


class WriteError(SreError):
    """A file cannot be written: the disk is full, the folder is somebody else's."""


class Terms(Struct, frozen=True, kw_only=True):
    """What is recorded; only what was begun on the same terms is gone on with."""

    server: str
    namespaces: tuple[str, ...] = ()


class _Notes(Struct, frozen=True, kw_only=True):
    terms: Terms
    started_at: datetime
    done: dict[str, tuple[Gap, ...]] = {}


class Recording:
    """A snapshot in the making; threads may write different parts of it."""

    def __init__(self, root: Path, notes: _Notes) -> None:
        self.root = root
        self.resumed = bool(notes.done)
        self._notes = notes
        self._lock = threading.Lock()

    @property
    def started_at(self) -> datetime:
        """Return when it was begun."""
        return self._notes.started_at

    def is_done(self, part: str) -> bool:
        """Return whether a part is recorded; one that had gaps is tried again."""
        return self._notes.done.get(part) == ()

    def finish_part(self, part: str, gaps: Sequence[Gap] = ()) -> None:
        """Note that a part is recorded, and what of it could not be."""
        with self._lock:
            done = {**self._notes.done, part: tuple(dict.fromkeys(gaps))}
            self._notes = msgspec.structs.replace(self._notes, done=done)
            self.write(NOTES, msgspec.json.encode(self._notes))

    def gaps(self) -> tuple[Gap, ...]:
        """Return what could not be recorded so far, in the order of the parts' names."""
        return tuple(dict.fromkeys(gap for _, gaps in sorted(self._notes.done.items()) for gap in gaps))

    def write(self, name: str, content: bytes) -> Path:
        """Write a file, whole or not at all.

        Raises:
            WriteError: it cannot be written.

        """
        place, half = self.root / name, self.root / PARTIAL / f"{threading.get_ident()}.file"
        with written(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            half.parent.mkdir(exist_ok=True)
            half.write_bytes(content)
            half.replace(place)
        return place

    @contextmanager
    def lists(self, listed: Listed) -> Iterator[Lists]:
        """Yield what writes the lists of one kind; they appear together when all is well, else not at all.

        Raises:
            WriteError: they cannot be written.

        """
        place = self.root / OBJECTS / listed.folders[0]
        half = self.root / PARTIAL / listed.folders[0]
        with written(place):
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir(parents=True)
            lists = Lists(half, listed)
            try:
                yield lists
            finally:
                lists.close()
            for path in sorted(half.iterdir()):
                whole = path.stem == EVERYWHERE
                target = place.with_name(f"{place.name}.json") if whole else place / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)

    def complete(self, info: bytes) -> None:
        """Write what the snapshot says of itself, and end the recording.

        Raises:
            WriteError: that cannot be written.

        """
        if gaps := self.gaps():
            self.write(GAPS, msgspec.json.format(msgspec.json.encode(gaps), indent=1) + b"\n")
        self.write(INFO, info)
        with written(self.root):
            (self.root / NOTES).unlink()
            shutil.rmtree(self.root / PARTIAL)


class Lists:
    """Writes lists of objects, one file a namespace and one for what belongs to none; one is open at a time."""

    def __init__(self, folder: Path, listed: Listed) -> None:
        self._folder = folder
        self._kind = f"{listed.kind}List"
        self._counts: dict[str, int] = {}
        self._current = ""
        self._file: IO[bytes] | None = None

    def begin(self, namespace: str, api_version: str) -> None:
        """Begin the list of a namespace, or of ``*``, unless it is begun."""
        if namespace not in self._counts:
            self._counts[namespace] = 0
            head = msgspec.json.encode({"kind": self._kind, "apiVersion": api_version, "metadata": {}})
            self._open(namespace).write(head[:-1] + b',"items":[')

    def add(self, namespace: str, item: bytes) -> None:
        """Add an encoded object to a list that is begun."""
        self._open(namespace).write((b",\n" if self._counts[namespace] else b"\n") + item)
        self._counts[namespace] += 1

    def close(self) -> None:
        """End every list."""
        for namespace in self._counts:
            self._open(namespace).write(b"\n]}\n")
        if self._file:
            self._file.close()

    def _open(self, namespace: str) -> IO[bytes]:
        if self._file is None or self._current != namespace:
            if self._file:
                self._file.close()
            self._current = namespace
            self._file = (self._folder / f"{namespace}.json").open("ab")
        return self._file


def open_recording(root: Path, terms: Terms, now: datetime) -> Recording:
    """Begin a recording in a new or empty folder, or go on with one that was interrupted.

    Raises:
        InputError: the folder holds something else.
        WriteError: it cannot be written to.

    """
    notes = root / NOTES
    if notes.is_file():
        return Recording(root, _read_notes(notes, terms))
    with written(root):
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            what = "is a snapshot already" if (root / INFO).exists() else "is no empty folder"
            raise InputError(f"{root}: {what}; give a new folder")
        root.mkdir(parents=True, exist_ok=True)
    recording = Recording(root, _Notes(terms=terms, started_at=now))
    recording.write(NOTES, msgspec.json.encode(_Notes(terms=terms, started_at=now)))
    return recording


@contextmanager
def written(place: Path) -> Iterator[None]:
    """Raise errors of files as a WriteError that says where, and what to do."""
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"{error.filename or place}: cannot be written: {error.strerror or error};"
            " make room, or give another folder; the same command goes on where this one stopped"
        ) from error


def is_complete(root: Path) -> bool:
    """Return whether a folder holds a recording that is complete."""
    return (root / INFO).is_file() and not (root / NOTES).exists()


def gaps_in(root: Path) -> tuple[Gap, ...]:
    """Return what a complete recording could not read."""
    path = root / GAPS
    return msgspec.json.decode(path.read_bytes(), type=tuple[Gap, ...]) if path.is_file() else ()


def is_name(text: str) -> bool:
    """Return whether a name that a server gave may be part of a path."""
    return bool(_NAME.fullmatch(text))


def log_name(stream: LogStream) -> str:
    """Return the file of a log; every name in ``stream`` must be one (``is_name``)."""
    file = f"{stream.container}{PREVIOUS if stream.previous else ''}.log"
    return f"{OBJECTS}/pods/logs/{stream.namespace}/{stream.pod}/{file}"


def _read_notes(path: Path, terms: Terms) -> _Notes:
    try:
        notes = msgspec.json.decode(path.read_bytes(), type=_Notes)
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read: {error}; remove the folder, or give a new one") from error
    if notes.terms != terms:
        begun = f"{notes.terms.server}, namespaces {', '.join(notes.terms.namespaces) or '(all)'}"
        raise InputError(f"{path.parent}: was begun of something else ({begun}); go on with that, or give a new folder")
    return notes
