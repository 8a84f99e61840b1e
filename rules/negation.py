"""Three-valued negation: absent, present, or not decidable because nobody read that kind there."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from sre_orchestrator.core.models import Missing
from sre_orchestrator.rules.compiled import CompiledRule
from sre_orchestrator.rules.joins import Step, join, value_of
from sre_orchestrator.rules.memory import Memory, Row
from sre_orchestrator.rules.model import FactPattern, Pattern, Test


@dataclass(frozen=True, kw_only=True)
class Undecided:
    """The ``none`` conditions of one firing: those that hold, in words, and those nobody could decide."""

    absent: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()


def absent_or_undecided(
    rule: CompiledRule, memory: Memory, binding: dict[str, Row], derived: Set[str]
) -> Undecided | None:
    """Return what is absent or undecided, or ``None`` when a ``none`` condition is present (the rule is blocked).

    A derived kind is complete in its stratum. A conjunction is undecided only when the part of
    it that was read could still be completed by something nobody read.
    """
    absent: list[str] = []
    missing: list[Missing] = []
    for steps in rule.none:
        if next(join(steps, memory, dict(binding)), None) is not None:
            return None
        unread = [step for step in steps if not _read(step, memory, binding, derived)]
        if unread and _possible(steps, unread, memory, binding):
            missing += [_missing(step, binding) for step in unread]
        else:
            absent.append(" and ".join(worded(step.pattern, binding) for step in steps))
    return Undecided(absent=tuple(absent), missing=tuple(missing))


def _read(step: Step, memory: Memory, binding: dict[str, Row], derived: Set[str]) -> bool:
    pattern = step.pattern
    if not isinstance(pattern, FactPattern) or pattern.kind in derived:
        return True
    return memory.covers(pattern.kind, _pinned(step, binding) or _around(binding))


def _possible(steps: tuple[Step, ...], unread: list[Step], memory: Memory, binding: dict[str, Row]) -> bool:
    """Say whether the steps that were read, and do not lean on unread ones, have a match."""
    names = {step.pattern.name for step in unread}
    sound = tuple(step for step in steps if step not in unread and not _leans(step, names))
    return next(join(sound, memory, dict(binding)), None) is not None


def _leans(step: Step, names: Set[str]) -> bool:
    tests = (*step.wanted, *step.tests)
    return any(test.ref and test.ref.name in names for test in tests) or any(name in names for name, _ in step.later)


def _pinned(step: Step, binding: dict[str, Row]) -> str:
    """Return the component that a pattern is about, or the namespace it is in, when that is fixed."""
    for attribute in ("component", "namespace"):
        for test in (*step.wanted, *step.tests):
            if test.attribute == attribute and test.operator == "eq" and (test.ref is None or test.ref.name in binding):
                value = value_of(test, binding)
                return f"namespace/{value}" if attribute == "namespace" else str(value)
    return ""


def _around(binding: dict[str, Row]) -> str:
    components = [row.values["component"] for _, row in sorted(binding.items()) if row.values.get("component")]
    return str(components[0]) if components else ""


def _missing(step: Step, binding: dict[str, Row]) -> Missing:
    pattern = step.pattern
    kind = pattern.kind if isinstance(pattern, FactPattern) else pattern.edge
    return Missing(kind=kind, component=_pinned(step, binding), condition=worded(pattern, binding))


def worded(pattern: Pattern, binding: Mapping[str, Row]) -> str:
    """Return the absence of ``pattern`` in words."""
    if not isinstance(pattern, FactPattern):
        return f"no {pattern.edge} edge"
    tests = ", ".join(f"{test.attribute} {worded_test(test, binding)}" for test in pattern.tests)
    return f"no {pattern.kind} with {tests}" if tests else f"no {pattern.kind}"


def worded_test(test: Test, binding: Mapping[str, Row]) -> str:
    """Return operator and operand of ``test`` in words."""
    value = value_of(test, binding) if test.ref is None or test.ref.name in binding else f"that of {test.ref.name}"
    operator = "" if test.operator == "eq" else f"{test.operator.replace('_', ' ')} "
    return f"{operator}{', '.join(map(str, value)) if isinstance(value, tuple) else value}"
