"""Selectors, taints and tolerations by Kubernetes' own rules."""

from __future__ import annotations

import pytest

from sre_orchestrator.plugins.objects.selectors import (
    LabelSelector,
    NodeSelector,
    NodeSelectorTerm,
    Requirement,
    Taint,
    Toleration,
    labels_match,
    tolerated,
)

LABELS = {"app": "cart", "cores": "8", "zone": ""}


@pytest.mark.parametrize(
    ("key", "operator", "values", "matches"),
    [
        ("app", "In", ("cart", "web"), True),
        ("app", "In", ("web",), False),
        ("tier", "In", ("web",), False),
        ("app", "NotIn", ("web",), True),
        ("app", "NotIn", ("cart",), False),
        ("tier", "NotIn", ("web",), True),
        ("app", "Exists", (), True),
        ("zone", "Exists", (), True),
        ("tier", "Exists", (), False),
        ("tier", "DoesNotExist", (), True),
        ("zone", "DoesNotExist", (), False),
        ("cores", "Gt", ("4",), True),
        ("cores", "Gt", ("8",), False),
        ("cores", "Lt", ("16",), True),
        ("app", "Gt", ("4",), False),
        ("tier", "Gt", ("4",), False),
        ("cores", "Gt", ("four",), False),
        ("cores", "Gt", (), False),
    ],
)
def test_a_requirement(key: str, operator: str, values: tuple[str, ...], *, matches: bool) -> None:
    assert Requirement(key=key, operator=operator, values=values).matches(LABELS) is matches


def test_a_requirement_is_worded() -> None:
    assert str(Requirement(key="app", operator="In", values=("a", "b"))) == "app In [a, b]"
    assert str(Requirement(key="app", operator="Exists")) == "app Exists"


def test_a_label_selector_wants_everything_and_an_empty_one_selects_all() -> None:
    both = LabelSelector(match_labels={"app": "cart"}, match_expressions=(Requirement(key="zone", operator="Exists"),))

    assert both.matches(LABELS)
    assert not both.matches({"app": "cart"})
    assert not both.matches({"zone": "a"})
    assert LabelSelector().matches({})


def test_a_services_selector_that_is_empty_selects_nothing() -> None:
    assert labels_match({"app": "cart"}, LABELS)
    assert not labels_match({"app": "web"}, LABELS)
    assert not labels_match({}, LABELS)


def test_one_term_of_a_node_selector_must_hold_and_an_empty_term_selects_nothing() -> None:
    by_label = NodeSelectorTerm(match_expressions=(Requirement(key="app", operator="In", values=("web",)),))
    by_name = NodeSelectorTerm(match_fields=(Requirement(key="metadata.name", operator="In", values=("node-a",)),))

    assert NodeSelector(node_selector_terms=(by_label, by_name)).matches(LABELS, "node-a")
    assert not NodeSelector(node_selector_terms=(by_label, by_name)).matches(LABELS, "node-b")
    assert not NodeSelector(node_selector_terms=(NodeSelectorTerm(),)).matches(LABELS, "node-a")
    assert not NodeSelector().matches(LABELS, "node-a")


TAINT = Taint(key="gpu", value="yes", effect="NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "tolerates"),
    [
        (Toleration(key="gpu", value="yes", effect="NoSchedule"), True),
        (Toleration(key="gpu", value="yes"), True),
        (Toleration(key="gpu", operator="", value="yes"), True),
        (Toleration(key="gpu", value="no"), False),
        (Toleration(key="gpu", value="yes", effect="NoExecute"), False),
        (Toleration(key="gpu", operator="Exists"), True),
        (Toleration(operator="Exists"), True),
        (Toleration(operator="Exists", effect="NoExecute"), False),
        (Toleration(key="cpu", operator="Exists"), False),
        (Toleration(key="", value="yes"), False),
    ],
)
def test_a_toleration(toleration: Toleration, *, tolerates: bool) -> None:
    assert tolerated(TAINT, [Toleration(key="other"), toleration]) is tolerates


def test_a_taint_is_worded_as_kubectl_does() -> None:
    assert str(TAINT) == "gpu=yes:NoSchedule"
    assert str(Taint(key="gpu", effect="NoSchedule")) == "gpu:NoSchedule"
