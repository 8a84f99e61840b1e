"""A Kubernetes API server on loopback that answers what a test says, also badly, and remembers what it was asked.

::

    with api_server({"/api/v1/pods": [refused(429), listed(pod("cart-1"))]}) as server:
        server.paths, server.kubeconfig(tmp_path)

Of several answers to a path the last is repeated. Lists that no answer is given for are empty, other paths unknown.
"""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from sre_orchestrator.plugins.objects.registry import CUSTOM as INSTALLED
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.k8s import Cluster

Json = dict[str, Any]
Attach = Callable[..., Cluster]
CUSTOM = {"gateway.networking.k8s.io", "networking.istio.io", *(one.group for one in INSTALLED.values())}
GROUPS = sorted({"events.k8s.io", *(one.group for one in KINDS.values())} - {"", *CUSTOM})
VERSIONS = {"autoscaling": ["v2", "v1"]}
LISTS = {one.plural for one in KINDS.values()}
WATCH = "watch "


@dataclass(frozen=True)
class Answer:
    """One answer, sent in ``parts``; after these it is ``whole``, ``cut`` before its declared length, or ``quiet``.

    Before each part the server waits ``pause`` seconds.
    """

    parts: Sequence[bytes] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    end: Literal["whole", "cut", "quiet"] = "whole"
    pause: float = 0.0

    def compressed(self) -> Answer:
        """Return the same, compressed."""
        parts = [gzip.compress(b"".join(self.parts))]
        return replace(self, parts=parts, headers={**self.headers, "Content-Encoding": "gzip"})


@dataclass(frozen=True)
class Asked:
    """One request; ``path`` begins with ``watch`` for a watch."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Server:
    """A running server; ``stop`` lets quiet answers end."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> list[str]:
        """Return the path of each request."""
        return [one.path for one in self.asked]

    def kubeconfig(self, folder: Path, *, namespace: str = "", user: Json | None = None, **cluster: Any) -> Path:
        """Write a kubeconfig with the context ``test``."""
        document = {
            "clusters": [{"name": "test", "cluster": {"server": self.url} | cluster}],
            "users": [{"name": "somebody", "user": user or {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "somebody", "namespace": namespace}}],
            "current-context": "test",
        }
        path = folder / "kubeconfig"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path


Script = Mapping[str, Answer | Sequence[Answer] | Callable[[Asked], Answer]]


def said(value: Any, status: int = 200, **headers: str) -> Answer:
    """Return an answer in JSON."""
    return Answer([json.dumps(value).encode()], status, headers)


def listed(*items: Json, version: str = "7", more: str = "") -> Answer:
    """Return a page of a list; ``more`` is the token of the next page."""
    return said({"kind": "List", "metadata": {"resourceVersion": version, "continue": more}, "items": items})


def refused(status: int, message: str = "no", **headers: str) -> Answer:
    """Return a Status."""
    return said({"kind": "Status", "status": "Failure", "message": message, "code": status}, status, **headers)


def line(kind: str, item: Json, version: str = "") -> bytes:
    """Return a line of a watch."""
    if version:
        item = {**item, "metadata": {**item.get("metadata", {}), "resourceVersion": version}}
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def watched(*lines: bytes, end: Literal["whole", "cut", "quiet"] = "quiet") -> Answer:
    """Return the stream of a watch, which stays open by default."""
    return Answer(lines, end=end)


def server_side(pem: Path, *, clients: Path | None = None) -> ssl.SSLContext:
    """Return TLS with a certificate; only ``clients`` are let in where they are given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


@contextmanager
def api_server(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run the server."""
    counts: Counter[str] = Counter()
    lock = threading.Lock()

    class Exchange(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = dict(parse_qsl(address.query))
            path = f"{WATCH if query.get('watch') else ''}{address.path}"
            asked = Asked(path, query, {name.lower(): value for name, value in self.headers.items()})
            with lock:
                server.asked.append(asked)
                counts[path] += 1
                number = counts[path]
            with suppress(OSError):
                self._send(_answer(script, asked, number))

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name.replace("_", "-"), value)
            if answer.end != "quiet":
                self.send_header("Content-Length", str(sum(map(len, answer.parts)) + (answer.end == "cut")))
            self.end_headers()
            for part in answer.parts:
                server.stop.wait(answer.pause)
                self.wfile.write(part)
                self.wfile.flush()
            if answer.end == "quiet":
                server.stop.wait(30)
            self.close_connection = answer.end != "whole"

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    class Threads(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            del request, client_address

    with Threads(("127.0.0.1", 0), Exchange) as running:
        if tls:
            running.socket = tls.wrap_socket(running.socket, server_side=True)
        server = Server(f"{'https' if tls else 'http'}://127.0.0.1:{running.server_address[1]}")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stop.set()
            running.shutdown()
            thread.join(timeout=5)


def _answer(script: Script, asked: Asked, number: int) -> Answer:
    answers = script.get(asked.path)
    if callable(answers):
        return answers(asked)
    if isinstance(answers, Answer):
        return answers
    return answers[min(number, len(answers)) - 1] if answers else _unscripted(asked)


def _unscripted(asked: Asked) -> Answer:
    if asked.path == "/version":
        return said({"gitVersion": "v1.34.0"})
    if asked.path == "/apis":
        return said({"kind": "APIGroupList", "groups": [_group(name) for name in GROUPS]})
    if asked.path.startswith(WATCH):
        return watched()
    return listed() if asked.path.rpartition("/")[2] in LISTS else refused(404, "the server could not find it")


def _group(name: str) -> Json:
    versions = [{"version": one} for one in VERSIONS.get(name, ["v1"])]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}
