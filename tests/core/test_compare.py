"""What separates two hypotheses, and two reports."""

from __future__ import annotations

import msgspec
from reports import KILLED, UNREADY, UNREADY_LATER, hypothesis, proof, report

from sre_orchestrator.core.compare import compare, differences
from sre_orchestrator.core.models import Versions


def test_facts_and_symptoms_that_only_one_has_are_told_apart() -> None:
    first = hypothesis(proof=(proof("killed", KILLED, children=(proof("unready", UNREADY),)),), explains=(UNREADY.id,))
    second = hypothesis(proof=(proof("unready", UNREADY_LATER, UNREADY),), explains=(UNREADY_LATER.id,))

    found = compare(first, second)

    assert found.first_only == (KILLED.id,)
    assert found.second_only == (UNREADY_LATER.id,)
    assert found.shared == (UNREADY.id,)
    assert (found.first_explains, found.second_explains) == ((UNREADY.id,), (UNREADY_LATER.id,))


def test_terms_are_put_side_by_side() -> None:
    found = compare(hypothesis(terms={"for": 3.2, "named": 0.5}), hypothesis(terms={"for": 1.8}))

    assert found.terms == {"for": (3.2, 1.8), "named": (0.5, 0.0)}


def test_equal_reports_do_not_differ() -> None:
    assert list(differences(report(hypothesis()), report(hypothesis()))) == []


def test_each_difference_comes_with_its_reason() -> None:
    before = report(
        hypothesis(cause="first", terms={"for": 3.2}),
        hypothesis(cause="second"),
        hypothesis(cause="third"),
    )
    after = report(
        hypothesis(cause="second"),
        hypothesis(cause="first", confidence=0.4, terms={"for": 1.8}, proof=(proof("something else", KILLED),)),
        hypothesis(cause="new"),
        verdict="unresolved",
        versions=Versions(program="2", rule_book="new-book"),
    )

    lines = list(differences(before, after))

    assert lines[0] == f"rule book {before.versions.rule_book} → new-book"
    assert lines[1] == "verdict diagnosed → unresolved"
    assert "second at deployment/shop/cart: rank 2 → 1, confidence 0.93 → 0.93" in lines
    moved = next(line for line in lines if line.startswith("first at"))
    assert "rank 1 → 2, confidence 0.93 → 0.40" in moved
    assert "no longer some-rule: app was OOMKilled; now some-rule: something else; for +3.20 → +1.80" in moved
    assert "new at deployment/shop/cart: new at rank 3 (0.93), by some-rule" in lines
    assert lines[-1] == "third at deployment/shop/cart: gone (was rank 3, 0.93), was held by some-rule"


def test_a_hypothesis_that_changed_in_nothing_but_rank_says_no_reason() -> None:
    one, other = hypothesis(cause="one"), hypothesis(cause="other")

    lines = list(differences(report(one, other), msgspec.structs.replace(report(one, other), hypotheses=(other, one))))

    assert all(not line.endswith(")") for line in lines)
