"""The same observation is one fact, whoever makes it and when; no secret enters it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_orchestrator.core.facts import Observer, fact_id
from sre_orchestrator.core.identity import component_id, kind_of, name_of, namespace_of

OBSERVE = Observer("one", "prod")
attributes = st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.integers(-9, 9) | st.booleans(), max_size=4)


def test_a_fact_names_its_agent_cluster_time_and_query() -> None:
    noon = datetime(2030, 5, 1, 12, tzinfo=UTC)

    fact = OBSERVE("pod.phase", "pod/shop/a", query="kubectl get pod", at=noon, phase="Pending", node=None)

    assert (fact.agent, fact.cluster, fact.query, fact.observed_at) == ("one", "prod", "kubectl get pod", noon)
    assert fact.attributes == {"phase": "Pending"}


def test_the_same_observation_has_one_id_from_whichever_agent() -> None:
    other = Observer("two", "prod")("pod.phase", "pod/shop/a", at=datetime(2031, 1, 1, tzinfo=UTC), phase="x", node="n")

    assert OBSERVE("pod.phase", "pod/shop/a", node="n", phase="x").id == other.id
    assert Observer("one")("pod.phase", "pod/shop/a", node="n", phase="x").id != other.id


def test_secrets_are_removed_when_a_fact_is_made() -> None:
    assert OBSERVE("log.line", "pod/shop/a", sample="password=hunter2").attributes == {"sample": "password=***"}


@given(attributes, attributes)
def test_ids_differ_where_attributes_do(one: dict[str, str | int | bool], two: dict[str, str | int | bool]) -> None:
    same = [(name, type(value), value) for name, value in sorted(one.items())] == [
        (name, type(value), value) for name, value in sorted(two.items())
    ]

    assert (fact_id("", "k", "c", one) == fact_id("", "k", "c", two)) is same


@pytest.mark.parametrize(
    ("component", "parts"),
    [
        (component_id("Pod", "shop", "käse-🧀"), ("pod", "shop", "käse-🧀")),
        (component_id("Node", None, "worker-1"), ("node", "", "worker-1")),
        (component_id("Namespace", None, "shop"), ("namespace", "shop", "shop")),
        (component_id("Ingress", "shop", "a/b"), ("ingress", "shop", "a/b")),
        ("", ("", "", "")),
    ],
)
def test_an_id_is_taken_apart(component: str, parts: tuple[str, str, str]) -> None:
    assert (kind_of(component), namespace_of(component), name_of(component)) == parts
