"""One pytest item for each test that is embedded in a rule file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sre_orchestrator.core.errors import SreError
from sre_orchestrator.core.settings import read_settings
from sre_orchestrator.core.vocabulary import Vocabulary
from sre_orchestrator.rules.book import RuleBook, read_checked
from sre_orchestrator.rules.installed import installed_book
from sre_orchestrator.rules.model import Case, Rule
from sre_orchestrator.rules.testing import run_case


class RuleFile(pytest.File):
    """One rule file."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one item for each embedded test; a bad file is a collection error with its line."""
        vocabulary, book = _installed(self.config)
        try:
            rule, cases = read_checked(self.path.read_bytes(), str(self.path), vocabulary, book.causes)
        except SreError as error:
            # the kinds or causes of a plugin that were refused are why the rule finds none
            refused = (*vocabulary.problems, *book.problems)
            raise self.CollectError("\n".join([str(error), *(one for one in refused if one != str(error))])) from error
        for case in cases:
            item = RuleCase.from_parent(self, name=case.name)
            item.rule, item.case, item.book = rule, case, book.rules
            yield item


class RuleCase(pytest.Item):
    """One embedded test."""

    rule: Rule
    case: Case
    book: tuple[Rule, ...]

    def runtest(self) -> None:
        """Compare causes, undecided kinds and derived kinds with what the test expects."""
        wrong = run_case(self.rule, self.case, self.book)
        if wrong:
            raise AssertionError(wrong)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Say it in one line, with the file."""
        del style
        return f"{self.path}: {self.name}: {excinfo.value}"

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the item for ``-v``."""
        return self.path, 0, f"{self.rule.id}: {self.name}"


def _installed(config: pytest.Config) -> tuple[Vocabulary, RuleBook]:
    """Return vocabulary and book of the installation, loaded once a session."""
    if _KEY not in config.stash:
        config.stash[_KEY] = installed_book(read_settings(None, os.environ))
    return config.stash[_KEY]


_KEY: pytest.StashKey[tuple[Vocabulary, RuleBook]] = pytest.StashKey()
