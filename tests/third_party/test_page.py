"""The page that tells how a plugin is written shows the project that the command makes, all of it."""

from __future__ import annotations

from pathlib import Path

from sre_orchestrator.api.scaffold import project_files

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-plugin.md"


def test_every_file_is_shown_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    files = {path: text.decode() for path, text in project_files() if "/cluster-resources/" not in path}

    assert [path for path, text in files.items() if text.strip() not in page] == []
    assert [path for path in files if page.count(f"\n{path}\n") != 1] == []
