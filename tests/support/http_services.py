"""An HTTP service on loopback that answers what a test says, and remembers what it was asked.

::

    with answering({"/api/v1/query": [Reply(503), Reply(200, b"{}")]}) as service:
        service.address, service.requests
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """One answer; ``length`` is declared instead of the body's own where it is cut short."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass(frozen=True)
class Asked:
    """One request with the fields of its form and of its address."""

    method: str
    path: str
    fields: dict[str, list[str]]
    headers: dict[str, str]
    body: str = ""


@dataclass
class Service:
    """A running service."""

    address: str
    requests: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Return the method and path of each request."""
        return [f"{one.method} {one.path}" for one in self.requests]


Script = Mapping[str, Reply | Sequence[Reply] | Callable[[Asked], Reply]]


def said(value: Any, status: int = 200) -> Reply:
    """Return an answer in JSON."""
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


@contextmanager
def answering(script: Script, *, pem: Path | None = None, authority: ssl.SSLContext | None = None) -> Iterator[Service]:
    """Run the service; of several replies to a path the last is repeated, other paths are not found."""
    counts: dict[str, int] = {}
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

        def _answer(self) -> None:
            place = urlsplit(self.path)
            form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            fields = parse_qs(place.query) | parse_qs(form)
            asked = Asked(self.command, place.path, fields, dict(self.headers.items()), form)
            with lock:
                service.requests.append(asked)
                reply = _reply(script.get(place.path, Reply(404, b"404 page not found")), asked, counts)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
            self.end_headers()
            self.wfile.write(reply.body)
            if reply.length is not None:
                self.close_connection = True

    server = _Quiet(("127.0.0.1", 0), Handler)
    if pem:
        context = authority or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    service = Service(f"{'https' if pem else 'http'}://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(ThreadingHTTPServer):
    """A client that hangs up is no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address


def _reply(scripted: Reply | Sequence[Reply] | Callable[[Asked], Reply], asked: Asked, counts: dict[str, int]) -> Reply:
    if isinstance(scripted, Reply):
        return scripted
    if callable(scripted):
        return scripted(asked)
    place = counts.get(asked.path, 0)
    counts[asked.path] = place + 1
    return scripted[min(place, len(scripted) - 1)]
