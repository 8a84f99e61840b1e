"""``sre-orchestrator mcp tools|call|check`` looks at servers; ``mcp`` alone still answers assistants."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from command_line import Run
from mcp import Client, StdioServerParameters
from mcp_servers import PODS, small

from sre_orchestrator.core.mcp_servers import ToolCall


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return written(tmp_path, small("none", tools=(PODS,)))


def written(folder: Path, *servers: Any) -> Path:
    path = folder / "settings.yaml"
    path.write_bytes(msgspec.json.encode({"mcp_servers": servers}))  # JSON is YAML
    return path


def test_tools_are_listed_with_what_they_need(run: Run, settings: Path) -> None:
    result = run("mcp", "tools", "small", "--settings", settings)

    assert result.code == 0
    assert result.out.splitlines() == [
        "small: small 1.0, protocol 2025-11-25",
        "  nodes(namespace*, limit)  [reads]  Tells of nodes.",
        "  pods(namespace*, limit)  [reads]  Tells of pods.",
    ]


def test_tools_of_all_servers_are_listed_as_json(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, small("writes"), msgspec.structs.replace(small("exits"), name="dead"))

    result = run("mcp", "tools", "--all", "--format", "json", "--settings", path)

    assert result.code == 1
    listed = json.loads(result.out)
    assert [(one["name"], one["read_only"]) for one in listed["small"]] == [("nodes", True), ("pods", False)]
    assert "error: dead: " in result.err
    assert "hunter22" not in result.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["tools"], "which server? name one of small, or give --all"),
        (["tools", "smal"], "there is no MCP server 'smal'; did you mean 'small'?"),
        (["call", "small", "pods", "namespace"], "'namespace' is no argument; write key=value"),
        (["call", "small", "pods", "limit:=x"], "'limit:=x': is no JSON value"),
        (["check", "x"], "there is no MCP server 'x'"),
    ],
)
def test_a_wrong_question_is_told(run: Run, settings: Path, arguments: list[str], complaint: str) -> None:
    result = run("mcp", *arguments, "--settings", settings)

    assert result.code == 2
    assert complaint in result.err


def test_without_servers_the_setting_is_named(run: Run) -> None:
    result = run("mcp", "check")

    assert result.code == 2
    assert "name them under mcp_servers" in result.err


def test_a_tool_is_called_with_arguments(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, small("arguments"))

    result = run("mcp", "call", "small", "pods", "namespace=shop", "limit:=5", "--settings", path)
    as_json = run("mcp", "call", "small", "pods", "namespace=shop", "--format", "json", "--settings", path)

    assert result.code == 0
    assert json.loads(json.loads(result.out)["items"][0]["phase"]) == {"limit": "5", "namespace": "shop"}
    assert json.loads(as_json.out)["items"][0]["name"] == "web-1"


def test_what_a_terminal_would_obey_is_not_printed(run: Run, tmp_path: Path) -> None:
    told = tmp_path / "told"
    told.write_text(json.dumps("\x1b[2Jgone\u202e"), encoding="utf-8")

    result = run(
        "mcp", "call", "small", "pods", "namespace=shop", "--settings", written(tmp_path, small("tells", told))
    )

    assert result.code == 0
    assert not {"\x1b", "\u202e"} & set(result.out)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [("error", "no cluster is there, token=***"), ("writes", "says that it changes things, so it is not called")],
)
def test_a_tool_that_fails_or_may_not_be_called_is_an_error(
    run: Run, tmp_path: Path, fault: str, complaint: str
) -> None:
    result = run("mcp", "call", "small", "pods", "namespace=shop", "--settings", written(tmp_path, small(fault)))

    assert (result.code, result.out) == (1, "")
    assert complaint in result.err


def test_a_tool_without_a_hint_is_called_where_settings_trust_it(run: Run, tmp_path: Path) -> None:
    trusted = small("no_hint", tools=(ToolCall(tool="pods", trusted=True),))

    assert run("mcp", "call", "small", "pods", "namespace=x", "--settings", written(tmp_path, trusted)).code == 0


def test_what_is_right_is_checked(run: Run, settings: Path) -> None:
    result = run("mcp", "check", "--settings", settings)

    assert result.code == 0
    assert result.out == "small: ok; small 1.0; 2 tools, of which 1 are used: pods\n"


def test_what_is_wrong_is_checked(run: Run, tmp_path: Path) -> None:
    fact = msgspec.structs.replace(PODS.facts[0], kind="pod.fase")
    path = written(tmp_path, small("none", tools=(ToolCall(tool="pots", facts=(fact,)),)))

    result = run("mcp", "check", "small", "--settings", path)
    as_json = run("mcp", "check", "--format", "json", "--settings", path)
    diagnosis = run("diagnose", "x", "--snapshot", tmp_path, "--settings", path)

    assert (result.code, as_json.code, diagnosis.code) == (1, 1, 2)
    assert "there is no fact kind 'pod.fase'; did you mean 'pod.phase'?" in result.out
    assert "it has no tool 'pots'; did you mean 'pods'?" in result.out
    assert len(json.loads(as_json.out)[0]["problems"]) == 2
    assert "there is no fact kind 'pod.fase'" in diagnosis.err


def test_alone_it_answers_an_assistant(tmp_path: Path) -> None:
    demo = Path(__file__).parents[3] / "api" / "demo" / "shop"
    command = ["-m", "sre_orchestrator.api.cli.main", "mcp", "--snapshot", str(demo), "--state-dir", str(tmp_path)]

    async def names() -> set[str]:
        async with Client(StdioServerParameters(command=sys.executable, args=command)) as client:
            return {one.name for one in (await client.list_tools()).tools}

    assert "report_incident" in anyio.run(names)
