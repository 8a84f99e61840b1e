"""The command that begins a plugin."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run


def test_a_project_is_made_and_the_next_step_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    here = run("plugin", "new", "flag-service")
    there = run("plugin", "new", "billing", "--dir", tmp_path / "work")

    assert (tmp_path / "flag-service" / "pyproject.toml").is_file()
    assert (tmp_path / "work" / "billing" / "src" / "billing" / "agent.py").is_file()
    assert here.out.endswith("into flag-service; next: cd flag-service && pip install -e '.[test]' && pytest\n")
    assert there.code == 0


def test_a_bad_name_is_bad_input(run: Run, tmp_path: Path) -> None:
    result = run("plugin", "new", "Flag Service", "--dir", tmp_path)

    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: 'Flag Service': is no name for a plugin")


def test_help_has_examples(run: Run) -> None:
    assert "sre-orchestrator plugin new billing --dir ~/work" in run("plugin", "new", "--help").out
    assert "sre-orchestrator plugins --format json" in run("plugins", "--help").out
