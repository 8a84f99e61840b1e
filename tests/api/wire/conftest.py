"""The demo incident, served, and the programs that look at it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Call
from demo import FOLDER
from extras import program

from sre_orchestrator.api.wire import serving, write_kubeconfig


@pytest.fixture(scope="session")
def shop() -> Iterator[str]:
    """Serve the demo incident for the whole session."""
    with serving(FOLDER) as url:
        yield url


@pytest.fixture
def kubeconfig(shop: str, tmp_path: Path) -> Path:
    """Return a kubeconfig for the demo incident."""
    return write_kubeconfig(tmp_path / "kubeconfig", shop, namespace="shop")


@pytest.fixture
def call(kubeconfig: Path, tmp_path: Path) -> Call:
    """Return ``call("kubectl-1.37", "get", "pods")``: what the program prints; a failure prints its errors."""

    def run(name: str, *arguments: str, fails: bool = False) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig)}
        done = subprocess.run(
            [program(name), *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done.stderr if fails else done.stdout

    return run
