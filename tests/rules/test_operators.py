"""What the operators mean; every engine uses these."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_orchestrator.rules.operators import OPERATORS, as_time, different, key, same, within_seconds

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
values = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(width=16) | st.sampled_from(["", "1", "a", "True"])


@pytest.mark.parametrize(
    ("operator", "left", "right", "holds"),
    [
        ("eq", 1, 1.0, True),
        ("eq", True, 1, False),
        ("eq", "1", 1, False),
        ("eq", None, None, False),
        ("not", "a", "b", True),
        ("not", None, "b", False),
        ("not", True, 1, True),
        ("gt", 2, 1, True),
        ("gt", 1, 1, False),
        ("gte", 1, 1, True),
        ("lt", "a", "b", True),
        ("lte", "b", "b", True),
        ("lt", 1, "2", False),
        ("gt", True, False, False),
        ("gt", 1, False, False),
        ("gt", None, 1, False),
        ("in", "a", ("a", "b"), True),
        ("in", 1, (True, "1"), False),
        ("in", "a", "abc", False),
        ("contains", "out of memory", "memory", True),
        ("contains", 5, "5", False),
        ("matches", "exit code 137", r"code \d+", True),
        ("matches", 137, r"\d+", False),
        ("exists", None, True, False),
        ("exists", "", True, True),
        ("exists", None, False, True),
        ("before", NOON, "2030-05-01T12:00:01Z", True),
        ("before", NOON, NOON, False),
        ("after", "2030-05-01T14:00:00+01:00", NOON, True),
        ("after", "not a time", NOON, False),
        ("before", NOON, 5, False),
    ],
)
def test_an_operator(operator: str, left: object, right: object, *, holds: bool) -> None:
    assert OPERATORS[operator](left, right) is holds  # type: ignore[arg-type]


@given(values, values)
def test_a_key_is_equal_where_values_are(left: object, right: object) -> None:
    if same(left, right):  # type: ignore[arg-type]
        assert key(left) == key(right)  # type: ignore[arg-type]
        assert hash(key(left)) == hash(key(right))  # type: ignore[arg-type]
    elif same(left, left) and same(right, right):  # type: ignore[arg-type]
        assert key(left) != key(right)  # type: ignore[arg-type]


@given(values, values)
def test_present_values_are_the_same_or_different(left: object, right: object) -> None:
    assert not (same(left, right) and different(left, right))  # type: ignore[arg-type]
    if left is not None and right is not None:
        assert same(left, right) or different(left, right)  # type: ignore[arg-type]


def test_a_time_without_a_zone_is_utc() -> None:
    assert as_time("2030-05-01T12:00:00") == as_time(NOON.replace(tzinfo=None)) == NOON
    assert as_time(NOON.astimezone(timezone(timedelta(hours=5)))) == NOON
    assert as_time("noon") is None
    assert as_time(7) is None


@pytest.mark.parametrize(("seconds", "near"), [(59, False), (60, True)])
def test_times_are_near_in_either_order(seconds: int, *, near: bool) -> None:
    later = NOON + timedelta(minutes=1)

    assert within_seconds(NOON, later, seconds) is within_seconds(later, NOON, seconds) is near
    assert not within_seconds(NOON, None, seconds)
    assert not within_seconds("noon", NOON, seconds)
