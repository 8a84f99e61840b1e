"""The book as it is installed: ours, and what plugins of third parties and rule packs add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import cast

from sre_orchestrator.core.models import Struct
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


class Origin(Struct, frozen=True, kw_only=True):
    """Where rules come from, and path and text of each."""

    name: str
    files: tuple[tuple[str, bytes], ...]


def builtin_origin() -> Origin:
    """Return the built-in rules."""
    return _origin("built in", builtin_rules())


def rule_origins(settings: Settings) -> tuple[Origin, ...]:
    """Return every rule in a file: the built-in ones, those of each plugin, rule pack and folder of the settings.

    Raises:
        RuleError: a folder or a file cannot be read.

    """
    added = _Added(settings)
    others = (_origin(name, folders) for name, folders in added.named("register_rules"))
    return builtin_origin(), *(one for one in others if one.files)


def installed_rules(settings: Settings) -> list[tuple[str, bytes]]:
    """Return path and text of every rule.

    Raises:
        RuleError: a folder or a file cannot be read.

    """
    return [file for origin in rule_origins(settings) for file in origin.files]


def _origin(name: str, folders: Iterable[Traversable]) -> Origin:
    return Origin(name=name, files=tuple(file for folder in folders for file in yaml_files(folder)))


class _Added:
    """What plugins, rule packs and settings add."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._plugins = load_plugins((), settings)
        self._state_dir = Path(settings.state_dir)
        self._packs, _ = installed(self._state_dir)

    def folders(self, hook: str) -> list[Traversable]:
        return [folder for _, folders in self.named(hook) for folder in folders]

    def named(self, hook: str) -> Iterator[tuple[str, Sequence[Traversable]]]:
        """Yield what each adds, with its name."""
        for name, folders in cast("dict[str, list[Traversable]]", self._plugins.each(hook)).items():
            yield f"plugin {name}", folders
        for pack in self._packs:
            yield f"rule pack {pack.name}", packed(self._state_dir, [pack], hook)
        if hook == "register_rules":
            yield from ((f"folder {folder}", [Path(folder)]) for folder in self._settings.rule_folders)
