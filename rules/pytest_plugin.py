"""Collects the tests embedded in rule files as pytest items, ours and those of third-party packs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sre_orchestrator.core.errors import SreError
from sre_orchestrator.rules.model import Case, Rule

MARKS = (b"\nwhen:", b"\nthen:", b"\ntests:")


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Treat every YAML file that has ``when``, ``then`` and ``tests`` as a rule file."""
    if file_path.suffix not in {".yaml", ".yml"}:
        return None
    text = file_path.read_bytes()
    return RuleFile.from_parent(parent, path=file_path) if all(mark in text for mark in MARKS) else None


class RuleFile(pytest.File):
    """One rule file."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one item for each embedded test; a bad file is a collection error with its line."""
        from sre_orchestrator.rules.book import read_checked  # noqa: PLC0415 - only when a rule file is collected

        vocabulary, book = _installed(self.config)
        try:
            rule, cases = read_checked(self.path.read_bytes(), str(self.path), vocabulary, book.causes)
        except SreError as error:
            raise self.CollectError(str(error)) from error
        for case in cases:
            yield RuleCase.from_parent(self, name=case.name, rule=rule, case=case, book=book.rules)


class RuleCase(pytest.Item):
    """One embedded test."""

    def __init__(self, *, rule: Rule, case: Case, book: tuple[Rule, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rule, self.case, self.book = rule, case, book

    def runtest(self) -> None:
        """Compare causes, undecided kinds and derived kinds with what the test expects."""
        from sre_orchestrator.rules.testing import run_case  # noqa: PLC0415

        wrong = run_case(self.rule, self.case, self.book)
        if wrong:
            raise AssertionError(wrong)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Say it in one line, with the file."""
        return f"{self.path}: {self.name}: {excinfo.value}"

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the item for ``-v``."""
        return self.path, 0, f"{self.rule.id}: {self.name}"


def _installed(config: pytest.Config) -> Any:
    """Return vocabulary and book of the installation, loaded once a session."""
    from sre_orchestrator.core.vocabulary import load_vocabulary  # noqa: PLC0415
    from sre_orchestrator.rules.book import load_book  # noqa: PLC0415

    known = config.stash.get(_KEY, None)
    if known is None:
        vocabulary = load_vocabulary()
        known = config.stash[_KEY] = (vocabulary, load_book(vocabulary))
    return known


_KEY: pytest.StashKey[Any] = pytest.StashKey()
