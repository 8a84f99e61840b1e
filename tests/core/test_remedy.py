"""Commands with the names that the evidence gives."""

from __future__ import annotations

import pytest
from reports import hypothesis, observe, proof

from sre_orchestrator.core.models import Step
from sre_orchestrator.core.remedy import with_names

ENDED = observe("container.terminated", "pod/shop/cart-1", container="app", node="node/node-a", reason="OOMKilled")
REPLICAS = observe("workload.replicas", "deployment/shop/cart", desired=2)


def filled(command: str, component: str = "deployment/shop/cart") -> str:
    inner = proof("derived", ENDED)
    one = hypothesis(
        component=component,
        proof=(proof("it ended", REPLICAS, children=(inner,)),),
        remedy=(Step(text="x", command=command),),
    )
    return with_names(one, {fact.id: fact for fact in (ENDED, REPLICAS)}).remedy[0].command


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("kubectl describe pod POD -n NAMESPACE", "kubectl describe pod cart-1 -n shop"),
        ("kubectl logs POD -c CONTAINER", "kubectl logs cart-1 -c app"),
        ("kubectl describe node NODE", "kubectl describe node node-a"),
        ("kubectl rollout undo deployment/NAME", "kubectl rollout undo deployment/cart"),
        ("kubectl edit deployment NAME", "kubectl edit deployment cart"),
        ("kubectl edit deploy NAME", "kubectl edit deployment cart"),
        ("kubectl get service NAME", "kubectl get service NAME"),
        ("ping NODE-ADDRESS", "ping NODE-ADDRESS"),
        ("set --limits=memory=SIZE", "set --limits=memory=SIZE"),
    ],
)
def test_placeholders_take_what_the_evidence_names(command: str, expected: str) -> None:
    assert filled(command) == expected


def test_a_workload_of_another_kind_is_named_as_what_it_is() -> None:
    assert (
        filled("kubectl rollout undo deployment/NAME", "statefulset/shop/db") == "kubectl rollout undo statefulset/db"
    )


def test_a_node_is_named_wherever_a_name_is_wanted() -> None:
    assert filled("kubectl cordon NAME", "node/node-b") == "kubectl cordon node-b"
    assert filled("kubectl describe node NODE", "node/node-b") == "kubectl describe node node-b"


def test_what_nothing_names_stays_a_placeholder() -> None:
    one = hypothesis(
        component="node/node-b", proof=(), remedy=(Step(text="x", command="kubectl logs POD -n NAMESPACE"),)
    )

    assert with_names(one, {}).remedy[0].command == "kubectl logs POD -n NAMESPACE"
