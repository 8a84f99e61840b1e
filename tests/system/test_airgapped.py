"""docs/how-to/airgapped.md, command by command: carried from here, installed where there is no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from checkout import ROOT, copy, copy_for_image
from confined import without_network
from extras import absent, program

PAGE = (ROOT / "docs" / "how-to" / "airgapped.md").read_text(encoding="utf-8")
CONNECTED, COMMAND_LINE, CLUSTER = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
NO_ROUTE = 'test -z "$(sed 1d /proc/net/route)"\n'


def shell(script: str, folder: Path, *, network: bool) -> subprocess.CompletedProcess[str]:
    """Run the commands of a block one after another, but for those of a container engine, which is not here."""
    done = [line for line in script.splitlines() if not line.startswith("docker ")]
    command = ["bash", "-euo", "pipefail", "-c", "\n".join(done)]
    path = os.pathsep.join([str(folder.parent / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "HOME": str(folder)}
    if network:  # the caller's own index of packages
        environment |= {key: value for key, value in os.environ.items() if key.startswith("PIP_") or key == "HOME"}
    return subprocess.run(
        command if network else without_network(command),
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip


@pytest.mark.timeout(600)
def test_what_is_carried_installs_and_diagnoses_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "helm").symlink_to(program("helm-3.18"))
    checkout, closed = tmp_path / "checkout", tmp_path / "closed"
    copy_for_image(checkout)
    copy("chart", checkout)
    closed.mkdir()

    carried = shell(CONNECTED, checkout, network=True)
    if "No matching distribution" in carried.stderr:
        absent(f"no package index answers: {carried.stderr[-300:]}")
    assert carried.returncode == 0, carried.stderr
    (checkout / "carry").rename(closed / "carry")
    here = shell(NO_ROUTE + COMMAND_LINE, closed, network=False)
    there = shell(
        NO_ROUTE + CLUSTER.replace("helm install", "helm template").partition("helm test")[0], closed, network=False
    )

    assert here.returncode == 0, here.stderr
    assert "memory-limit-too-low" in here.stdout
    assert there.returncode == 0, there.stderr
    assert "image: registry.internal/sre-orchestrator:0.1.0" in there.stdout
    unlisted = [path for path in (closed / "carry").rglob("*") if path.is_file() and not listed(path, closed / "carry")]
    assert unlisted == []


def listed(path: Path, carry: Path) -> bool:
    """Say whether the page's table names the file."""
    patterns = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    return any(fnmatch(path.relative_to(carry).as_posix(), pattern) for pattern in patterns)
