"""A rule in a runbook is a rule of the book, once it has passed its tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from sre_orchestrator.core.knowledge import RuleText
from sre_orchestrator.core.vocabulary import Vocabulary, load_vocabulary
from sre_orchestrator.rules.book import RuleBook, builtin_rules, load_book
from sre_orchestrator.rules.catalogue import yaml_files
from sre_orchestrator.rules.texts import place_of

RULE = """id: {name}
title: Pods of the cart wait
status: experimental
why: The owner says so.
when: {{all: {{a: {{kind: {kind}, {attribute}: Pending}}}}}}
then: {{cause: application-start-error, component: "{{a.component}}", strength: weak, because: pending}}
tests:
  - {{name: fires, facts: [{{kind: pod.phase, component: pod/shop/a, phase: {fires}}}], expect: [application-start-error]}}
  - {{name: silent, facts: [], expect: []}}
"""


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def text(
    origin: str, name: str = "cart-waits", kind: str = "pod.phase", attribute: str = "phase", fires: str = "Pending"
) -> RuleText:
    return RuleText(origin=origin, text=RULE.format(name=name, kind=kind, attribute=attribute, fires=fires))


def added(book: RuleBook) -> list[tuple[str, str]]:
    return [(rule.id, rule.path) for rule in book.rules if "." in rule.id]


def test_a_rule_of_a_runbook_is_named_after_its_document(vocabulary: Vocabulary) -> None:
    book = load_book(vocabulary, texts=[text("runbooks/The Cart.md:12"), text("-.md", name="nowhere")])

    assert added(book) == [
        ("runbook.nowhere", "-.md"),
        ("the-cart.cart-waits", "runbooks/The Cart.md:12"),
    ]
    assert book.refused == ()


def test_it_may_have_the_id_of_a_built_in_rule(vocabulary: Vocabulary) -> None:
    taken = Path(yaml_files(builtin_rules()[0])[0][0]).stem

    book = load_book(vocabulary, texts=[text("cart.md:1", name=taken)])

    assert added(book) == [(f"cart.{taken}", "cart.md:1")]


def test_of_two_documents_with_one_rule_id_the_second_is_refused(vocabulary: Vocabulary) -> None:
    texts = [text("b/other.md:2"), text("a/cart.md:30", name="late"), text("a/cart.md:4")]

    book = load_book(vocabulary, texts=texts)

    assert added(book) == [("cart.cart-waits", "a/cart.md:4"), ("cart.late", "a/cart.md:30")]
    assert book.refused == ("b/other.md:2: rule id 'cart-waits' is also in a/cart.md:4; rename one of them",)


def test_a_rule_that_fails_its_tests_is_refused_with_the_test(vocabulary: Vocabulary) -> None:
    book = load_book(vocabulary, texts=[text("cart.md:7", fires="Running"), text("good.md:7")])

    assert added(book) == [("good.cart-waits", "good.md:7")]
    assert book.refused == (
        "cart.md:7: rule 'cart-waits' fails its test 'fires': expected ['application-start-error'], got nothing",
    )


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (text("cart.md:20", kind="pod.fase"), "cart.md:24: unknown fact kind 'pod.fase'; did you mean 'pod.phase'?"),
        (text("cart.md:20", name="Cart"), "cart.md:20: id 'Cart' must be lower-case words joined by '-'"),
        (text("cart.md", attribute="fase"), "cart.md:5: pod.phase has no attribute 'fase'"),
        (RuleText(origin="cart.md:20", text="id: x"), "cart.md:20: missing key 'status'"),
        (RuleText(origin="cart.md:20", text="a: [b]c"), "cart.md:20: not YAML"),
    ],
)
def test_what_is_no_rule_is_refused_with_the_line_of_the_document(
    vocabulary: Vocabulary, wrong: RuleText, complaint: str
) -> None:
    book = load_book(vocabulary, texts=[wrong])

    assert added(book) == []
    assert len(book.refused) == 1
    assert book.refused[0].startswith(complaint)


def test_other_texts_make_another_book(vocabulary: Vocabulary, tmp_path: Path) -> None:
    plain = load_book(vocabulary, cache=tmp_path)
    one = load_book(vocabulary, texts=[text("cart.md:7")], cache=tmp_path)
    again = load_book(vocabulary, texts=[text("cart.md:7")], cache=tmp_path)

    assert one.digest != plain.digest
    assert again == one


def test_an_origin_without_a_line_is_a_document() -> None:
    assert place_of("cart.md") == ("cart.md", 0)
