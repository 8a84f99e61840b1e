"""The book as it is installed: ours, and what plugins of third parties and rule packs add."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import cast

from sre_orchestrator.core.plugins import load_plugins
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import Vocabulary, load_vocabulary
from sre_orchestrator.rules.book import RuleBook, builtin_rules, load_book
from sre_orchestrator.rules.catalogue import yaml_files
from sre_orchestrator.rules.packs import installed, packed


def installed_book(settings: Settings) -> tuple[Vocabulary, RuleBook]:
    """Return the kinds of facts, and the rules and causes; their ``problems`` name what was refused.

    Raises:
        RuleError: a built-in file is bad.

    """
    added, cache = _Added(settings), Path(settings.state_dir) / "cache"
    vocabulary = load_vocabulary(added.folders("register_vocabulary"), cache=cache)
    book = load_book(
        vocabulary,
        rule_folders=added.folders("register_rules"),
        cause_folders=added.folders("register_causes"),
        cache=cache,
    )
    return vocabulary, book


def installed_rules(settings: Settings) -> list[tuple[str, bytes]]:
    """Return path and text of every rule.

    Raises:
        RuleError: a folder or a file cannot be read.

    """
    folders = (*builtin_rules(), *_Added(settings).folders("register_rules"))
    return [file for folder in folders for file in yaml_files(folder)]


class _Added:
    """What plugins and rule packs add."""

    def __init__(self, settings: Settings) -> None:
        self._plugins = load_plugins((), settings)
        self._state_dir = Path(settings.state_dir)
        self._packs, _ = installed(self._state_dir)

    def folders(self, hook: str) -> list[Traversable]:
        plugins = cast("list[Traversable]", self._plugins.collect(hook))
        return [*plugins, *packed(self._state_dir, self._packs, hook)]
