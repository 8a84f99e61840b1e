"""Times that somebody gives, within the years that are counted in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def utc(told: datetime) -> datetime:
    """Return a time as UTC, also where it names no zone; one outside of the years that are counted in becomes their end.

    >>> utc(datetime(1, 1, 1)).year, utc(datetime(2030, 5, 1, 12)).isoformat()
    (1970, '2030-05-01T12:00:00+00:00')
    """
    plain = told.replace(tzinfo=UTC)
    if not EARLIEST + DAY < plain < LATEST - DAY:
        return min(max(plain, EARLIEST), LATEST)
    return told.astimezone(UTC) if told.tzinfo else plain
