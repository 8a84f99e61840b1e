"""The how-to names every combination that is tested, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from helm import CHART, COMBINATIONS, values

PAGE = (CHART.parent / "docs" / "how-to" / "install-with-helm.md").read_text(encoding="utf-8")


def test_each_combination_is_documented() -> None:
    assert set(re.findall(r"`([a-z-]+)-values\.yaml`", PAGE)) == set(COMBINATIONS)


def test_each_combination_says_what_it_is_for() -> None:
    files = [path.read_text(encoding="utf-8") for path in (CHART / "ci").iterdir()]

    assert all(text.startswith("# ") for text in files)


def test_each_value_is_used_by_some_combination() -> None:
    used = {path for one in COMBINATIONS for path in leaves(yaml.safe_load(values(one).read_text(encoding="utf-8")))}

    unused = [
        path for path in leaves(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))) if path not in used
    ]
    assert unused == []


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each value, and of each group above it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    if path:
        yield path
