"""Why a cause was not concluded: which conditions of which rules did not hold, and what came nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import combinations, islice
from typing import Literal

from sre_orchestrator.core.models import Coverage, Edge, Fact, Struct
from sre_orchestrator.core.ports import Budget
from sre_orchestrator.rules.compiled import CompiledRule, compile_rule
from sre_orchestrator.rules.counts import counted
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.joins import join, passes, plan_steps, without
from sre_orchestrator.rules.memory import Memory, Row
from sre_orchestrator.rules.model import Conclude, Count, FactPattern, Pattern, Rule, Test
from sre_orchestrator.rules.negation import absent_or_undecided, worded, worded_test
from sre_orchestrator.rules.stratify import joined_late
from sre_orchestrator.rules.templates import slots

NEAREST = 3
TRIED = 20_000
Binding = dict[str, Row]
Admits = Callable[[Binding], bool]


class Unmet(Struct, frozen=True, kw_only=True):
    """One condition that did not hold.

    ``absent``: no fact fits, ``nearest`` lists fact ids and what differs; ``unread``: nobody read
    that kind there; ``present``: something is there that must not be (``nearest`` are its facts).
    """

    condition: str
    why: Literal["absent", "unread", "present"]
    nearest: tuple[tuple[str, str], ...] = ()


class Trial(Struct, frozen=True, kw_only=True):
    """One rule tried for one cause: facts of the conditions that hold, conditions that do not.

    A rule without unmet conditions did conclude the cause.
    """

    rule: str
    title: str
    holds: dict[str, str] = {}
    unmet: tuple[Unmet, ...] = ()


def why_not(
    plan: Plan,
    cause: str,
    family: Set[str],
    *,
    facts: Sequence[Fact],
    edges: Sequence[Edge],
    coverage: Sequence[Coverage],
) -> tuple[Trial, ...]:
    """Return a trial of every rule for ``cause``, those that lack least first.

    Args:
        plan: the rule book.
        cause: an id of the catalogue.
        family: the components whose faults are blamed on the component in question.
        facts: what was observed.
        edges: the relations of the twin.
        coverage: what was read completely.

    """
    derived = [one.derived for one in plan.infer(facts, edges, coverage, Budget()).derivations if one.derived]
    memory = Memory([*facts, *derived], edges, coverage)
    kinds = frozenset(fact.kind for fact in derived) | plan.derived_kinds
    trials = [
        _trial(rule, then, memory, family, kinds)
        for rule in plan.rules
        for then in rule.then
        if isinstance(then, Conclude) and then.cause == cause and then.polarity == "for"
    ]
    return tuple(sorted(trials, key=lambda one: (len(one.unmet), one.rule)))


def _trial(rule: Rule, then: Conclude, memory: Memory, family: Set[str], derived: Set[str]) -> Trial:
    tries = [_try(rule, place, then, memory, family, derived) for place in range(len(rule.variants))]
    return min(tries, key=lambda one: len(one.unmet))


def _try(rule: Rule, place: int, then: Conclude, memory: Memory, family: Set[str], derived: Set[str]) -> Trial:
    late = joined_late(rule.variants[place], rule)
    early = [one for one in rule.variants[place].patterns if one not in late]
    kept, binding = _largest(_anchored(early, then), memory, _admits(then, family))
    unmet = [_unmet(one, binding, memory, family, derived) for one in early if one.name not in kept]
    if not unmet:
        compiled = compile_rule(rule)
        whole = next(counted(compiled, compiled.variants[place].after, memory, binding), None)
        unmet = [*_uncounted(rule)] if whole is None else [*_present(compiled, memory, whole, derived)]
    holds = {name: ", ".join(row.ids) or row.text for name, row in binding.items()}
    return Trial(rule=rule.id, title=rule.title, holds=holds, unmet=tuple(unmet))


def _largest(patterns: Sequence[Pattern], memory: Memory, admits: Admits) -> tuple[Set[str], Binding]:
    """Return the names of the largest part of ``patterns`` that holds together, and what it binds."""
    for size in range(len(patterns)):
        for dropped in combinations(patterns, size):
            gone = {one.name for one in dropped}
            kept = [without(one, gone) for one in patterns if one.name not in gone]
            found = islice(join(plan_steps(kept, None), memory, {}), TRIED)
            binding = next((one for one in found if admits(one)), None)
            if binding is not None:
                return {one.name for one in kept}, binding
    return set(), {}


def _anchored(patterns: Sequence[Pattern], then: Conclude) -> list[Pattern]:
    """Return the patterns with those last that the conclusion names: what comes first is dropped first."""
    named = {slot.name for slot in slots(then.component)}
    return sorted(patterns, key=lambda one: one.name in named)


def _admits(then: Conclude, family: Set[str]) -> Admits:
    """Return whether a binding is about the component in question: at the conclusion's place, else anywhere."""
    place = next(iter(slots(then.component)), None)

    def decide(binding: Binding) -> bool:
        if place and place.name in binding:
            return str(binding[place.name].values.get(place.attribute)) in family
        return any(str(row.values.get("component")) in family for row in binding.values())

    return decide


def _unmet(pattern: Pattern, binding: Binding, memory: Memory, family: Set[str], derived: Set[str]) -> Unmet:
    condition = worded(pattern, binding).removeprefix("no ")
    if not isinstance(pattern, FactPattern):
        return Unmet(condition=condition, why="absent")
    rows = memory.rows(pattern.kind, (), ())
    near = sorted(
        (
            (len(wrong), str(row.values["component"]) not in family, row.ids[0], wrong)
            for row, wrong in _wrong(pattern, rows, binding)
        ),
        key=lambda one: one[:3],
    )
    at = next(iter(sorted(family)), "")
    read = near or pattern.kind in derived or any(memory.covers(pattern.kind, one) for one in family or {at})
    return Unmet(
        condition=condition,
        why="absent" if read else "unread",
        nearest=tuple((fact, "; ".join(wrong)) for _, _, fact, wrong in near[:NEAREST]),
    )


def _wrong(pattern: FactPattern, rows: Iterable[Row], binding: Binding) -> Iterator[tuple[Row, list[str]]]:
    """Yield each row with the tests that it fails, in words."""
    for row in rows:
        within = {**binding, pattern.name: row}
        failed = [test for test in pattern.tests if not _passes(test, row, within)]
        yield (
            row,
            [
                f"{test.attribute} is {row.values.get(test.attribute)}, wanted {worded_test(test, within)}"
                for test in failed
            ],
        )


def _passes(test: Test, row: Row, binding: Binding) -> bool:
    if test.ref is None:
        return passes(test, row, test.value)
    known = binding.get(test.ref.name)
    return known is not None and passes(test, row, known.values.get(test.ref.attribute))


def _uncounted(rule: Rule) -> Iterator[Unmet]:
    for count in rule.counts:
        yield Unmet(condition=_count_words(count), why="absent")


def _count_words(count: Count) -> str:
    return f"count of {worded(count.of, {}).removeprefix('no ')}: {', '.join(worded_test(test, {}) for test in count.tests)}"


def _present(rule: CompiledRule, memory: Memory, whole: Binding, derived: Set[str]) -> Iterator[Unmet]:
    """Yield the ``none`` conditions that something contradicts, or that nobody could decide."""
    for steps in rule.none:
        found = next(join(steps, memory, whole), None)
        if found is not None:
            facts = [row.ids[0] for name, row in sorted(found.items()) if name not in whole and row.ids]
            words = " and ".join(worded(step.pattern, whole) for step in steps)
            yield Unmet(condition=words, why="present", nearest=tuple((fact, "") for fact in facts))
    decided = absent_or_undecided(rule, memory, whole, derived)
    for missing in decided.missing if decided else ():
        yield Unmet(condition=missing.condition, why="unread")
