"""Finds the lines worth reading in a log, and folds a stack trace into one record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.logs.text import UNKNOWN, body_of, read_line
from sre_orchestrator.plugins.agents.logs.times import Stamp

BACK, FORTH = 120, 400
LOOK_BACK_FOR_TIME = 20
_TRACEBACK = "Traceback (most recent call last)"
_FRAME = re.compile(
    r'^\s+(?:at |File "|from /|\.\.\. \d+ |~?\^|in <|~)|^\s*(?:goroutine \d+|created by )|^\s+/\S+:\d+|^\s+\d+: '
)
_CONTINUES = re.compile(
    r"^\s|^Caused by:|^-+> |^at \S+\(|^DETAIL:|^HINT:|^The last packet |^Suppressed:|^The above exception|^During handling"
    r"|^\(Background on this error|^goroutine \d+|^\[signal |^\}$|^Wrapped by|^Traceback \(most recent"
)
_EXCEPTION = re.compile(r"^[\w.$:]*(?:Exception|Error|Failure|Refused|Fault)\w*(?:[:(\s]|$)")
_CAUSE = re.compile(r"^(?:Caused by:|-+> |Wrapped by:?)\s*")


class Record(Struct, frozen=True, kw_only=True):
    """A line, or a stack trace, as one text with the deepest cause first; ``begin`` and ``end`` are line numbers."""

    begin: int
    end: int
    text: str
    frames: str = ""
    level: int = UNKNOWN
    stamp: Stamp | None = None


def hits(lines: Sequence[str], stems: Iterable[str]) -> list[int]:
    """Return the numbers of the lines that hold one of the lower-case ``stems``, in order."""
    low = "\n".join(lines).lower()
    found: set[int] = set()
    for stem in stems:
        position, number, counted = low.find(stem), 0, 0
        while position >= 0:
            number += low.count("\n", counted, position)
            found.add(number)
            counted = position
            following = low.find("\n", position)
            position = low.find(stem, following) if following >= 0 else -1
    return sorted(found)


def fold(lines: Sequence[str], numbers: Iterable[int], today: datetime) -> Iterator[Record]:
    """Yield the records that hold the lines ``numbers`` (ascending), each once."""
    done = -1
    for number in numbers:
        if number > done:
            begin = _begin(lines, number, max(done + 1, number - BACK))
            done = max(_end(lines, begin), number)
            yield _record(lines, begin, done, today)


def _begin(lines: Sequence[str], number: int, lowest: int) -> int:
    """Return where the record around line ``number`` begins."""
    begin = _traceback_before(lines, number, lowest)
    while begin > lowest and _continues(lines, begin):
        begin -= 1
    while begin < number and not lines[begin].strip():
        begin += 1
    return begin


def _traceback_before(lines: Sequence[str], number: int, lowest: int) -> int:
    """Return the line that heads the Python traceback which ends at ``number``, or ``number``."""
    begin = number - 1
    while begin >= lowest and body_of(lines[begin])[:1] in (" ", "\t", ""):
        begin -= 1
    return begin if begin >= lowest and begin < number - 1 and _TRACEBACK in lines[begin] else number


def _end(lines: Sequence[str], begin: int) -> int:
    """Return where the record ends that begins at line ``begin``."""
    end = begin
    in_python = _TRACEBACK in lines[begin]
    while end + 1 < len(lines) and end - begin < FORTH:
        following = body_of(lines[end + 1])
        last_of_python = in_python and following[:1] not in (" ", "\t", "")
        if not last_of_python and not _continues(lines, end + 1):
            break
        in_python = _TRACEBACK in following or (in_python and not last_of_python)
        end += 1
    while end > begin and not lines[end].strip():
        end -= 1
    return end


def _continues(lines: Sequence[str], number: int) -> bool:
    """Say whether line ``number`` continues the one before it."""
    line = body_of(lines[number])
    if not line.strip() or _CONTINUES.match(line):
        return True
    if not _EXCEPTION.match(line):
        return False
    above = number - 1
    while above > 0 and above > number - 3 and not lines[above].strip():
        above -= 1
    before = body_of(lines[above])
    if above < number - 1 and "." not in line.split(":")[0] and "^" not in before:
        return False
    return before[:1] in (" ", "\t") or before.startswith(_TRACEBACK) or _dated(before)


def _dated(line: str) -> bool:
    return line[:1] in tuple("[0123456789") and any(character.isdigit() for character in line[:6])


def _record(lines: Sequence[str], begin: int, end: int, today: datetime) -> Record:
    said = read_line(lines[begin], today)
    text, frames = _causes_first([*said.text.split("\n"), *map(body_of, lines[begin + 1 : end + 1])])
    return Record(begin=begin, end=end, text=text, frames=frames, level=said.level, stamp=said.stamp)


def _causes_first(lines: Iterable[str]) -> tuple[str, str]:
    """Return the pieces of a trace, the deepest cause first, and its frames."""
    pieces: list[str] = []
    frames: list[str] = []
    for line in lines:
        stripped = line.strip()
        if _FRAME.match(line):
            frames.append(stripped)
        elif not pieces or _CAUSE.match(stripped) or _EXCEPTION.match(line):
            pieces.append(_CAUSE.sub("", stripped))
        elif stripped:
            pieces[-1] += f" {stripped}"
    return "\n".join(reversed(pieces)), "\n".join(frames)
