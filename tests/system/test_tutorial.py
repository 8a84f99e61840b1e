"""The tutorial, command by command, as a reader types it: two terminals, one folder, no cluster."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import ROOT, copy

PAGE = (ROOT / "docs" / "tutorial" / "first-incident.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("sre-orchestrator ")]
SERVE = next(line for line in COMMANDS if " serve " in line)
GOOD = {"doctor": {0, 3}}  # something may well be missing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that looks like a checkout."""
    (tmp_path / "api" / "demo").mkdir(parents=True)
    copy("api/demo/shop", tmp_path)
    return tmp_path


@pytest.fixture
def environment(folder: Path) -> Iterator[dict[str, str]]:
    """Serve the recording in the first terminal; yield the environment of the second."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = {"PATH": path, "HOME": str(folder), "COLUMNS": "100"}
    command = SERVE.replace("8001", str(free_port()))
    server = subprocess.Popen(command.split(), cwd=folder, env=variables, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not (folder / "shop.kubeconfig").exists() and time.monotonic() < deadline:
            assert server.poll() is None
            time.sleep(0.05)
        yield {**variables, "KUBECONFIG": str(folder / "shop.kubeconfig")}
    finally:
        server.terminate()
        server.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_every_command_of_the_tutorial_works(folder: Path, environment: dict[str, str]) -> None:
    for command in COMMANDS:
        if command == SERVE:
            continue
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
        )

        assert done.returncode in GOOD.get(command.split()[1], {0}), f"{command}\n{done.stdout}{done.stderr}"
        if " diagnose " in command:
            assert "memory-limit-too-low" in done.stdout.partition("\n2. ")[0], f"{command}\n{done.stdout}"
