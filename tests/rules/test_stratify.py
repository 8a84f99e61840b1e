"""What is negated or counted is complete before anyone looks."""

from __future__ import annotations

import pytest
from rulebook import derive, rule

from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.rules.stratify import derived_kinds, read_kinds, stratify


def strata(*rules: object) -> dict[str, int]:
    return {one.id: one.stratum for one in stratify(rules)}  # type: ignore[arg-type]


SUSPECT = rule("all:\n  a: {kind: crash}", derive("suspect"), "suspect")
SPARED = rule("all:\n  a: {kind: crash}\nnone:\n  - {kind: suspect}", derive("spared"), "spared")


def test_a_negated_kind_lies_below() -> None:
    assert strata(SPARED, SUSPECT) == {"suspect": 0, "spared": 1}


def test_a_counted_kind_lies_below() -> None:
    many = rule("all:\n  a: {kind: spared}\ncount:\n  - {of: {kind: suspect}, as: n, gte: 1}", derive("sick"), "many")

    assert strata(many, SPARED, SUSPECT) == {"suspect": 0, "spared": 1, "many": 1}


def test_what_joins_after_a_count_lies_below_also_through_another_pattern() -> None:
    late = rule(
        "all:\n  a: {kind: crash}\n  b: {kind: probe, level|ref: n.count}\n  c: {kind: suspect, component|ref: b.component}\n"
        "  d: {kind: limit, component|ref: c.component, node|ref: a.node}\n"
        "count:\n  - {of: {kind: limit}, as: n, gte: 1}",
        name="late",
    )

    assert strata(late, SUSPECT) == {"suspect": 0, "late": 1}


def test_positive_recursion_is_no_cycle() -> None:
    again = rule("all:\n  a: {kind: suspect}", derive("suspect", level="1"), "again")

    assert strata(again, SUSPECT) == {"again": 0, "suspect": 0}


def test_a_negation_cycle_is_refused_with_its_rules() -> None:
    back = rule("all:\n  a: {kind: spared}", derive("suspect"), "back")

    with pytest.raises(RuleError, match=r"back\.yaml, spared\.yaml: .*own negation or count; break the cycle"):
        stratify([back, SPARED, SUSPECT])


def test_a_rule_knows_what_it_reads_and_derives() -> None:
    assert read_kinds(SPARED) == {"crash", "suspect"}
    assert derived_kinds(SPARED) == {"spared"}
