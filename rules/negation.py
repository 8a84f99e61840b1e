"""Three-valued negation: absent, present, or not decidable because nobody read that kind there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from sre_orchestrator.core.models import Missing
from sre_orchestrator.rules.compiled import CompiledRule
from sre_orchestrator.rules.joins import join, plan_steps, value_of, without
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

    A derived kind is complete in its stratum. Any other must have been read where the condition
    looks: at the component or in the namespace that it names, else around the first bound fact. A
    conjunction is undecided only when what was read could still be completed by something nobody read.
    """
    absent: list[str] = []
    missing: list[Missing] = []
    for group, steps in zip(rule.rule.none, rule.none, strict=True):
        if next(join(steps, memory, binding), None) is not None:
            return None
        unread = [one for one in group if isinstance(one, FactPattern) and not was_read(one, memory, binding, derived)]
        if unread and _possible(group, unread, memory, binding):
            missing += [_missing(pattern, binding) for pattern in unread]
        else:
            absent.append(" and ".join(worded(pattern, binding) for pattern in group))
    return Undecided(absent=tuple(absent), missing=tuple(missing))


def was_read(pattern: FactPattern, memory: Memory, binding: Mapping[str, Row], derived: Set[str]) -> bool:
    """Say whether every fact of the kind of ``pattern`` is known where it looks."""
    if pattern.kind in derived:
        return True
    return memory.covers(pattern.kind, _pinned(pattern, binding) or _around(binding))


def _possible(group: Sequence[Pattern], unread: Sequence[Pattern], memory: Memory, binding: dict[str, Row]) -> bool:
    """Say whether the patterns that were read have a match, whatever they want of the unread ones."""
    names = {pattern.name for pattern in unread}
    kept = [without(pattern, names) for pattern in group if pattern.name not in names]
    return next(join(plan_steps(kept, None, binding.keys()), memory, binding), None) is not None


def _pinned(pattern: FactPattern, binding: Mapping[str, Row]) -> str:
    """Return the component that a pattern is about, or the namespace it is in, when that is fixed."""
    for attribute in ("component", "namespace"):
        for test in pattern.tests:
            if test.attribute == attribute and test.operator == "eq" and (test.ref is None or test.ref.name in binding):
                value = value_of(test, binding)
                if value is not None:
                    return f"namespace/{value}" if attribute == "namespace" else str(value)
    return ""


def _around(binding: Mapping[str, Row]) -> str:
    components = [row.values["component"] for _, row in sorted(binding.items()) if row.values.get("component")]
    return str(components[0]) if components else ""


def _missing(pattern: FactPattern, binding: Mapping[str, Row]) -> Missing:
    return Missing(kind=pattern.kind, component=_pinned(pattern, binding), condition=worded(pattern, binding))


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
