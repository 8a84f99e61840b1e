"""The how-to names every combination that is tested, and no other."""

from __future__ import annotations

import re

from helm import CHART, COMBINATIONS

PAGE = (CHART.parent / "docs" / "how-to" / "install-with-helm.md").read_text(encoding="utf-8")


def test_each_combination_is_documented() -> None:
    assert set(re.findall(r"`([a-z-]+)-values\.yaml`", PAGE)) == set(COMBINATIONS)


def test_each_combination_says_what_it_is_for() -> None:
    files = [path.read_text(encoding="utf-8") for path in (CHART / "ci").iterdir()]

    assert all(text.startswith("# ") for text in files)
