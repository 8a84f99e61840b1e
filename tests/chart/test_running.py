"""The container's own command, on the demo served as a cluster, asked by the chart's own test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helm import HELMS, Manifest, manifests, one_of, template

import sre_orchestrator.api
from sre_orchestrator.api.wire.kubeconfig import write_kubeconfig
from sre_orchestrator.api.wire.server import serving

DEMO = Path(str(sre_orchestrator.api.__file__)).parent / "demo" / "shop"
SETTINGS = "/etc/sre-orchestrator/settings.yaml"
PROGRAMS = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def documents() -> tuple[Manifest, ...]:
    return manifests(template(HELMS[-1]).stdout)


@pytest.fixture
def address(documents: tuple[Manifest, ...], tmp_path: Path) -> Iterator[str]:
    """Start what the container starts; yield where it answers, and end it as Kubernetes does."""
    (container,) = one_of(documents, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    text = one_of(documents, "ConfigMap")["data"]["settings.yaml"].replace("/var/lib/sre-orchestrator", str(tmp_path))
    (tmp_path / "settings.yaml").write_text(text, encoding="utf-8")
    port = free_port()
    command = [
        part.replace("0.0.0.0", "127.0.0.1").replace("8080", str(port)).replace(SETTINGS, f"{tmp_path}/settings.yaml")
        for part in container["command"]
    ]
    with serving(DEMO) as cluster:
        variables = {**PROGRAMS, "KUBECONFIG": str(write_kubeconfig(tmp_path / "kubeconfig", cluster, namespace=""))}
        process = subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_container_starts_and_the_chart_finds_it_ready(documents: tuple[Manifest, ...], address: str) -> None:
    (container,) = one_of(documents, "Pod")["spec"]["containers"]
    *command, asked = container["command"]

    done = subprocess.run([*command, address], env=PROGRAMS, capture_output=True, text=True, check=False, timeout=120)

    assert asked == "http://sre-sre-orchestrator:8080"
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"healthz 200", "readyz 200", "metrics 200"} <= set(done.stdout.splitlines())
