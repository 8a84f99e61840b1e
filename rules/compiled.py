"""A rule with its join orders worked out once."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from sre_orchestrator.rules.joins import Step, plan_steps
from sre_orchestrator.rules.model import FactPattern, Rule, Variant
from sre_orchestrator.rules.stratify import joined_late


@dataclass(frozen=True, kw_only=True)
class CompiledVariant:
    """One alternative: the patterns it can start from, the steps from each, and those that need a count (``after``)."""

    starts: Mapping[int, FactPattern]
    steps: Mapping[int, tuple[Step, ...]]
    from_any: tuple[Step, ...]
    after: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class CompiledRule:
    """A rule ready to run; ``starts`` are the kinds that a join of it can begin with."""

    rule: Rule
    starts: frozenset[str]
    variants: tuple[CompiledVariant, ...]
    counts: tuple[tuple[Step, ...], ...]
    none: tuple[tuple[Step, ...], ...]


def compile_rule(rule: Rule) -> CompiledRule:
    """Return ``rule`` with the join orders of its variants, counts and negations."""
    counts = {count.name for count in rule.counts}
    names = {pattern.name for pattern in rule.variants[0].patterns} | counts
    variants = tuple(_compile_variant(variant, rule, counts) for variant in rule.variants)
    return CompiledRule(
        rule=rule,
        starts=frozenset(pattern.kind for variant in variants for pattern in variant.starts.values()),
        variants=variants,
        counts=tuple(plan_steps([count.of], None, names) for count in rule.counts),
        none=tuple(plan_steps(group, None, names) for group in rule.none),
    )


def _compile_variant(variant: Variant, rule: Rule, counts: Set[str]) -> CompiledVariant:
    late = joined_late(variant, rule)
    patterns = [pattern for pattern in variant.patterns if pattern not in late]
    starts = {place: pattern for place, pattern in enumerate(patterns) if isinstance(pattern, FactPattern)}
    return CompiledVariant(
        starts=starts,
        steps={place: plan_steps(patterns, place) for place in starts},
        from_any=() if starts else plan_steps(patterns, None),
        after=plan_steps(late, None, {pattern.name for pattern in patterns} | counts),
    )
