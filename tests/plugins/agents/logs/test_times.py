"""Times in the forms that frameworks print."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_orchestrator.plugins.agents.logs.times import stamp_in, stamp_of

TODAY = datetime(2030, 5, 1, 13, tzinfo=UTC)
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "zoned"),
    [
        ("2030-05-01T12:00:00Z ERROR x", True),
        ("2030-05-01T20:00:00.000000000+08:00 ERROR x", True),
        ("2030-05-01 12:00:00,000 ERROR x", False),
        ("2030/05/01 12:00:00 [error] 31#31: x", False),
        ("2030-05-01 12:00:00.000 UTC [88] LOG:  x", True),
        ("[2030-05-01 12:00:00 +0000] [1] [INFO] x", True),
        ("1:M 01 May 2030 12:00:00.000 * x", False),
        ('10.0.0.1 - - [01/May/2030:12:00:00 +0000] "GET / HTTP/1.1" 200', True),
        ("01-May-2030 12:00:00.000 SEVERE [main] x", False),
        ("E0501 12:00:00.000000       1 reflector.go:150] x", False),
        ("May  1 12:00:00 host app: x", False),
        ("12:00:00.000 [main] ERROR x", False),
    ],
)
def test_a_time_is_read_in_utc(line: str, zoned: bool) -> None:
    stamp = stamp_in(line, TODAY)

    assert stamp
    assert (stamp.at, stamp.zoned) == (NOON, zoned)


def test_a_clock_that_is_ahead_of_now_is_of_yesterday() -> None:
    stamp = stamp_in("23:00:00 ERROR x", TODAY)

    assert stamp
    assert stamp.at == datetime(2030, 4, 30, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    "line", ["no time", "version 1.2.3 ready", "2030-13-45 12:00:00 x", "99:99:99 x", "", "31 Xyz 2030 12:00:00 x"]
)
def test_what_is_no_time_is_none(line: str) -> None:
    assert stamp_in(line, TODAY) is None


@pytest.mark.parametrize("value", [1903867200, 1903867200000, 1903867200.0, "2030-05-01T12:00:00Z"])
def test_json_times_are_texts_seconds_or_milliseconds(value: object) -> None:
    stamp = stamp_of(value, TODAY)

    assert stamp
    assert stamp.at == NOON


@pytest.mark.parametrize("value", [None, True, -5, {"a": 1}, 1e300])
def test_other_json_values_are_no_times(value: object) -> None:
    assert stamp_of(value, TODAY) is None
