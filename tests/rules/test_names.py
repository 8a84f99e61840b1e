"""The names of the built-in book are known without reading it."""

from __future__ import annotations

from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.rules.book import load_book
from sre_orchestrator.rules.names import cause_names, rule_names


def test_they_are_those_of_the_book() -> None:
    book = load_book(load_vocabulary())

    assert sorted(cause_names()) == sorted(book.causes)
    assert sorted(rule_names()) == sorted(rule.id for rule in book.rules)
