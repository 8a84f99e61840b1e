"""Who may do what: keys, scopes, namespaces; and what is written down."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from investigation import NOW
from secured import INCIDENTS, Client, Secured
from service import bundle_of
from structlog.testing import capture_logs

from sre_orchestrator.api.service.models import Arrival, Feedback, Happened, Reported
from sre_orchestrator.api.service.ports import Caller
from sre_orchestrator.api.service.security.callers import ANYBODY, Forbidden, calling, current
from sre_orchestrator.api.service.security.gate import Gate
from sre_orchestrator.api.service.security.mounted import gate_for
from sre_orchestrator.api.service.security.scoped import ScopedStore
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings

REPORT = {"description": "checkout answers 500"}


@pytest.fixture(scope="module")
def admin(secured: Secured) -> dict[str, str]:
    return secured.key("root", "admin")


@pytest.fixture(scope="module")
def shop(secured: Secured) -> dict[str, str]:
    return secured.key("shop", "read", "report", namespaces=["shop"])


def done(client: Client, headers: dict[str, str], **reported: str) -> dict[str, Any]:
    """Report an incident and return it when it is done."""
    location = client.post(INCIDENTS, json=REPORT | reported, headers=headers).headers["Location"]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        view: dict[str, Any] = client.get(location, headers=headers).json()
        if view["status"] in {"done", "failed"}:
            return view
        time.sleep(0.02)
    raise AssertionError(view)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "sre_000000000000_" + "A" * 43},
        {"X-API-Key": "é"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic c2hvcDpzaG9w"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer a", "X-API-Key": "a"},
    ],
)
@pytest.mark.parametrize("path", [INCIDENTS, "/api/v1/rules", "/api/v1/openapi/openapi.json", f"{INCIDENTS}/i0/bundle"])
def test_nobody_comes_in_without_a_key(client: Client, headers: dict[str, str], path: str) -> None:
    answer = client.get(path, headers={name: text.encode() for name, text in headers.items()})

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_address_but_health_and_explanations_asks_for_a_key(secured: Secured, client: Client) -> None:
    opened = set()
    page = {"/", "/web/{digest:str}/{name:str}"}  # the same for everybody
    for route in secured.app.routes:
        path = route.path.replace("{incident_id:str}", "i0").replace("{name:str}", "not-found")
        for method in sorted(getattr(route, "methods", {"GET"}) - {"OPTIONS"}):
            if client.request(method, path).status_code != 401:
                opened.add(route.path)

    assert opened <= page | {"/healthz", "/readyz", "/problems/{name:str}"}


def test_a_key_is_taken_in_either_header(client: Client, admin: dict[str, str]) -> None:
    bearer = {"Authorization": f"bearer {admin['X-API-Key']}"}

    assert [client.get(INCIDENTS, headers=one).status_code for one in (admin, bearer)] == [200, 200]


def test_a_scope_allows_what_it_says(secured: Secured, client: Client) -> None:
    reader, reporter = secured.key("reader", "read"), secured.key("reporter", "report")

    answers = {
        (name, method): client.request(method, INCIDENTS, headers=key, json=REPORT if method == "POST" else None)
        for name, key in (("reader", reader), ("reporter", reporter))
        for method in ("GET", "POST")
    }

    assert {key: one.status_code for key, one in answers.items()} == {
        ("reader", "GET"): 200, ("reader", "POST"): 403, ("reporter", "GET"): 403, ("reporter", "POST"): 202,
    }  # fmt: skip
    assert "needs the scope report" in answers["reader", "POST"].json()["detail"]


def test_a_revoked_key_is_refused_at_once(secured: Secured, client: Client) -> None:
    key = secured.key("leaver", "read")
    before = client.get(INCIDENTS, headers=key).status_code
    secured.store.keys.revoke("leaver", NOW)

    assert (before, client.get(INCIDENTS, headers=key).status_code) == (200, 401)


def test_who_reported_it_is_kept(client: Client, shop: dict[str, str]) -> None:
    assert done(client, shop)["reporter"] == "key:shop"


def test_a_report_without_a_namespace_is_about_those_of_the_key(client: Client, shop: dict[str, str]) -> None:
    assert done(client, shop)["reported"]["namespace"] == "shop"


@pytest.mark.parametrize("namespace", ["bank", "shop,bank", " bank"])
def test_a_report_names_no_namespace_outside(client: Client, shop: dict[str, str], namespace: str) -> None:
    answer = client.post(INCIDENTS, json=REPORT | {"namespace": namespace}, headers=shop)

    assert answer.status_code == 403
    assert "namespace 'bank'" in answer.json()["detail"]


@pytest.mark.parametrize("namespace", ["bank", "shop,bank", ""])
def test_what_is_outside_is_not_there(
    client: Client, admin: dict[str, str], shop: dict[str, str], namespace: str
) -> None:
    hidden = done(client, admin, namespace=namespace)["id"]
    asked = {"cause": "image-reference-wrong", "component": "deployment/shop/checkout"}
    said = {"cause": "image-reference-wrong", "component": "deployment/shop/checkout", "right": True}

    answers = [
        client.get(f"{INCIDENTS}/{hidden}", headers=shop),
        client.get(f"{INCIDENTS}/{hidden}/events", headers=shop),
        client.get(f"{INCIDENTS}/{hidden}/bundle", headers=shop),
        client.get(f"{INCIDENTS}/{hidden}/report.md", headers=shop),
        client.get(f"{INCIDENTS}/{hidden}/why-not", params=asked, headers=shop),
        client.post(f"{INCIDENTS}/{hidden}/feedback", json=said, headers=shop),
    ]

    assert [one.status_code for one in answers] == [404] * 6
    assert {one.json()["detail"] for one in answers} == {f"there is no incident '{hidden}'"}
    listed = client.get(INCIDENTS, headers=shop, params={"limit": 200}).json()["items"]
    assert hidden not in [one["id"] for one in listed]


def test_what_is_inside_is_there(client: Client, admin: dict[str, str], shop: dict[str, str]) -> None:
    seen = done(client, admin, namespace="shop")["id"]

    paths = (seen, f"{seen}/events", f"{seen}/bundle", f"{seen}/report.md")
    assert [client.get(f"{INCIDENTS}/{one}", headers=shop).status_code for one in paths] == [200] * 4
    assert seen in [one["id"] for one in client.get(INCIDENTS, headers=shop).json()["items"]]


def test_a_key_of_one_is_not_answered_with_the_incident_of_another(
    client: Client, admin: dict[str, str], shop: dict[str, str]
) -> None:
    once = {"Idempotency-Key": "once"}
    first = client.post(INCIDENTS, json=REPORT | {"namespace": "bank"}, headers=admin | once).json()

    mine, again = (client.post(INCIDENTS, json=REPORT, headers=shop | once).json() for _ in range(2))

    assert mine["id"] == again["id"] != first["id"]


def test_alerts_of_a_key_stay_in_its_namespaces(client: Client, admin: dict[str, str], shop: dict[str, str]) -> None:
    def alert(namespace: str, status: str) -> dict[str, Any]:
        labels = {"alertname": "Down", "namespace": namespace}
        return {"version": "4", "groupKey": "g", "status": status, "alerts": [{"status": status, "labels": labels}]}

    opened = client.post("/api/v1/alerts/alertmanager", json=alert("bank", "firing"), headers=admin).json()
    outside = client.post("/api/v1/alerts/alertmanager", json=alert("bank", "resolved"), headers=shop)
    inside = client.post("/api/v1/alerts/alertmanager", json=alert("shop", "resolved"), headers=shop).json()

    assert outside.status_code == 403
    assert (opened["opened"], inside["resolved"], inside["ignored"]) == (1, 0, 1)
    assert client.get(f"{INCIDENTS}/{opened['incidents'][0]}", headers=admin).json().get("resolved_at") is None


def test_the_audit_log_says_who_did_what_and_how_it_ended(client: Client, shop: dict[str, str]) -> None:
    with capture_logs() as logs:
        made = client.post(INCIDENTS, json=REPORT, headers=shop).json()["id"]
        client.get(f"{INCIDENTS}/{made}?x=secret", headers=shop)
        client.get(INCIDENTS, headers={"X-API-Key": "guess"})
        client.post(INCIDENTS, json=REPORT | {"namespace": "bank"}, headers=shop)
        client.get("/healthz")

    audit = [one for one in logs if one["event"] == "audit"]
    assert [(one["who"], one["what"], one["incident"], one["status"]) for one in audit] == [
        ("key:shop", "POST /api/v1/incidents", made, 202),
        ("key:shop", "GET /api/v1/incidents/{incident_id}", made, 200),
        ("", "GET /api/v1/incidents", "", 401),
        ("key:shop", "POST /api/v1/incidents", "", 403),
    ]
    assert "secret" not in str(audit)
    assert REPORT["description"] not in str(audit)


def test_nobody_asks_for_the_work_of_the_service(secured: Secured) -> None:
    store, now = ScopedStore(secured.store), NOW
    refused = [
        lambda: store.claim(now),
        lambda: store.requeue_running(now),
        lambda: store.prune(now),
        lambda: store.fail("i0", "", now, retry=False),
        lambda: store.finish("i0", bundle_of(), now),
        lambda: store.keep(Arrival(reported=Reported(description="x"), origin="watch"), bundle_of(), now),
        lambda: store.kept_as("watch shop w1"),
        lambda: store.resolve("i0", now),
        lambda: store.note("i0", Happened(number=0, at=now, what="step")),
        lambda: store.feedback("i0", Feedback(cause="x", component="y", right=True), "", now),
    ]

    with calling(Caller(name="x", scopes=frozenset({"admin"}))):
        for one in refused:
            with pytest.raises(Forbidden):
                one()

    assert current() is ANYBODY


def test_callers_read_the_last_words_on_what_they_may_see(tmp_path: Path) -> None:
    kept = open_database("", tmp_path)
    for namespace in ("shop", "bank", ""):
        reported = Reported(description="down", namespace=namespace)
        name = kept.accept(Arrival(reported=reported, origin="api"), NOW).record.id
        kept.feedback(name, Feedback(cause="x", component=namespace, right=True), "", NOW)
    store = ScopedStore(kept)

    with calling(Caller(name="x", scopes=frozenset({"read"}), namespaces=("shop",))):
        mine = [one.feedback.component for one in store.last_words("x", limit=9, namespaces=["bank"])]
    every = [one.feedback.component for one in store.last_words("x", limit=9)]

    assert (mine, every) == (["shop"], ["", "bank", "shop"])


def test_alerts_are_stored_as_the_caller_may_send_them(tmp_path: Path) -> None:
    store = ScopedStore(open_database("", tmp_path))
    alert = Arrival(reported=Reported(description="down"), origin="alert", fingerprint="f", crowd="storm")

    with calling(Caller(name="x", scopes=frozenset({"report"}), namespaces=("bank", "shop"))):
        (mine,) = store.take([alert], NOW, most_new=9)
        gone = store.happened("i0"), store.bundle("i0")
    (other,) = store.take([alert], NOW, most_new=9)

    assert mine is not None
    assert other is not None
    assert (mine.record.reported.namespace, mine.record.reporter) == ("bank,shop", "x")
    assert other.record.id != mine.record.id
    assert gone == ((), None)


def test_only_this_machine_comes_in_without_keys(tmp_path: Path) -> None:
    store = open_database("", tmp_path)

    for host in ("127.0.0.1", "::1", "localhost", "127.9.9.9"):
        assert gate_for(Settings(), store.keys, host).open
    for host in ("0.0.0.0", "::", "10.0.0.1", "example.org", ""):
        with pytest.raises(InputError, match="keys create"):
            gate_for(Settings(), store.keys, host)


def test_keys_close_the_gate_even_after_they_end(tmp_path: Path) -> None:
    secured = Secured(tmp_path)
    secured.key("only", "admin")
    keys = secured.store.keys
    gates = [gate_for(Settings(), keys, host).open for host in ("127.0.0.1", "0.0.0.0")]
    keys.revoke("only", NOW)

    assert gates == [False, False]
    assert not gate_for(Settings(), keys, "127.0.0.1").open
    with pytest.raises(InputError, match="no valid key"):
        gate_for(Settings(), keys, "0.0.0.0")


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"host": "127.0.0.1:8080"}, ""),
        ({"host": "localhost:8080", "origin": "http://localhost:8080"}, ""),
        ({"host": "[::1]:8080"}, ""),
        ({}, ""),
        ({"host": "evil.example:8080"}, "evil.example"),
        ({"host": "127.0.0.1:8080", "origin": "https://evil.example"}, "page from elsewhere"),
        ({"host": "127.0.0.1:8080", "origin": "null"}, "page from elsewhere"),
        ({"host": "[::1"}, "cannot be read"),
    ],
)
def test_pages_from_elsewhere_do_not_reach_an_open_service(headers: dict[str, str], refused: str) -> None:
    gate = Gate(only_this_machine=True)

    if refused:
        with pytest.raises(Forbidden, match=refused):
            gate.caller(headers)
    else:
        assert gate.caller(headers) is ANYBODY
