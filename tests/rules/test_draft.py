"""A drafted rule keeps what sort of facts were seen and how they belong together, and no name; it passes its own tests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import yaml

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import Edge, Fact, Hypothesis, Proof
from sre_orchestrator.core.vocabulary import Vocabulary, load_vocabulary
from sre_orchestrator.rules.book import RuleBook, load_book, read_checked
from sre_orchestrator.rules.draft import MOST, draft, draft_from_words
from sre_orchestrator.rules.testing import run_case

POD, NODE, CART = "pod/shop/cart-7d9", "node/node-a", "deployment/shop/cart"
observe = Observer("test")
KILLED = observe("container.terminated", POD, container="main", reason="OOMKilled", exit_code=137, how="memory")
LIMIT = observe("container.limit", POD, container="main", resource="memory", limit_bytes=1)
PRESSURE = observe("node.condition", NODE, type="MemoryPressure", status="True")
CHANGED = observe("container.changed", CART, container="main", what="resources", before="2", after="1")
EDGES = (
    Edge(source=CART, kind="owns", target="replicaset/shop/cart-7"),
    Edge(source="replicaset/shop/cart-7", kind="owns", target=POD),
    Edge(source=POD, kind="runs_on", target=NODE),
    Edge(source="pod/shop/other", kind="runs_on", target=NODE),
)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


@pytest.fixture(scope="module")
def book(vocabulary: Vocabulary) -> RuleBook:
    return load_book(vocabulary)


def hypothesis(*facts: Fact, component: str = CART, absent: tuple[str, ...] = ()) -> Hypothesis:
    inner = Proof(rule="b", title="b", because="b", polarity="for", facts=tuple(f.id for f in facts[1:]), absent=absent)
    proof = Proof(rule="a", title="a", because="a", polarity="for", facts=(facts[0].id, "f-unknown"), children=(inner,))
    return Hypothesis(
        cause="memory-limit-too-low", component=component, title="Too little", category="x", confidence=0.9,
        because="x", proof=(proof,),
    )  # fmt: skip


def drafted(
    vocabulary: Vocabulary, book: RuleBook, *facts: Fact, edges: Sequence[Edge] = EDGES, **more: Any
) -> dict[str, Any]:
    text = draft(hypothesis(*facts, **more), {fact.id: fact for fact in facts}, edges, vocabulary, "incident i1")
    rule, cases = read_checked(text.encode(), f"{yaml.safe_load(text)['id']}.yaml", vocabulary, book.causes)
    assert [run_case(rule, case, book.rules) for case in cases] == [""] * len(cases)
    assert not any(name in text for name in ("cart", "shop", "main", "node-a"))
    return {**yaml.safe_load(text), "text": text}


def test_facts_of_one_component_are_joined_by_it(vocabulary: Vocabulary, book: RuleBook) -> None:
    found = drafted(vocabulary, book, KILLED, LIMIT)

    assert found["when"]["all"] == {
        "terminated": {"kind": "container.terminated", "reason": "OOMKilled", "exit_code": 137, "how": "memory"},
        "limit": {
            "kind": "container.limit", "resource": "memory",
            "component|ref": "terminated.component", "container|ref": "terminated.container",
        },
    }  # fmt: skip
    assert found["status"] == "experimental"
    assert found["then"]["component"] == "{terminated.component}"
    assert [test["name"] for test in found["tests"]] == [
        "what was seen, in other words of names", "without terminated", "without limit",
        "terminated with another how", "limit with another resource",
    ]  # fmt: skip


def test_facts_of_several_components_are_joined_along_the_twin(vocabulary: Vocabulary, book: RuleBook) -> None:
    found = drafted(vocabulary, book, CHANGED, PRESSURE)

    patterns = found["when"]["all"]
    assert patterns["way1"] == {"edge": "runs_on", "to|ref": "condition.component"}
    assert patterns["way2"] == {"edge": "owns", "to|ref": "way1.from", "from|ref": "changed.component", "within": 2}
    assert found["then"]["component"] == "{changed.component}"
    assert found["tests"][0]["edges"][0] == {"from": "pod/team/pod-1", "edge": "runs_on", "to": "node/node-1"}


def test_a_value_that_names_a_component_joins(vocabulary: Vocabulary, book: RuleBook) -> None:
    there = observe("container.terminated", POD, container="main", reason="OOMKilled", node=NODE)

    forth = drafted(vocabulary, book, there, PRESSURE, edges=())["when"]["all"]
    back = drafted(vocabulary, book, PRESSURE, there, edges=())["when"]["all"]

    assert forth["condition"]["component|ref"] == "terminated.node"
    assert back["terminated"]["node|ref"] == "condition.component"


def test_what_nothing_joins_is_left_out_and_told(vocabulary: Vocabulary) -> None:
    far = observe("pod.phase", "pod/else/x", phase="Pending")

    text = draft(
        hypothesis(KILLED, far, absent=("no node.condition", "no node.condition")),
        {KILLED.id: KILLED, far.id: far}, EDGES, vocabulary, "incident i1",
    )  # fmt: skip

    assert "# Left out, since nothing joins it: pod.phase of pod/else/x\n" in text
    assert text.count("# The rules of the incident also wanted: no node.condition\n") == 1
    assert list(yaml.safe_load(text)["when"]["all"]) == ["terminated"]


def test_a_way_that_is_too_long_joins_nothing(vocabulary: Vocabulary) -> None:
    names = [POD, *(f"pod/shop/p{number}" for number in range(5)), NODE]
    edges = [Edge(source=a, kind="depends_on", target=b) for a, b in pairwise(names)]

    text = draft(hypothesis(KILLED, PRESSURE), {KILLED.id: KILLED, PRESSURE.id: PRESSURE}, edges, vocabulary, "i")

    assert "Left out" in text


def test_the_same_sort_of_fact_counts_once_and_there_are_few(vocabulary: Vocabulary, book: RuleBook) -> None:
    again = observe(
        "container.terminated", "pod/shop/cart-8", container="main", reason="OOMKilled", exit_code=137, how="memory"
    )
    phases = [observe("container.terminated", POD, exit_code=number) for number in range(MOST + 2)]

    assert list(drafted(vocabulary, book, KILLED, again)["when"]["all"]) == ["terminated"]
    assert list(drafted(vocabulary, book, *phases)["when"]["all"])[-1] == f"terminated{MOST}"


def test_words_that_name_something_and_amounts_are_left_out(vocabulary: Vocabulary, book: RuleBook) -> None:
    waiting = observe("container.waiting", POD, container="main", reason="cart-7d9 waits", message="no such cart")

    assert drafted(vocabulary, book, waiting)["when"]["all"] == {"waiting": {"kind": "container.waiting"}}


def test_without_its_facts_there_is_no_rule(vocabulary: Vocabulary) -> None:
    assert draft(hypothesis(KILLED), {}, EDGES, vocabulary, "i") == ""


def test_symptoms_are_explained(vocabulary: Vocabulary, book: RuleBook) -> None:
    unready = observe("pod.unready", POD, phase="Running")

    assert drafted(vocabulary, book, KILLED, unready)["then"]["explains"] == ["unready"]


KNOWN: list[dict[str, object]] = [
    {"kind": "container.terminated", "reason": "OOMKilled"},
    {"kind": "container.terminated", "reason": "OOMKilled"},
    {"kind": "node.condition", "type": "MemoryPressure"},
    {"kind": "pod.unready", "phase": "Unknown"},
]


@pytest.mark.parametrize(
    ("text", "name", "value", "explains"),
    [
        ("It was OOMKilled, see OOMKilled. MemoryPressure?", "terminated", "OOMKilled", False),
        ("A node with MemoryPressure. NotOOMKilled.", "condition", "MemoryPressure", False),
        ("Its phase is Unknown", "unready", "Unknown", True),
    ],
)
def test_a_runbook_gives_the_condition_that_it_names_most(
    vocabulary: Vocabulary, book: RuleBook, text: str, name: str, value: str, explains: bool
) -> None:
    found = draft_from_words(text, book.causes["memory-limit-too-low"], KNOWN, vocabulary, "oom.md")

    rule, cases = read_checked(found.encode(), f"{yaml.safe_load(found)['id']}.yaml", vocabulary, book.causes)
    assert [run_case(rule, case, book.rules) for case in cases] == [""] * len(cases)
    assert value in yaml.safe_load(found)["when"]["all"][name].values()
    assert ("explains" in found) == explains


def test_a_runbook_that_names_nothing_gives_no_rule(vocabulary: Vocabulary, book: RuleBook) -> None:
    assert draft_from_words("Call Bob.", book.causes["memory-limit-too-low"], KNOWN, vocabulary, "bob.md") == ""
