"""The book as it is installed: ours, and what the plugins of third parties add."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import cast

from sre_orchestrator.core.plugins import Plugins, load_plugins
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import Vocabulary, load_vocabulary
from sre_orchestrator.rules.book import RuleBook, builtin_rules, load_book
from sre_orchestrator.rules.catalogue import yaml_files


def installed_book(settings: Settings) -> tuple[Vocabulary, RuleBook]:
    """Return the kinds of facts, and the rules and causes; their ``problems`` name what was refused.

    Raises:
        RuleError: a built-in file is bad.

    """
    plugins, cache = load_plugins((), settings), Path(settings.state_dir) / "cache"
    vocabulary = load_vocabulary(_folders(plugins, "register_vocabulary"), cache=cache)
    book = load_book(
        vocabulary,
        rule_folders=_folders(plugins, "register_rules"),
        cause_folders=_folders(plugins, "register_causes"),
        cache=cache,
    )
    return vocabulary, book


def installed_rules(settings: Settings) -> list[tuple[str, bytes]]:
    """Return path and text of every rule.

    Raises:
        RuleError: a folder or a file cannot be read.

    """
    folders = (*builtin_rules(), *_folders(load_plugins((), settings), "register_rules"))
    return [file for folder in folders for file in yaml_files(folder)]


def _folders(plugins: Plugins, hook: str) -> list[Traversable]:
    return cast("list[Traversable]", plugins.collect(hook))
