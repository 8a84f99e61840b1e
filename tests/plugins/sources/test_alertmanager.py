"""Alerts of a real Prometheus and Alertmanager, and of recorded answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import anyio
import pytest
from http_services import Reply, answering, said
from metric_servers import alertmanager, prometheus, until
from shop import deployment, pod, service, write_snapshot

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Fact, Incident, Scope
from sre_orchestrator.core.settings import Endpoint, Settings, SnapshotLimits
from sre_orchestrator.plugins.agents.alerts import AlertsAgent
from sre_orchestrator.plugins.sources.alertmanager import register_sources
from sre_orchestrator.plugins.sources.alertmanager.source import Alertmanager
from sre_orchestrator.plugins.sources.ports import Alert, Alerts, Discoverable
from sre_orchestrator.plugins.sources.snapshot import Snapshot, open_snapshot

RULES = """
groups:
- name: shop
  rules:
  - {alert: CartErrors, expr: vector(7) > 5, labels: {severity: critical, namespace: shop, deployment: cart},
     annotations: {summary: cart fails, runbook_url: "https://runbooks.example/cart"}}
  - {alert: Watchdog, expr: vector(1), labels: {severity: none}}
"""
CONFIG = """
global: {{evaluation_interval: 200ms}}
rule_files: [{rules}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{target}"]}}]}}]}}
"""
NOWHERE = Endpoint(url="http://127.0.0.1:1", timeout_seconds=1)


class Both:
    """A cluster's objects and its alerts."""

    name = "both"

    def __init__(self, snapshot: Snapshot, source: Alertmanager) -> None:
        self.list, self.server_version, self.alerts = snapshot.list, snapshot.server_version, source.alerts

    async def sync(self) -> AsyncIterator[Fact]:
        """Yield nothing."""
        return
        yield


def alerts_of(source: Alertmanager) -> dict[str, Alert]:
    return {one.labels["alertname"]: one for one in anyio.run(source.alerts)}


def facts(folder: Path, source: Alertmanager) -> list[Fact]:
    async def gather() -> list[Fact]:
        now = datetime.now(UTC)
        scope = Scope(
            incident=Incident(id="i", description="cart is down", at=now), namespaces=("shop",), since=now, until=now
        )
        objects = (deployment("cart"), deployment("web"), pod("cart-1", labels={"app": "cart"}), service("cart"))
        with open_snapshot(write_snapshot(folder, *objects), SnapshotLimits()) as snapshot:
            found = AlertsAgent().gather(scope, Sources([Both(snapshot, source)]))
            return [one async for one in found if isinstance(one, Fact)]

    return anyio.run(gather)


def test_a_rule_that_fires_becomes_a_fact_with_its_expression(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    with alertmanager(tmp_path) as managing:
        config = CONFIG.format(rules=tmp_path / "rules.yml", target=managing.removeprefix("http://"))
        with prometheus(tmp_path, "", config, "--rules.alert.resend-delay=1s") as measuring:
            source = Alertmanager(Endpoint(url=managing), Endpoint(url=measuring), None)
            until(lambda: alerts_of(source).keys() == {"CartErrors", "Watchdog"})
            found = facts(tmp_path / "snapshot", source)
            described = anyio.run(source.describe)

            silence(managing, "CartErrors")
            until(lambda: alerts_of(source)["CartErrors"].state == "suppressed")
            silenced = facts(tmp_path / "later", source)

    assert [(one.component, one.attributes["alert"], one.query) for one in found] == [
        ("deployment/shop/cart", "CartErrors", "vector(7) > 5")
    ]
    assert found[0].attributes["runbook_url"] == "https://runbooks.example/cart"
    assert silenced == []
    assert described.version.startswith("0.")
    assert not described.problem


def silence(address: str, name: str) -> None:
    body = {
        "matchers": [{"name": "alertname", "value": name, "isRegex": False}],
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": "2099-01-01T00:00:00Z",
        "createdBy": "test",
        "comment": "known",
    }
    request = Request(f"{address}/api/v2/silences", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=5):
        pass


def test_without_alertmanager_the_alerts_of_prometheus_count(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    config = CONFIG.format(rules=tmp_path / "rules.yml", target="127.0.0.1:1")
    with prometheus(tmp_path, "", config) as measuring:
        source = Alertmanager(Endpoint(), Endpoint(url=measuring), None)
        until(lambda: "CartErrors" in alerts_of(source))
        found = alerts_of(source)["CartErrors"]

    assert (found.state, found.expression) == ("active", "vector(7) > 5")
    assert found.starts_at
    assert [one.what for one in source.gaps()] == ["which alerts are silenced or inhibited"]
    assert "alertmanager.url" in source.gaps()[0].why


def test_where_prometheus_has_no_alert_that_fires_nothing_is_lacking() -> None:
    pending = {
        "labels": {"alertname": "Down"},
        "annotations": {},
        "state": "pending",
        "activeAt": "2030-05-01T11:00:00Z",
    }
    told = said({"status": "success", "data": {"alerts": [pending]}})
    with answering(measured([]) | {"/api/v1/alerts": told}) as server:
        source = Alertmanager(Endpoint(), Endpoint(url=server.address), None)

        assert anyio.run(source.alerts) == []
    assert source.gaps() == ()


def test_without_both_it_says_what_to_set() -> None:
    source = Alertmanager(Endpoint(), Endpoint(), None)

    with pytest.raises(SourceMissing, match=r"set alertmanager\.url"):
        anyio.run(source.alerts)
    assert anyio.run(source.describe).remedy == "set alertmanager.url to its address"


def told(name: str, **labels: str) -> dict[str, Any]:
    """Return an alert as Alertmanager's API v2 writes it."""
    return {
        "labels": {"alertname": name, **labels},
        "annotations": {"summary": name},
        "startsAt": "2030-05-01T11:00:00.000Z",
        "endsAt": "2030-05-01T12:04:00.000Z",
        "updatedAt": "2030-05-01T12:00:00.000Z",
        "fingerprint": "0f",
        "receivers": [{"name": "none"}],
        "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
        "generatorURL": "http://prometheus/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    }


def rule(name: str, query: str, **labels: str) -> dict[str, Any]:
    return {"name": name, "query": query, "type": "alerting", "labels": labels, "annotations": {}, "alerts": []}


def managed(alerts: Sequence[Any]) -> dict[str, Any]:
    return {
        "/api/v2/status": said({"versionInfo": {"version": "0.27.0"}, "cluster": {"status": "ready"}}),
        "/api/v2/alerts": said(alerts),
    }


def measured(rules: Sequence[Any]) -> dict[str, Any]:
    vector = {"status": "success", "data": {"resultType": "vector", "result": []}}
    groups = {"status": "success", "data": {"groups": [{"name": "g", "rules": rules}]}}
    return {"/api/v1/query": said(vector), "/api/v1/rules": said(groups)}


def test_of_rules_of_the_same_name_the_one_with_the_labels_of_the_alert_counts() -> None:
    rules = [
        rule("Down", "up == 1", severity="warning"),
        rule("Down", "up < 1", severity="critical", team="{{ $labels.team }}"),
        {"name": "up:sum", "query": "sum(up)", "type": "recording"},
    ]
    with (
        answering(managed([told("Down", severity="critical"), told("Other")])) as one,
        answering(measured(rules)) as two,
    ):
        found = alerts_of(Alertmanager(Endpoint(url=one.address), Endpoint(url=two.address), None))

    assert {name: alert.expression for name, alert in found.items()} == {"Down": "up < 1", "Other": ""}
    assert two.paths.count("GET /api/v1/rules") == 1
    assert one.requests[-1].fields == {name: ["true"] for name in ("active", "silenced", "inhibited", "unprocessed")}


def test_a_link_to_a_runbook_is_taken_from_the_rule_where_the_alert_has_none() -> None:
    plain, template = rule("Down", "up < 1"), rule("Slow", "x > 1")
    plain["annotations"] = {"runbook_url": "https://runbooks.example/down"}
    template["annotations"] = {"runbook_url": "https://runbooks.example/{{ $labels.job }}"}
    with answering(managed([told("Down"), told("Slow")])) as one, answering(measured([plain, template])) as two:
        found = alerts_of(Alertmanager(Endpoint(url=one.address), Endpoint(url=two.address), None))

    assert found["Down"].annotations["runbook_url"] == "https://runbooks.example/down"
    assert "runbook_url" not in found["Slow"].annotations


def test_without_prometheus_the_expression_is_read_from_the_address_of_the_graph(tmp_path: Path) -> None:
    alert = told("Down", namespace="shop", deployment="cart", severity="critical") | {
        "startsAt": "2020-05-01T11:00:00Z",
        "endsAt": "2099-05-01T11:00:00Z",
    }
    with answering(managed([alert])) as server:
        source = Alertmanager(Endpoint(url=server.address), Endpoint(), None)
        found = facts(tmp_path, source)

    assert [one.query for one in found] == ["up == 0"]
    assert [one.what for one in source.gaps()] == ["the expressions of alert rules"]


def test_no_alerts_need_no_rules() -> None:
    with answering(managed([])) as server:
        source = Alertmanager(Endpoint(url=server.address), NOWHERE, None)

        assert anyio.run(source.alerts) == []
        assert source.gaps() == ()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(200, b"<html>sign in</html>"), "a web page"),
        (Reply(401, b""), "bearer_token_file"),
        (Reply(404, b""), "such as /alertmanager"),
    ],
)
def test_what_is_no_alertmanager_is_told(reply: Reply, why: str) -> None:
    with answering({"/api/v2/status": reply}) as server:
        found = anyio.run(Alertmanager(Endpoint(url=server.address), Endpoint(), None).describe)

    assert why in f"{found.problem} {found.remedy}"
    assert (found.address, found.how) == (server.address, "alertmanager.url")


def test_the_plugin_offers_alerts() -> None:
    (source,) = register_sources(Settings(), Both.__new__(Both))

    assert isinstance(source, Alerts)
    assert isinstance(source, Discoverable)
    assert list(anyio.run(synced, source)) == []


async def synced(source: Any) -> list[Any]:
    return [one async for one in source.sync()]
