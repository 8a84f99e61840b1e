"""The table of line classes: which class a text has, and what it names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from sre_orchestrator.core.models import Struct

FOLDER = "classes"
# Each line of a class holds one of these (a test holds the examples to it), or names its level; so a
# log is searched for them first. Every stem costs a pass over every log: add one when none fits.
TROUBLE_STEMS = (
    "error", "exception", "fail", "warn", "fatal", "panic", "refused", "denied", "timed out", "timeout", "unable", "cannot",
    "invalid", "unknown", "no such", "not found", "not set", "not be", "not look", "not permitted", "missing", "expired",
    "unavailable", "forbidden", "too many", "too large", "exceeded", "unexpected", "x509", "http response", "before issued",
    "clock", "no space", "deadlock", "waiting for", "stale", "blocked", "reset by", "no route", "unreachable", "malformed",
    "already in use", "read-only", "read only", "readonly", "unbound", "yaml:", "segmentation", "sigsegv", "traceback",
    "uncaught", "unhandled", "hang up", "killed by", "not_found", "no matching", "query_time", " ms  ", "slow query", "took[",
    "no mapping for", "no static resource", "no route matches",
)  # fmt: skip
START_STEMS = ("listen", "start", "port", "running on", "running at", "serving", "ready in", "server at", "server on")
EXAMPLES = b"\n---\n"
REMEMBERED = 20_000
NUMBERS = dict.fromkeys(map(ord, "0123456789abcdef"))
NUMERIC = re.compile(r"[1-9](?![\d,]*\})|\\d\{")  # of a pattern that asks for certain numbers, or for long ones
USUAL_PRIORITY = 50
_HOST = r"[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?"
_NAME = r"[^\s'\"`,;()\\]+"
_GROUPS = {
    "host": rf"(?P<host>{_HOST})",
    "port": r"(?P<port>\d{1,5})",
    "address": rf"(?P<host>{_HOST}|\[[0-9A-Fa-f:.]+\])(?:/[^\s:/,)]*)?:(?P<port>\d{{1,5}})",
    "user": r"(?P<user>[^\s'\"@,;()\]]+)",
    "account": r"(?P<user>[^\s'\"\\]+)",
    "peer": r"(?P<peer>\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}:[0-9a-fA-F:]+)",
    "name": rf"(?P<name>{_NAME})",
    "path": r"(?P<name>(?:\.{0,2}/|[A-Z]:\\)[^\s'\"`,;()]*)",
    "variable": r"(?P<name>(?-i:[A-Z][A-Z0-9]*_[A-Z0-9_]+))",
    "seconds": r"(?P<seconds>\d+(?:\.\d+)?)",
    "milliseconds": r"(?P<milliseconds>\d+)",
}
_MACRO = re.compile(rf"(?<!\?P)<({'|'.join(_GROUPS)})>")


class LineClass(Struct, frozen=True, kw_only=True):
    """One class of lines; the head of ``classes/network.yaml`` says what each key means."""

    meaning: str
    words: tuple[str, ...]
    patterns: tuple[str, ...]
    priority: int = USUAL_PRIORITY
    call: bool = False
    database: bool = False
    noisy: bool = False
    start: bool = False


class Match(Struct, frozen=True, kw_only=True):
    """The class of a text, and the names that it holds."""

    name: str
    captures: dict[str, str] = {}


class Table:
    """The classes in the order of their priority; texts alike but for numbers are classified once."""

    def __init__(self, classes: Mapping[str, LineClass]) -> None:
        self.classes = classes
        ordered = sorted(classes.items(), key=lambda item: item[1].priority)
        self._trouble = Memory([item for item in ordered if not item[1].start])
        self._quiet = Memory([item for item in ordered if not item[1].start and not item[1].noisy])
        self._start = [Memory([item]) for item in ordered if item[1].start]

    def trouble(self, text: str, *, severe: bool = True) -> Match | None:
        """Return the first class of trouble that fits ``text``; ``severe`` is false for lines below a warning."""
        return (self._trouble if severe else self._quiet).match(text)

    def starts(self, text: str) -> tuple[Match, ...]:
        """Return what a line about a start says: each class once."""
        return tuple(found for one in self._start if (found := one.match(text)))


class Memory:
    """Some classes, and which class and pattern fitted texts that differ in numbers only."""

    def __init__(self, classes: Sequence[tuple[str, LineClass]]) -> None:
        self._classes = classes
        self._numeric = [item for item in classes if any(map(NUMERIC.search, item[1].patterns))]
        self._known: dict[str, tuple[str, str] | None] = {}

    def match(self, text: str) -> Match | None:
        """Return the first class that fits ``text``, with what the text names."""
        alike = text.translate(NUMBERS)
        if alike not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            first = self._known[alike] = self._first(text, self._classes)
            return _found(first, text)
        known = self._known[alike]
        # other numbers may make trouble of a text that was none, or another class of it: a status, a duration
        again = self._classes if known else self._numeric
        return _found(known, text) or _found(self._first(text, again), text)

    def _first(self, text: str, classes: Sequence[tuple[str, LineClass]]) -> tuple[str, str] | None:
        lowered = text.lower()
        for name, one in classes:
            if any(word in lowered for word in one.words):
                for pattern in one.patterns:
                    if expression(pattern).search(text):
                        return name, pattern
        return None


def _found(known: tuple[str, str] | None, text: str) -> Match | None:
    found = expression(known[1]).search(text) if known else None
    if known is None or found is None:
        return None
    return Match(name=known[0], captures={key: value.rstrip(".:") for key, value in found.groupdict().items() if value})


@cache
def load_table() -> Table:
    """Return the built-in table; examples, which follow the classes in each file, are not read."""
    classes: dict[str, LineClass] = {}
    for path in class_files():
        classes |= msgspec.yaml.decode(path.read_bytes().split(EXAMPLES)[0], type=dict[str, LineClass])
    return Table(classes)


def class_files() -> Sequence[Traversable]:
    """Return the files of the built-in table."""
    folder = files("sre_orchestrator.plugins.agents.logs") / FOLDER
    return [path for path in sorted(folder.iterdir(), key=lambda entry: entry.name) if path.name.endswith(".yaml")]


@lru_cache(maxsize=1024)
def expression(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of the table when it is first needed."""
    return re.compile(_MACRO.sub(lambda match: _GROUPS[match[1]], pattern), re.IGNORECASE | re.MULTILINE)
