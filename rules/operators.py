"""What the operators mean; both engines and the reference use these."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from sre_orchestrator.core.models import Scalar

Value = Scalar | datetime | None
Operand = Value | tuple[Scalar, ...]


def same(left: Value, right: Operand) -> bool:
    """Say whether two values are equal: a boolean is no number, an absent value equals nothing."""
    if left is None or isinstance(left, bool) != isinstance(right, bool):
        return False
    return left == right


def key(value: Value) -> object:
    """Return a hashable that is equal for equal values (``same``); ``None`` joins with nothing."""
    return ("bool", value) if isinstance(value, bool) else value


def different(left: Value, right: Operand) -> bool:
    """Say whether two present values differ."""
    return left is not None and right is not None and not same(left, right)


def as_time(value: Operand) -> datetime | None:
    """Return a datetime for a time attribute (RFC 3339) or ``observed_at``; ``None`` for anything else.

    A time without a zone is UTC.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _ordered(
    compare: Callable[[float, float], bool], compare_text: Callable[[str, str], bool]
) -> Callable[[Value, Operand], bool]:
    def decide(left: Value, right: Operand) -> bool:
        if isinstance(left, bool) or isinstance(right, bool):
            return False
        if isinstance(left, int | float) and isinstance(right, int | float):
            return compare(left, right)
        return isinstance(left, str) and isinstance(right, str) and compare_text(left, right)

    return decide


def _times(compare: Callable[[datetime, datetime], bool]) -> Callable[[Value, Operand], bool]:
    def decide(left: Value, right: Operand) -> bool:
        first, second = as_time(left), as_time(right)
        return first is not None and second is not None and compare(first, second)

    return decide


def _contains(left: Value, right: Operand) -> bool:
    return isinstance(left, str) and isinstance(right, str) and right in left


def _in(left: Value, right: Operand) -> bool:
    return isinstance(right, tuple) and any(same(left, one) for one in right)


def _matches(left: Value, right: Operand) -> bool:
    return isinstance(left, str) and isinstance(right, str) and regex(right).search(left) is not None


def _exists(left: Value, right: Operand) -> bool:
    return (left is not None) == right


OPERATORS: Mapping[str, Callable[[Value, Operand], bool]] = {
    "eq": same,
    "not": different,
    "gt": _ordered(lambda a, b: a > b, lambda a, b: a > b),
    "gte": _ordered(lambda a, b: a >= b, lambda a, b: a >= b),
    "lt": _ordered(lambda a, b: a < b, lambda a, b: a < b),
    "lte": _ordered(lambda a, b: a <= b, lambda a, b: a <= b),
    "in": _in,
    "matches": _matches,
    "contains": _contains,
    "exists": _exists,
    "before": _times(lambda a, b: a < b),
    "after": _times(lambda a, b: a > b),
}


def within_seconds(left: Value, right: Operand, seconds: float) -> bool:
    """Say whether two times are at most ``seconds`` apart, in either order."""
    first, second = as_time(left), as_time(right)
    return first is not None and second is not None and abs((first - second).total_seconds()) <= seconds


@lru_cache(maxsize=4096)
def regex(pattern: str) -> re.Pattern[str]:
    """Compile a regular expression once."""
    return re.compile(pattern)
