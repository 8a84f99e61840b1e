"""Servers at an address: streamable HTTP, credentials from files, bounded answers, no way round by a redirect."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from http_services import Reply, answering
from mcp.server.mcpserver import MCPServer
from mcp_servers import PODS, asked
from mcp_types import ToolAnnotations

from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.plugins.mcp.answers import McpProblem
from sre_orchestrator.plugins.mcp.server import Server

READS = ToolAnnotations(read_only_hint=True)


class Guard:
    """Lets in who has the token, and remembers the headers."""

    def __init__(self, app: Any, token: str) -> None:
        self.app = app
        self.token = token
        self.headers: list[dict[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 401 to others."""
        if scope["type"] == "http":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.headers.append(headers)
            if headers.get("authorization") != f"Bearer {self.token}":
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b"who are you?"})
                return
        await self.app(scope, receive, send)


def offering() -> MCPServer:
    server = MCPServer("pods of a cluster")

    @server.tool(annotations=READS)
    def pods(namespace: str) -> dict[str, Any]:
        """Tell the pods."""
        return {"items": [{"name": "web-1", "namespace": namespace, "phase": "Failed"}]}

    @server.tool(annotations=READS)
    def huge() -> str:
        """Tell a lot."""
        return "x" * 300_000

    return server


@contextmanager
def served(token: str = "t0ken-1", **options: Any) -> Iterator[tuple[Guard, str]]:
    app = Guard(offering().streamable_http_app(**options), token)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield app, f"http://127.0.0.1:{port}/mcp"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("t0ken-1\n", encoding="utf-8")
    return file


def at(url: str, **more: Any) -> Server:
    given: dict[str, Any] = {"tools": (PODS,), "connect_seconds": 20.0, "call_seconds": 20.0, **more}
    return Server(McpServer(name="far", url=url, **given))


@pytest.mark.parametrize("options", [{}, {"stateless_http": True}, {"json_response": True}])
def test_a_server_at_an_address_gives_facts(token: Path, tmp_path: Path, options: dict[str, bool]) -> None:
    tenant = tmp_path / "tenant"
    tenant.write_text("shop-eu\n", encoding="utf-8")
    with served(**options) as (guard, url):
        server = at(url, bearer_token_file=str(token), headers={"X-One": "1"}, header_files={"X-Tenant": str(tenant)})
        facts, _, gaps = asked(server)
        server.close()

    assert [one.component for one in facts] == ["pod/shop/web-1"]
    assert gaps == []
    assert all(one.get("x-one") == "1" and one.get("x-tenant") == "shop-eu" for one in guard.headers)


def test_a_token_that_was_renewed_is_read_again(token: Path) -> None:
    with served() as (guard, url):
        server = at(url, bearer_token_file=str(token))
        assert asked(server)[2] == []
        guard.token = "t0ken-2"
        token.write_text("t0ken-2", encoding="utf-8")
        gaps = asked(server)[2]
        server.close()

    assert gaps == []


@pytest.mark.parametrize(
    ("file", "why"), [("wrong", "error response"), ("absent", "absent: [Errno 2] No such file or directory")]
)
def test_a_server_that_lets_nobody_in_is_a_gap(tmp_path: Path, file: str, why: str) -> None:
    (tmp_path / "wrong").write_text("hunter22", encoding="utf-8")
    with served() as (_, url):
        server = at(url, bearer_token_file=str(tmp_path / file))
        facts, _, gaps = asked(server)
        server.close()

    assert facts == []
    assert [one.what for one in gaps] == ["everything it would tell"]
    assert why.replace("absent:", f"{tmp_path}/absent:") in gaps[0].why
    assert "hunter22" not in gaps[0].why


def test_nobody_at_the_address_is_a_gap() -> None:
    server = at("http://127.0.0.1:1/mcp")
    gaps = asked(server)[2]
    server.close()

    assert "connection" in gaps[0].why.lower()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(200, b"<html>log in</html>", {"Content-Type": "text/html"}), "Unexpected content type"),
        (Reply(200, b"{", {"Content-Type": "application/json"}), ""),
        (Reply(302, b"", {"Location": "http://127.0.0.1:1/"}), "Redirect to http://127.0.0.1:1/ not followed"),
        (Reply(500, b"oops"), "error response"),
        (
            Reply(200, b'{"x": "' + b"x" * 200_000 + b'"}', {"Content-Type": "application/json"}),
            "larger than 100000 bytes",
        ),
    ],
)
def test_something_else_at_the_address_is_a_gap(reply: Reply, why: str) -> None:
    with answering({"/mcp": reply}) as service:
        server = at(f"{service.address}/mcp", answer_bytes=100_000, connect_seconds=10.0)
        facts, _, gaps = asked(server)
        server.close()

    assert facts == []
    assert [one.what for one in gaps] == ["everything it would tell"]
    assert why in gaps[0].why


@pytest.mark.parametrize("json_response", [True, False])
def test_an_answer_that_is_too_large_is_a_problem(token: Path, *, json_response: bool) -> None:
    with served(json_response=json_response) as (_, url):
        server = at(url, bearer_token_file=str(token), answer_bytes=100_000)
        with pytest.raises(McpProblem, match=r"larger than|exceed"):
            server.visit().call("huge", {})
        again = server.visit().call("pods", {"namespace": "shop"})
        server.close()

    assert "web-1" in again.text
