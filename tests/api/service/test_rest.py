"""The REST API over a recorded incident: report, follow, read, ask."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from sre_orchestrator.api.service.app import application
from sre_orchestrator.api.service.dispatch import InProcess, Silent
from sre_orchestrator.api.service.investigators import Recorded
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.service.twins import RecordedTwin
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.bundle import bundle_from, read_bundle
from sre_orchestrator.core.settings import Service as Limits
from sre_orchestrator.core.settings import Settings

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
INCIDENTS = "/api/v1/incidents"
Client = TestClient[Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    state = tmp_path_factory.mktemp("state")
    installation = Installation(Settings(state_dir=str(state), service=Limits(body_bytes=20_000)))
    store = open_database("", state)
    limits = installation.settings.service
    dispatcher = InProcess(store, Recorded(installation, DEMO), Silent(), limits=limits)
    with closing(store), closing(RecordedTwin(installation, DEMO)) as twins:
        service = Service(installation=installation, store=store, dispatcher=dispatcher, twins=twins)
        with TestClient(application(service), raise_server_exceptions=False) as client:
            yield client


def done(client: Client, **reported: str) -> dict[str, Any]:
    """Report an incident and return it when it is done."""
    location = client.post(INCIDENTS, json=reported).headers["Location"]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        view: dict[str, Any] = client.get(location).json()
        if view["status"] in {"done", "failed"}:
            return view
        time.sleep(0.05)
    raise AssertionError(view)


def test_a_description_is_enough_for_a_diagnosis(client: Client) -> None:
    view = done(client, description="checkout answers 500")

    first = view["report"]["hypotheses"][0]
    assert view["status"] == "done"
    assert (first["cause"], first["component"]) == ("memory-limit-too-low", "deployment/shop/pricing")
    assert (view["verdict"], view["cause"], view["report"]["incident"]["id"]) == (
        "diagnosed",
        first["cause"],
        view["id"],
    )


def test_a_body_without_a_content_type_is_read_as_json(client: Client) -> None:
    answer = client.post(
        INCIDENTS,
        content=b'{"description": "checkout answers 500"}',
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{INCIDENTS}/{answer.json()['id']}"


def test_a_repeated_request_answers_with_the_first_incident(client: Client) -> None:
    key = {"Idempotency-Key": "once"}
    first, again = (client.post(INCIDENTS, json={"description": "a"}, headers=key).json() for _ in range(2))
    other = client.post(INCIDENTS, json={"description": "b"}, headers=key)

    assert first["id"] == again["id"]
    assert (other.status_code, first["id"] in other.json()["detail"]) == (422, True)


def test_an_investigation_that_cannot_work_fails_with_its_reason(client: Client) -> None:
    view = done(client, description="checkout answers 500", namespace="nowhere")

    assert view["status"] == "failed"
    assert "nowhere" in view["error"]
    assert view["attempts"] == 1


def test_what_did_not_change_is_not_sent_again(client: Client) -> None:
    view = done(client, description="slow")
    for address in (f"{INCIDENTS}/{view['id']}", f"{INCIDENTS}?text=slow"):
        tag = client.get(address).headers["ETag"]

        same = client.get(address, headers={"If-None-Match": f'"other", W/{tag}'})
        other = client.get(address, headers={"If-None-Match": '"other"'})

        assert (same.status_code, same.content) == (304, b"")
        assert other.status_code == 200


def test_steps_are_streamed_to_the_end_and_resumed(client: Client) -> None:
    view = done(client, description="checkout answers 500")
    whole = client.get(f"{INCIDENTS}/{view['id']}/events").text
    rest = client.get(f"{INCIDENTS}/{view['id']}/events", headers={"Last-Event-ID": "2"}).text
    nothing = client.get(f"{INCIDENTS}/{view['id']}/events", headers={"Last-Event-ID": "999"}).text

    events = [line.removeprefix("event: ") for line in whole.split("\r\n") if line.startswith("event: ")]
    assert (events[0], events[1], events[-1]) == ("queued", "running", "done")
    assert {"step", "agent"} <= set(events)
    assert rest.startswith("id: 3\r\n")
    assert nothing == ""


def test_the_report_is_there_for_people_and_for_a_replay(client: Client, tmp_path: Path) -> None:
    view = done(client, description="checkout answers 500")
    text = client.get(f"{INCIDENTS}/{view['id']}/report.md")
    packed = client.get(f"{INCIDENTS}/{view['id']}/bundle")
    (tmp_path / "bundle").write_bytes(packed.content)

    assert text.headers["Content-Type"].startswith("text/markdown")
    assert "memory" in text.text
    assert view["id"] in packed.headers["Content-Disposition"]
    assert read_bundle(tmp_path / "bundle").report.incident.id == view["id"]


def test_a_bundle_can_be_had_without_names(client: Client) -> None:
    view = done(client, description="checkout answers 500")
    hidden = client.get(f"{INCIDENTS}/{view['id']}/bundle", params={"pseudonymise": "true"})

    assert hidden.status_code == 200
    assert b"pricing" not in gzip.decompress(hidden.content)
    report = bundle_from(hidden.content, "the answer").report
    assert (report.verdict, report.hypotheses[0].cause) == (view["verdict"], "memory-limit-too-low")


def test_why_not_names_the_condition(client: Client) -> None:
    view = done(client, description="checkout answers 500")
    asked = {"cause": "image-reference-wrong", "component": "deployment/shop/checkout"}

    tried = client.get(f"{INCIDENTS}/{view['id']}/why-not", params=asked).json()
    unknown = client.get(f"{INCIDENTS}/{view['id']}/why-not", params=asked | {"cause": "gremlins"})

    assert tried
    assert {"rule"} <= tried[0].keys()
    assert unknown.status_code == 422
    assert "there is no cause 'gremlins'" in unknown.json()["detail"]


def test_feedback_is_kept(client: Client) -> None:
    view = done(client, description="checkout answers 500")
    said = {"cause": "memory-limit-too-low", "component": "deployment/shop/pricing", "right": True}

    assert client.post(f"{INCIDENTS}/{view['id']}/feedback", json=said).status_code == 204


def test_feedback_is_read_with_what_was_concluded(client: Client) -> None:
    view = done(client, description="checkout answers 500")
    for right in (True, False):
        said = {"cause": view["cause"], "component": view["component"], "right": right}
        client.post(f"{INCIDENTS}/{view['id']}/feedback", json=said)

    first, second = client.get("/api/v1/feedback", params={"incident": view["id"]}).json()
    later = client.get("/api/v1/feedback", params={"incident": view["id"], "after": first["number"]}).json()
    most = client.get("/api/v1/feedback", params={"limit": 1}).json()

    assert [one["feedback"]["right"] for one in (first, second)] == [True, False]
    assert (first["cause"], first["confidence"]) == (view["cause"], view["confidence"])
    assert (later, len(most)) == ([second], 1)


def test_feedback_is_of_the_first_hypothesis_or_of_the_one_that_it_names(client: Client) -> None:
    view = done(client, description="checkout answers 500")
    other = view["report"]["hypotheses"][1]
    address = f"{INCIDENTS}/{view['id']}/feedback"
    named = {"cause": other["cause"], "component": other["component"]}
    for one in ({"right": True}, {"right": False, **named}):
        assert client.post(address, json=one).status_code == 204

    first, second = client.get("/api/v1/feedback", params={"incident": view["id"]}).json()

    assert (first["feedback"]["cause"], first["feedback"]["component"]) == (view["cause"], view["component"])
    assert second["feedback"] | named == second["feedback"]
    assert (second["cause"], second["component"]) == (view["cause"], view["component"])


def test_feedback_on_what_is_not_in_the_report_is_refused(client: Client) -> None:
    view = done(client, description="checkout answers 500")

    answer = client.post(f"{INCIDENTS}/{view['id']}/feedback", json={"cause": "gremlins", "right": True})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(
        f"hypothesis 'gremlins': is not in the report; name one of {view['cause']} "
    )


def test_a_list_is_paged_and_narrowed(client: Client) -> None:
    for number in range(3):
        done(client, description=f"page {number}")

    first = client.get(INCIDENTS, params={"limit": 2, "text": "page"}).json()
    second = client.get(INCIDENTS, params={"limit": 2, "text": "page", "cursor": first["next_cursor"]}).json()

    words = [one["reported"]["description"] for one in (*first["items"], *second["items"])]
    assert words == ["page 2", "page 1", "page 0"]
    assert second["next_cursor"] == ""


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("POST", INCIDENTS, b'{"x": 1}', 400, "unknown field"),
        ("POST", INCIDENTS, b'{"description": ""}', 400, "description"),
        ("POST", INCIDENTS, b"{", 400, ""),
        ("POST", INCIDENTS, b'{"description": " \\n\\t"}', 400, "description"),
        ("POST", INCIDENTS, b'{"description": "a\\u0000b"}', 400, "description"),
        ("POST", INCIDENTS, b'{"description": "\\ud800"}', 400, ""),
        ("POST", INCIDENTS, b'{"description": "\xff"}', 400, ""),
        ("POST", INCIDENTS, b'{"description": NaN}', 400, ""),
        ("POST", INCIDENTS, b'{"labels":' + b"[" * 9000, 400, ""),
        ("POST", INCIDENTS, '{"description": "é"}'.replace("é", "é" * 4001).encode(), 400, "description"),
        ("POST", INCIDENTS, b'{"description": "a", "at": "2030-01-01T00:00:00"}', 400, "at"),
        ("POST", INCIDENTS, b'{"description": "a", "at": "9999-12-31T23:59:59Z"}', 422, "is no time of an incident"),
        ("POST", INCIDENTS, b'{"description": "a", "at": "0001-01-01T00:00:00Z"}', 422, "is no time of an incident"),
        ("GET", f"{INCIDENTS}?text=%00", b"", 400, "text"),
        ("GET", f"{INCIDENTS}?since=yesterday", b"", 400, "since"),
        ("GET", f"{INCIDENTS}?cursor=WyJcdTAwMDAiLCJhIl0", b"", 422, "is none of ours"),
        ("GET", f"{INCIDENTS}/%00", b"", 400, "incident_id"),
        ("GET", "/api/v1/rules/gremlins", b"", 404, "there is no rule 'gremlins'"),
        ("GET", "/api/v1/causes/gremlins", b"", 404, "there is no cause 'gremlins'"),
        ("GET", "/api/v1/components/deployment/shop/pricin/impact", b"", 404, "did you mean 'deployment/shop/pricing'"),
        ("GET", "/api/v1/components/node/none/changes", b"", 404, "there is no component 'node/none'"),
        ("POST", "/api/v1/replay", b"nothing", 422, "the body: is no bundle"),
        ("TRACE", INCIDENTS, b"", 405, ""),
        ("POST", INCIDENTS, b'{"description": "' + b"x" * 30_000 + b'"}', 413, ""),
        ("GET", f"{INCIDENTS}/i0", b"", 404, "there is no incident 'i0'"),
        ("GET", f"{INCIDENTS}/i0/bundle", b"", 404, "there is no incident"),
        ("GET", f"{INCIDENTS}?limit=0", b"", 400, "limit"),
        ("GET", f"{INCIDENTS}?status=lost", b"", 400, "status"),
        ("GET", f"{INCIDENTS}?cursor=abc", b"", 422, "is none of ours"),
        ("GET", "/api/v1/nothing", b"", 404, ""),
        ("DELETE", INCIDENTS, b"", 405, ""),
    ],
)
def test_what_is_refused_is_a_problem_with_a_page(
    client: Client, method: str, path: str, body: bytes, status: int, detail: str
) -> None:
    answer = client.request(method, path, content=body)
    problem = answer.json()

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert (problem["status"], detail in problem["detail"]) == (status, True)
    assert client.get(problem["type"]).status_code == 200


@pytest.mark.parametrize("method", ["DELETE", "TRACE", "PATCH"])
def test_an_unknown_method_is_told_the_known_ones(client: Client, method: str) -> None:
    answer = client.request(method, INCIDENTS)

    assert (answer.status_code, {one.strip() for one in answer.headers["Allow"].split(",")}) == (
        405,
        {"GET", "HEAD", "OPTIONS", "POST"},
    )


def test_head_answers_as_get_without_a_body(client: Client) -> None:
    view = done(client, description="checkout answers 500")
    got, head = (client.request(method, f"{INCIDENTS}/{view['id']}") for method in ("GET", "HEAD"))
    stream = client.head(f"{INCIDENTS}/{view['id']}/events")

    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", got.headers["ETag"])
    assert (stream.status_code, stream.content) == (200, b"")


def test_options_names_all_methods_of_an_address(client: Client) -> None:
    answer = client.options(INCIDENTS)

    assert (answer.status_code, sorted(answer.headers["Allow"].split(", "))) == (
        204,
        ["GET", "HEAD", "OPTIONS", "POST"],
    )
    assert client.options("/nowhere").status_code == 404


def test_a_sender_of_events_that_asks_is_told_that_it_may(client: Client) -> None:
    asking = {"WebHook-Request-Origin": "eventemitter.example.com", "WebHook-Request-Rate": "120"}

    told = client.options("/api/v1/events", headers=asking)
    elsewhere = client.options(INCIDENTS, headers=asking)
    strange = client.options("/api/v1/events", headers={"WebHook-Request-Origin": "<b>"})

    assert (told.status_code, sorted(told.headers["Allow"].split(", "))) == (204, ["OPTIONS", "POST"])
    assert told.headers["WebHook-Allowed-Origin"] == "eventemitter.example.com"
    assert told.headers["WebHook-Allowed-Rate"] == "12000"
    assert not [one for answer in (elsewhere, strange) for one in answer.headers if "webhook" in one]


def test_a_description_of_4000_characters_and_times_of_any_zone_are_taken(client: Client) -> None:
    long = client.post(INCIDENTS, json={"description": "é" * 4000, "at": "2026-01-01T00:00:00+05:00"})

    assert long.status_code == 202
    for time_text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-01-01T00:00:00"):
        assert client.get(INCIDENTS, params={"since": time_text}).status_code == 200


def test_an_incident_that_is_over_says_since_when(client: Client) -> None:
    view = done(client, description="checkout answers 500")
    over, again = (client.post(f"{INCIDENTS}/{view['id']}/resolve").json() for _ in range(2))

    assert over["resolved_at"] is not None
    assert (again["resolved_at"], again["status"]) == (over["resolved_at"], "done")
    assert client.post(f"{INCIDENTS}/i0/resolve").status_code == 404


def test_a_bundle_is_concluded_again_without_a_fact(client: Client) -> None:
    view = done(client, description="checkout answers 500")
    bundle = client.get(f"{INCIDENTS}/{view['id']}/bundle").content
    first = view["report"]["hypotheses"][0]["proof"][0]["facts"][0]

    same = client.post("/api/v1/replay", content=bundle).json()
    other = client.post("/api/v1/replay", params={"without": [first]}, content=bundle).json()
    unknown = client.post("/api/v1/replay", params={"without": "f0"}, content=bundle)

    assert (same["report"], same["differences"]) == (view["report"], [])
    assert other["differences"]
    assert (unknown.status_code, "there is no fact 'f0'" in unknown.json()["detail"]) == (422, True)


def test_components_are_listed_page_by_page(client: Client) -> None:
    first = client.get("/api/v1/components", params={"kind": "deployment", "limit": 2}).json()
    rest = client.get("/api/v1/components", params={"kind": "deployment", "cursor": first["next_cursor"]}).json()

    names = [one["id"] for one in (*first["items"], *rest["items"])]
    assert names == sorted(set(names))
    assert (len(first["items"]), rest["next_cursor"], "deployment/shop/pricing" in names) == (2, "", True)


def test_impact_and_changes_of_a_component_are_told(client: Client) -> None:
    where = "/api/v1/components/deployment/shop/pricing"
    node = client.get("/api/v1/components", params={"kind": "node"}).json()["items"][0]["id"]

    up = client.get(f"{where}/impact").json()["components"]
    down = client.get(f"{where}/impact", params={"direction": "down"}).json()["components"]
    changes = client.get(f"{where}/changes", params={"limit": 1}).json()["changes"]

    assert "service/shop/pricing" in {*up, *down}
    assert set(up) != set(down)
    assert [one["component"] for one in changes] in ([], ["deployment/shop/pricing"])
    assert client.get(f"/api/v1/components/{node}/impact").json()["component"] == node


def test_rules_causes_and_agents_are_told(client: Client) -> None:
    causes = [one["id"] for one in client.get("/api/v1/causes").json()]
    cause = client.get("/api/v1/causes/memory-limit-too-low").json()
    rule = client.get(f"/api/v1/rules/{cause['rules'][0]}").json()
    agents = {one["name"]: one for one in client.get("/api/v1/agents").json()}

    assert "memory-limit-too-low" in causes
    assert cause["remedy"]
    assert "memory-limit-too-low" in [one["cause"] for one in rule["concludes"]]
    assert agents["logs"]["kinds"]


def test_what_has_no_report_yet_says_its_status(client: Client) -> None:
    view = done(client, description="x", namespace="nowhere")

    for part in ("report.md", "bundle"):
        assert "its status is failed" in client.get(f"{INCIDENTS}/{view['id']}/{part}").json()["detail"]
    asked = {"cause": "image-reference-wrong", "component": "deployment/shop/checkout"}
    assert "no investigation" in client.get(f"{INCIDENTS}/{view['id']}/why-not", params=asked).json()["detail"]
    bad = client.get(f"{INCIDENTS}/{view['id']}/events", headers={"Last-Event-ID": "x"})
    assert "is no number of a step" in bad.json()["detail"]
    assert client.get("/problems/none").status_code == 404


def test_health_rules_and_plugins_are_told(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json()["status"] == "ready"
    assert len(client.get("/api/v1/rules").json()["rules"]) > 300
    assert "kubernetes" in [one["name"] for one in client.get("/api/v1/plugins").json()]


def test_the_api_describes_itself(client: Client) -> None:
    described = client.get("/api/v1/openapi/openapi.json").json()

    assert described["openapi"].startswith("3.1")
    assert {f"{INCIDENTS}", f"{INCIDENTS}/{{incident_id}}", f"{INCIDENTS}/{{incident_id}}/why-not"} <= set(
        described["paths"]
    )
    assert "hypotheses" in json.dumps(described)
