"""Firing alerts, resolved to the components that their labels name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import deployment, node, pod, service, thing, workload

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Incident, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.alerts import AlertsAgent, register_agents
from sre_orchestrator.plugins.sources.alert_rules import AlertRule, keep_alert_rules

SHOP = [
    deployment("cart"),
    workload("ReplicaSet", "cart-5d", labels={"app": "cart"}, owner=("Deployment", "cart")),
    pod("cart-5d-1", labels={"app": "cart"}, owner=("ReplicaSet", "cart-5d"), status={"hostIP": "10.0.0.5"}),
    service("cart"),
    service("by-hand", {"app": "nobody"}),
    node("node-a"),
    thing("Namespace", "shop", namespace=""),
    thing("PersistentVolumeClaim", "cart-data"),
    thing("Ingress", "shop"),
    deployment("kube-state-metrics", namespace="monitoring"),
    pod("node-exporter-1", namespace="monitoring", owner=("DaemonSet", "node-exporter"), status={"hostIP": "10.0.0.5"}),
]


def alert(name: str = "Slow", state: str = "active", **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "namespace": "shop", "severity": "warning", **labels},
        "annotations": {"summary": "p95 latency is up", "runbook_url": "https://runbooks.example/slow"},
        "startsAt": "2030-05-01T11:50:00Z",
        "endsAt": "2030-05-01T12:05:00Z",
        "status": {"state": state},
    }


def alerts(folder: Path, *firing: dict[str, Any]) -> Seen:
    return look(AlertsAgent(), folder, *SHOP, alerts=firing)


def test_the_plugin_registers_the_agent() -> None:
    (agent,) = register_agents(Settings())

    assert agent.name == "alerts"


def test_an_alert_is_told_with_what_its_ingested_rule_says(tmp_path: Path) -> None:
    told = alert(deployment="cart")
    del told["annotations"]["runbook_url"]
    rule = AlertRule(name="Slow", expression="latency_seconds > 1", annotations={"runbook_url": "https://books/slow"})
    keep_alert_rules(str(tmp_path / "state"), {"rules.yaml": [rule]})

    firing = look(AlertsAgent(str(tmp_path / "state")), tmp_path / "s", *SHOP, alerts=[told]).only("alert.firing")

    assert firing.query == "latency_seconds > 1"
    assert firing.attributes["runbook_url"] == "https://books/slow"


def test_an_alert_is_told_with_what_it_says(tmp_path: Path) -> None:
    firing = alerts(tmp_path, alert(deployment="cart")).only("alert.firing")

    assert firing.component == "deployment/shop/cart"
    assert firing.observed_at is not None
    assert firing.observed_at.isoformat() == "2030-05-01T11:50:00+00:00"
    assert firing.attributes == {
        "alert": "Slow", "severity": "warning", "summary": "p95 latency is up",
        "runbook_url": "https://runbooks.example/slow",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "component"),
    [
        ({"pod": "cart-5d-1", "container": "app"}, "deployment/shop/cart"),
        ({"service": "cart"}, "deployment/shop/cart"),
        ({"app": "cart"}, "deployment/shop/cart"),
        ({"service": "by-hand"}, "service/shop/by-hand"),
        ({"persistentvolumeclaim": "cart-data"}, "persistentvolumeclaim/shop/cart-data"),
        ({"exported_ingress": "shop"}, "ingress/shop/shop"),
        ({"node": "node-a"}, "node/node-a"),
        ({"team": "unknown"}, "namespace/shop"),
        (
            {"pod": "cart-5d-1", "job": "kube-state-metrics", "container": "kube-state-metrics", "service": "x-kube-state-metrics"},
            "deployment/shop/cart",
        ),
        ({"alertname": "NodeFilesystemFull", "namespace": "monitoring", "instance": "10.0.0.5:9100", "pod": "node-exporter-1"}, "node/node-a"),
        ({"alertname": "KubeNodeNotReady", "node": "node-a"}, "node/node-a"),
        ({"alertname": "DiskFull", "namespace": "", "job": "node-exporter", "instance": "10.0.0.5:9100"}, "node/node-a"),
    ],
)  # fmt: skip
def test_labels_of_many_kinds_name_a_component(tmp_path: Path, labels: dict[str, str], component: str) -> None:
    firing = alert(**{"name" if key == "alertname" else key: value for key, value in labels.items()})

    assert alerts(tmp_path, firing).only("alert.firing").component == component


@pytest.mark.parametrize(
    "quiet",
    [
        alert("Watchdog", severity="none"),
        alert("InfoInhibitor"),
        alert(severity="none"),
        alert(state="suppressed", deployment="cart"),
        {**alert(deployment="cart"), "endsAt": "2030-05-01T11:55:00Z"},
        {**alert(deployment="cart"), "startsAt": "2030-05-01T12:30:00Z"},
        alert(namespace="elsewhere", deployment="cart"),
        alert(namespace="monitoring", deployment="kube-state-metrics"),
        alert(namespace=""),
    ],
)
def test_alerts_that_do_not_matter_here_are_left_out(tmp_path: Path, quiet: dict[str, Any]) -> None:
    seen = alerts(tmp_path, quiet)

    assert seen.facts == []
    assert seen.coverage == {("alert.firing", "*")}


def test_an_alert_without_times_fires(tmp_path: Path) -> None:
    timeless = {"labels": {"alertname": "Slow", "namespace": "shop", "app": "cart"}, "annotations": {"message": "slow"}}

    assert alerts(tmp_path, timeless).only("alert.firing").attributes == {"alert": "Slow", "summary": "slow"}


@pytest.mark.anyio
async def test_without_a_source_of_alerts_the_agent_cannot_see() -> None:
    from looking import NOON  # noqa: PLC0415

    scope = Scope(incident=Incident(id="i", description="", at=NOON), namespaces=("shop",), since=NOON, until=NOON)

    with pytest.raises(SourceMissing):
        _ = [one async for one in AlertsAgent().gather(scope, Sources([]))]
