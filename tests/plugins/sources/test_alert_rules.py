"""Alert rules in files are read, kept, and told of alerts that fire."""

from __future__ import annotations

from pathlib import Path

import pytest

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.plugins.sources.alert_rules import (
    AlertRule,
    keep_alert_rules,
    kept_alert_rules,
    metrics_in,
    read_alert_rules,
    with_kept_rules,
)
from sre_orchestrator.plugins.sources.ports import Alert

GROUPS = b"""groups:
- name: shop
  interval: 30s
  rules:
  - record: job:requests:rate5m
    expr: sum(rate(http_requests_total[5m])) by (job)
  - alert: CartErrors
    expr: |
      rate(errors_total[5m])
        > 1
    for: 5m
    labels: {severity: critical, tier: 1}
    annotations: {summary: "Cart fails", runbook_url: https://runbooks/cart, description: "{{ $value }} errors"}
"""
WRAPPED = (
    b"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n  groups:\n  - rules: [{alert: A, expr: 1}]\n"
)
LIST = b"kind: List\nitems:\n- spec: {groups: [{rules: [{alert: B, expr: up == 0}]}]}\n"
CART = AlertRule(
    name="CartErrors",
    expression="rate(errors_total[5m]) > 1",
    labels={"severity": "critical", "tier": "1"},
    annotations={"summary": "Cart fails", "runbook_url": "https://runbooks/cart", "description": "{{ $value }} errors"},
    origin="shop.yaml",
)


def fires(name: str = "CartErrors", **more: str) -> Alert:
    return Alert(labels={"alertname": name, **more}, annotations={"summary": "own words"})


def test_a_rule_file_is_read() -> None:
    assert read_alert_rules(GROUPS, "shop.yaml") == (CART,)


def test_objects_of_the_operator_and_several_documents_are_read() -> None:
    found = read_alert_rules(b"---\n" + WRAPPED + b"---\n" + LIST, "all.yaml")

    assert [(one.name, one.expression) for one in found] == [("A", "1"), ("B", "up == 0")]


@pytest.mark.parametrize("text", [b"kind: Deployment\nspec: {replicas: 1}\n", b"", b"# alert: none\n"])
def test_other_files_hold_none(text: bytes) -> None:
    assert read_alert_rules(text, "x.yaml") == ()


def test_rules_that_cannot_be_read_are_told() -> None:
    with pytest.raises(InputError, match=r"x\.yaml: its alert rules cannot be read: .*; try promtool check rules"):
        read_alert_rules(b"groups: [{rules: [{alert: [x]}]}]", "x.yaml")


def test_rules_are_kept_by_file(tmp_path: Path) -> None:
    other = AlertRule(name="Other", origin="other.yaml")
    keep_alert_rules(str(tmp_path), {"shop.yaml": [CART], "other.yaml": [other]})
    keep_alert_rules(str(tmp_path), {"shop.yaml": []})

    assert kept_alert_rules(str(tmp_path)) == (other,)


def test_where_nobody_kept_rules_there_are_none(tmp_path: Path) -> None:
    alerts = [fires()]

    assert kept_alert_rules(str(tmp_path)) == ()
    assert with_kept_rules(alerts, str(tmp_path)) is alerts
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "knowledge" / "alert-rules.json").write_bytes(b"noise")
    assert kept_alert_rules(str(tmp_path)) == ()


def test_rules_that_cannot_be_kept_are_told(tmp_path: Path) -> None:
    (tmp_path / "knowledge").write_bytes(b"")

    with pytest.raises(InputError, match=r"alert-rules\.json: cannot be written: .*; choose another --state-dir"):
        keep_alert_rules(str(tmp_path), {"shop.yaml": [CART]})


def test_an_alert_gets_what_its_rule_says_beside_its_own_words(tmp_path: Path) -> None:
    keep_alert_rules(str(tmp_path), {"shop.yaml": [CART]})

    told, warned, other = with_kept_rules([fires(), fires(severity="warning"), fires("Else")], str(tmp_path))

    assert told.expression == CART.expression
    assert told.annotations == {"summary": "own words", "runbook_url": "https://runbooks/cart"}
    assert (warned, other) == (fires(severity="warning"), fires("Else"))


@pytest.mark.parametrize(
    ("expression", "metrics"),
    [
        ('rate(http_requests_total{code=~"5.."}[5m]) / on (job) group_left (x_y) up_total > 0.1', ["http_requests_total", "up_total"]),
        ('histogram_quantile(0.9, sum by (le, a_b) (rate(req_seconds_bucket{a="x{y_z}"}[1m:30s]))) > 1', ["req_seconds_bucket"]),
        ("max_over_time(queue_depth[5m]) > queue_depth offset 1h", ["queue_depth"]),
        ("vector(1)", []),
    ],
)  # fmt: skip
def test_the_metrics_of_an_expression_are_found(expression: str, metrics: list[str]) -> None:
    assert list(metrics_in(expression)) == metrics
