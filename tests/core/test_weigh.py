"""Evidence adds up; nothing counts twice, and nothing alone is certain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_orchestrator.core.models import Strength
from sre_orchestrator.core.weigh import MAX_PROOF, REPEATED, Evidence, combined, confidence, coverage_term

STRENGTHS: list[Strength] = ["weak", "moderate", "strong"]
evidence = st.builds(
    Evidence,
    strength=st.sampled_from(STRENGTHS),
    facts=st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=4),
)


def of(strength: Strength, facts: str) -> Evidence:
    return Evidence(strength=strength, facts=frozenset(facts))


def test_a_stronger_proof_weighs_more() -> None:
    weak, moderate, strong = (combined([of(strength, "a")]) for strength in STRENGTHS)

    assert 0 < weak < moderate < strong


def test_facts_that_were_used_count_no_more() -> None:
    assert combined([of("strong", "ab"), of("weak", "a"), of("moderate", "b")]) == combined([of("strong", "ab")])


def test_new_facts_add_less_and_less() -> None:
    one, two, three = (combined([of("moderate", name) for name in "abc"[:size]]) for size in (1, 2, 3))

    assert 0 < three - two < two - one


def test_part_of_the_facts_counts_for_part() -> None:
    assert (
        combined([of("strong", "a")])
        < combined([of("strong", "a"), of("weak", "ab")])
        < combined([of("strong", "a"), of("weak", "b")])
    )


def test_evidence_without_facts_is_none() -> None:
    assert combined([of("strong", "")]) == combined([]) == 0


@given(st.lists(evidence, max_size=6), st.randoms())
def test_the_order_changes_nothing_and_the_sum_is_bounded(some: list[Evidence], random: st.DataObject) -> None:
    shuffled = list(some)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert combined(shuffled) == combined(some)
    assert 0 <= combined(some) <= MAX_PROOF


@given(st.lists(evidence, max_size=6), st.permutations("abcdef"))
def test_what_facts_are_called_changes_nothing(some: list[Evidence], names: list[str]) -> None:
    called = dict(zip("abcdef", names, strict=True))
    renamed = [Evidence(strength=one.strength, facts=frozenset(called[fact] for fact in one.facts)) for one in some]

    assert combined(renamed) == combined(some)


def test_equals_that_share_facts_count_for_the_facts_that_they_have_together() -> None:
    alone, apart, joined = (
        [of("moderate", facts) for facts in names] for names in (["ab"], ["ab", "cd"], ["ab", "bc"])
    )

    assert combined(alone) < combined(joined) < combined(apart)
    assert combined(joined) == pytest.approx(combined(alone) * (1 - REPEATED**1.5) / (1 - REPEATED))


@given(st.sets(st.sampled_from("abcdef"), min_size=1), st.sets(st.sampled_from("abcdef")))
def test_explaining_more_is_better_and_nothing_is_worst(symptoms: set[str], explained: set[str]) -> None:
    share = coverage_term(explained & symptoms, symptoms)

    assert coverage_term(set(), symptoms) <= share <= coverage_term(symptoms, symptoms)
    assert coverage_term(set(), set()) < 0


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_confidence_is_a_probability_that_grows(less: float, more: float) -> None:
    low, high = sorted((less, more))

    assert 0 <= confidence(low) <= confidence(high) <= 1


@given(st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=2, max_size=2), min_size=1, max_size=9))
def test_more_evidence_of_the_same_strength_and_size_never_counts_less(sets: list[frozenset[str]]) -> None:
    all_of_them = [Evidence(strength="weak", facts=one) for one in sets]

    assert combined(all_of_them) >= combined(all_of_them[1:]) - 1e-9
