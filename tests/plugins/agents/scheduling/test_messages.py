"""What the scheduler says, in the words of many versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_orchestrator.plugins.agents.scheduling.messages import Clause, read_message

PREEMPTION = (
    "",
    ".",
    ". preemption: 0/9 nodes are available: 9 Preemption is not helpful for scheduling.",
    ". preemption: 0/9 nodes are available: 1 Preemption is not helpful for scheduling, 8 No preemption victims found for incoming pod.",
    ". preemption: not eligible due to preemptionPolicy=Never.",
    ". no new claims to deallocate, preemption: 0/9 nodes are available: 9 Preemption is not helpful for scheduling.",
)
WORDS = {
    "insufficient-cpu": ["Insufficient cpu"],
    "insufficient-memory": ["Insufficient memory"],
    "insufficient-ephemeral-storage": ["Insufficient ephemeral-storage"],
    "insufficient-extended": ["Insufficient nvidia.com/gpu", "Insufficient hugepages-2Mi"],
    "too-many-pods": ["Too many pods", "Insufficient pods"],
    "taint": [
        "node(s) had untolerated taint {team: data}",
        "node(s) had taint {team: data}, that the pod didn't tolerate",
        "node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }",
        "node(s) had taints that the pod didn't tolerate",
        "node(s) had untolerated taint(s)",
    ],
    "unschedulable": ["node(s) were unschedulable"],
    "selector-or-affinity": [
        "node(s) didn't match Pod's node affinity/selector",
        "node(s) didn't match node selector",
        "node(s) didn't match Pod's node affinity",
    ],
    "pod-anti-affinity": [
        "node(s) didn't match pod anti-affinity rules",
        "node(s) didn't satisfy existing pods anti-affinity rules",
        "node(s) didn't match pod affinity/anti-affinity",
        "node(s) didn't match pod affinity/anti-affinity rules",
    ],
    "pod-affinity": ["node(s) didn't match pod affinity rules"],
    "topology-spread": [
        "node(s) didn't match pod topology spread constraints",
        "node(s) didn't match pod topology spread constraints (missing required label)",
    ],
    "port-conflict": ["node(s) didn't have free ports for the requested pod ports"],
    "volume-node-affinity": [
        "node(s) had volume node affinity conflict",
        "node(s) didn't match PersistentVolume's node affinity",
        "node(s) had no available volume zone",
    ],
    "volume-limit": ["node(s) exceed max volume count"],
    "volume-other": [
        "node(s) didn't find available persistent volumes to bind",
        "node(s) did not have enough free storage",
    ],
    "claim-lost": ["node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"],
    "other": ["node(s) didn't satisfy plugin(s) [Custom]"],
}
CLAUSES = [(reason, text) for reason, texts in WORDS.items() for text in texts]


@given(
    clauses=st.lists(st.tuples(st.sampled_from(CLAUSES), st.integers(1, 5000)), min_size=1, max_size=6),
    end=st.sampled_from(PREEMPTION),
)
def test_every_clause_is_found_with_its_count_whatever_stands_beside_it(
    clauses: list[tuple[tuple[str, str], int]], end: str
) -> None:
    total = sum(nodes for _, nodes in clauses)
    words = ", ".join(f"{nodes} {text}" for (_, text), nodes in clauses)

    refusal = read_message(f"0/{total} nodes are available: {words}{end}")

    assert refusal.total == total
    assert [(one.reason, one.nodes) for one in refusal.clauses] == [(reason, nodes) for (reason, _), nodes in clauses]


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for clause in read_message(text).clauses:
        assert clause.text


@given(st.text(st.characters(codec="ascii", exclude_characters="{},:\n"), min_size=1).filter(str.strip))
def test_a_taint_is_named_as_kubectl_does(value: str) -> None:
    message = f"0/1 nodes are available: 1 node(s) had untolerated taint {{team: {value}}}."

    assert read_message(message).clauses[0].detail == f"team={value.strip()}"


@pytest.mark.parametrize(
    ("message", "reason", "detail"),
    [
        ("0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "unbound-claim", ""),
        ("pod has unbound immediate PersistentVolumeClaims (repeated 3 times)", "unbound-claim", ""),
        ('running "VolumeBinding" filter plugin for pod "cart-0": pod has unbound immediate PersistentVolumeClaims',
         "unbound-claim", ""),
        ('0/3 nodes are available: 3 persistentvolumeclaim "data" not found.', "claim-not-found", "data"),
        ('persistentvolumeclaim "data" not found', "claim-not-found", "data"),
        ('0/3 nodes are available: persistentvolumeclaim "data" bound to non-existent persistentvolume "pv-1".',
         "claim-lost", "data"),
        ('0/3 nodes are available: persistentvolumeclaim "data" is being deleted.', "volume-other", ""),
        ("no nodes available to schedule pods", "other", ""),
    ],
)  # fmt: skip
def test_what_concerns_all_nodes_at_once_has_no_count(message: str, reason: str, detail: str) -> None:
    (clause,) = read_message(message).clauses

    assert (clause.reason, clause.detail) == (reason, detail)


def test_the_words_of_very_old_versions_are_read() -> None:
    refusal = read_message(
        "No nodes are available that match all of the predicates: Insufficient cpu (3), MatchNodeSelector (2), PodToleratesNodeTaints (1)."
    )

    assert [(one.reason, one.nodes) for one in refusal.clauses] == [
        ("insufficient-cpu", 3),
        ("selector-or-affinity", 2),
        ("taint", 1),
    ]


@pytest.mark.parametrize("message", ["", "  ", "skip schedule deleting pod: shop/cart-1"])
def test_what_refuses_nothing_has_no_clauses(message: str) -> None:
    assert read_message(message).clauses == ()


def test_a_clause_keeps_its_words() -> None:
    assert read_message("0/2 nodes are available: 2 Insufficient cpu.").clauses == (
        Clause(reason="insufficient-cpu", nodes=2, text="Insufficient cpu"),
    )
