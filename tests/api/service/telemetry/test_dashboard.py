"""The dashboard: a real Prometheus that scrapes a running service has what every panel shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest
from helm import CHART
from metric_servers import free_port, prometheus, until
from observing import promtool
from served import served

from sre_orchestrator.api.service.telemetry import Figures

DASHBOARD: dict[str, Any] = json.loads((CHART / "dashboards" / "sre-orchestrator.json").read_text(encoding="utf-8"))
ALERTS = (CHART / "alerts" / "sre-orchestrator.yaml").read_text(encoding="utf-8")
SCRAPE = """\
global: {scrape_interval: 500ms, scrape_timeout: 500ms}
scrape_configs:
  - job_name: sre
    static_configs: [{targets: [TARGET], labels: {namespace: tools}}]
"""
SETTINGS = "service: {notify: [{kind: webhook, url: 'http://127.0.0.1:PORT/'}]}\n"
ALERT = {"version": "4", "groupKey": "a", "status": "firing", "alerts": [{"labels": {"alertname": "Down"}}]}
NAME = re.compile(r"\bsre_orchestrator_\w+")


def asked(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=10) as answer:
        return json.load(answer)


def expressions() -> list[str]:
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    times = {"$__rate_interval": "1m", "$__range": "1m", "$namespace": ".*"}
    for name, value in times.items():
        found = [one.replace(name, value) for one in found]
    return found


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a service and a Prometheus that has scraped it before and after one investigation; yield the latter's address."""
    folder = tmp_path_factory.mktemp("scraped")
    settings = folder / "settings.yaml"
    settings.write_text(SETTINGS.replace("PORT", str(free_port())), encoding="utf-8")
    with served(folder / "state", settings) as (_, service):
        config = SCRAPE.replace("TARGET", urlsplit(service).netloc)
        with prometheus(folder / "prometheus", "", config) as address:
            until(lambda: bool(result(address, "sre_orchestrator_investigations_total")), 30)
            asked(f"{service}/api/alerts", ALERT)
            until(
                lambda: bool(result(address, "increase(sre_orchestrator_investigation_duration_seconds_count[1m])>0")),
                90,
            )
            yield address


def result(address: str, expression: str) -> list[Any]:
    found: list[Any] = asked(f"{address}/api/v1/query?{urlencode({'query': expression})}")["data"]["result"]
    return found


def test_every_panel_shows_something_after_one_investigation(scraped: str) -> None:
    def empty() -> list[str]:
        return [one for one in expressions() if not result(scraped, one)]

    with suppress(AssertionError):  # a rate needs two scrapes of what came with the investigation
        until(lambda: not empty(), 60)

    assert empty() == []


def test_an_alert_becomes_figures_by_cause(scraped: str) -> None:
    found = result(scraped, 'sre_orchestrator_investigations_total{cause!=""}')

    assert [(one["metric"]["verdict"], one["metric"]["namespace"], one["value"][1]) for one in found] == [
        ("diagnosed", "tools", "1")
    ]
    until(lambda: bool(result(scraped, 'sre_orchestrator_notifications_total{outcome="retried"} > 0')), 30)


def test_every_figure_that_rules_and_panels_name_exists(scraped: str) -> None:
    named = set(NAME.findall(ALERTS)) | {name for one in expressions() for name in NAME.findall(one)}

    assert {name for name in named if not result(scraped, name)} == set()


def test_every_figure_of_investigations_is_shown() -> None:
    shown = " ".join(expressions())

    assert [name for name in Figures().labels if name not in shown] == []


def test_panels_have_titles_and_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]

    assert len({one["id"] for one in panels}) == len({one["title"] for one in panels}) == len(panels)
    places = [(one["gridPos"]["x"] + x, one["gridPos"]["y"]) for one in panels for x in range(one["gridPos"]["w"])]
    assert len(set(places)) == len(places)
    assert all(x < 24 for x, _ in places)


def test_every_expression_is_promql(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(expressions())]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")

    assert f"{len(rules)} rules found" in promtool("check", "rules", str(file))
