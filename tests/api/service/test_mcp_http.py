"""``/mcp`` of a running service: the same tools, behind the same door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from assistant import connected, keyed
from litestar.testing import TestClient
from secured import Client, Secured, asking
from served import DEMO, served

from sre_orchestrator.api.service.dispatch import utc_now
from sre_orchestrator.api.service.security.gate import Gate
from sre_orchestrator.api.service.security.keys import create_key
from sre_orchestrator.api.service.store import open_database

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def test_assistants_ask_a_running_service(tmp_path: Path) -> None:
    store = open_database("", tmp_path)
    keys = [create_key(store.keys, name, scopes, namespaces=names, now=utc_now())[1] for name, scopes, names in (
        ("all", ("read", "report"), ()), ("bank", ("read",), ("bank",)),
    )]  # fmt: skip
    store.close()

    with served(tmp_path, arguments=("--snapshot", DEMO)) as (_, address):
        with connected(keyed(address, keys[0])) as assistant:
            reported = assistant.told("report_incident", description="checkout answers 500")
            found = assistant.told("get_incident", incident=reported["incident"], wait_seconds=30)
        with connected(keyed(address, keys[1])) as stranger:
            tools, hidden = stranger.tools(), stranger.refused("get_incident", incident=reported["incident"])

    assert found["findings"]["hypotheses"][0]["cause"] == "memory-limit-too-low"
    assert "report_incident" not in tools
    assert hidden.startswith("there is no incident")
    written = (tmp_path / "serve.log").read_text()
    assert "key:all" in written
    assert not any(key in written for key in keys)


@pytest.mark.parametrize("key", [{}, {"Authorization": "Bearer sre_000000000000_" + "A" * 43}])
def test_nobody_asks_without_a_key(client: Client, key: Mapping[str, str]) -> None:
    answer = client.post("/mcp", json=LIST, headers=HEADERS | key)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/mcp/", "//mcp", "/mcp/..", "/mcp/x", "/MCP", "/mcp%2f", "/./mcp"])
def test_no_other_spelling_leads_in_without_a_key(client: Client, path: str) -> None:
    answer = client.post(path, json=LIST, headers=HEADERS)

    assert answer.status_code in {401, 404, 405}  # 405: the page at / is there for GET


@pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18", "2025-11-25"])
def test_each_request_stands_alone(secured: Secured, client: Client, version: str) -> None:
    headers = HEADERS | secured.key(f"v{version}", "read") | {"MCP-Protocol-Version": version}

    greeted = client.post("/mcp", json=GREETING, headers=headers)
    told = client.post("/mcp", json=LIST, headers=headers)

    assert "mcp-session-id" not in greeted.headers
    assert greeted.headers["Content-Type"].startswith("application/json")
    assert greeted.headers["Cache-Control"] == "no-store"
    names = [one["name"] for one in told.json()["result"]["tools"]]
    assert "get_incident" in names
    assert "report_incident" not in names


def test_each_request_is_answered_for_whoever_sent_it(secured: Secured, client: Client) -> None:
    reporter = secured.key("mcp-reporter", "report")
    reader = secured.key("mcp-reader", "read")

    answers = [
        client.post("/mcp", json=call("report_incident", description="down"), headers=HEADERS | key).json()["result"]
        for key in (reader, reporter, reader)
    ]

    assert [one.get("isError", False) for one in answers] == [True, False, True]


def test_a_key_that_may_do_nothing_stays_outside(secured: Secured, client: Client) -> None:
    answer = client.post("/mcp", json=LIST, headers=HEADERS | secured.key("nothing"))

    assert answer.status_code == 403
    assert "read or report" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_it_answers_post_only(secured: Secured, client: Client, method: str) -> None:
    answer = client.request(method, "/mcp", headers=HEADERS | secured.key(f"m{method}", "admin"))

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver.local.evil.example"])
def test_pages_from_elsewhere_are_refused_even_with_a_key(secured: Secured, client: Client, origin: str) -> None:
    key = secured.key(f"page{len(origin)}", "admin")

    answer = client.post("/mcp", json=LIST, headers=HEADERS | key | {"Origin": origin})

    assert answer.status_code == 403


def test_without_keys_it_answers_to_the_name_of_this_machine_only(tmp_path: Path) -> None:
    secured = Secured(tmp_path, gate=Gate(only_this_machine=True))
    hosts = {"127.0.0.1:8080": 200, "localhost": 200, "[::1]:8080": 200, "rebound.example": 403}

    with asking(secured) as client:
        found = {one: client.post("/mcp", json=LIST, headers=HEADERS | {"Host": one}).status_code for one in hosts}

    assert found == hosts


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"[" * 10_000, 400),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "no/such"}', 200),
        (b'{"jsonrpc": "1.0"}', 400),
        (json.dumps(call("get_incident", incident="x" * 30_000)).encode(), 413),
    ],
    ids=["empty", "no text", "deep", "unknown method", "other protocol", "large"],
)
def test_what_is_no_message_is_refused(secured: Secured, client: Client, body: bytes, status: int) -> None:
    key = secured.key("strange", "admin")

    answer = client.post("/mcp", content=body, headers=HEADERS | key | {"Content-Type": "application/json"})

    assert answer.status_code == status


def test_a_web_socket_is_not_opened(secured: Secured, client: TestClient[Any]) -> None:
    from litestar.exceptions import WebSocketDisconnect  # noqa: PLC0415

    for headers in ({}, secured.key("socket", "admin")):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/mcp", headers=headers):
            pass
