"""Real MCP servers are agents by configuration alone; hostile ones change no conclusion."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from urllib.request import Request, urlopen

import anyio
import msgspec
import pytest
from database_servers import postgres, postgres_server
from extras import program
from hostile import HARMLESS, Hostile, corpus
from mcp_servers import PATIENT, asked, kubernetes, prometheus_by, scope, small
from metric_servers import alertmanager, prometheus

from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.mcp_servers import FactMapping, McpServer, ToolCall
from sre_orchestrator.core.models import Fact, Report, Scope
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import Settings, SnapshotLimits
from sre_orchestrator.plugins.mcp.known import resolved
from sre_orchestrator.plugins.mcp.server import Server
from sre_orchestrator.plugins.mcp.session import Tool
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "api" / "demo" / "shop"
POD = "checkout-5b7f9c4d8-zm2vq"
CORPUS = corpus()
TOLD = FactMapping(
    kind="event",
    items="$.items[*]",
    values={"name": "name", "message": "message", "reason": "reason"},
    component="pod/shop/$name",
    attributes={"message": "$message", "reason": "$reason", "type": "Warning"},
)


def facts_by(settings: McpServer, where: Scope | None = None) -> list[Fact]:
    server = Server(resolved(settings))
    try:
        facts, _, gaps = asked(server, where)
    finally:
        server.close()
    assert gaps == []
    return facts


def test_kubernetes_mcp_server_tells_events_and_phases(tmp_path: Path) -> None:
    with open_snapshot(DEMO, SnapshotLimits()) as snapshot, serving(snapshot) as url:
        facts = facts_by(kubernetes(write_kubeconfig(tmp_path / "kubeconfig", url)))

    assert {one.kind for one in facts} == {"event"}  # every pod of the demo runs
    backing_off = next(one for one in facts if one.attributes["reason"] == "BackOff")
    assert backing_off.component == "pod/shop/pricing-6f8b9d7c5-5gkqz"
    assert backing_off.attributes["count"] == 58
    assert backing_off.observed_at
    assert not [one for one in facts if one.attributes["type"] != "Warning"]


@pytest.mark.parametrize("preset", ["prometheus-mcp-server", "prometheus-mcp"])
def test_servers_of_prometheus_tell_firing_alerts(tmp_path: Path, preset: str) -> None:
    at = int(scope().until.timestamp())
    labels = {
        "of a pod": 'alertname="PodSlow",severity="warning",namespace="shop",pod="web-1"',
        "of a workload": 'alertname="ReplicasMissing",severity="critical",namespace="shop",deployment="web"',
        "elsewhere": 'alertname="PodSlow",severity="warning",namespace="pay",pod="web-1"',
        "of a node": 'alertname="DiskFull",severity="warning",namespace="shop",node="a"',
    }
    firing = [f'ALERTS{{alertstate="firing",{one}}} 1 {when}' for one in labels.values() for when in (at - 60, at)]
    pending = f'ALERTS{{alertstate="pending",alertname="Soon",namespace="shop",pod="web-1"}} 1 {at}'

    with prometheus(tmp_path, "\n".join([*firing, pending])) as url:
        facts = facts_by(prometheus_by(preset, url))

    assert sorted((one.kind, one.component, str(one.attributes["alert"])) for one in facts) == [
        ("alert.firing", "deployment/shop/web", "ReplicasMissing"),
        ("alert.firing", "pod/shop/web-1", "PodSlow"),
    ]


def tools_of(settings: McpServer) -> Mapping[str, Tool]:
    """Return the tools that a server lists."""
    server = Server(resolved(settings))
    tools = server.visit().tools()
    server.close()
    return tools


def test_mcp_grafana_starts_and_lists_its_tools_that_only_read() -> None:
    settings = McpServer(
        name="grafana",
        preset="mcp-grafana",
        command=program("mcp-grafana"),
        env={"GRAFANA_URL": "http://127.0.0.1:1"},
        **PATIENT,
    )

    tools = tools_of(settings)

    assert tools["query_prometheus"].read_only
    assert "update_dashboard" not in tools


def newer(name: str) -> str:
    """Return a server that needs Python 3.12; skip where it could not be installed."""
    found = shutil.which(name, path=os.environ.get("SRE_TEST_PROGRAMS", ""))
    if found is None:
        pytest.skip(f"{name} is not installed: it needs Python 3.12 or later (.ci/servers)")
    return found


def test_alertmanager_mcp_server_tells_firing_alerts(tmp_path: Path) -> None:
    command = newer("alertmanager-mcp-server")
    labels = {"alertname": "PodSlow", "severity": "warning", "namespace": "shop"}
    alerts = [
        {"labels": {**labels, "pod": "web-1"}, "annotations": {"summary": "slow, password=hunter22"}},
        {"labels": {**labels, "deployment": "web"}},
        {"labels": {**labels, "namespace": "pay", "pod": "web-1"}},
        {"labels": {**labels, "node": "a"}},
    ]

    with alertmanager(tmp_path) as url:
        request = Request(f"{url}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"})
        urlopen(request, timeout=10).close()
        facts = facts_by(
            McpServer(
                name="alerts",
                preset="alertmanager-mcp-server",
                command=command,
                env={"ALERTMANAGER_URL": url},
                **PATIENT,
            )
        )

    assert sorted((one.kind, one.component) for one in facts) == [
        ("alert.firing", "deployment/shop/web"),
        ("alert.firing", "pod/shop/web-1"),
    ]
    told = next(one for one in facts if one.component == "pod/shop/web-1")
    assert told.attributes == {"alert": "PodSlow", "severity": "warning", "summary": "slow, password=***"}
    assert told.observed_at


def test_postgres_mcp_tells_what_the_how_to_asks() -> None:
    command = newer("postgres-mcp")
    page = (ROOT / "docs" / "how-to" / "mcp-servers.md").read_text(encoding="utf-8")
    shown = page.partition("### Ask a database")[2].partition("```yaml\n")[2].partition("```")[0]
    (documented,) = msgspec.yaml.decode(shown, type=Settings).mcp_servers

    with postgres_server("max_connections=23") as database, postgres(database, "shop"):
        url = database.url("monitor", "postgres")
        facts = facts_by(msgspec.structs.replace(documented, command=command, env={"DATABASE_URI": url}, **PATIENT))

    (told,) = facts
    assert (told.kind, told.component) == ("database.connections", "statefulset/shop/orders-db")
    used = told.attributes["used"]
    assert told.attributes == {
        "database": "orders", "family": "postgres", "used": used, "most": 23, "reserved": 3, "free": 20 - used,
        "used_ratio": used / 20, "via": "connection",
    }  # fmt: skip
    assert used >= 2


def investigated(state: Path, texts: list[str], file: Path, **more: str) -> Bundle:
    """Return the investigation of the demo incident with what a server told of it."""
    items = [{"name": POD, "message": text, "reason": "Told", **more} for text in texts]
    file.write_text(json.dumps({"items": items}), encoding="utf-8")
    server = small("tells", file, tools=(ToolCall(tool="pods", arguments={"namespace": "$namespace"}, facts=(TOLD,)),))
    installation = Installation(Settings(state_dir=str(state), mcp_servers=(server,)))
    try:
        return anyio.run(lambda: diagnose_snapshot(installation, DEMO))
    finally:
        installation.close()


def skeleton(report: Report) -> list[object]:
    every = (*report.hypotheses, *report.ruled_out)
    return [
        report.verdict,
        [(one.cause, one.component, one.title, one.remedy, one.next_question) for one in every],
        [[(proof.rule, proof.polarity, proof.because) for proof in (*one.proof, *one.against)] for one in every],
    ]


def whole(entries: tuple[Hostile, ...]) -> list[str]:
    return [one.whole() for one in entries]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.mark.parametrize("sort", CORPUS)
def test_hostile_texts_of_a_server_change_nothing_but_what_is_quoted(state: Path, tmp_path: Path, sort: str) -> None:
    texts = whole(CORPUS[sort])
    other = investigated(state, [f"{HARMLESS} {number}" for number in range(len(texts))], tmp_path / "harmless").report

    bundle = investigated(state, texts, tmp_path / "hostile")

    report = bundle.report
    assert len([one for one in bundle.seen.facts if one.agent == "mcp-small"]) == len(texts)
    assert skeleton(report) == skeleton(other)
    assert [one.confidence for one in report.hypotheses] == pytest.approx([one.confidence for one in other.hypotheses])
    assert {one.agent for one in report.gaps} == {one.agent for one in other.gaps}


def test_hostile_names_of_a_server_are_about_nothing(state: Path, tmp_path: Path) -> None:
    texts = [one for entries in CORPUS.values() for one in whole(entries)]

    found = [
        investigated(state, ["x"], tmp_path / "names", name=one)
        for one in (texts[0], "../../node/node-b", "a; rm -rf /")
    ]

    for bundle, other in pairwise([*found, found[0]]):
        assert skeleton(bundle.report) == skeleton(other.report)
        assert not [fact for fact in bundle.seen.facts if fact.agent == "mcp-small"]
        assert [
            gap for gap in bundle.seen.gaps if gap.agent == "mcp-small" and "cannot be filled with names" in gap.why
        ]
