"""Reads the time that a log line begins with or carries."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sre_orchestrator.core.models import Struct

LOOKED_AT = 120
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_ISO = re.compile(
    r"(?P<date>\d{4}[-/]\d\d[-/]\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
    r"\s?(?P<zone>Z\b|UTC\b|GMT\b|[+-]\d\d:?\d\d\b)?"
)
_WORDED = re.compile(
    r"\b(?P<day>\d{1,2})[ /-](?P<month>[A-Z][a-z]{2})[ /-](?P<year>\d{4})[ :](?P<time>\d\d:\d\d:\d\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?(?:\s(?P<zone>[+-]\d{4}))?"
)
_KLOG = re.compile(r"^[IWEF](?P<month>\d\d)(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?")
_SYSLOG = re.compile(r"^(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) (?P<time>\d\d:\d\d:\d\d)")
_CLOCK = re.compile(r"^\W?(?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,9}))?")
_MILLISECONDS = 1e11


class Stamp(Struct, frozen=True, kw_only=True):
    """A time in UTC; ``zoned`` is false when the line does not say its zone, so that UTC is a guess."""

    at: datetime
    zoned: bool


def stamp_in(text: str, today: datetime) -> Stamp | None:
    """Return the first time in the first characters of ``text``; ``today`` completes dates and years that are left out.

    >>> stamp_in("2030-05-01 12:00:00,5 ERROR", datetime(2030, 5, 2, tzinfo=UTC)).at.isoformat()
    '2030-05-01T12:00:00.500000+00:00'
    """
    head = text[:LOOKED_AT]
    if not any(character.isdigit() for character in head):
        return None
    try:
        return _dated(head) or _undated(head, today)
    except ValueError:
        return None


def stamp_of(value: object, today: datetime) -> Stamp | None:
    """Return the time that a JSON value means: text, seconds or milliseconds since 1970."""
    if isinstance(value, str):
        return stamp_in(value, today)
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        try:
            return Stamp(at=datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, UTC), zoned=True)
        except (OverflowError, ValueError, OSError):
            return None
    return None


def _dated(head: str) -> Stamp | None:
    match = _ISO.search(head)
    if match:
        return _stamp(match["date"].replace("/", "-"), match["time"], match["fraction"], match["zone"])
    match = _WORDED.search(head)
    if match and match["month"] in _MONTHS:
        date = f"{match['year']}-{_MONTHS.index(match['month']) + 1:02}-{int(match['day']):02}"
        return _stamp(date, match["time"], match["fraction"], match["zone"])
    return None


def _undated(head: str, today: datetime) -> Stamp | None:
    match = _KLOG.match(head) or _SYSLOG.match(head)
    if match:
        month = match["month"]
        number = int(month) if month.isdigit() else _MONTHS.index(month) + 1
        return _stamp(
            f"{today.year}-{number:02}-{int(match['day']):02}", match["time"], match.groupdict().get("fraction")
        )
    match = _CLOCK.match(head)
    if match:
        found = _stamp(today.date().isoformat(), match["time"], match["fraction"])
        return Stamp(at=found.at - timedelta(days=1), zoned=False) if found.at > today + timedelta(hours=1) else found
    return None


def _stamp(date: str, time: str, fraction: str | None, zone: str | None = None) -> Stamp:
    offset = "+00:00" if zone in (None, "Z", "UTC", "GMT") else zone
    at = datetime.fromisoformat(f"{date}T{time}.{(fraction or '0')[:6]:0<6}{offset}")
    return Stamp(at=at.astimezone(UTC), zoned=zone is not None)
