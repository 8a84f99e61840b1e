"""What the embedded tests of a rule book cover: each cause, and each pair of look-alikes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from sre_orchestrator.core.models import Cause, Derivation, Struct
from sre_orchestrator.core.weigh import Evidence, combined
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.model import Case, Conclude, Rule
from sre_orchestrator.rules.stratify import derived_kinds, pattern_kinds
from sre_orchestrator.rules.testing import infer_case

WORDINGS = 2
Apart = Literal["looked", "unread", "never"]
Written = tuple[Rule, tuple[Case, ...]]


class Pair(Struct, frozen=True, kw_only=True):
    """Whether tests tell a cause from a look-alike.

    A test tells them apart when the whole book, run on its facts, concludes the cause that the test
    expects, and nowhere the other one as strongly. ``forth`` looks at tests of the cause, ``back`` at
    those of the look-alike: ``looked`` when a rule of the silent one reads a fact of such a test,
    ``unread`` when the two read nothing in common, ``never`` when there is no such test.
    """

    cause: str
    forth: Apart
    back: Apart


class Covered(Struct, frozen=True, kw_only=True):
    """The tests of one cause; ``wordings`` counts the firing ones whose facts differ beside the component."""

    cause: str
    rules: int
    against: int
    firing: int
    silent: int
    wordings: int
    pairs: tuple[Pair, ...] = ()
    holes: tuple[str, ...] = ()


class _Ran(Struct, frozen=True, kw_only=True):
    """A test, what it expects, the kinds of its facts, and how strongly the whole book concludes each cause."""

    rule: str
    case: Case
    expects: frozenset[str]
    kinds: frozenset[str]
    strength: dict[str, float]


def cover(book: Sequence[Written], causes: Mapping[str, Cause]) -> tuple[Covered, ...]:
    """Run every test of ``book`` through all its rules; return what they cover, a cause a line, sorted."""
    rules = [rule for rule, _ in book]
    plan = Plan(rules, causes, "coverage")
    ran = [_run(plan, rule, case) for rule, cases in book for case in cases]
    firing: dict[str, list[_Ran]] = defaultdict(list)
    for one in ran:
        for expected in one.expects:
            firing[expected].append(one)
    reads = _reads(rules)
    found = []
    for name, cause in sorted(causes.items()):
        pairs = tuple(_pair(name, other, firing, reads) for other in cause.confused_with)
        found.append(_covered(name, rules, ran, firing[name], pairs))
    return tuple(found)


def _run(plan: Plan, rule: Rule, case: Case) -> _Ran:
    return _Ran(
        rule=rule.id,
        case=case,
        expects=frozenset(one.partition(" @ ")[0] for one in case.expect if not one.startswith("-")),
        kinds=frozenset(fact.kind for fact in case.facts),
        strength=_strength(infer_case(plan, case).derivations),
    )


def _strength(derivations: Iterable[Derivation]) -> dict[str, float]:
    """Return the log odds for each cause, less those against it, wherever it is concluded."""
    evidence: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    for one in derivations:
        if one.conclusion:
            facts = frozenset(fact for bound in one.bound.values() for fact in bound)
            key = (one.conclusion.polarity, one.conclusion.cause)
            evidence[key].append(Evidence(strength=one.conclusion.strength, facts=facts))
    return {
        cause: combined(found) - combined(evidence.get(("against", cause), ()))
        for (polarity, cause), found in evidence.items()
        if polarity == "for"
    }


def _reads(rules: Iterable[Rule]) -> dict[str, set[str]]:
    """Return the kinds that the rules for each cause look at, and what those that are derived come from."""
    reads: dict[str, set[str]] = defaultdict(set)
    made_of: dict[str, set[str]] = defaultdict(set)
    for rule in rules:
        kinds = {kind for variant in rule.variants for kind in pattern_kinds(variant.patterns)}
        kinds |= {count.of.kind for count in rule.counts}
        for cause in _concluded(rule, "for"):
            reads[cause] |= kinds
        for kind in derived_kinds(rule):
            made_of[kind] |= kinds
    return {cause: kinds.union(*(made_of[kind] for kind in kinds)) for cause, kinds in reads.items()}


def _pair(cause: str, other: str, firing: Mapping[str, list[_Ran]], reads: Mapping[str, set[str]]) -> Pair:
    return Pair(
        cause=other,
        forth=_apart(cause, other, firing.get(cause, []), reads),
        back=_apart(other, cause, firing.get(other, []), reads),
    )


def _apart(fires: str, silent: str, tests: Iterable[_Ran], reads: Mapping[str, set[str]]) -> Apart:
    telling = [one for one in tests if one.strength.get(fires, 0.0) > one.strength.get(silent, 0.0)]
    read = reads.get(silent, set())
    if any(one.kinds & read for one in telling):
        return "looked"
    return "unread" if telling and not reads.get(fires, set()) & read else "never"


def _covered(
    cause: str, rules: Iterable[Rule], ran: Iterable[_Ran], firing: Sequence[_Ran], pairs: tuple[Pair, ...]
) -> Covered:
    mine = {rule.id for rule in rules if cause in _concluded(rule, "for")}
    against = sum(cause in _concluded(rule, "against") for rule in rules)
    silent = sum(one.rule in mine and cause not in one.expects for one in ran)
    wordings = len({_wording(one.case) for one in firing})
    return Covered(
        cause=cause,
        rules=len(mine),
        against=against,
        firing=len(firing),
        silent=silent,
        wordings=wordings,
        pairs=pairs,
        holes=(*_thin(len(mine), wordings, silent), *_untold(cause, pairs)),
    )


def _wording(case: Case) -> frozenset[tuple[object, ...]]:
    return frozenset((fact.kind, *sorted(fact.attributes.items(), key=lambda one: one[0])) for fact in case.facts)


def _concluded(rule: Rule, polarity: str) -> set[str]:
    return {one.cause for one in rule.then if isinstance(one, Conclude) and one.polarity == polarity}


def _thin(rules: int, wordings: int, silent: int) -> Iterable[str]:
    if not rules:
        yield "no rule concludes it: write one, or delete the cause"
    elif wordings < WORDINGS:
        yield f"{wordings} of {WORDINGS} wordings: add a firing test with other facts"
    if rules and not silent:
        yield "no rule of it has a silent test: add a look-alike"


def _untold(cause: str, pairs: Iterable[Pair]) -> Iterable[str]:
    for pair in pairs:
        for fires, silent, apart in ((cause, pair.cause, pair.forth), (pair.cause, cause, pair.back)):
            if apart == "never":
                yield f"no test shows {fires} where rules for {silent} look and stay below it: add one"
