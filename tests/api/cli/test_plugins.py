"""The list of plugins."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from command_line import Run

from sre_orchestrator.api import added
from sre_orchestrator.api.added import PluginView
from sre_orchestrator.core.additions import Additions

FLAGS = PluginView(
    name="flags",
    origin="flag-service 1.2",
    distribution="flag-service",
    version="1.2",
    hooks=("register_agents", "register_rules"),
    made_for=1,
    adds=Additions(agents=("flags",), alert_formats=("flags", "flags-2")),
    refused=("rules/down.yaml:3: unknown cause 'dwon'",),
)
BROKEN = PluginView(name="broken", origin="broken 0.1", problem="RuntimeError: at import", distribution="broken")


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(added, "plugin_views", lambda installation: [FLAGS, BROKEN] if installation else [])


def test_built_in_plugins_are_in_use(run: Run) -> None:
    result = run("plugins")

    assert result.code == 0
    assert [line.split(maxsplit=1)[1] for line in result.out.splitlines() if line.startswith("kubernetes ")] == [
        f"{'built in':30} in use"
    ]


@pytest.mark.usefixtures("theirs")
def test_those_of_third_parties_are_shown_with_what_they_add(run: Run) -> None:
    assert run("plugins").out.splitlines() == [
        "flags                flag-service 1.2               in use, without 1 file",
        "    agents         flags",
        "    alert formats  flags, flags-2",
        "    hooks          agents, rules (made for version 1)",
        "    refused        rules/down.yaml:3: unknown cause 'dwon'",
        "broken               broken 0.1                     RuntimeError: at import",
    ]


def test_one_can_be_looked_at(run: Run) -> None:
    shown = run("plugins", "network", "probes").out.splitlines()
    unknown = run("plugins", "netwrk")

    assert [line.split()[0] for line in shown] == ["network", "agents", "hooks", "probes", "sources", "hooks"]
    assert (unknown.code, unknown.err) == (2, "error: there is no plugin 'netwrk'; did you mean 'network'?\n")


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize(
    "asked", [(), ("flags",), ("broken",), ("broken", "--format", "json")], ids=["all", "refused", "problem", "data"]
)
def test_what_is_broken_ends_with_1(run: Run, asked: tuple[str, ...]) -> None:
    assert run("plugins", *asked).code == 1


@pytest.mark.usefixtures("theirs")
def test_data_hold_everything(run: Run) -> None:
    flags, broken = json.loads(run("plugins", "--format", "json").out)

    assert (flags["version"], flags["made_for"], flags["adds"]["agents"]) == ("1.2", 1, ["flags"])
    assert (broken["problem"], broken["adds"]["agents"]) == ("RuntimeError: at import", [])


def test_a_blocked_plugin_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRE_ORCHESTRATOR_BLOCK_PLUGINS", "nodes")
    told = run("plugins", "--format", "json")
    found = {one["name"]: one for one in json.loads(told.out)}

    assert told.code == 0
    assert found["nodes"]["problem"] == "blocked by block_plugins"
    assert found["kubernetes"]["problem"] == ""


def test_a_shell_completes_commands() -> None:
    asked = {"_SRE_ORCHESTRATOR_COMPLETE": "complete_bash", "COMP_WORDS": "sre-orchestrator plug", "COMP_CWORD": "1"}
    program = "from sre_orchestrator.api.cli.main import app; app(prog_name='sre-orchestrator')"

    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )

    assert sorted(done.stdout.split()) == ["plugin", "plugins"]
