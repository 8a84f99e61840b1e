"""Runs the command line in this process, as a shell would."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command_line import Result, Run

from sre_orchestrator.api.cli.main import main


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one state directory for the session, so that the rule book is compiled once."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], state_dir: Path) -> Run:
    """Return ``run("diagnose", "--snapshot", path)``, which returns exit code, standard output and error."""
    monkeypatch.setenv("SRE_ORCHESTRATOR_STATE_DIR", str(state_dir))
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["sre-orchestrator", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        out, err = capfd.readouterr()
        return Result(code=code, out=out, err=err)

    return call
