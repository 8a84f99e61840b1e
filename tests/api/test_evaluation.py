"""Scores of labelled incidents."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from reports import hypothesis

from sre_orchestrator.api.evaluation import (
    OURS,
    Label,
    LabelMapping,
    Outcome,
    Prediction,
    calibration,
    grouped,
    percentile,
    predictions_of,
    rank_of,
    read_labels,
    read_mapping,
    score,
    words_for,
    workload_behind,
)
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Edge, EdgeKind
from sre_orchestrator.core.reach import Graph
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.rules.book import load_book

MAPPING = Path(__file__).parents[1] / "benchmarks" / "cloud-opsbench.yaml"
WORDS = msgspec.convert(
    {
        "format": 1,
        "taxonomies": {
            "Runtime": {
                "oom": {"causes": ["memory-limit-too-low", "memory-leak"], "object": "app"},
                "read_only": {"causes": ["database-read-only"], "object": "app"},
                "readonly": {"causes": ["database-read-only"], "object": "app"},
            },
            "Nodes": {"kubelet": {"causes": ["kubelet-down"], "object": "node"}},
            "Admission": {"quota": {"causes": ["quota-pods-exceeded"], "object": "namespace"}},
        },
    },
    LabelMapping,
)


def edge(source: str, kind: EdgeKind, target: str) -> Edge:
    return Edge(source=source, kind=kind, target=target)


GRAPH = Graph(
    [
        edge("deployment/shop/cart", "owns", "replicaset/shop/cart-1"),
        edge("replicaset/shop/cart-1", "owns", "pod/shop/cart-1-a"),
        edge("service/shop/basket", "selects", "pod/shop/cart-1-a"),
        edge("service/shop/checkout", "depends_on", "deployment/shop/checkout"),
        edge("service/shop/checkout", "selects", "pod/shop/cart-1-a"),
        edge("pod/shop/cart-1-a", "mounts", "persistentvolumeclaim/shop/data"),
        edge("pod/shop/cart-1-a", "uses_config", "configmap/shop/routes"),
        edge("ingress/shop/front", "routes_to", "service/shop/basket"),
    ]
)


def prediction(cause: str = "oom", target: str = "app/cart", confidence: float = 0.9) -> Prediction:
    return Prediction(root_cause=cause, fault_object=target, fault_taxonomy="Runtime", confidence=confidence)


def label(cause: str = "oom", target: str = "app/cart", taxonomy: str = "Runtime") -> Label:
    return Label(root_cause=cause, fault_object=target, fault_taxonomy=taxonomy)


@pytest.mark.parametrize(
    ("component", "workload"),
    [
        ("pod/shop/cart-1-a", "deployment/shop/cart"),
        ("deployment/shop/other", "deployment/shop/other"),
        ("service/shop/basket", "deployment/shop/cart"),
        ("service/shop/checkout", "deployment/shop/checkout"),
        ("service/shop/alone", "service/shop/alone"),
        ("persistentvolumeclaim/shop/data", "deployment/shop/cart"),
        ("configmap/shop/routes", "deployment/shop/cart"),
        ("configmap/shop/unused", "configmap/shop/unused"),
        ("ingress/shop/front", "service/shop/basket"),
    ],
)
def test_the_labels_name_the_workload_behind_a_component(component: str, workload: str) -> None:
    assert workload_behind(component, GRAPH) == workload


def test_hypotheses_are_said_in_the_words_of_the_labels() -> None:
    ranked = [
        hypothesis(cause="application-crash"),
        hypothesis(cause="memory-leak", component="pod/shop/cart-1-a", confidence=0.8),
        hypothesis(cause="memory-limit-too-low", component="deployment/shop/cart", confidence=0.7),
        hypothesis(cause="kubelet-down", component="node/node-a"),
        hypothesis(cause="kubelet-down", component="deployment/shop/cart"),
        hypothesis(cause="quota-pods-exceeded", component="namespace/shop"),
        hypothesis(cause="quota-pods-exceeded", component="deployment/shop/cart"),
    ]

    found = predictions_of(ranked, WORDS, GRAPH)

    assert [(one.root_cause, one.fault_object, one.fault_taxonomy) for one in found] == [
        ("oom", "app/cart", "Runtime"),
        ("kubelet", "node/node-a", "Nodes"),
        ("quota", "namespace/shop", "Admission"),
    ]
    assert found[0].confidence == 0.8


def test_without_a_mapping_hypotheses_are_said_in_our_own_words() -> None:
    ranked = [hypothesis(cause="kubelet-down", component="node/node-a", category="nodes", confidence=0.8)]

    found = predictions_of(ranked, OURS, GRAPH)

    assert found == (
        Prediction(root_cause="kubelet-down", fault_object="node/node-a", fault_taxonomy="nodes", confidence=0.8),
    )


def test_a_label_that_the_mapping_does_not_know_is_in_our_own_words() -> None:
    assert words_for(label("oom"), WORDS) is WORDS
    assert words_for(label("memory-leak"), WORDS) is OURS
    assert words_for(label(""), WORDS) is OURS


def test_where_nothing_is_wrong_unresolved_is_right_and_every_answer_wrong() -> None:
    silent = Outcome(case="silent", verdict="unresolved", predictions=(prediction(confidence=0.4),))
    loud = Outcome(case="loud", verdict="diagnosed", predictions=(prediction(confidence=0.8),))
    truth = {"silent": label(""), "loud": label("")}

    assert [rank_of(one, label(""), OURS) for one in (silent, loud)] == [1, 0]
    assert calibration([silent, loud], truth, OURS).brier == pytest.approx((0.4**2 + 0.8**2) / 2)


def test_labels_that_mean_the_same_are_one() -> None:
    outcome = Outcome(case="a", predictions=(prediction("readonly"),))

    assert rank_of(outcome, label("read_only"), WORDS) == 1
    assert rank_of(outcome, label("oom"), WORDS) == 0
    assert rank_of(outcome, label("unheard_of"), WORDS) == 0
    assert rank_of(Outcome(case="b", predictions=(prediction("new"),)), label("new"), WORDS) == 1


def test_cause_and_object_must_both_be_right() -> None:
    assert rank_of(Outcome(case="a", predictions=(prediction(target="app/web"),)), label(), WORDS) == 0


def test_accuracy_counts_the_first_and_the_first_three() -> None:
    wrong = prediction(target="app/web")
    outcomes = [
        Outcome(case="first", predictions=(prediction(),)),
        Outcome(case="third", predictions=(wrong, wrong, prediction())),
        Outcome(case="fourth", predictions=(wrong, wrong, wrong, prediction())),
        Outcome(case="none", error="it could not be read"),
    ]
    labels = {one.case: label() for one in outcomes}

    found = score(outcomes, labels, WORDS)

    assert (found.cases, found.at_1, found.at_3) == (4, 0.25, 0.5)
    assert score([], labels, WORDS).at_1 == 0


def test_groups_are_scored_one_by_one() -> None:
    outcomes = [Outcome(case="a", predictions=(prediction(),)), Outcome(case="b")]
    labels = {"a": label(taxonomy="Runtime"), "b": label(taxonomy="Nodes")}

    found = grouped(outcomes, labels, WORDS, lambda one: one.fault_taxonomy)

    assert {name: one.at_1 for name, one in found.items()} == {"Nodes": 0.0, "Runtime": 1.0}


def test_calibration_compares_confidence_with_what_was_right() -> None:
    outcomes = [
        Outcome(case="a", predictions=(prediction(confidence=1.0),)),
        Outcome(case="b", predictions=(prediction(confidence=0.8),)),
        Outcome(case="c", predictions=(prediction(target="app/web", confidence=0.6),)),
        Outcome(case="d"),
    ]
    labels = {one.case: label() for one in outcomes}

    found = calibration(outcomes, labels, WORDS)

    assert found.brier == pytest.approx((0 + 0.04 + 0.36 + 0) / 4)
    assert (found.coverage, found.threshold) == (0.5, 0.8)
    assert {one.low: (one.cases, one.right) for one in found.bins if one.cases} == {
        0.0: (1, 0.0),
        0.6: (1, 0.0),
        0.8: (1, 1.0),
        0.9: (1, 1.0),
    }


@pytest.mark.parametrize(
    ("values", "share", "expected"), [([], 0.5, 0), ([3.0], 0.95, 3), ([1, 2, 3], 0.5, 2), (range(101), 0.95, 95)]
)
def test_percentiles(values: list[float], share: float, expected: float) -> None:
    assert percentile(list(values), share) == pytest.approx(expected, abs=1)


def test_a_mapping_that_cannot_be_used_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("format: 1\ntaxonomies: {Runtime: {oom: {}}}\n", encoding="utf-8")
    with pytest.raises(InputError, match=str(path)):
        read_mapping(path)
    with pytest.raises(InputError, match="nowhere"):
        read_mapping(tmp_path / "nowhere.yaml")


def test_labels_that_cannot_be_used_are_refused_with_their_name(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match=f"{path}: .*expected"):
        read_labels(path)


def test_the_benchmark_mapping_knows_only_causes_of_the_catalogue() -> None:
    causes = load_book(load_vocabulary()).causes
    mapped = {
        cause for labels in read_mapping(MAPPING).taxonomies.values() for one in labels.values() for cause in one.causes
    }

    assert mapped - causes.keys() == set()
