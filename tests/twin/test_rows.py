"""How the twin writes times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from sre_orchestrator.twin.rows import time_text


def test_times_sort_as_text_whatever_their_zone() -> None:
    noon = datetime(2030, 5, 1, 12, tzinfo=UTC)
    east = noon.astimezone(timezone(timedelta(hours=9)))

    assert time_text(noon) == time_text(east) == "2030-05-01T12:00:00.000000+00:00"


def test_a_time_that_would_leave_the_calendar_in_utc_stays_where_it_is() -> None:
    first = datetime(1, 1, 1, 2, tzinfo=timezone(timedelta(hours=9)))

    assert time_text(first) == "0001-01-01T02:00:00.000000+00:00"
