"""Ways around the door: spellings of paths, methods, headers, protocols. None leads in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from investigation import NOW
from litestar.exceptions import WebSocketDisconnect
from secured import INCIDENTS, Client, Secured

from sre_orchestrator.api.service.models import Arrival, Reported
from sre_orchestrator.api.service.ports import Caller
from sre_orchestrator.api.service.security.callers import calling
from sre_orchestrator.api.service.security.scoped import ScopedStore
from sre_orchestrator.api.service.store import open_database

Headers = Sequence[tuple[bytes, bytes]]
SPELLINGS = [
    "/api/v1/incidents/",
    "//api/v1/incidents",
    "/api//v1///incidents",
    "/API/V1/INCIDENTS",
    "/api/v1/incidents;a=b",
    "/api/v1/incidents\x00",
    "/api/v1/incidents ",
    "/healthz/../api/v1/incidents",
    "/healthz/api/v1/incidents",
    "/./api/v1/incidents",
    "/web/../api/v1/incidents",
    "/web/0/../../api/v1/incidents",
    "/problems/../api/v1/incidents",
    "/problems/..%2f..%2fapi%2fv1%2fincidents",
    "/metrics/",
    "/metrics/../healthz/../metrics",
    "/mcp/",
    "/MCP",
    "\\api\\v1\\incidents",
    "api/v1/incidents",
    "",
]
OPENED = ("/", "/healthz", "/readyz")


def asked(secured: Secured, client: Client, method: str, path: str, headers: Headers = ()) -> tuple[int, bytes]:
    """Return status and body of a request that no client would send: the application gets it as it is."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": list(headers),
        "client": ("192.0.2.1", 1), "server": ("testserver", 80), "state": {},
    }  # fmt: skip
    answered: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        answered.append(message)

    with client.portal() as portal:
        portal.call(secured.app, scope, receive, send)  # type: ignore[arg-type]
    return answered[0]["status"], b"".join(one.get("body", b"") for one in answered[1:])


@pytest.mark.parametrize("path", SPELLINGS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE", "QUERY", "get", "TRACE"])
def test_no_spelling_of_a_path_or_method_leads_in(secured: Secured, client: Client, path: str, method: str) -> None:
    status, body = asked(secured, client, method, path)

    assert status in {401, 404, 405} or (status == 204 and not body) or path in {"", *OPENED}
    assert b"items" not in body
    assert b"# HELP" not in body


@pytest.mark.parametrize("name", ["x-original-url", "x-rewrite-url", "x-http-method-override", "x-forwarded-prefix"])
def test_no_header_changes_what_is_asked_for(secured: Secured, client: Client, name: str) -> None:
    status, body = asked(secured, client, "GET", "/healthz", [(name.encode(), INCIDENTS.encode())])

    assert (status, body) == (200, b'{"status":"alive"}')


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-user", "x-remote-user"])
def test_no_header_tells_who_calls(secured: Secured, client: Client, name: str) -> None:
    status, _ = asked(secured, client, "GET", INCIDENTS, [(name.encode(), b"127.0.0.1")])

    assert status == 401


def test_a_key_beside_another_is_refused(secured: Secured, client: Client) -> None:
    key = secured.key("twice", "admin")["X-API-Key"].encode()
    bearer = b"Bearer " + key

    answers = [
        asked(secured, client, "GET", INCIDENTS, headers)[0]
        for headers in (
            [(b"x-api-key", b"x"), (b"x-api-key", key)],
            [(b"authorization", b"Bearer x"), (b"authorization", bearer)],
            [(b"authorization", bearer), (b"x-api-key", key)],
            [(b"x-api-key", key), (b"host", b"a"), (b"host", b"b")],
            [(b"x-api-key", key)],
        )
    ]

    assert answers == [401, 401, 401, 401, 200]


@pytest.mark.parametrize("path", [INCIDENTS, f"{INCIDENTS}/i0/events", "/mcp", "/metrics", "/nowhere"])
def test_no_web_socket_opens(secured: Secured, client: Client, path: str) -> None:
    for headers in ({}, secured.key("socket", "admin")):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(path, headers=headers):
            pass


def test_a_space_in_a_name_reaches_nobody_elses_incident(tmp_path: Path) -> None:
    store = ScopedStore(open_database("", tmp_path))
    told = Reported(description="down")
    ids = []

    for name, key in (("oidc:ann lee", "once"), ("oidc:ann", "lee once"), ("oidc:ann", " lee once")):
        with calling(Caller(name=name, scopes=frozenset({"report"}))):
            ids.append(store.accept(Arrival(reported=told, origin="api", idempotency_key=key), NOW).record.id)

    assert len(set(ids)) == 3
