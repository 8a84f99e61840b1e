"""Commands with the names that the evidence gives."""

from __future__ import annotations

import pytest
from reports import hypothesis, observe, proof

from sre_orchestrator.core.models import Fact, Step
from sre_orchestrator.core.remedy import with_names, with_undo
from sre_orchestrator.core.vocabulary import FactKind, Vocabulary

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


UNDO = Vocabulary(
    {
        "release.revision": FactKind(
            about="x",
            component="release",
            change=True,
            undo=(
                Step(text="look", command="helm history {name} -n {namespace}"),
                Step(text="wait"),
                Step(text="roll back", command="helm rollback {name} {previous_revision} -n {namespace}"),
            ),
        ),
        "container.changed": FactKind(about="x", component="workload", change=True),
    }
)
REVISION = observe("release.revision", "release/shop/cart", revision=4, previous_revision=3)
CHANGED = observe("container.changed", "deployment/shop/cart", what="env")


def undone(*changes: Fact) -> list[str]:
    known = {fact.id: fact for fact in (REVISION, CHANGED, *changes)}
    one = hypothesis(remedy=(Step(text="first"),), changes=(*(fact.id for fact in changes), "unknown"))
    return [step.command or step.text for step in with_undo(one, known, UNDO).remedy]


def test_the_latest_change_that_says_how_is_taken_back() -> None:
    older = observe("release.revision", "release/shop/cart", revision=3, previous_revision=2)

    assert undone(CHANGED, REVISION, older) == [
        "first",
        "helm history cart -n shop",
        "wait",
        "helm rollback cart 3 -n shop",
    ]


def test_a_step_that_wants_what_the_change_does_not_say_is_left_out() -> None:
    first = observe("release.revision", "release/shop/cart", revision=1)

    assert undone(first) == ["first", "helm history cart -n shop", "wait"]


def test_changes_that_nothing_takes_back_add_no_step() -> None:
    assert undone(CHANGED, observe("unheard.of", "deployment/shop/cart")) == ["first"]


def test_a_release_is_named_wherever_a_name_is_wanted() -> None:
    assert filled("helm history NAME -n NAMESPACE", "release/shop/cart") == "helm history cart -n shop"
