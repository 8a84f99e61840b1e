"""Absence is evidence only where somebody looked."""

from __future__ import annotations

import pytest
from rulebook import OBSERVE, concluded, derive, edge, infer, only, pod, rule

from sre_orchestrator.core.models import Derivation, Missing

NODE = "node/n1"
CRASH = OBSERVE("crash", pod("a"), node=NODE)
CALM = rule("all:\n  a: {kind: crash}\nnone:\n  - {kind: pressure, mode: 'on', component|ref: a.node}")


def undecided(derivation: Derivation) -> list[tuple[str, str]]:
    return [(missing.kind, missing.component) for missing in derivation.missing]


def test_what_was_looked_for_and_not_found_is_absent() -> None:
    found = only(infer(CALM, [CRASH], read=["pressure"]))

    assert found.absent == ("no pressure with mode on, component node/n1",)
    assert found.missing == ()


def test_what_is_there_blocks() -> None:
    assert concluded(infer(CALM, [CRASH, OBSERVE("pressure", NODE, mode="on")], read=["pressure"])) == []
    assert concluded(infer(CALM, [CRASH, OBSERVE("pressure", NODE, mode="off")], read=["pressure"]))
    assert concluded(infer(CALM, [CRASH, OBSERVE("pressure", "node/n2", mode="on")], read=["pressure"]))


def test_what_nobody_read_is_undecided() -> None:
    found = only(infer(CALM, [CRASH]))

    assert found.absent == ()
    assert found.missing == (
        Missing(kind="pressure", component=NODE, condition="no pressure with mode on, component node/n1"),
    )


@pytest.mark.parametrize(
    ("scope", "decided"), [(NODE, True), ("*", True), ("node/n2", False), ("namespace/shop", False)]
)
def test_it_must_have_been_read_where_the_condition_looks(scope: str, decided: bool) -> None:
    assert bool(only(infer(CALM, [CRASH], read=[f"pressure@{scope}"])).absent) is decided


@pytest.mark.parametrize(("scope", "decided"), [("namespace/shop", True), (pod("a"), True), ("namespace/bank", False)])
def test_a_condition_that_looks_nowhere_in_particular_looks_around_the_first_fact(scope: str, decided: bool) -> None:
    anywhere = rule("all:\n  a: {kind: crash}\nnone:\n  - {kind: pressure}")

    found = only(infer(anywhere, [CRASH], read=[f"pressure@{scope}"]))

    assert bool(found.absent) is decided
    assert [one.condition for one in found.missing] == ([] if decided else ["no pressure"])


def test_a_condition_about_a_namespace_is_decided_by_reading_that_namespace() -> None:
    there = rule("all:\n  a: {kind: crash}\nnone:\n  - {kind: pressure, namespace: bank}")

    assert only(infer(there, [CRASH], read=["pressure@namespace/bank"])).missing == ()
    assert undecided(only(infer(there, [CRASH], read=["pressure@namespace/shop"]))) == [("pressure", "namespace/bank")]


def test_a_condition_about_what_is_not_known_looks_around() -> None:
    nowhere = OBSERVE("crash", pod("b"))

    assert only(infer(CALM, [nowhere], read=["pressure@namespace/shop"])).missing == ()
    assert undecided(only(infer(CALM, [nowhere]))) == [("pressure", "")]


def test_a_rule_without_facts_needs_it_read_everywhere() -> None:
    bare = rule(
        "all:\n  e: {edge: runs_on, to: node/n1}\nnone:\n  - {kind: pressure}",
        'then: {cause: broken, component: "{e.from}", strength: weak, because: x}',
    )
    edges = [edge(pod("a"), "runs_on", NODE)]

    assert undecided(only(infer(bare, [], edges=edges, read=["pressure@node/n1"]))) == [("pressure", "")]
    assert only(infer(bare, [], edges=edges, read=["pressure"])).missing == ()


def test_an_edge_that_must_not_be_is_decided_by_the_twin() -> None:
    alone = rule("all:\n  a: {kind: crash}\nnone:\n  - {edge: depends_on, from|ref: a.component}")

    assert only(infer(alone, [CRASH])).absent == ("no depends_on edge",)
    assert concluded(infer(alone, [CRASH], edges=[edge(pod("a"), "depends_on", pod("b"))])) == []


def test_a_derived_kind_is_complete_when_it_is_looked_for() -> None:
    suspect = rule("all:\n  a: {kind: crash, reason: bad}", derive("suspect"), "suspect")
    spared = rule("all:\n  a: {kind: crash}\nnone:\n  - {kind: suspect, component|ref: a.component}", name="spared")

    found = infer([spared, suspect], [CRASH, OBSERVE("crash", pod("b"), reason="bad")])

    assert concluded(found) == ["broken @ pod/shop/a"]


def test_the_bound_fact_itself_does_not_block() -> None:
    alone = rule("all:\n  a: {kind: crash}\nnone:\n  - {kind: crash, node|ref: a.node}")

    assert concluded(infer(alone, [CRASH], read=["crash"])) == ["broken @ pod/shop/a"]
    assert concluded(infer(alone, [CRASH, OBSERVE("crash", pod("b"), node=NODE)], read=["crash"])) == []


BOTH = rule(
    "all:\n  a: {kind: crash}\nnone:\n  - all:\n"
    "      p: {kind: pressure, component|ref: a.node}\n      l: {kind: limit, node|ref: p.component, reason|ref: p.reason}"
)
PRESSURE = OBSERVE("pressure", NODE, reason="full")
LIMIT = OBSERVE("limit", pod("x"), node=NODE, reason="full")


def test_a_conjunction_blocks_only_as_a_whole() -> None:
    assert concluded(infer(BOTH, [CRASH, PRESSURE, LIMIT])) == []
    assert concluded(infer(BOTH, [CRASH, PRESSURE], read=["pressure", "limit"])) == ["broken @ pod/shop/a"]


def test_a_conjunction_is_undecided_where_the_unread_part_could_complete_it() -> None:
    assert undecided(only(infer(BOTH, [CRASH, PRESSURE], read=["pressure"]))) == [("limit", "")]
    assert undecided(only(infer(BOTH, [CRASH, LIMIT], read=["limit"]))) == [("pressure", NODE)]
    assert undecided(only(infer(BOTH, [CRASH]))) == [("pressure", NODE), ("limit", "")]


def test_a_conjunction_whose_read_part_is_absent_holds_whatever_is_unread() -> None:
    found = only(infer(BOTH, [CRASH], read=["pressure"]))

    assert found.missing == ()
    assert found.absent == ("no pressure with component node/n1 and no limit with node that of p, reason that of p",)


def test_a_read_part_that_leans_on_an_unread_one_counts_without_what_it_wants_of_it() -> None:
    chain = rule(
        "all:\n  a: {kind: crash}\nnone:\n  - all:\n"
        "      p: {kind: pressure, component|ref: a.node}\n"
        "      e: {edge: runs_on, to|ref: p.component}\n"
        "      l: {kind: limit, component|ref: e.from, reason|ref: p.reason}"
    )
    edges = [edge(pod("x"), "runs_on", "node/other")]

    assert undecided(only(infer(chain, [CRASH, LIMIT], edges=edges, read=["limit"]))) == [("pressure", NODE)]
    assert only(infer(chain, [CRASH], edges=edges, read=["limit"])).missing == ()


def test_conditions_are_worded_with_their_values() -> None:
    wordy = rule(
        "all:\n  a: {kind: crash}\nnone:\n"
        "  - {kind: limit, level|gte: 3, reason|in: [x, y], ready|exists: true, component|ref: a.component}"
    )

    assert only(infer(wordy, [CRASH], read=["limit"])).absent == (
        "no limit with level gte 3, reason in x, y, ready exists True, component pod/shop/a",
    )
