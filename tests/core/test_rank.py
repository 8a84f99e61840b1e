"""Derivations become hypotheses in a total order that follows from the evidence alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from investigation import NOW, scope, symptomatic
from rulebook import OBSERVE, edge, pod

from sre_orchestrator.core.models import Cause, Conclusion, Derivation, Edge, Fact, Hypothesis, Missing
from sre_orchestrator.core.rank import Ranking, rank
from sre_orchestrator.core.settings import Settings

CART, WEB, GATE = "deployment/shop/cart", "deployment/shop/web", "deployment/shop/gate"
EDGES = [
    edge(WEB, "depends_on", CART),
    edge(GATE, "depends_on", WEB),
    *(edge(CART, "owns", pod(f"cart-{n}")) for n in range(3)),
]
CAUSES = {
    name: Cause(id=name, title=name, category="test", blamed_on="workload", symptoms=symptoms)
    for name, symptoms in (("broken", ("errors",)), ("starved", ("slow",)), ("unsure", ()))
}
CAUSES["rolled-out"] = Cause(id="rolled-out", title="rolled out", category="change", blamed_on="workload")
VOCABULARY = symptomatic("crash")


def crash(component: str, at: float = -5, **more: Any) -> Fact:
    return OBSERVE("crash", component, at=NOW + timedelta(minutes=at), **more)


def says(cause: str, component: str, *facts: Fact, **more: Any) -> Derivation:
    strength, polarity = more.pop("strength", "strong"), more.pop("polarity", "for")
    conclusion = Conclusion(cause=cause, component=component, strength=strength, polarity=polarity)
    basis = {"rule": f"{cause}-rule", "bound": {f"n{n}": (fact.id,) for n, fact in enumerate(facts)}}
    return Derivation(**{**basis, "conclusion": conclusion, "because": f"{cause} at {component}", **more})


def ranked(
    derivations: Sequence[Derivation], facts: Sequence[Fact], edges: Sequence[Edge] = EDGES, **where: Any
) -> Ranking:
    return rank(
        scope(**where),
        facts=facts,
        derivations=derivations,
        edges=edges,
        causes=CAUSES,
        vocabulary=VOCABULARY,
        settings=Settings(state_dir="unused"),
    )


def first(*arguments: Any, **where: Any) -> Hypothesis:
    return ranked(*arguments, **where).hypotheses[0]


PODS = [crash(pod(f"cart-{n}"), -n) for n in range(3)]


def test_replicas_merge_into_one_hypothesis_about_their_workload() -> None:
    (one,) = ranked([says("broken", fact.component, fact) for fact in PODS], PODS).hypotheses

    assert (one.cause, one.component) == ("broken", CART)
    assert len(one.proof) == 3
    assert set(one.explains) == {fact.id for fact in PODS}


def test_overlapping_rules_do_not_add_up() -> None:
    once = first([says("broken", CART, *PODS)], PODS)
    thrice = first(
        [says("broken", CART, *PODS, rule=f"r{n}", strength=s) for n, s in enumerate(("strong", "weak", "moderate"))],
        PODS,
    )

    assert thrice.confidence == once.confidence


def test_more_distinct_facts_raise_it() -> None:
    assert (
        first([says("broken", fact.component, fact, strength="weak") for fact in PODS], PODS).confidence
        > first([says("broken", PODS[0].component, PODS[0], strength="weak")], PODS).confidence
    )


def test_contradictions_and_open_questions_lower_it() -> None:
    proof = says("broken", CART, PODS[0])
    missing = Missing(kind="limit", condition="no limit")
    plain = first([proof], PODS)
    doubted = first([proof, says("broken", CART, PODS[1], polarity="against", strength="weak")], PODS)
    unknown = first([msgspec.structs.replace(proof, missing=(missing,))], PODS)

    assert doubted.confidence < plain.confidence
    assert unknown.confidence < plain.confidence
    assert [one.rule for one in doubted.against] == ["broken-rule"]
    assert unknown.missing == (missing,)
    assert unknown.next_question is not None
    assert (unknown.next_question.kind, unknown.next_question.component) == ("limit", CART)
    assert plain.next_question is None


def test_what_the_facts_refute_is_ruled_out() -> None:
    proof = says("broken", CART, PODS[0], strength="weak")
    found = ranked([proof, says("broken", CART, PODS[1], polarity="against")], PODS)

    assert found.hypotheses == ()
    assert [one.cause for one in found.ruled_out] == ["broken"]


def test_only_a_contradiction_is_no_hypothesis() -> None:
    assert ranked([says("broken", CART, PODS[0], polarity="against")], PODS).hypotheses == ()


def test_a_derived_fact_is_no_hypothesis() -> None:
    derived = Derivation(rule="r", bound={"a": (PODS[0].id,)}, derived=OBSERVE("suspect", CART))

    assert ranked([derived], PODS).hypotheses == ()


def test_explaining_the_symptoms_raises_it() -> None:
    elsewhere = [crash("deployment/shop/other")]

    assert (
        first([says("broken", CART, PODS[0])], PODS).confidence
        > first([says("broken", CART, PODS[0])], [*PODS, *elsewhere]).confidence
        > first([says("broken", CART, PODS[0])], elsewhere).confidence
    )


def test_a_cause_explains_the_symptoms_of_its_callers() -> None:
    at_web = crash(WEB)

    assert at_web.id in first([says("broken", CART, PODS[0])], [at_web]).explains
    assert at_web.id not in first([says("broken", "deployment/shop/x", PODS[0])], [at_web]).explains


def test_what_a_rule_explains_counts_only_if_it_is_a_symptom() -> None:
    far, plain = crash("deployment/shop/far"), OBSERVE("limit", CART)
    proof = says("broken", CART, plain, explains=(far.id, plain.id))

    assert first([proof], [far, plain]).explains == (far.id,)


def test_what_lies_upstream_explains_what_lies_downstream() -> None:
    symptoms = [crash(WEB), crash(GATE)]
    effect = says("starved", WEB, symptoms[0])

    alone = first([effect], symptoms)
    origin, explained = ranked([effect, says("broken", CART, PODS[0])], symptoms).hypotheses

    assert (origin.component, origin.explained_by) == (CART, "")
    assert (explained.component, explained.explained_by) == (WEB, f"broken at {CART}")
    assert explained.confidence < alone.confidence


def test_two_that_explain_each_other_stay() -> None:
    ring = [edge(WEB, "depends_on", CART), edge(CART, "depends_on", WEB)]
    symptoms = [crash(WEB), crash(CART)]

    found = ranked([says("starved", WEB, symptoms[0]), says("broken", CART, symptoms[1])], symptoms, ring)

    assert [one.explained_by for one in found.hypotheses] == ["", ""]


def test_what_the_incident_names_and_says_raises_it() -> None:
    proof = says("broken", CART, PODS[0])
    plain = first([proof], PODS)

    assert first([proof], PODS, components=(WEB,)).confidence > plain.confidence
    assert first([proof], PODS, symptoms=("errors",)).confidence > plain.confidence
    assert first([proof], PODS, components=("deployment/shop/x",), symptoms=("slow",)).confidence == plain.confidence


def test_a_cause_without_declared_symptoms_shows_those_it_explains() -> None:
    proof = says("unsure", CART, PODS[0])

    assert first([proof], PODS, symptoms=("errors",)).confidence > first([proof], PODS).confidence


def test_a_change_before_the_first_symptom_raises_it() -> None:
    proof = says("broken", CART, PODS[0])

    def changed(at: float, component: str = CART) -> Fact:
        return OBSERVE("probe", component, at=NOW + timedelta(minutes=at))

    plain = first([proof], PODS)
    before = first([proof], [*PODS, changed(-30), changed(-20)])

    assert before.confidence > plain.confidence
    assert before.changes == (changed(-20).id, changed(-30).id)
    for other in (changed(-1), changed(-90), changed(-20, GATE), OBSERVE("probe", CART)):
        assert first([proof], [*PODS, other]).changes == ()


def test_a_new_revision_of_its_release_raises_it_like_a_change_of_its_own() -> None:
    proof = says("broken", CART, PODS[0])
    revision = OBSERVE("probe", "release/shop/all", at=NOW + timedelta(minutes=-20))
    member = edge(CART, "belongs_to_release", "release/shop/all")

    assert first([proof], [*PODS, revision], edges=[*EDGES, member]).changes == (revision.id,)
    assert first([proof], [*PODS, revision]).changes == ()


def test_a_change_is_never_the_proof_by_itself() -> None:
    report = first([says("rolled-out", CART, PODS[0])], PODS)

    assert report.confidence < Settings(state_dir="unused").confidence_floor


def test_symptoms_are_listed_as_they_came() -> None:
    undated = OBSERVE("crash", pod("z"))

    assert ranked([], [undated, *PODS]).symptoms == (PODS[2].id, PODS[1].id, PODS[0].id, undated.id)


def test_the_strongest_proof_words_it() -> None:
    weak, strong = (
        says("broken", CART, PODS[0], strength="weak", because="w"),
        says("broken", CART, PODS[1], because="s"),
    )

    assert first([weak, strong], PODS).because == "s"


derivation = st.builds(
    lambda cause, component, fact, polarity, strength: says(
        cause, component, PODS[fact], polarity=polarity, strength=strength
    ),
    st.sampled_from(sorted(CAUSES)),
    st.sampled_from([CART, WEB, GATE, pod("cart-1")]),
    st.integers(0, 2),
    st.sampled_from(["for", "for", "against"]),
    st.sampled_from(["weak", "moderate", "strong"]),
)


@settings(max_examples=40)
@given(st.lists(derivation, max_size=6), st.data())
def test_the_order_of_what_comes_in_changes_nothing(some: list[Derivation], data: st.DataObject) -> None:
    symptoms = [*PODS, crash(WEB), crash(GATE)]
    distinct = [msgspec.structs.replace(one, rule=f"rule-{number}") for number, one in enumerate(some)]

    def shuffled(these: Sequence[Any]) -> list[Any]:
        return data.draw(st.permutations(these))

    one = ranked(distinct, symptoms)
    two = ranked(shuffled(distinct), shuffled(symptoms), shuffled(EDGES))

    assert msgspec.json.encode(one) == msgspec.json.encode(two)
    assert [h.confidence for h in one.hypotheses] == sorted((h.confidence for h in one.hypotheses), reverse=True)


@pytest.mark.parametrize("strength", ["weak", "moderate", "strong"])
def test_no_proof_is_certain(strength: str) -> None:
    assert 0 < first([says("broken", CART, *PODS, strength=strength)], PODS).confidence < 1
