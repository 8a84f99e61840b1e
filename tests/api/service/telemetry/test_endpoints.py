"""/metrics and /readyz of a service: who may read them, and what they tell."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from secured import INCIDENTS, Client, Secured, asking

ALERT = {
    "version": "4",
    "groupKey": "a",
    "status": "firing",
    "receiver": "sre",
    "alerts": [{"status": "firing", "labels": {"alertname": "Down"}, "startsAt": "2030-05-01T12:00:00Z"}],
}


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    return tmp_path_factory.getbasetemp() / f"state-{tmp_path.name}"  # beside others, which share the compiled rules


@pytest.fixture
def secured(folder: Path) -> Secured:
    return Secured(folder)


@pytest.fixture
def client(secured: Secured) -> Iterator[Client]:
    with asking(secured) as client:
        yield client


def figures(client: Client, headers: dict[str, str]) -> dict[tuple[str, ...], float]:
    """Return all figures by name and values of labels, in the order of their names."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in found for one in family.samples}


def test_figures_need_a_key_that_may_read_and_sees_everything(secured: Secured, client: Client) -> None:
    reader, part = secured.key("reader", "read"), secured.key("part", "read", namespaces=["shop"])

    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=part).status_code == 403
    assert client.get("/metrics", headers=secured.key("sender", "report")).status_code == 403
    assert client.get("/metrics", headers=reader).status_code == 200


def test_open_figures_need_no_key(folder: Path) -> None:
    with asking(Secured(folder, open_metrics=True)) as client:
        assert client.get("/metrics").status_code == 200
        assert client.get(INCIDENTS).status_code == 401


def test_alerts_requests_refusals_and_what_waits_are_counted(secured: Secured, client: Client) -> None:
    key = secured.key("all", "read", "report")
    client.post("/api/alerts", json=ALERT, headers=key)
    client.post("/api/alerts", json=ALERT, headers=key)
    client.get(f"{INCIDENTS}/i{'0' * 28}", headers=key)
    client.head(INCIDENTS, headers=key)
    client.get(INCIDENTS)
    client.get("/nothing/here")

    found = figures(client, key)

    assert found["sre_orchestrator_alerts_total", "opened", "alertmanager"] == 1
    assert found["sre_orchestrator_alerts_total", "folded", "alertmanager"] == 1
    requests = "sre_orchestrator_http_requests_total"
    assert found[requests, "POST", "/api/alerts", "202"] == 2
    assert found[requests, "GET", f"{INCIDENTS}/{{incident_id}}", "404"] == 1
    assert found[requests, "HEAD", INCIDENTS, "200"] == 1
    assert found[requests, "GET", INCIDENTS, "401"] == 1
    assert found[requests, "GET", "none", "404"] == 1
    assert found["sre_orchestrator_http_request_duration_seconds_count", "POST", "/api/alerts"] == 2
    assert ("sre_orchestrator_queue_incidents", "queued") in found
    assert found["sre_orchestrator_queue_oldest_age_seconds",] >= 0
    assert found["sre_orchestrator_ready", "workers"] == 1
    assert found["process_start_time_seconds",] > 0


def test_every_answer_has_the_id_of_its_request(secured: Secured, client: Client) -> None:
    del secured
    given = client.get("/healthz", headers={"X-Request-ID": "from-a-proxy-1"}).headers["x-request-id"]
    made = [client.get("/healthz", headers=one).headers["x-request-id"] for one in ({}, {"X-Request-ID": "<script>"})]
    refused = client.get(INCIDENTS, headers={"X-Request-ID": "from-a-proxy-2"})

    assert given == "from-a-proxy-1"
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in made)
    assert made[0] != made[1]
    assert (refused.status_code, refused.headers["x-request-id"]) == (401, "from-a-proxy-2")


def test_a_store_that_does_not_answer_is_not_ready_and_metrics_still_come(secured: Secured, client: Client) -> None:
    key = secured.key("reader", "read")
    figures(client, key)
    with secured.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")

    ready = until_not_ready(client)

    assert ready["checks"]["store"]["ok"] is False
    assert "alembic_version" in ready["why"]
    assert figures(client, key)["sre_orchestrator_ready", "store"] == 0
    assert ("sre_orchestrator_queue_incidents", "queued") not in figures(client, key)


def until_not_ready(client: Client) -> dict[str, dict[str, dict[str, object]]]:
    end = time.monotonic() + 30  # an answer is remembered for a second, which a calm machine asks a thousand times in
    while time.monotonic() < end:
        answer = client.get("/readyz")
        if answer.status_code == 503:
            found: dict[str, dict[str, dict[str, object]]] = answer.json()
            return found
    raise AssertionError(answer.text)
