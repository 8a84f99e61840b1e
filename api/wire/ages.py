"""Ages as kubectl words them."""

from __future__ import annotations

from datetime import UTC, datetime

UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 365 * 86_400


def age(since: object, now: datetime) -> str:
    """Return how long ago an RFC 3339 time was, ``<unknown>`` for anything else."""
    at = moment(since)
    return UNKNOWN if at is None else human((now - at).total_seconds())


def moment(text: object) -> datetime | None:
    """Return an RFC 3339 time."""
    try:
        at = datetime.fromisoformat(str(text or ""))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def human(seconds: float) -> str:
    """Return a duration with two units at most, rounded down (``duration.HumanDuration`` of apimachinery)."""
    whole = max(int(seconds), 0)
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    for unit, name, below, smaller, small in (
        (_MINUTE, "m", 10 * _MINUTE, 1, "s"),
        (_MINUTE, "m", 3 * _HOUR, 0, ""),
        (_HOUR, "h", 8 * _HOUR, _MINUTE, "m"),
        (_HOUR, "h", 2 * _DAY, 0, ""),
        (_DAY, "d", 8 * _DAY, _HOUR, "h"),
        (_DAY, "d", 2 * _YEAR, 0, ""),
        (_YEAR, "y", 8 * _YEAR, _DAY, "d"),
    ):
        if whole < below:
            rest = whole % unit // smaller if smaller else 0
            return f"{whole // unit}{name}" + (f"{rest}{small}" if rest else "")
    return f"{whole // _YEAR}y"
