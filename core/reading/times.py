"""Reads since when something is wrong: "for half an hour", "seit gestern Abend", "2026-03-12 14:05 CET"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

from sre_orchestrator.core.documents import read_yaml
from sre_orchestrator.core.reading.moments import Calendar, Moments
from sre_orchestrator.core.reading.words import MOST_CHARACTERS, Lexicon, either, fold, table

MOST = timedelta(days=7)
NEAR = 24  # characters


class Times(Calendar, frozen=True, kw_only=True):
    """``times.yaml``."""

    units: Mapping[int, str]
    short: Mapping[str, int]
    numbers: Mapping[float, str]
    ago: str
    every: str
    unspoken: Mapping[int, int]


def ago(text: str, at: datetime) -> timedelta:
    """Return how long before ``at`` the earliest time is that ``text`` tells: none is zero, more than a week is one.

    Times of day are those of the zone that the text names, else of ``at``. What can be read in two ways is read as the
    earlier; what is later than ``at`` counts for nothing.
    """
    folded = fold(text)
    if not _cues().find(folded) and not re.search("[0-9]", folded):
        return timedelta()
    now = at if at.tzinfo else at.replace(tzinfo=UTC)
    names = frozenset(re.findall(r"[A-Z]{1,4}", text[:MOST_CHARACTERS]))
    passed = [*_durations().read(folded), *(now - one for one in _moments().read(folded, now, names))]
    return min(max(passed, default=timedelta()), MOST)


@cache
def _times() -> Times:
    return read_yaml(table("times.yaml"), Times)


@cache
def _cues() -> Lexicon:
    """Return what tells at little cost that a text without digits may tell a time."""
    told = _times()
    groups = (told.units, told.days, told.weekdays, told.parts)
    words = [*(words for group in groups for words in group.values()), told.last_night, told.last_week]
    return Lexicon(("time", one) for one in words)


@cache
def _moments() -> Moments:
    return Moments(_times())


@cache
def _durations() -> Durations:
    return Durations(_times())


class Durations:
    """Finds "ten minutes", "the last hour", "3d" behind "since", and "for hours"."""

    def __init__(self, told: Times) -> None:
        units = "|".join(f"(?P<u{seconds}>{either(words, glued=True)})" for seconds, words in told.units.items())
        numbers = "|".join(f"(?P<n{place}>{either(words)})" for place, words in enumerate(told.numbers.values()))
        short = f"(?P<short>[{''.join(told.short)}])(?!\\w)"
        self._counts = tuple(told.numbers)
        self._told = told
        self._counted = re.compile(
            rf"(?:(?P<digits>(?<![\w.])[0-9]{{1,6}}(?:[.,][0-9])?)|{numbers})[\s-]{{0,3}}(?:{units}|{short})"
        )
        self._last = re.compile(rf"{either(told.last)}\s{{0,2}}(?:{units})")
        self._unspoken = re.compile(rf"{either(told.alone)}\s{{1,2}}(?:des\s)?(?:{units})")
        self._every = re.compile(rf"{either(told.every)}\s{{0,2}}$")
        self._since = re.compile(either(told.since))
        self._ago = re.compile(rf"\s{{0,2}}{either(told.ago)}")

    def read(self, text: str) -> Iterator[timedelta]:
        """Yield how long ago."""
        for found in self._counted.finditer(text):
            before = text[max(0, found.start() - NEAR) : found.start()]
            short = found["short"]
            meant = not short or self._since.search(before) or self._ago.match(text, found.end())
            if meant and not self._every.search(before):
                seconds = self._told.short[short] if short else _unit(found)
                yield timedelta(seconds=self._count(found) * seconds)
        for found in self._last.finditer(text):
            yield timedelta(seconds=_unit(found))
        for found in self._unspoken.finditer(text):
            yield timedelta(seconds=self._told.unspoken.get(_unit(found), 0))

    def _count(self, found: re.Match[str]) -> float:
        if found["digits"]:
            return float(found["digits"].replace(",", "."))
        return next(count for place, count in enumerate(self._counts) if found[f"n{place}"])


def _unit(found: re.Match[str]) -> int:
    return next(int(name[1:]) for name, value in found.groupdict().items() if name.startswith("u") and value)
