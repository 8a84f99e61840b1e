"""Settings of servers are checked against the vocabulary when they are loaded, and against the servers by ``mcp check``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from mcp_servers import PHASES, PODS, small

from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import SettingsError
from sre_orchestrator.core.mcp_servers import (
    ClusterTools,
    FactMapping,
    McpServer,
    MetricTools,
    Preset,
    StandIn,
    ToolCall,
)
from sre_orchestrator.core.settings import Settings, read_settings
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.plugins.mcp.checking import checked, complaints_of
from sre_orchestrator.plugins.mcp.known import preset, preset_names, resolved, resolved_all
from sre_orchestrator.plugins.mcp.server import Server


def complaints(**more: Any) -> list[str]:
    mapping = msgspec.structs.replace(PHASES, **more)
    return complaints_of(small("none", tools=(ToolCall(tool="pods", facts=(mapping,)),)), load_vocabulary())


def problems(server: McpServer) -> tuple[str, ...]:
    running = Server(server)
    try:
        return checked(running, load_vocabulary()).problems
    finally:
        running.close()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kind": "pod.fase"}, "there is no fact kind 'pod.fase'; did you mean 'pod.phase'?"),
        ({"kind": "probe.port_silent"}, "facts of kind 'probe.port_silent' are for rules to conclude; choose one that is observed"),
        ({"component": "node/$name"}, "facts of kind 'pod.phase' are about a pod, not a node"),
        ({"attributes": {"fase": "$phase"}}, "pod.phase has no attribute 'fase'; did you mean 'phase'?"),
        ({"attributes": {"age_seconds": "old"}}, "pod.phase: age_seconds must be number, not 'old'"),
        ({"items": "$.items[?(@.x)]"}, "items: '$.items[?(@.x)]' is no path from '[?(@.x)]' on; write $.items[*].metadata.name"),
    ],
)  # fmt: skip
def test_what_the_vocabulary_has_not_is_named(change: dict[str, Any], complaint: str) -> None:
    assert complaints(**change) == [f"mcp_servers small: tool 'pods': {complaint}"]


def test_a_value_that_an_attribute_cannot_have_is_named() -> None:
    mapping = FactMapping(
        kind="probe.failed", items="$", component="pod/$namespace/x", attributes={"probe": "readyness"}
    )

    (complaint,) = complaints_of(small("none", tools=(ToolCall(tool="t", facts=(mapping,)),)), load_vocabulary())

    assert "probe.failed: probe is one of" in complaint


def test_a_right_mapping_has_no_complaint() -> None:
    assert complaints() == []
    assert complaints(component="$kind/$namespace/$name") == []
    assert complaints(attributes={"age_seconds": 7, "phase": "Failed"}) == []


def test_an_installation_with_a_wrong_mapping_does_not_start(tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(PHASES, kind="pod.fase")
    server = small("none", tools=(ToolCall(tool="pods", facts=(wrong,)),))

    with pytest.raises(SettingsError, match="there is no fact kind"):
        Installation(Settings(state_dir=str(tmp_path), mcp_servers=(server,)))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{name: A B, command: x}", "name"),
        ("{name: a}", "mcp_servers a: cannot be reached; give a command, a url, or a preset"),
        ("{name: a, command: x, url: 'http://x'}", "mcp_servers a: has a command and a url; give one of them"),
        ("{name: a, url: ftp://x}", "begin it with https://"),
        ("{name: a, command: x, bearer_token_file: t}", "headers and tokens are for a url"),
        ("{name: a, command: x, calls: 0}", "calls"),
        ("{name: a, command: x, replaces: docker}", "replaces"),
        ("{name: a, command: x, tools: [{tool: t, arguments: {q: $description}}]}", "arguments.q: holds $description; known are"),
        ("{name: a, command: x, tools: [{tool: t, arguments: {q: 'up{} $'}}]}", "holds a $ without a name"),
        ("{name: a, command: x, tools: [{tool: t, facts: [{kind: event, component: x/y}]}]}", "has no items and no lines"),
        ("{name: a, command: x, tools: [{tool: t, facts: [{kind: event, component: x/$who, items: $}]}]}", "component: holds $who"),
        ("{name: a, command: x, tools: [{tool: t, facts: [{kind: event, component: x/y, lines: '('}]}]}", "lines: is no regular expression"),
        ("{name: a, command: x, tools: [{tool: t, facts: [{kind: event, component: x/y, items: $, where: {a: b}}]}]}", "where names 'a'"),
        ("{name: a, command: x, tools: [{tool: t, format: text, facts: [{kind: event, component: x/y, items: $}]}]}", "has items of a text"),
        ("{name: a, command: x, cluster: {list: {tool: t, arguments: {x: $nope}}}}", "holds $nope"),
        ("{name: a, command: x, metrics: {range: {tool: t}, instant: {tool: t, arguments: {x: $nope}}}}", "holds $nope"),
        ("{name: a, comand: x}", "comand"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"mcp_servers: [{text}]\n", encoding="utf-8")

    with pytest.raises(SettingsError) as refused:
        read_settings(file, {})

    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("servers", "complaint"),
    [
        ([{"name": "a", "command": "x"}] * 2, "two have the same name: a"),
        ([{"name": name, "preset": "prometheus-mcp", "replaces": "prometheus"} for name in "ab"], "two stand in for the same client"),
        ([{"name": "a", "preset": "kubernetes-mcp"}], "there is no preset 'kubernetes-mcp'; did you mean 'kubernetes-mcp-server'?"),
        ([{"name": "a", "command": "x", "replaces": "kubernetes"}], "cannot stand in for kubernetes; say by which tools under cluster"),
        ([{"name": "a", "preset": "mcp-grafana", "replaces": "prometheus"}], "cannot stand in for prometheus"),
    ],
)  # fmt: skip
def test_servers_that_cannot_be_used_together_are_refused(servers: list[dict[str, str]], complaint: str) -> None:
    with pytest.raises(SettingsError) as refused:
        resolved_all([msgspec.convert(one, McpServer) for one in servers])

    assert complaint in str(refused.value)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_fits_the_vocabulary(name: str) -> None:
    server = resolved(McpServer(name="a", preset=name))

    assert isinstance(preset(name), Preset)
    assert server.command
    assert complaints_of(server, load_vocabulary()) == []


def test_settings_come_before_a_preset() -> None:
    preset_of = preset("prometheus-mcp-server")
    own = McpServer(
        name="a",
        preset="prometheus-mcp-server",
        command="/opt/server",
        args=("--x",),
        env={"PROMETHEUS_URL": "http://p", "FASTMCP_LOG_LEVEL": "DEBUG"},
        description="ours",
        tools=(PODS,),
    )

    server = resolved(own)

    assert (server.command, server.args, server.description, server.preset) == ("/opt/server", ("--x",), "ours", "")
    assert server.tools == (*preset_of.tools, PODS)
    assert server.env == {**preset_of.env, "PROMETHEUS_URL": "http://p", "FASTMCP_LOG_LEVEL": "DEBUG"}
    assert resolved(server) == server


def test_a_preset_at_an_address_starts_nothing() -> None:
    server = resolved(McpServer(name="a", preset="prometheus-mcp-server", url="http://mcp:8080/mcp"))

    assert (server.command, server.args, server.env) == ("", (), {})
    assert server.tools


def test_a_server_that_fits_its_settings_has_no_problem() -> None:
    running = Server(small("none"))
    found = checked(running, load_vocabulary())
    running.close()

    assert (found.answered, found.tools, found.used, found.problems) == ("small 1.0", 2, ("pods",), ())


def test_what_does_not_fit_the_server_is_named() -> None:
    uses = (
        ToolCall(tool="pots", arguments={"namespace": "shop"}),
        ToolCall(tool="nodes", arguments={"name_space": "shop"}),
    )

    assert problems(small("none", tools=uses)) == (
        "mcp_servers small: it has no tool 'pots'; did you mean 'pods'?; see sre-orchestrator mcp tools",
        "mcp_servers small: tool 'nodes' has no argument 'name_space'; did you mean 'namespace'?",
        "mcp_servers small: tool 'nodes' needs the argument 'namespace'; fill it under arguments",
    )
    assert "says that it changes things" in problems(small("writes"))[0]
    assert "cannot read the kubeconfig" in problems(small("exits"))[0]


def test_tools_that_stand_in_are_checked_too() -> None:
    lists, logs, now, ranges = (StandIn(tool=name) for name in ("lists", "logs", "now", "ranges"))

    cluster = problems(small("none", tools=(), replaces="kubernetes", cluster=ClusterTools(list=lists, log=logs)))
    metrics = problems(small("none", tools=(), replaces="prometheus", metrics=MetricTools(instant=now, range=ranges)))

    assert [one.partition(";")[0] for one in (*cluster, *metrics)] == [
        f"mcp_servers small: it has no tool '{name}'" for name in ("lists", "logs", "now", "ranges")
    ]
