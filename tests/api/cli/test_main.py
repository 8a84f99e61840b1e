"""The program as a whole: help, version, errors."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from command_line import Result, Run

from sre_orchestrator.api.cli import plugins
from sre_orchestrator.core.errors import SreError


def test_without_arguments_it_shows_help(run: Run) -> None:
    result = run()

    assert "Usage" in result.out + result.err


@pytest.mark.parametrize("command", ["demo", "diagnose", "explain", "evaluate", "plugins", "replay", "rules", "twin"])
def test_every_command_has_help(run: Run, command: str) -> None:
    result: Result = run(command, "--help")

    assert result.code == 0
    assert "Usage" in result.out


@pytest.mark.parametrize("command", ["diagnose", "explain", "evaluate"])
def test_help_gives_examples(run: Run, command: str) -> None:
    assert "Example" in run(command, "-h").out


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version") == Result(code=0, out=version("sre-orchestrator") + "\n", err="")


def test_an_unknown_command_is_bad_input(run: Run) -> None:
    result = run("diagnoze")

    assert result.code == 2
    assert "diagnoze" in result.err


def test_an_error_of_ours_is_one_line_and_ends_with_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise SreError("plugins: something is broken; mend it")

    monkeypatch.setattr(plugins, "settings_from", fail)

    assert run("plugins") == Result(code=1, out="", err="error: plugins: something is broken; mend it\n")


def test_bad_settings_are_bad_input(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("colour = 'red'\n", encoding="utf-8")
    result = run("plugins", "--settings", path)

    assert result.code == 2
    assert result.err.startswith(f"error: {path}: ")
    assert "colour" in result.err


def test_the_environment_names_the_file_of_settings(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("colour: red\n", encoding="utf-8")
    monkeypatch.setenv("SRE_ORCHESTRATOR_SETTINGS", str(path))

    assert run("plugins").err.startswith(f"error: {path}: ")


def test_completion_can_be_shown_for_a_shell() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sre_orchestrator.api.cli.main", "--show-completion", "bash"],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},  # tests may have no shell above them
    )  # fmt: skip

    assert done.stderr == ""
    assert "COMPREPLY" in done.stdout
