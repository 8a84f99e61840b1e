"""Container logs with the options of ``pods/log``: since, tail, limit, timestamps."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Protocol

from sre_orchestrator.core.models import Struct

_TIME = re.compile(
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?",
)
_LOOKED_AT = 200


class LogKey(Struct, frozen=True, kw_only=True):
    """Which log: the container of a pod, and whether it is that of its previous life."""

    namespace: str
    pod: str
    container: str
    previous: bool = False


class ContainerLog(Protocol):
    """The lines of one log."""

    def lines(self) -> Iterator[bytes]:
        """Yield the lines with their ends, oldest first."""
        ...

    def more(self, seen: int, seconds: float) -> list[bytes] | None:
        """Return the lines after ``seen`` of them, waiting ``seconds`` at most; ``None``: there will never be more."""
        ...


class WrittenLog:
    """A log in memory that can grow while clients follow it."""

    def __init__(self, text: bytes = b"") -> None:
        self._lines = text.splitlines(keepends=True)
        self._grown = threading.Condition()

    def append(self, text: bytes) -> None:
        """Write more lines."""
        with self._grown:
            self._lines += text.splitlines(keepends=True)
            self._grown.notify_all()

    def lines(self) -> Iterator[bytes]:
        """Yield the lines."""
        return iter(list(self._lines))

    def more(self, seen: int, seconds: float) -> list[bytes] | None:
        """Return the lines after ``seen``."""
        with self._grown:
            self._grown.wait_for(lambda: len(self._lines) > seen, seconds)
            return self._lines[seen:]


class LogOptions(Struct, frozen=True, kw_only=True):
    """The options of a request; ``since`` is a moment, negative numbers mean no limit."""

    since: datetime | None = None
    tail_lines: int = -1
    limit_bytes: int = -1
    timestamps: bool = False


def chosen(lines: Iterable[bytes], options: LogOptions, started: datetime) -> Iterator[bytes]:
    """Yield what ``options`` ask for.

    A recording may lack the times that a kubelet knows: a line's time is the one it begins with, else that of
    the line before, else ``started``; a line whose time nobody knows is never too old.
    """
    if options.since or options.timestamps:
        lines = _timed(lines, options, started)
    if options.tail_lines >= 0:
        lines = deque(lines, maxlen=options.tail_lines)
    if options.limit_bytes < 0:
        yield from lines
        return
    left = options.limit_bytes
    for line in lines:
        if left <= 0:
            return
        yield line[:left]
        left -= len(line)


def _timed(lines: Iterable[bytes], options: LogOptions, started: datetime) -> Iterator[bytes]:
    known: datetime | None = None
    for line in lines:
        known = _time_in(line) or known
        if options.since and known and known < options.since:
            continue
        if options.timestamps:
            stamp = (known or started).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z ")
            yield stamp.encode() + line
        else:
            yield line


def _time_in(line: bytes) -> datetime | None:
    found = _TIME.search(line[:_LOOKED_AT])
    if not found:
        return None
    try:
        at = datetime.fromisoformat(found[0].decode())
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
