"""Runs the tests that are embedded in rule files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sre_orchestrator.core.facts import fact_id
from sre_orchestrator.core.models import Coverage, Derivation, Edge, Fact
from sre_orchestrator.core.ports import Budget, Inference
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.model import Case, CaseFact, Rule
from sre_orchestrator.rules.operators import as_time
from sre_orchestrator.rules.stratify import derived_kinds, read_kinds


def run_case(rule: Rule, case: Case, book: Sequence[Rule]) -> str:
    """Run one embedded test with ``rule`` and the rules that derive what it reads; return what is wrong, or ``""``."""
    plan = Plan([rule, *helpers(rule, book)], {}, "test")
    found = infer_case(plan, case)
    mine = [one for one in found.derivations if one.rule == rule.id]
    return "; ".join(filter(None, (_causes(case, mine), _missing(case, mine), _derived(case, mine))))


def infer_case(plan: Plan, case: Case) -> Inference:
    """Return what ``plan`` infers from the facts, edges and coverage of ``case``."""
    edges = [Edge(source=source, kind=kind, target=target) for source, kind, target in case.edges]
    coverage = [Coverage(kind=kind, scope=scope) for kind, scope in case.coverage]
    return plan.infer([fact_of(fact) for fact in case.facts], edges, coverage, Budget())


def fact_of(fact: CaseFact) -> Fact:
    """Return the fact that an embedded test describes."""
    return Fact(
        id=fact_id("", fact.kind, fact.component, fact.attributes),
        kind=fact.kind,
        component=fact.component,
        attributes=fact.attributes,
        observed_at=as_time(fact.observed_at) if fact.observed_at else None,
        agent="test",
    )


def helpers(rule: Rule, book: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules that derive what ``rule`` reads, and what those read."""
    needed: dict[str, Rule] = {}
    wanted = set(read_kinds(rule))
    while True:
        more = [one for one in book if one.id != rule.id and one.id not in needed and derived_kinds(one) & wanted]
        if not more:
            return tuple(needed.values())
        for one in more:
            needed[one.id] = one
            wanted |= read_kinds(one)


def _causes(case: Case, found: Iterable[Derivation]) -> str:
    got = [one.conclusion for one in found if one.conclusion]
    full = {f"{'-' if c.polarity == 'against' else ''}{c.cause} @ {c.component}" for c in got}
    short = {name.partition(" @ ")[0] for name in full}
    wanted = set(case.expect)
    unexpected = sorted(name for name in full if name not in wanted and name.partition(" @ ")[0] not in wanted)
    lacking = sorted(name for name in wanted if name not in full and name not in short)
    if not unexpected and not lacking:
        return ""
    return f"expected {sorted(wanted) or 'nothing'}, got {sorted(full) or 'nothing'}"


def _missing(case: Case, found: Iterable[Derivation]) -> str:
    got = {missing.kind for one in found for missing in one.missing}
    return "" if got == set(case.missing) else f"expected undecided {sorted(case.missing)}, got {sorted(got)}"


def _derived(case: Case, found: Iterable[Derivation]) -> str:
    got = {one.derived.kind for one in found if one.derived}
    return "" if got == set(case.derives) else f"expected to derive {sorted(case.derives)}, got {sorted(got)}"
