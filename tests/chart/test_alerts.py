"""The alert rules: promtool accepts them, each fires where it should and is silent where it should not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm import CHART, HELMS, manifests, one_of, template
from observing import promtool

RULES = CHART / "alerts" / "sre-orchestrator.yaml"
PAGE = CHART.parent / "docs" / "how-to" / "observe-the-service.md"
P = "sre_orchestrator_"
ALIVE = {"series": f'{P}build_info{{namespace="tools"}}', "values": "1x180"}
FIRING: dict[str, dict[str, str]] = {
    "SreOrchestratorAbsent": {"other_metric": "1x180"},
    "SreOrchestratorNotReady": {f'{P}ready{{check="workers",instance="a"}}': "1x60 0x120"},
    "SreOrchestratorBlind": {f'{P}ready{{check="cluster",instance="a"}}': "1x60 0x120"},
    "SreOrchestratorInvestigationsFail": {
        f'{P}investigations_total{{verdict="failed",cause=""}}': "0x60 0+1x120",
        f'{P}investigations_total{{verdict="diagnosed",cause="oom"}}': "0+1x180",
    },
    "SreOrchestratorQueueStuck": {f"{P}queue_oldest_age_seconds": "0x60 0+60x120"},
    "SreOrchestratorNothingInvestigated": {
        f'{P}alerts_total{{source="alertmanager",result="opened"}}': "0x60 0+1x120",
        f'{P}investigations_total{{verdict="diagnosed",cause="oom"}}': "0x180",
    },
    "SreOrchestratorAgentFails": {
        f'{P}agent_errors_total{{agent="logs"}}': "0x60 0+1x120",
        f'{P}agent_duration_seconds_count{{agent="logs"}}': "0+1x180",
    },
    "SreOrchestratorNotificationsFail": {
        f'{P}notifications_total{{target="slack",outcome="retried"}}': "0x60 0+1x120",
        f'{P}notifications_total{{target="slack",outcome="delivered"}}': "0+1x60 60x120",
    },
    "SreOrchestratorAlertsRefused": {f'{P}alerts_total{{source="grafana",result="refused"}}': "0x60 0+5x120"},
}
SILENT: dict[str, dict[str, str]] = {
    "SreOrchestratorAbsent": {},
    "SreOrchestratorNotReady": {
        f'{P}ready{{check="workers",instance="a"}}': "1x180",
        f'{P}ready{{check="draining",instance="a"}}': "0x180",
    },
    "SreOrchestratorBlind": {f'{P}ready{{check="cluster",instance="a"}}': "0 1x180"},
    "SreOrchestratorInvestigationsFail": {
        f'{P}investigations_total{{verdict="failed",cause=""}}': "0x100 1x80",
        f'{P}investigations_total{{verdict="diagnosed",cause="oom"}}': "0+1x180",
    },
    "SreOrchestratorQueueStuck": {f"{P}queue_oldest_age_seconds": "100x180"},
    "SreOrchestratorNothingInvestigated": {
        f'{P}alerts_total{{source="alertmanager",result="opened"}}': "0+1x180",
        f'{P}investigations_total{{verdict="diagnosed",cause="oom"}}': "0+1x180",
    },
    "SreOrchestratorAgentFails": {
        f'{P}agent_errors_total{{agent="logs"}}': "0+0.1x180",
        f'{P}agent_duration_seconds_count{{agent="logs"}}': "0+1x180",
    },
    "SreOrchestratorNotificationsFail": {
        f'{P}notifications_total{{target="slack",outcome="retried"}}': "0+1x180",
        f'{P}notifications_total{{target="slack",outcome="delivered"}}': "0+1x180",
    },
    "SreOrchestratorAlertsRefused": {f'{P}alerts_total{{source="grafana",result="refused"}}': "5x180"},
}


def rules() -> dict[str, Any]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {one["alert"]: one for one in group["rules"]}


def test_each_rule_has_a_case_for_both_sides_and_says_what_to_do() -> None:
    found = rules()

    assert set(FIRING) == set(SILENT) == set(found)
    headings = {one.lower() for one in re.findall(r"^#+ (\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)}
    for name, one in found.items():
        assert set(one["annotations"]) == {"summary", "description", "runbook_url"}
        assert one["annotations"]["runbook_url"] == f"docs/how-to/observe-the-service.md#{name.lower()}"
        assert name.lower() in headings
        assert one["labels"]["severity"] in {"critical", "warning", "info"}


def test_promtool_accepts_the_rules() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "rules", str(RULES))


@pytest.mark.parametrize(("cases", "fires"), [(FIRING, True), (SILENT, False)], ids=["firing", "silent"])
def test_each_rule_fires_and_is_silent_as_it_should(
    cases: dict[str, dict[str, str]], fires: bool, tmp_path: Path
) -> None:
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()]
            + ([] if fires and alert == "SreOrchestratorAbsent" else [ALIVE]),
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > 0 or vector(0)',
                    "eval_time": "150m",
                    "exp_samples": [{"labels": "{}", "value": 1 if fires else 0}],
                }
            ],
        }
        for alert, series in cases.items()
    ]
    file = tmp_path / "tests.json"  # which is YAML
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))

    assert "SUCCESS" in promtool("test", "rules", str(file))


def test_what_a_rule_says_names_whom_it_is_about(tmp_path: Path) -> None:
    alert = rules()["SreOrchestratorNotReady"]
    expected = {
        "exp_labels": {"severity": "critical", "check": "workers", "instance": "a"},
        "exp_annotations": alert["annotations"]
        | {"description": "a fails its check workers; /readyz says why. It accepts no incidents meanwhile."},
    }
    series = [{"series": name, "values": values} for name, values in FIRING["SreOrchestratorNotReady"].items()]
    told = {"eval_time": "150m", "alertname": "SreOrchestratorNotReady", "exp_alerts": [expected]}
    test = {"interval": "1m", "input_series": [*series, ALIVE], "alert_rule_test": [told]}
    file = tmp_path / "tests.json"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))

    assert "SUCCESS" in promtool("test", "rules", str(file))


@pytest.mark.parametrize("version", HELMS)
def test_the_chart_carries_rules_and_dashboard_as_they_are(version: str, tmp_path: Path) -> None:
    documents = manifests(template(version, combination="observed").stdout)
    rule = one_of(documents, "PrometheusRule")
    (dashboard,) = [one for one in documents if one["kind"] == "ConfigMap" and "settings.yaml" not in one["data"]]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rule["spec"]), encoding="utf-8")

    assert f"{len(rules())} rules found" in promtool("check", "rules", str(file))
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    urls = [one["annotations"]["runbook_url"] for one in rule["spec"]["groups"][0]["rules"]]
    assert all(one.startswith("https://docs.example.com/sre-orchestrator/how-to/observe-the-service") for one in urls)
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    shipped = (CHART / "dashboards" / "sre-orchestrator.json").read_text(encoding="utf-8")
    assert json.loads(dashboard["data"]["sre-orchestrator.json"]) == json.loads(shipped)


@pytest.mark.parametrize("version", HELMS)
def test_prometheus_reads_the_figures_without_a_key_where_the_chart_has_it_scrape(version: str) -> None:
    for combination, opened in (("observed", True), ("default", False)):
        documents = manifests(template(version, combination=combination).stdout)
        (settings,) = [one["data"]["settings.yaml"] for one in documents if "settings.yaml" in one.get("data", {})]

        assert json.loads(settings)["service"].get("open_metrics", False) is opened
        assert bool([one for one in documents if one["kind"] == "PrometheusRule"]) is opened
