"""``diagnose --model llama_cpp:FILE`` works where there is no network, and does not even try to find one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from confined import without_network
from local_models import smollm2
from served import DEMO

from sre_orchestrator.core.models import Report

# runs the command line with every connection and every look-up refused, and told of
GUARDED = """
import sys
tried = []
def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        tried.append((event, repr(arguments[-1] if event == "socket.connect" else arguments[:2])))
        raise OSError(f"refused here: {tried[-1]}")
sys.addaudithook(refuse)
from sre_orchestrator.api.cli.main import main
try:
    main()
finally:
    print("TRIED", tried, file=sys.stderr)
"""
pytestmark = pytest.mark.timeout(300)


def test_an_incident_is_diagnosed_with_a_model_of_this_machine_and_nobody_else(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("model: {threads: 1, context_tokens: 2048, required: true}\n", encoding="utf-8")
    options = ["--snapshot", DEMO, "--format", "json", "--settings", settings, "--state-dir", tmp_path / "state"]
    command = [sys.executable, "-c", GUARDED, "diagnose", *map(str, options), "--model", f"llama_cpp:{smollm2()}"]
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "PYTHONPATH"}}
    environment = {**kept, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

    done = subprocess.run(
        without_network(command), env=environment, capture_output=True, text=True, check=False, timeout=250
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "TRIED []"
    report = msgspec.json.decode(done.stdout, type=Report)
    assert (report.verdict, report.hypotheses[0].cause) == ("diagnosed", "memory-limit-too-low")
    assert report.versions.model == "llama_cpp:SmolLM2-135M-Instruct.Q4_1.gguf (unexamined)"
    assert report.cost.llm_calls == 1
    assert report.narrative


def test_the_guard_would_tell_of_a_connection(tmp_path: Path) -> None:
    cluster = tmp_path / "kubeconfig"
    cluster.write_text(
        "{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}], "
        "clusters: [{name: x, cluster: {server: 'https://cluster.example'}}], users: [{name: x, user: {}}]}",
        encoding="utf-8",
    )
    command = [sys.executable, "-c", GUARDED, "diagnose", "down", "--kubeconfig", str(cluster)]

    done = subprocess.run(
        [*command, "--state-dir", str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )

    assert "cluster.example" in done.stderr.splitlines()[-1]
