"""Finds ``none`` conditions that no fact can ever fail: they look like a check and are none."""

from __future__ import annotations

from collections.abc import Iterable, Set

from sre_orchestrator.rules.model import FactPattern, Pattern, Test
from sre_orchestrator.rules.operators import OPERATORS


def complaint(pattern: Pattern, bound: Iterable[Pattern], attributes: Set[str]) -> str:
    """Return why the negated ``pattern`` matches nothing beside the ``bound`` ones, or ``""``.

    ``attributes`` are those of its kind: a fact that equals a bound fact in all of them is that
    fact, and two names never bind one fact.
    """
    if not isinstance(pattern, FactPattern):
        return ""
    if attribute := _contradicted(pattern.tests):
        return f"its conditions on {attribute!r} exclude each other, so it is always absent; remove one"
    for other in bound:
        if isinstance(other, FactPattern) and other.kind == pattern.kind and _pinned(pattern, other) >= attributes:
            return (
                f"only the fact that {other.name!r} is bound to can match, and two names never bind one fact, "
                "so it is always absent; leave out an attribute, or remove it"
            )
    return ""


def _contradicted(tests: Iterable[Test]) -> str:
    """Return an attribute that must equal a constant which another condition on it refuses."""
    constant = [test for test in tests if test.ref is None]
    wanted = {test.attribute: test.value for test in constant if test.operator == "eq"}
    for test in constant:
        value = wanted.get(test.attribute)
        if value is not None and not isinstance(value, tuple) and not OPERATORS[test.operator](value, test.value):
            return test.attribute
    return ""


def _pinned(pattern: FactPattern, other: FactPattern) -> set[str]:
    """Return the attributes that must have the value that the fact of ``other`` has."""
    known = {(test.attribute, test.value) for test in other.tests if test.operator == "eq" and test.ref is None}
    return {
        test.attribute
        for test in pattern.tests
        if test.operator == "eq"
        and (
            (test.attribute, test.value) in known
            if test.ref is None
            else (test.ref.name, test.ref.attribute) == (other.name, test.attribute)
        )
    }
