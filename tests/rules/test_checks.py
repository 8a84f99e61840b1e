"""A check of a runbook is marked from the facts: satisfied, violated, or unknown where nobody looked."""

from __future__ import annotations

import pytest

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.knowledge import CheckText
from sre_orchestrator.core.models import Check, Coverage, Fact
from sre_orchestrator.core.vocabulary import Vocabulary, load_vocabulary
from sre_orchestrator.rules.checks import MAX_LINES, mark, read_checks

CART = "pod/shop/cart-1"
PENDING = "It waits: {kind: pod.phase, phase: Pending}"
MINE = "It waits: {kind: pod.phase, phase: Pending, component|ref: hypothesis.component}"
NONE = "No pod waits: none {kind: pod.phase, phase: Pending}"


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def waits(component: str = CART) -> Fact:
    return Observer("test")("pod.phase", component, phase="Pending")


def marked(vocabulary: Vocabulary, line: str, *facts: Fact, read: str = "", derived: str = "") -> Check:
    conditions, problems = read_checks(CheckText(origin="cart.md:3", text=line), vocabulary)
    assert problems == ()
    coverage = [Coverage(kind="pod.phase", scope=read)] if read else []
    [check] = mark(conditions, CART, facts=facts, coverage=coverage, derived={derived})
    return check


@pytest.mark.parametrize(
    ("line", "facts", "read", "state"),
    [
        (PENDING, [waits()], "", "satisfied"),
        (PENDING, [], "*", "violated"),
        (PENDING, [], "namespace/shop", "violated"),
        (PENDING, [], "namespace/other", "unknown"),
        (PENDING, [], "", "unknown"),
        (NONE, [waits()], "", "violated"),
        (NONE, [], "*", "satisfied"),
        (NONE, [], "", "unknown"),
        (MINE, [waits()], "", "satisfied"),
        (MINE, [waits("pod/shop/other-1")], CART, "violated"),
    ],
)
def test_a_check_is_marked_by_facts_and_coverage(
    vocabulary: Vocabulary, line: str, facts: list[Fact], read: str, state: str
) -> None:
    check = marked(vocabulary, line, *facts, read=read)

    assert check.state == state
    assert check.facts == (tuple(fact.id for fact in facts) if state == "satisfied" or facts == [waits()] else ())


def test_an_unknown_check_says_what_nobody_read(vocabulary: Vocabulary) -> None:
    assert marked(vocabulary, PENDING).why == "nobody read pod.phase there"


def test_a_violated_check_says_what_is_not_there(vocabulary: Vocabulary) -> None:
    check = marked(vocabulary, MINE, read="*")

    assert check.why == f"no pod.phase with phase Pending, component {CART}"


def test_what_rules_derive_is_known_completely(vocabulary: Vocabulary) -> None:
    assert marked(vocabulary, PENDING, derived="pod.phase").state == "violated"


def test_lines_may_be_a_list_with_comments(vocabulary: Vocabulary) -> None:
    text = CheckText(origin="cart.md:3", text=f"# look here first\n\n- {PENDING}\n  * {NONE}\n")

    conditions, problems = read_checks(text, vocabulary)

    assert problems == ()
    assert [(one.label, one.absent) for one in conditions] == [("It waits", False), ("No pod waits", True)]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("Is it full?", "write LABEL: {kind: …} or LABEL: none {kind: …}, one condition a line"),
        (": {kind: pod.phase}", "write LABEL: {kind: …} or LABEL: none {kind: …}, one condition a line"),
        ("It waits: {phase: Pending}", "a pattern needs a kind (of fact) or an edge"),
        ("It waits: {edge: owns}", "a condition takes facts, not edges"),
        ("It waits: {kind: pod.fase}", "unknown fact kind 'pod.fase'; did you mean 'pod.phase'?"),
        ("It waits: {kind: pod.phase, fase: x}", "pod.phase has no attribute 'fase'; did you mean 'phase'?"),
        ("It waits: {kind: pod.phase, phase|is: x}", "unknown operator 'is'"),
        ("It waits: {kind: pod.phase, phase|ref: other.phase}", "unbound name 'other'"),
        ("It waits: {kind: pod.phase, phase: x, phase: y}", "the key 'phase' is there twice; remove one"),
        ("It waits: {kind: [}", "not YAML"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_kept(vocabulary: Vocabulary, line: str, complaint: str) -> None:
    text = CheckText(origin="docs/cart.md:30", text=f"{PENDING}\n{line}\n{NONE}")

    conditions, problems = read_checks(text, vocabulary)

    assert len(conditions) == 2
    assert len(problems) == 1
    assert problems[0].startswith(f"docs/cart.md:31: {complaint}")


def test_a_block_has_a_bounded_number_of_lines(vocabulary: Vocabulary) -> None:
    text = CheckText(origin="cart.md:3", text="\n".join([PENDING] * (MAX_LINES + 1)))

    conditions, problems = read_checks(text, vocabulary)

    assert len(conditions) == MAX_LINES
    assert problems == ("cart.md:3: a check block has at most 100 lines; make two of it",)
