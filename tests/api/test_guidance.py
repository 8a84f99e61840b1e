"""A runbook's checks and commands are told as they stand for the incident."""

from __future__ import annotations

import pytest

from sre_orchestrator.api.guidance import Guidance
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.knowledge import Fence
from sre_orchestrator.core.models import Coverage, Hypothesis, Proof, Runbook
from sre_orchestrator.core.vocabulary import Vocabulary, load_vocabulary

KILLED = Observer("test")("container.terminated", "pod/shop/cart-1", container="app", reason="OOMKilled")
PROOF = Proof(
    rule="a", title="a", because="a", polarity="for", facts=("f-derived",),
    children=(Proof(rule="b", title="b", because="b", polarity="for", facts=(KILLED.id,)),),
)  # fmt: skip
FENCES = (
    Fence(language="sh", text="kubectl get nodes\n", line=3),
    Fence(
        language="check",
        text="It was killed: {kind: container.terminated, reason: OOMKilled}\nwhat?\n"
        "No node is short: none {kind: node.condition, type: MemoryPressure}\n",
        line=8,
    ),
    Fence(language="sh", text="kubectl -n <namespace> logs <pod> -c <container>\n", line=14),
)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def guided(vocabulary: Vocabulary, address: str, *coverage: Coverage) -> Runbook:
    asked: list[str] = []

    def fences(document: str) -> tuple[Fence, ...]:
        asked.append(document)
        return FENCES

    hypothesis = Hypothesis(
        cause="x", component="deployment/shop/cart", title="x", category="x", confidence=0.5, because="x",
        proof=(PROOF,), runbooks=(Runbook(title="Cart", passage="…", address=address),),
    )  # fmt: skip
    [found] = Guidance(fences, vocabulary, frozenset()).guided(hypothesis, {KILLED.id: KILLED}, coverage)
    assert asked == ["runbooks/cart.md"]
    return found


def test_the_checks_of_the_document_are_marked(vocabulary: Vocabulary) -> None:
    found = guided(vocabulary, "runbooks/cart.md:12", Coverage(kind="node.condition", scope="*"))

    assert [(one.label, one.state, one.facts) for one in found.checks] == [
        ("It was killed", "satisfied", (KILLED.id,)),
        ("No node is short", "satisfied", ()),
    ]


def test_commands_from_the_passage_on_come_first_with_the_names_of_the_proof(vocabulary: Vocabulary) -> None:
    found = guided(vocabulary, "runbooks/cart.md:12")

    assert [one.command for one in found.steps] == ["kubectl -n shop logs cart-1 -c app", "kubectl get nodes"]


def test_a_document_without_lines_is_read_from_its_beginning(vocabulary: Vocabulary) -> None:
    found = guided(vocabulary, "runbooks/cart.md")

    assert [one.command for one in found.steps] == ["kubectl get nodes", "kubectl -n shop logs cart-1 -c app"]
