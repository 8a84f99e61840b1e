"""How a rule's patterns are joined: an order for each start, each step with its index and its other tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import msgspec

from sre_orchestrator.rules.memory import Memory, Row
from sre_orchestrator.rules.model import EdgePattern, End, FactPattern, Pattern, Ref, Test
from sre_orchestrator.rules.operators import OPERATORS, Operand, Value, regex, within_seconds

Binding = Mapping[str, Row]


@dataclass(frozen=True, kw_only=True)
class Step:
    """Joins one more pattern: look up by ``attributes`` = ``wanted``, then the other tests, then ``later`` ones."""

    pattern: Pattern
    attributes: tuple[str, ...] = ()
    wanted: tuple[Test, ...] = ()
    tests: tuple[Test, ...] = ()
    later: tuple[tuple[str, Test], ...] = ()


def plan_steps(patterns: Sequence[Pattern], first: int | None, bound: Set[str] = frozenset()) -> tuple[Step, ...]:
    """Return the join order that begins with ``patterns[first]`` when names in ``bound`` are known.

    Each next pattern is the one with most equalities to what is bound; a test is decided at the
    step that binds its last name, and equality tests of earlier patterns turn round into look-ups.
    """
    left = list(patterns)
    known = set(bound)
    waiting: list[tuple[str, Test]] = []
    steps: list[Step] = []
    while left:
        pattern = (
            left[first] if first is not None and not steps else max(left, key=lambda one: _joined(one, known, waiting))
        )
        left.remove(pattern)
        step = _step(pattern, known, waiting)
        known.add(pattern.name)
        steps.append(step)
    return tuple(steps)


def join(
    steps: Sequence[Step], memory: Memory, binding: dict[str, Row], start: Row | None = None
) -> Iterator[dict[str, Row]]:
    """Yield every binding that satisfies all steps; ``start`` fixes the row of the first."""
    if not steps:
        yield binding
        return
    step, rest = steps[0], steps[1:]
    for candidate in (start,) if start is not None else _candidates(step, memory, binding):
        extended = _extended(step, candidate, binding, check_wanted=start is not None)
        if extended is None:
            continue
        if rest:
            yield from join(rest, memory, extended)
        else:
            yield extended


def without(pattern: Pattern, names: Set[str]) -> Pattern:
    """Return the pattern less what it compares with the patterns ``names``."""
    if isinstance(pattern, FactPattern):
        tests = tuple(test for test in pattern.tests if test.ref is None or test.ref.name not in names)
        return msgspec.structs.replace(pattern, tests=tests)
    source, target = (End() if end.ref and end.ref.name in names else end for end in (pattern.source, pattern.target))
    return msgspec.structs.replace(pattern, source=source, target=target)


def captured(pattern: FactPattern, row: Row) -> dict[str, Value]:
    """Return what the regular expressions of ``pattern`` capture from ``row``."""
    found: dict[str, Value] = {}
    for test in pattern.tests:
        value = row.values.get(test.attribute)
        if test.operator == "matches" and isinstance(test.value, str) and isinstance(value, str):
            match = regex(test.value).search(value)
            found |= match.groupdict() if match else {}
    return found


def value_of(test: Test, binding: Binding) -> Operand:
    """Return what ``test`` compares with."""
    return test.value if test.ref is None else binding[test.ref.name].values.get(test.ref.attribute)


def passes(test: Test, row: Row, other: Operand) -> bool:
    """Decide one test on one row."""
    value = row.values.get(test.attribute)
    if test.operator == "within_seconds":
        return within_seconds(value, other, float(test.value) if isinstance(test.value, int | float) else 0.0)
    return OPERATORS[test.operator](value, other)


def _joined(pattern: Pattern, known: Set[str], waiting: Iterable[tuple[str, Test]]) -> tuple[int, int]:
    if isinstance(pattern, EdgePattern):
        ends = sum(_fixed(end, known) for end in (pattern.source, pattern.target))
        return (ends, 1 if ends else -pattern.within)
    refs = sum(test.operator == "eq" and test.ref is not None and test.ref.name in known for test in pattern.tests)
    refs += sum(test.operator == "eq" and test.ref is not None and test.ref.name == pattern.name for _, test in waiting)
    return (refs, sum(test.operator == "eq" and test.ref is None for test in pattern.tests))


def _fixed(end: End, known: Set[str]) -> bool:
    return bool(end.component) or (end.ref is not None and end.ref.name in known)


def _step(pattern: Pattern, known: Set[str], waiting: list[tuple[str, Test]]) -> Step:
    if isinstance(pattern, EdgePattern):
        tests = [
            Test(attribute=attribute, operator="eq", value=end.component or None, ref=end.ref)
            for attribute, end in (("from", pattern.source), ("to", pattern.target))
            if end.component or end.ref
        ]
    else:
        tests = list(pattern.tests)
    ready = [test for test in tests if test.ref is None or test.ref.name in known or test.ref.name == pattern.name]
    waiting += [(pattern.name, test) for test in tests if test not in ready]
    mine = [
        (name, test)
        for name, test in waiting
        if test.ref is not None and test.ref.name == pattern.name and name in known
    ]
    for one in mine:
        waiting.remove(one)
    turned = [
        Test(attribute=test.ref.attribute, operator="eq", ref=Ref(name=name, attribute=test.attribute))
        for name, test in mine
        if test.operator == "eq" and test.ref is not None
    ]
    lookups: dict[str, Test] = {}
    for test in (*ready, *turned):
        own = test.ref is not None and test.ref.name == pattern.name
        if test.operator == "eq" and not own and _indexed(pattern, test.attribute):
            lookups.setdefault(test.attribute, test)
    chosen = tuple(lookups[attribute] for attribute in sorted(lookups))
    return Step(
        pattern=pattern,
        attributes=tuple(sorted(lookups)),
        wanted=chosen,
        tests=tuple(test for test in (*ready, *turned) if test not in chosen),
        later=tuple((name, test) for name, test in mine if test.operator != "eq"),
    )


def _indexed(pattern: Pattern, attribute: str) -> bool:
    """Say whether there is an index: of a path by its ends, of facts by what no regular expression captures."""
    return attribute not in pattern.captures if isinstance(pattern, FactPattern) else attribute in {"from", "to"}


def _candidates(step: Step, memory: Memory, binding: Binding) -> Sequence[Row]:
    wanted = [value_of(test, binding) for test in step.wanted]
    values = tuple(None if isinstance(value, tuple) else value for value in wanted)
    if isinstance(step.pattern, FactPattern):
        return memory.rows(step.pattern.kind, step.attributes, values)
    ends = {side: end for side, end in zip(step.attributes, values, strict=True) if isinstance(end, str)}
    if len(ends) < len(step.attributes):
        return ()
    return memory.paths(step.pattern.edge, ends.get("from"), ends.get("to"), step.pattern.within)


def _extended(step: Step, row: Row, binding: dict[str, Row], *, check_wanted: bool) -> dict[str, Row] | None:
    """Return ``binding`` with the row (and its captures) when it passes and no other name holds the same fact."""
    fact = row.fact
    if fact is not None:
        for other in binding.values():
            if other.fact is fact:
                return None
    if isinstance(step.pattern, FactPattern) and step.pattern.captures:
        row = row.with_values(captured(step.pattern, row))
    extended = {**binding, step.pattern.name: row}
    for test in (*step.wanted, *step.tests) if check_wanted else step.tests:
        if not passes(test, row, value_of(test, extended)):
            return None
    for name, test in step.later:
        if not passes(test, binding[name], value_of(test, extended)):
            return None
    return extended
