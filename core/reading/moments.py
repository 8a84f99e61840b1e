"""Finds times of day, days and dates in a text: "yesterday evening", "seit 9 Uhr", "12 mars à 14h05"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from itertools import islice

from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.reading.words import either

NEAR = 15  # characters between a day and its time
MOST = 40  # days, and times of day, of one text
AFTERNOON = 12
WEEK = 7
HALF_A_YEAR = timedelta(days=183)
DATES = (
    r"(?<![0-9])(?P<year>[0-9]{4})[-/年](?P<month>[0-9]{1,2})[-/月](?P<day>[0-9]{1,2})日?(?![0-9])",
    r"(?<![0-9])(?P<day>[0-9]{1,2})[./](?P<month>[0-9]{1,2})[./](?P<year>[0-9]{4})(?![0-9])",
    r"(?<![0-9])(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/(?P<year>[0-9]{4})(?![0-9])",
    r"(?<![0-9年])(?P<month>[0-9]{1,2})月(?P<day>[0-9]{1,2})日",
)
OFFSET = r"(?P<sign>[+-])(?P<hours>0[0-9]|1[0-4]|[1-9](?![0-9]))(?::?(?P<minutes>00|30|45))?(?![0-9:])"


class Calendar(Struct, frozen=True, kw_only=True):
    """The words for days and times of day."""

    days: Mapping[int, str]
    weekdays: Mapping[int, str]
    months: Mapping[int, str]
    parts: Mapping[int, str]
    last_night: str
    last_week: str
    since: str
    last: str
    at: str
    hour: str
    hours: str
    zones: Mapping[str, Sequence[float]]

    @property
    def alone(self) -> tuple[str, ...]:
        """Return the words of ``since`` that need no number behind them."""
        last = self.last.split()
        return tuple(word for word in self.since.split() if word not in last)


class Day(Struct, frozen=True, kw_only=True):
    """A day that stands in the text: so many days ago, a weekday, or a date, of the year that makes it nearest."""

    place: tuple[int, int]
    ago: int = 0
    weekday: int | None = None
    month: int = 0
    day: int = 0
    year: int = 0

    def date(self, today: date) -> date:
        """Return the day, seen from ``today``; ``ValueError`` or ``OverflowError`` where there is none."""
        if self.weekday is not None:
            return today - timedelta(days=(today.weekday() - self.weekday) % WEEK)
        if not self.month:
            return today - timedelta(days=self.ago)
        found = date(self.year or today.year, self.month, self.day)
        meant_last_year = not self.year and found - today > HALF_A_YEAR
        return date(today.year - 1, self.month, self.day) if meant_last_year else found


class Clock(Struct, frozen=True, kw_only=True):
    """A time of day that stands in the text, in one of ``zones`` (none: the incident's)."""

    place: tuple[int, int]
    hour: int
    minute: int = 0
    zones: tuple[float, ...] = ()

    def on(self, day: Day | None, now: datetime) -> datetime | None:
        """Return the time on ``day``, else the last one before ``now``: the earliest of all zones; none after ``now``."""
        zones: list[tzinfo | None] = [timezone(timedelta(hours=one)) for one in self.zones] or [now.tzinfo]
        found = [one for zone in zones if (one := self._in(zone, day, now)) is not None and one <= now]
        return min(found, default=None)

    def _in(self, zone: tzinfo | None, day: Day | None, now: datetime) -> datetime | None:
        try:
            today = now.astimezone(zone).date()
            if day:
                return datetime.combine(day.date(today), time(self.hour, self.minute), zone)
            found = datetime.combine(today, time(self.hour, self.minute), zone)
            return found if found <= now else found - timedelta(days=1)
        except (ValueError, OverflowError):  # no such day, or before the first
            return None


class Moments:
    """Finds what the words of a calendar tell."""

    def __init__(self, told: Calendar) -> None:
        self._zones = told.zones
        months = "|".join(f"(?P<m{month}>{either(words)})" for month, words in told.months.items())
        dates = (*DATES, rf"(?<!\w)(?P<day>[0-9]{{1,2}})\.?\s(?:de\s)?(?:{months})", rf"(?:{months})\s(?P<day>[0-9]{{1,2}})(?![0-9:])")  # fmt: skip
        self._dates = [re.compile(one) for one in dates]
        self._days = {days: re.compile(either(words)) for days, words in told.days.items()}
        self._days |= {1: re.compile(either(f"{told.days.get(1, '')} {told.last_night}"))}
        self._days |= {WEEK: re.compile(either(told.last_week))}
        self._weekdays = {day: re.compile(either(words)) for day, words in told.weekdays.items()}
        self._parts = {hour: re.compile(either(words)) for hour, words in told.parts.items()}
        self._zone = re.compile(rf"\s{{0,2}}\(?(?P<name>{either(told.zones, glued=True)})?(?:{OFFSET})?")
        hour, minute = r"(?P<hour>[01]?[0-9]|2[0-4])", r"(?P<minute>[0-5][0-9])"
        half = r"(?:\s?(?P<half>[ap]\.?m\b\.?))"
        at, bare = either(told.at), either(told.hour, glued=True)
        self._clocks = [
            re.compile(
                rf"(?:(?<![a-z0-9:.+-])|(?<=[0-9]t)){hour}:{minute}(?::[0-5][0-9](?:\.[0-9]{{1,9}})?)?(?![0-9:]){half}?"
            ),
            re.compile(rf"(?<![a-z0-9:.+-]){hour}\s?(?:h{minute}(?![0-9])|(?:{bare})(?![間间간]))"),
            re.compile(rf"(?<![a-z0-9:.+-]){hour}{half}"),
            re.compile(rf"{at}\s{{0,2}}{hour}\s?{either(told.hours, glued=True)}"),
            re.compile(rf"(?:{at}|{either(told.alone)})\s{{0,2}}{hour}(?=\s*(?:$|[,;.!?)](?![0-9])))"),
        ]

    def read(self, text: str, now: datetime, names: Set[str]) -> Iterator[datetime]:
        """Yield the times in ``text``, which is folded; none is after ``now``. ``names`` may be zones."""
        days = list(islice(self._find_days(text), MOST))
        clocks = list(islice(self._find_clocks(text, names), MOST))
        used: set[Day] = set()
        for clock in clocks:
            near = [day for day in days if _gap(day.place, clock.place) <= NEAR]
            day = min(near, key=lambda one: _gap(one.place, clock.place), default=None)
            used |= {day} if day else set()
            if found := clock.on(day, now):
                yield found
        for day in days:
            if day not in used and (found := Clock(place=day.place, hour=0).on(day, now)):
                yield found

    def _find_days(self, text: str) -> Iterator[Day]:
        for days, pattern in self._days.items():
            yield from (Day(place=found.span(), ago=days) for found in pattern.finditer(text))
        for weekday, pattern in self._weekdays.items():
            yield from (Day(place=found.span(), weekday=weekday) for found in pattern.finditer(text))
        for pattern in self._dates:
            for found in pattern.finditer(text):
                said = found.groupdict()
                month = said.get("month") or next(name[1:] for name, one in said.items() if name[0] == "m" and one)
                yield Day(place=found.span(), month=int(month), day=int(said["day"]), year=int(said.get("year") or 0))

    def _find_clocks(self, text: str, names: Set[str]) -> Iterator[Clock]:
        parts = [
            (found.span(), hour) for hour, one in self._parts.items() for found in islice(one.finditer(text), MOST)
        ]
        taken: list[tuple[int, int]] = []
        for pattern in self._clocks:
            for found in pattern.finditer(text):
                place = (found.start("hour"), found.end())
                if any(_gap(place, other) < 0 for other in taken):
                    continue
                taken.append(place)
                said = found.groupdict()
                near = [hour for span, hour in parts if _gap(span, place) <= NEAR]
                late = (said.get("half") or "").startswith("p") or any(hour >= AFTERNOON for hour in near)
                hour = _hour(int(said["hour"]), half=said.get("half") or "", late=late)
                yield Clock(
                    place=place,
                    hour=hour,
                    minute=int(said.get("minute") or 0),
                    zones=self._zones_at(text, found.end(), names),
                )
        for span, hour in parts:
            if not any(_gap(span, place) <= NEAR for place in taken):
                yield Clock(place=span, hour=hour, zones=self._zones_at(text, span[1], names))

    def _zones_at(self, text: str, end: int, names: Set[str]) -> tuple[float, ...]:
        found = self._zone.match(text, end)
        name = found["name"] if found else None
        if found and found["sign"] and (name or found["sign"] == "+" or found["minutes"]):
            hours = int(found["hours"]) + int(found["minutes"] or 0) / 60
            return (hours if found["sign"] == "+" else -hours,)
        return tuple(self._zones[name]) if name and name.upper() in names else ()


def _hour(hour: int, *, half: str, late: bool) -> int:
    if late and hour < AFTERNOON:
        return hour + AFTERNOON
    return 0 if hour == 2 * AFTERNOON or (half.startswith("a") and hour == AFTERNOON) else hour


def _gap(one: tuple[int, int], other: tuple[int, int]) -> int:
    """Return how many characters are between two places; less than zero where they overlap."""
    return max(one[0], other[0]) - min(one[1], other[1])
