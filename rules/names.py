"""The names that the built-in book takes, without reading the book."""

from __future__ import annotations

import re
from pathlib import PurePath

from sre_orchestrator.rules.book import builtin_causes, builtin_rules
from sre_orchestrator.rules.catalogue import yaml_files

_KEY = re.compile(rb"^([a-z0-9-]+):", re.MULTILINE)


def cause_names() -> tuple[str, ...]:
    """Return the ids of the built-in causes."""
    return tuple(
        key.decode() for folder in builtin_causes() for _, text in yaml_files(folder) for key in _KEY.findall(text)
    )


def rule_names() -> tuple[str, ...]:
    """Return the ids of the built-in rules: each is the name of its file."""
    return tuple(PurePath(path).stem for folder in builtin_rules() for path, _ in yaml_files(folder))
