"""A rule with its join orders worked out once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sre_orchestrator.rules.joins import Step, plan_steps
from sre_orchestrator.rules.model import FactPattern, Pattern, Rule, Variant
from sre_orchestrator.rules.stratify import names_used


@dataclass(frozen=True, kw_only=True)
class CompiledVariant:
    """One alternative: the patterns it can start from, and the steps from each of them."""

    starts: Mapping[int, FactPattern]
    steps: Mapping[int, tuple[Step, ...]]
    from_any: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class CompiledRule:
    """A rule ready to run; ``after`` are the steps that need a count, by variant-independent name."""

    rule: Rule
    variants: tuple[CompiledVariant, ...]
    counts: tuple[tuple[Step, ...], ...]
    after: tuple[Step, ...]
    none: tuple[tuple[Step, ...], ...]


def compile_rule(rule: Rule) -> CompiledRule:
    """Return ``rule`` with the join orders of its variants, counts and negations."""
    counts = {count.name for count in rule.counts}
    after = _after(rule.variants[0].patterns, counts)
    names = {pattern.name for pattern in rule.variants[0].patterns} - {pattern.name for pattern in after}
    bound = names | counts
    return CompiledRule(
        rule=rule,
        variants=tuple(_compile_variant(variant, after) for variant in rule.variants),
        counts=tuple(plan_steps([count.of], None, names | counts) for count in rule.counts),
        after=plan_steps(after, None, bound),
        none=tuple(plan_steps(group, None, bound | {pattern.name for pattern in after}) for group in rule.none),
    )


def _compile_variant(variant: Variant, after: Sequence[Pattern]) -> CompiledVariant:
    patterns = [pattern for pattern in variant.patterns if pattern not in after]
    starts = {place: pattern for place, pattern in enumerate(patterns) if isinstance(pattern, FactPattern)}
    return CompiledVariant(
        starts=starts,
        steps={place: plan_steps(patterns, place) for place in starts},
        from_any=() if starts else plan_steps(patterns, None),
    )


def _after(patterns: Sequence[Pattern], counts: set[str]) -> list[Pattern]:
    """Return the patterns that refer to a count, or to a pattern that does."""
    late: list[Pattern] = []
    names = set(counts)
    while True:
        more = [pattern for pattern in patterns if pattern not in late and names_used(pattern) & names]
        if not more:
            return late
        late += more
        names |= {pattern.name for pattern in more}
