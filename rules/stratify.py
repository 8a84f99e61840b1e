"""Orders rules so that what is negated or counted is complete before anyone looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.rules.model import Derive, FactPattern, Pattern, Rule, Variant


def stratify(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules with their stratum, ordered by stratum and id.

    Raises:
        RuleError: a kind depends on its own negation or count; the message names the cycle's rules.

    """
    derived = {kind for rule in rules for kind in derived_kinds(rule)}
    strata = dict.fromkeys(derived, 0)
    for _ in range(len(derived) + 1):
        changed = [rule for rule in rules if _raise_kinds(rule, strata)]
        if not changed:
            placed = (msgspec.structs.replace(rule, stratum=_stratum(rule, strata)) for rule in rules)
            return tuple(sorted(placed, key=lambda rule: (rule.stratum, rule.id)))
    names = ", ".join(sorted(f"{rule.path or rule.id}" for rule in changed))
    raise RuleError(f"{names}: a derived kind depends on its own negation or count; break the cycle")


def derived_kinds(rule: Rule) -> frozenset[str]:
    """Return the kinds that ``rule`` asserts."""
    return frozenset(then.kind for then in rule.then if isinstance(then, Derive))


def read_kinds(rule: Rule) -> frozenset[str]:
    """Return every fact kind that ``rule`` reads."""
    return _positive(rule) | _closed(rule)


def _positive(rule: Rule) -> frozenset[str]:
    return frozenset(kind for variant in rule.variants for kind in pattern_kinds(variant.patterns))


def _closed(rule: Rule) -> frozenset[str]:
    """Return the kinds that must be complete: negated, counted, or joined after a count."""
    after = [pattern for variant in rule.variants for pattern in joined_late(variant, rule)]
    negated = [pattern for group in rule.none for pattern in group]
    return frozenset(pattern_kinds([*negated, *(count.of for count in rule.counts), *after]))


def joined_late(variant: Variant, rule: Rule) -> tuple[Pattern, ...]:
    """Return the patterns that refer to a count, or to a pattern that does: they are joined after counting."""
    late: list[Pattern] = []
    names = {count.name for count in rule.counts}
    while True:
        more = [pattern for pattern in variant.patterns if pattern not in late and names_used(pattern) & names]
        if not more:
            return tuple(late)
        late += more
        names |= {pattern.name for pattern in more}


def names_used(pattern: Pattern) -> set[str]:
    """Return the names that ``pattern`` refers to."""
    if isinstance(pattern, FactPattern):
        return {test.ref.name for test in pattern.tests if test.ref}
    return {end.ref.name for end in (pattern.source, pattern.target) if end.ref}


def pattern_kinds(patterns: Iterable[Pattern]) -> set[str]:
    """Return the kinds of the facts that ``patterns`` match."""
    return {pattern.kind for pattern in patterns if isinstance(pattern, FactPattern)}


def _stratum(rule: Rule, strata: dict[str, int]) -> int:
    below = [strata[kind] + 1 for kind in _closed(rule) if kind in strata]
    return max([0, *below, *(strata[kind] for kind in _positive(rule) if kind in strata)])


def _raise_kinds(rule: Rule, strata: dict[str, int]) -> bool:
    stratum = _stratum(rule, strata)
    low = [kind for kind in derived_kinds(rule) if strata[kind] < stratum]
    strata.update(dict.fromkeys(low, stratum))
    return bool(low)
