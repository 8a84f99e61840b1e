"""Parameters that several requests have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar.params import PathParameter, QueryParameter

NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps no NUL
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
Id = Annotated[str, PathParameter(max_length=40, pattern=NO_NUL, description="The id of an incident.")]
Words = Annotated[str, QueryParameter(max_length=400, pattern=NO_NUL)]
Name = Annotated[str, QueryParameter(max_length=253, pattern=NO_NUL)]


def moment(given: datetime | None) -> datetime | None:
    """Return a time of a request as UTC, also where it names no zone, within the years that are counted in."""
    if given is None:
        return None
    plain = given.replace(tzinfo=UTC)
    if not EARLIEST + DAY < plain < LATEST - DAY:
        return min(max(plain, EARLIEST), LATEST)
    return given.astimezone(UTC) if given.tzinfo else plain
