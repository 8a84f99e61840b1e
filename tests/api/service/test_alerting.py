"""A real Prometheus and Alertmanager: an alert becomes a diagnosed incident, and closes it when it is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from metric_servers import alertmanager, prometheus, until
from served import served

RULES = """
groups:
  - name: shop
    rules:
      - alert: HighErrors
        expr: vector(1)
        labels: {namespace: shop, severity: critical}
        annotations: {summary: checkout answers 500}
"""
LABELS = {"alertname": "HighErrors", "namespace": "shop", "severity": "critical"}


def test_an_alert_becomes_an_incident_that_its_end_closes(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    with (
        served(tmp_path / "state") as (_, service),
        alertmanager(tmp_path, _routes(f"{service}/api/v1/alerts/alertmanager")) as alerts,
    ):
        with prometheus(tmp_path, "", _alerting(alerts), "--rules.alert.resend-delay=1s"):
            until(lambda: _incident(service).get("status") == "done", 60)
        post(alerts, endsAt=datetime.now(UTC).isoformat())
        until(lambda: bool(_incident(service)["resolved_at"]), 60)
        found = _incident(service)

    assert (found["cause"], found["component"]) == ("memory-limit-too-low", "deployment/shop/pricing")
    assert found["reported"]["description"] == "HighErrors: checkout answers 500"
    assert found["reported"]["namespace"] == "shop"
    assert found["reporter"] == "alertmanager"


def post(alerts: str, **more: object) -> None:
    """Tell Alertmanager of the alert, as Prometheus would after some minutes."""
    alert = {"labels": LABELS, **more}
    httpx.post(f"{alerts}/api/v2/alerts", json=[alert], trust_env=False, timeout=30).raise_for_status()


def _incident(service: str) -> dict[str, Any]:
    items = httpx.get(f"{service}/api/v1/incidents", trust_env=False, timeout=30).json()["items"]
    return dict(items[0]) if items else {}


def _routes(url: str) -> str:
    route = {"receiver": "sre", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "1s"}
    return json.dumps({"route": route, "receivers": [{"name": "sre", "webhook_configs": [{"url": url}]}]})


def _alerting(alerts: str) -> str:
    target = alerts.removeprefix("http://")
    return json.dumps(
        {
            "global": {"evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [target]}]}]},
        }
    )
