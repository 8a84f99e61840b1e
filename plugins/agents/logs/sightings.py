"""Reads one container's log into sightings: records that have a class, with what they name and when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.logs.families import DATABASES, family_of
from sre_orchestrator.plugins.agents.logs.records import Record, fold, hits
from sre_orchestrator.plugins.agents.logs.table import START_STEMS, TROUBLE_STEMS, Match, Table
from sre_orchestrator.plugins.agents.logs.text import ERROR, WARNING, body_of, read_line
from sre_orchestrator.plugins.agents.logs.times import Stamp

OLDEST_READ, NEWEST_READ = 60, 540
LAST_LINES = 25
START_LINES = 300
DEBUG = 10
MAX_SAMPLE = 300
ANY_ERROR = "error"
_STEP = timedelta(minutes=15)
_ANSWER = re.compile(
    r"rpc error: code =|StatusCode\.\w|StatusRuntimeException|\b\d+ (?:INTERNAL|UNKNOWN|UNAVAILABLE|ABORTED): "
)
_BODY = re.compile(
    r"HttpServerErrorException|FeignException|WebClientResponseException|Server Error for url|status code:? 5\d\d"
)
_ALERT = re.compile(r"remote error: tls|\balert (?:unknown|certificate unknown)|fatal alert", re.IGNORECASE)
# What a client sends, as access logs quote it: the target of a request, and the headers after its answer.
_QUOTE = r"(?:[^\"\\\n]|\\.)*"
_ASKED = re.compile(
    rf'(?P<method>"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE|PRI) ){_QUOTE}"(?P<answer>(?: \d{{3}}\b(?: [\d-]+)*)?)(?: "{_QUOTE}")*'
)
ANSWERS = frozenset({"http-5xx", "http-4xx", "unauthorized", "forbidden", "rate-limited"})


class Sighting(Struct, frozen=True, kw_only=True):
    """One record of a class; ``last_words`` when it is among the last lines, ``relayed`` when it is a callee's own report."""

    name: str
    captures: dict[str, str] = {}
    family: str = ""
    at: datetime | None = None
    line: int
    last_words: bool = False
    relayed: bool = False
    text: str


class Reading(Struct, frozen=True, kw_only=True):
    """What was seen in a log: sightings in order, its number of lines, the time of its newest line."""

    sightings: tuple[Sighting, ...]
    lines: int
    newest: datetime | None = None


def read_log(lines: Sequence[str], table: Table, today: datetime) -> Reading:
    """Return the sightings of a log; of a flood, the oldest and the newest are read (the constants say how many)."""
    found = hits(lines, TROUBLE_STEMS)
    numbers = found if len(found) <= OLDEST_READ + NEWEST_READ else [*found[:OLDEST_READ], *found[-NEWEST_READ:]]
    newest = _newest(lines, today)
    shift = _shift(newest, today)
    last = len(lines) - LAST_LINES
    sightings = []
    for record in fold(lines, numbers, today):
        sighting = _sighting(record, table, last)
        if sighting:
            stamp = record.stamp or _before(lines, record.begin, newest, today)
            sightings.append(msgspec.structs.replace(sighting, at=_in_utc(stamp, shift)))
    return Reading(sightings=tuple(sightings), lines=len(lines), newest=_in_utc(newest, shift))


def read_start(lines: Sequence[str], table: Table, today: datetime) -> Iterator[Match]:
    """Yield what the first lines of a log say about the start: ports that are listened on, time taken."""
    first = [body_of(line) for line in lines[:START_LINES]]
    for number in hits(first, START_STEMS):
        yield from table.starts(read_line(first[number], today).text)


def _sighting(record: Record, table: Table, last: int) -> Sighting | None:
    if 0 < record.level <= DEBUG:
        return None
    match = table.trouble(_own(record.text), severe=record.level == 0 or record.level >= WARNING)
    late = record.end >= last
    if match is None and not (late and record.level >= ERROR):
        return None
    captures = match.captures if match else {}
    name, port = match.name if match else ANY_ERROR, captures.get("port", "")
    family = family_of(int(port) if port else 0, record.text, record.frames)
    return Sighting(
        name=name,
        captures=captures,
        family=family,
        relayed=_relayed(name, family in DATABASES or bool(match and table.classes[name].database), record.text),
        line=record.begin,
        last_words=late,
        text=record.text,
    )


def _own(text: str) -> str:
    """Return what a program says itself: whoever sends it a request chooses what is quoted of that, and may accuse it.

    >>> _own('10.0.0.1 - - "GET /?q=disk full HTTP/1.1" 500 12 "-" "no space left on device" 3')
    '10.0.0.1 - - "GET …" 500 12 3'
    """
    return _ASKED.sub('\\g<method>…"\\g<answer>', text) if '"' in text else text


def _relayed(name: str, of_database: bool, text: str) -> bool:
    """Say whether a peer is quoted: the trouble of a callee with its own, or that a peer does not trust this one."""
    if name == "certificate-unknown-authority" and _ALERT.search(text):
        return True
    answers = len(_ANSWER.findall(text))
    return answers > 1 or (answers == 1 and of_database) or (name not in ANSWERS and bool(_BODY.search(text)))


def _in_utc(stamp: Stamp | None, shift: timedelta) -> datetime | None:
    if stamp is None:
        return None
    return stamp.at if stamp.zoned else stamp.at - shift


def _newest(lines: Sequence[str], today: datetime) -> Stamp | None:
    """Return the time of the last line that has one."""
    for line in reversed(lines[-LAST_LINES:]):
        stamp = read_line(line, today).stamp
        if stamp:
            return stamp
    return None


def _shift(newest: Stamp | None, today: datetime) -> timedelta:
    """Return how far a log without zones runs ahead of UTC: no line can be later than the incident is looked at."""
    if newest is None or newest.zoned or newest.at <= today + timedelta(minutes=1):
        return timedelta()
    return -(-(newest.at - today) // _STEP) * _STEP


def _before(lines: Sequence[str], begin: int, newest: Stamp | None, today: datetime) -> Stamp | None:
    """Return the time of a line shortly before ``begin``; nothing when the log has no times at all."""
    if newest is None:
        return None
    for number in range(begin - 1, max(-1, begin - LAST_LINES), -1):
        stamp = read_line(lines[number], today).stamp
        if stamp:
            return stamp
    return None
