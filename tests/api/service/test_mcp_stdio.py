"""``sre-orchestrator mcp``: an assistant that starts the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from assistant import connected
from mcp import StdioServerParameters

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
COMMAND = [sys.executable, "-m", "sre_orchestrator.api.cli.main", "mcp"]
GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


def test_an_assistant_diagnoses_a_recorded_incident(tmp_path: Path) -> None:
    arguments = [*COMMAND[1:], "--snapshot", str(DEMO), "--state-dir", str(tmp_path)]
    command = StdioServerParameters(command=COMMAND[0], args=arguments, env=dict(os.environ))

    with connected(command) as assistant:
        reported = assistant.told("report_incident", description="checkout answers 500")
        found = assistant.told("get_incident", incident=reported["incident"], wait_seconds=30)
    with connected(command) as another:
        kept = another.told("list_incidents")["items"]

    assert found["findings"]["hypotheses"][0]["cause"] == "memory-limit-too-low"
    assert [one["id"] for one in kept] == [reported["incident"]]


def test_nothing_but_the_protocol_is_on_standard_output(tmp_path: Path) -> None:
    lines = [
        json.dumps(GREETING),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        "this is no message",
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "explain", "arguments": {}}}),
    ]

    done = subprocess.run(
        [*COMMAND, "--snapshot", str(DEMO), "--state-dir", str(tmp_path)],
        input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    answers = {one.get("id"): one for one in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0
    assert answers[1]["result"]["serverInfo"]["name"] == "sre-orchestrator"
    assert answers[2]["result"]["isError"] is True


@pytest.mark.parametrize("arguments", [("--snapshot", "none.tar.gz"), ("--settings", "none.toml")])
def test_what_cannot_be_used_is_told_before_anything_is_answered(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments, "--state-dir", str(tmp_path)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: none.")
