"""The list of plugins."""

from __future__ import annotations

import json

import pytest
from command_line import Run


def test_built_in_plugins_are_in_use(run: Run) -> None:
    result = run("plugins")

    assert result.code == 0
    assert [line.split(maxsplit=1)[1] for line in result.out.splitlines() if line.startswith("kubernetes ")] == [
        f"{'built in':30} in use"
    ]


def test_a_blocked_plugin_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRE_ORCHESTRATOR_BLOCK_PLUGINS", "nodes")
    found = {one["name"]: one for one in json.loads(run("plugins", "--format", "json").out)}

    assert found["nodes"]["problem"] == "blocked by block_plugins"
    assert found["kubernetes"]["problem"] == ""
