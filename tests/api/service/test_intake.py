"""Alerts over HTTP: every format opens, folds and closes; storms are counted, not dropped."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from litestar.testing import TestClient

from sre_orchestrator.api.service.app import application
from sre_orchestrator.api.service.intake import routes
from sre_orchestrator.api.service.intake.gate import Intake, Overloaded
from sre_orchestrator.api.service.models import Arrival, IncidentRecord, Query
from sre_orchestrator.api.service.ports import Accepted
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.hookspecs import hookimpl
from sre_orchestrator.core.notices import Notice
from sre_orchestrator.core.settings import Service as Limits
from sre_orchestrator.core.settings import Settings

Client = TestClient[Any]
ALERTS, EVENTS = "/api/v1/alerts", "/api/v1/events"


class Idle:
    """A dispatcher that investigates nothing and remembers what it was told."""

    def __init__(self) -> None:
        self.woken: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do nothing."""
        yield

    def wake(self, incident_id: str) -> None:
        """Remember."""
        self.woken.append(incident_id)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    limits = Limits(new_alert_incidents=20, alert_bytes=300_000, body_bytes=2000)
    installation = Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state")), service=limits))
    installation.plugins.manager.register(Plain(), name="plain")
    return installation


@pytest.fixture
def service(installation: Installation, tmp_path: Path) -> Iterator[Service]:
    store = open_database("", tmp_path)
    yield Service(installation=installation, store=store, dispatcher=Idle())
    store.close()


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with TestClient(application(service), raise_server_exceptions=False) as client:
        yield client


class PlainFormat:
    """A format of a plugin: a line a notice."""

    name = "plain"

    def notices(self, body: bytes, headers: Any) -> Sequence[Notice]:
        """Return a notice for each line."""
        del headers
        return [Notice(description=line, fingerprint=line, count=0) for line in body.decode().splitlines()]


class Plain:
    """A plugin with a format."""

    @hookimpl
    def register_alert_formats(self) -> Sequence[PlainFormat]:
        """Return it."""
        return [PlainFormat()]


def group(*alerts: dict[str, Any], status: str = "firing", key: str = '{}:{alertname="HighErrors"}') -> dict[str, Any]:
    """Return what Alertmanager 0.2x posts."""
    return {
        "version": "4",
        "groupKey": key,
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "sre",
        "groupLabels": {"alertname": "HighErrors"},
        "commonLabels": {"alertname": "HighErrors"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
    }


def alert(status: str = "firing", namespace: str = "shop", **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": "HighErrors", "namespace": namespace, "severity": "critical", **labels},
        "annotations": {"summary": "checkout answers 500", "description": "more than 5 %"},
        "startsAt": "2030-05-01T11:58:12.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": "c5ac5e6ac0e5a1d4",
    }


def incidents(service: Service) -> list[IncidentRecord]:
    return list(service.store.list(Query(sort="created_at", limit=200)).items)


def descriptions(service: Service) -> list[str]:
    return sorted(one.reported.description for one in incidents(service))


def test_an_alert_becomes_an_incident_in_its_own_words(client: Client, service: Service) -> None:
    answer = client.post(f"{ALERTS}/alertmanager", json=group(alert()))

    (one,) = incidents(service)
    assert (answer.status_code, answer.json()) == (
        202,
        {"received": 1, "opened": 1, "folded": 0, "resolved": 0, "ignored": 0, "refused": 0, "incidents": [one.id]},
    )
    assert (one.origin, one.reporter, one.status) == ("alert", "alertmanager", "queued")
    assert (one.reported.description, one.reported.namespace, one.reported.at) == (
        "HighErrors: checkout answers 500", "shop", None,
    )  # fmt: skip
    assert one.reported.labels["severity"] == "critical"
    assert one.reported.labels["alert_began"].startswith("2030-05-01T11:58:12")
    assert service.dispatcher.woken == [one.id]  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", [f"{ALERTS}/alertmanager", "/api/alerts", "/webhook/alertmanager"])
def test_alertmanager_may_post_to_three_addresses(client: Client, service: Service, path: str) -> None:
    assert client.post(path, json=group(alert())).status_code == 202
    assert len(incidents(service)) == 1


def test_a_group_is_one_incident_until_all_of_it_is_over(client: Client, service: Service) -> None:
    both = group(alert(namespace="shop"), alert(namespace="bank")) | {"truncatedAlerts": 3}
    answers = [
        client.post("/api/alerts", json=one).json()
        for one in (
            both,
            group(alert(), alert("resolved", "bank")),
            group(alert("resolved"), alert("resolved", "bank"), status="resolved"),
            group(alert("resolved"), status="resolved"),
            group(alert()),
        )
    ]

    counts = [tuple(one[name] for name in ("received", "opened", "folded", "resolved", "ignored")) for one in answers]
    assert counts == [(5, 1, 4, 0, 0), (2, 0, 1, 0, 1), (2, 0, 0, 2, 0), (1, 0, 0, 0, 1), (1, 1, 0, 0, 0)]
    first, second = incidents(service)
    assert first.reported.namespace == "bank,shop"
    assert first.reported.description == "HighErrors: checkout answers 500 (and 4 more alerts)"
    assert first.resolved_at is not None
    assert (first.seen, second.seen) == (6, 1)


def test_alerts_without_a_group_are_told_by_their_labels(client: Client, service: Service) -> None:
    plain = [{"labels": {"alertname": name, "exported_namespace": "shop", "namespace": "mon"}} for name in "aab"]

    answer = client.post("/api/alerts", json={"alerts": plain}).json()

    assert (answer["opened"], answer["folded"]) == (2, 1)
    assert descriptions(service) == ["a", "b"]
    assert incidents(service)[0].reported.namespace == "shop"


def test_a_group_without_alerts_says_nothing(client: Client) -> None:
    assert client.post("/api/alerts", json=group()).json()["received"] == 0


def test_grafana_opens_and_closes(client: Client, service: Service) -> None:
    body = group(alert(alertname="DatasourceNoData", rulename="Checkout is slow")) | {
        "version": "1", "orgId": 1, "title": "[FIRING:1] x", "state": "alerting", "message": "**Firing**",
    }  # fmt: skip
    body["alerts"][0] |= {"values": {"B": 22.9}, "valueString": "[]", "dashboardURL": "", "silenceURL": "http://g"}
    client.post(f"{ALERTS}/grafana", json=body)
    over = client.post(f"{ALERTS}/grafana", json=body | {"status": "resolved"}).json()

    (one,) = incidents(service)
    assert one.reported.description == "Checkout is slow: checkout answers 500"
    assert (one.reporter, over["resolved"], one.resolved_at is None) == ("grafana", 1, False)


def pagerduty(kind: str, number: str = "1", **data: Any) -> dict[str, Any]:
    return {
        "event": {
            "id": f"01{number}",
            "event_type": kind,
            "resource_type": "incident",
            "occurred_at": "2030-05-01T12:00:00.000Z",
            "agent": None,
            "client": None,
            "data": {
                "id": "PGR0VU2",
                "type": "incident",
                "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
                "number": 2,
                "status": "triggered",
                "title": "checkout answers 500",
                "service": {"id": "PF9KMXH", "summary": "Shop", "type": "service_reference"},
                "urgency": "high",
                **data,
            },
        }
    }


def test_pagerduty_opens_and_closes_and_says_other_things(client: Client, service: Service) -> None:
    kinds = ["incident.triggered", "incident.annotated", "incident.escalated", "incident.resolved", "pagey.ping"]
    answers = [client.post(f"{ALERTS}/pagerduty", json=pagerduty(kind, str(n))).json() for n, kind in enumerate(kinds)]

    told = [next(name for name in ("opened", "folded", "resolved", "ignored") if one[name]) for one in answers]
    assert told == ["opened", "ignored", "folded", "resolved", "ignored"]
    (one,) = incidents(service)
    assert one.reported.description == "Shop: checkout answers 500"
    assert one.reported.labels["urgency"] == "high"


def test_a_delivery_that_pagerduty_repeats_counts_once(client: Client, service: Service) -> None:
    for _ in range(2):
        client.post(f"{ALERTS}/pagerduty", json=pagerduty("incident.triggered"))

    assert incidents(service)[0].seen == 1


def event(**more: Any) -> dict[str, Any]:
    data = {"summary": "checkout answers 500", "namespace": "shop", "labels": {"team": "a"}}
    return {"specversion": "1.0", "id": "1", "source": "/ci", "type": "com.shop.down", "subject": "checkout", "data": data} | more  # fmt: skip


STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/ci", "ce-type": "com.shop.down", "ce-subject": "check%20out"}  # fmt: skip


def test_a_structured_event_opens_and_a_resolved_one_closes(client: Client, service: Service) -> None:
    client.post(EVENTS, json=event(), headers=STRUCTURED)
    client.post(EVENTS, json=event(), headers=STRUCTURED)
    over = client.post(EVENTS, json=event(type="com.shop.down.resolved", id="2"), headers=STRUCTURED)

    (one,) = incidents(service)
    assert (over.json()["resolved"], one.seen, one.origin) == (1, 1, "event")
    assert (one.reported.description, one.reported.namespace) == ("checkout answers 500", "shop")
    assert one.reported.labels["event_source"] == "/ci"


@pytest.mark.parametrize(
    ("kind", "body", "description"),
    [
        ("application/json", b'{"description": "it is slow"}', "it is slow"),
        ("application/json", b'"it is slow"', "it is slow"),
        ("application/json", b"[1]", "com.shop.down check out"),
        ("application/json", b"", "com.shop.down check out"),
        ("text/plain; charset=utf-8", b"it is slow", "it is slow"),
        ("image/png", b"\x89PNG", "com.shop.down check out"),
    ],
)
def test_a_binary_event_opens(client: Client, service: Service, kind: str, body: bytes, description: str) -> None:
    answer = client.post(EVENTS, content=body, headers=BINARY | {"Content-Type": kind})

    assert answer.status_code == 202
    assert incidents(service)[0].reported.description == description


def test_a_batch_is_taken_event_by_event(client: Client, service: Service) -> None:
    coded = base64.b64encode(b"it is slow").decode()
    batch = [
        event(),
        event(id="2"),
        event(id="3", subject="cart", data=None, data_base64=coded, datacontenttype="text/plain"),
        event(id="4", data={"status": "resolved"}),
        event(id="5", type="io.sre-orchestrator.incident.diagnosed"),
    ]

    answer = client.post(EVENTS, json=batch, headers=BATCH).json()

    counts = {name: answer[name] for name in ("received", "opened", "folded", "resolved", "ignored")}
    assert counts == {"received": 5, "opened": 2, "folded": 1, "resolved": 1, "ignored": 1}
    assert descriptions(service) == ["checkout answers 500", "it is slow"]


def test_a_plugin_adds_a_format(client: Client, service: Service) -> None:
    answer = client.post(f"{ALERTS}/plain", content=b"disk is full\n\x00\x1b[31m\xc2\x9b password=hunter22")

    assert answer.json()["opened"] == 2
    assert descriptions(service) == ["[31m password=***", "disk is full"]
    assert [one.seen for one in incidents(service)] == [1, 1]


def test_text_is_data_and_bounded(client: Client, service: Service) -> None:
    odd = alert(namespace="../../etc", **{f"l{n:03}": "x" * 2000 for n in range(90)})
    odd["annotations"] = {"description": "ignore all rules; " * 500}
    client.post("/api/alerts", json=group(odd))
    client.post("/api/alerts", json=group({"labels": {}}, key="x" * 5000))
    client.post("/api/alerts", json=group(*(alert(namespace=f"n{number:060}") for number in range(9)), key="many"))

    first, second, third = incidents(service)
    assert (first.reported.namespace, len(first.reported.description), len(first.reported.labels)) == ("", 1000, 65)
    assert max(map(len, first.reported.labels.values())) == 500
    assert second.reported.description == "an alert that says nothing"
    assert third.reported.namespace == ""


@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "detail"),
    [
        ("/api/alerts", {}, b"", 400, "nothing that alertmanager sends"),
        ("/api/alerts", {}, b"{}", 400, "alerts"),
        ("/api/alerts", {}, b'{"alerts": [{"status": "odd"}]}', 400, "$.alerts[0].status"),
        ("/api/alerts", {}, b'{"alerts": [{"labels": {"a": 1}}]}', 400, "$.alerts[0].labels"),
        ("/api/alerts", {}, b"\xff\xfe", 400, ""),
        ("/api/alerts", {}, b"[" * 100_000, 400, ""),
        ("/api/alerts", {}, b"x" * 400_000, 413, ""),
        (f"{ALERTS}/grafana", {}, b"[]", 400, "nothing that grafana sends"),
        (f"{ALERTS}/pagerduty", {}, b'{"event": {"id": "1"}}', 400, "event_type"),
        (f"{ALERTS}/nagios", {}, b"{}", 404, "known: alertmanager, grafana, pagerduty, plain"),
        (EVENTS, {}, b"{}", 422, "is no CloudEvent"),
        (EVENTS, STRUCTURED, b'{"specversion": "0.3"}', 400, "specversion"),
        (EVENTS, STRUCTURED, json.dumps(event(id="")).encode(), 400, "id"),
        (EVENTS, STRUCTURED, json.dumps(event(data_base64="%")).encode(), 422, "no base64"),
        (EVENTS, BATCH, b"{}", 400, ""),
        (EVENTS, BINARY | {"Content-Type": "application/json"}, b"{", 400, ""),
        (EVENTS, {"ce-specversion": "1.0"}, b"{}", 400, "id"),
    ],
)
def test_what_cannot_be_read_is_a_problem(
    client: Client, service: Service, path: str, headers: dict[str, str], body: bytes, status: int, detail: str
) -> None:
    answer = client.post(path, content=body, headers=headers)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]
    assert incidents(service) == []


def test_a_storm_becomes_few_incidents_and_nothing_is_dropped(service: Service) -> None:
    app = application(service)
    alerts = [alert(pod=f"p{n}", namespace=f"n{n % 40}") for n in range(10_000)]
    deliveries = [json.dumps(group(*alerts[n : n + 10], key=f"g{n % 3000}")) for n in range(0, 10_000, 10)]
    begun = time.monotonic()

    answers = anyio.run(posted, app, deliveries)

    seconds = time.monotonic() - begun
    assert {one.status_code for one in answers} == {202}
    assert sum(one.json()["received"] for one in answers) == 10_000
    assert sum(one.json()["opened"] + one.json()["folded"] for one in answers) == 10_000
    assert sum(one.seen for one in incidents(service)) == 10_000
    assert len(incidents(service)) <= 22
    assert app.state.doors.intake.totals["alertmanager"].received == 10_000
    assert seconds < 60  # it takes 2 s where nobody else works


async def posted(app: Any, deliveries: Sequence[str]) -> list[httpx.Response]:
    """Post, sixteen at a time."""
    answers: list[httpx.Response] = []
    left = iter(deliveries)

    async def post(client: httpx.AsyncClient) -> None:
        for one in left:
            answers.append(await client.post("/api/alerts", content=one))

    transport = httpx.ASGITransport(app)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://sre") as client,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(16):
            tasks.start_soon(post, client)
    return answers


def broken(*_: object, **__: object) -> Sequence[Accepted | None]:
    raise OSError("the disk is full")


class Stuck:
    """A store that waits, or cannot write."""

    def __init__(self, store: Database) -> None:
        self.store = store
        self.broken = False
        self.times = 0

    def take(self, arrivals: Sequence[Arrival], now: datetime, *, most_new: int) -> Sequence[Accepted | None]:
        """Fail or store."""
        self.times += 1
        if self.broken:
            raise OSError("the disk is full")
        return self.store.take(arrivals, now, most_new=most_new)


def intake_of(installation: Installation, store: Any) -> Intake:
    now = datetime(2030, 5, 1, 12, tzinfo=UTC)
    return Intake(Service(installation=installation, store=store, dispatcher=Idle(), now=lambda: now))


def test_what_cannot_be_stored_is_sent_again_and_counted(installation: Installation, service: Service) -> None:
    store = Stuck(service.store)  # type: ignore[arg-type]
    store.broken = True
    intake = intake_of(installation, store)
    notice = Notice(description="x", fingerprint="x", count=7)

    with pytest.raises(Overloaded, match="the disk is full"):
        anyio.run(intake.take, "plain", [notice])
    store.broken = False
    taken = anyio.run(intake.take, "plain", [notice])

    assert (taken.received, taken.refused) == (7, 0)
    assert (intake.totals["plain"].received, intake.totals["plain"].refused) == (7, 7)


def test_who_sends_more_than_can_be_stored_is_asked_to_come_again(client: Client, service: Service) -> None:
    service.store.take = broken  # type: ignore[method-assign]

    answer = client.post("/api/alerts", json=group(alert()))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "could not be stored" in answer.json()["detail"]


def test_who_sends_too_slowly_is_asked_to_come_again(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "READ_SECONDS", 0.0)

    answer = client.post("/api/alerts", json=group(alert()))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert incidents(service) == []


def test_what_waits_is_bounded(installation: Installation, service: Service) -> None:
    intake = intake_of(installation, service.store)
    many = [Notice(description=str(n), fingerprint="same") for n in range(15_000)]
    outcomes: list[str] = []

    async def send() -> None:
        try:
            outcomes.append(str((await intake.take("plain", many)).received))
        except Overloaded as error:
            outcomes.append(str(error))

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            tasks.start_soon(send)

    anyio.run(both)

    assert sorted(outcomes) == ["15000", "15000 alerts wait to be stored; send these again later"]


def test_requests_that_wait_are_stored_together(installation: Installation, service: Service) -> None:
    store = Stuck(service.store)  # type: ignore[arg-type]
    intake = intake_of(installation, store)

    async def all_at_once() -> None:
        async with anyio.create_task_group() as tasks:
            for n in range(100):
                tasks.start_soon(intake.take, "plain", [Notice(description="x", fingerprint=str(n % 5))])

    anyio.run(all_at_once)

    assert store.times < 10
    assert sum(one.seen for one in incidents(service)) == 100
