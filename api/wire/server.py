"""Serves a store over HTTP as the Kubernetes API does: get, list, watch, logs, discovery, tables, reviews; never a write.

The standard library's server suits: bodies are bytes that are ready, a watch is a thread that waits.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import msgspec

from sre_orchestrator.api.wire import discovery
from sre_orchestrator.api.wire.answers import JSON, Refusal, bad_request, forbidden, read_only, unknown_path
from sre_orchestrator.api.wire.description import OK, described
from sre_orchestrator.api.wire.lists import answer_list, answer_object
from sre_orchestrator.api.wire.podlogs import Reading
from sre_orchestrator.api.wire.recorded import store_of
from sre_orchestrator.api.wire.requests import (
    Path as Place,
)
from sre_orchestrator.api.wire.requests import form_of, log_query_of, path_of, query_of, steps_of
from sre_orchestrator.api.wire.resources import Json
from sre_orchestrator.api.wire.reviews import ReviewError, access_review, rules_review
from sre_orchestrator.api.wire.store import Ask, Store
from sre_orchestrator.api.wire.watches import Watch
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.objects.addresses import is_loopback
from sre_orchestrator.plugins.sources.snapshot.source import Snapshot, open_snapshot

LOOPBACK = "127.0.0.1"
TURN = 1.0
IDLE = 120.0
MAX_BODY = 1 << 20
SERVED = 200
BOOKMARK_SECONDS = 60.0


class WireServer(ThreadingHTTPServer):
    """The server of one store; every connection has a thread.

    ``on_answer`` is told method, path and status of each request. A watch sends a bookmark every
    ``bookmark_seconds`` to clients that ask for them.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        store: Store,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        on_answer: Callable[[str, str, int], None] | None = None,
        bookmark_seconds: float = BOOKMARK_SECONDS,
    ) -> None:
        self.store = store
        self.stopping = threading.Event()
        self.on_answer = on_answer
        self.bookmark_seconds = bookmark_seconds
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Exchange)
        self.local_only = is_loopback(host)

    @property
    def url(self) -> str:
        """Return the base URL."""
        host, port = self.server_address[:2]
        name = host.decode() if isinstance(host, bytes | bytearray) else host
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

    def stop(self) -> None:
        """End every watch, then the server."""
        self.stopping.set()
        self.store.wake()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""


@contextmanager
def serving(
    source: Store | Snapshot | Path,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    on_answer: Callable[[str, str, int], None] | None = None,
    bookmark_seconds: float = BOOKMARK_SECONDS,
) -> Iterator[str]:
    """Serve ``source`` in a thread while the context lasts; yield the base URL (port 0: a free one).

    Raises:
        InputError: the path is no snapshot.
        OSError: the port is taken.

    """
    if isinstance(source, Path):
        with (
            open_snapshot(source, SnapshotLimits()) as snapshot,
            serving(snapshot, host=host, port=port, on_answer=on_answer, bookmark_seconds=bookmark_seconds) as url,
        ):
            yield url
        return
    store = store_of(source).store if isinstance(source, Snapshot) else source
    server = WireServer(store, host=host, port=port, on_answer=on_answer, bookmark_seconds=bookmark_seconds)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.stop()
        thread.join()


class _Exchange(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "sre-orchestrator"
    sys_version = ""
    timeout = IDLE
    disable_nagle_algorithm = True
    wbufsize = -1

    @property
    def wire(self) -> WireServer:
        return cast("WireServer", self.server)

    @property
    def store(self) -> Store:
        return self.wire.store

    def log_message(self, format: str, *_: object) -> None:
        """Say nothing: ``on_answer`` is told."""

    def do_GET(self) -> None:
        """Answer a read."""
        self._answer(self._read)

    def do_POST(self) -> None:
        """Answer a review, refuse a write."""
        self._answer(self._review)

    def do_PUT(self) -> None:
        """Refuse a write."""
        self._answer(self._refuse)

    do_PATCH = do_PUT  # noqa: N815 - the standard library's spelling
    do_DELETE = do_PUT  # noqa: N815

    def _answer(self, act: Callable[[], None]) -> None:
        if self.wire.stopping.is_set():  # the connection was kept for further requests
            self.close_connection = True
            return
        try:
            self._check_host()
            act()
        except Refusal as refusal:
            self._send(refusal.status, refusal.code)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True

    def _check_host(self) -> None:
        """Refuse what a web page may send by a name of its own that leads to this machine (DNS rebinding)."""
        name = self.headers.get("Host", "").rsplit(":", 1)[0].strip("[]")
        if self.wire.local_only and name and not is_loopback(name):
            raise Refusal(403, "Forbidden", f"the host {name!r} is not this machine")

    def _refuse(self) -> None:
        self._body()
        raise read_only(self.command)

    def _body(self) -> bytes:
        try:
            size = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            size = -1
        if not 0 <= size <= MAX_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise Refusal(413, "RequestEntityTooLarge", f"the body is not read: {MAX_BODY} bytes at most")
        return self.rfile.read(size)

    def _review(self) -> None:
        body, steps = self._body(), steps_of(self.path)
        try:
            match steps:
                case ["apis", discovery.AUTHORIZATION, "v1", "selfsubjectaccessreviews"]:
                    self._send(access_review(body, self.store), 201)
                case ["apis", discovery.AUTHORIZATION, "v1", "selfsubjectrulesreviews"]:
                    self._send(rules_review(body, self.store), 201)
                case _:
                    raise read_only(self.command)
        except ReviewError as error:
            raise bad_request(str(error)) from error

    def _read(self) -> None:
        steps = steps_of(self.path)
        found = described(steps, self.headers.get("Accept", ""), self.store)
        if found is not None:
            self._send(found)
            return
        place = path_of(steps, self.store) if steps[0] in ("api", "apis") else None
        if place is None:
            raise unknown_path()
        self._resource(place)

    def _resource(self, place: Place) -> None:
        query = query_of("" if place.subresource else self.path)
        form = form_of(self.headers.get("Accept", ""))
        verb = "get" if place.name else "watch" if query.watch else "list"
        ask = Ask(verb=verb, resource=place.resource, namespace=place.namespace)
        if not self.store.allows(ask):
            raise forbidden(ask, place.name, self.store.refusal)
        if place.subresource:
            self._subresource(place)
        elif place.name:
            self._send(answer_object(self.store, place, form, query))
        elif query.watch:
            self._watch(Watch(self.store, place, query, form))
        else:
            self._send(answer_list(self.store, place, form, query))

    def _subresource(self, place: Place) -> None:
        if (place.resource.qualified, place.subresource) != ("pods", "log"):
            raise unknown_path()
        query = log_query_of(self.path)
        reading = Reading(self.store, place, query)
        if not query.follow:
            self._send(b"".join(reading.lines()), content_type="text/plain")
            return
        self._begin_stream("text/plain")
        self._chunk(b"".join(reading.lines()))
        for _ in self._turns(float("inf")):
            self.wfile.flush()
            written = reading.more(TURN)
            if written is None:
                break
            self._chunk(b"".join(written))
        self._end_stream()

    def _watch(self, watch: Watch) -> None:
        self._begin_stream(JSON)
        bookmark = self.wire.bookmark_seconds
        due = time.monotonic() + bookmark
        for left in self._turns(watch.seconds):
            for line in watch.news(min(left, TURN)):
                self._chunk(line)
            if watch.over:
                break
            if time.monotonic() >= due:
                due += bookmark
                self._chunk(watch.bookmark())
            self.wfile.flush()
        self._chunk(watch.bookmark() if not watch.over else b"")
        self._end_stream()

    def _turns(self, seconds: float) -> Iterator[float]:
        """Yield the seconds that are left until they are over, the server stops or the client hangs up."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.wire.stopping.is_set():
            if select.select([self.connection], [], [], 0)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError
            yield left

    def _begin_stream(self, content_type: str) -> None:
        self._start(SERVED, content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def _chunk(self, text: bytes) -> None:
        if text:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(text), text))

    def _end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _send(self, answer: Json | bytes, code: int = SERVED, content_type: str = "") -> None:
        body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
        kind = content_type or ("text/plain" if body == OK else self._content_type(answer))
        self._start(code, kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _content_type(self, answer: Json | bytes) -> str:
        if isinstance(answer, dict) and answer.get("kind") == "APIGroupDiscoveryList":
            version = str(answer["apiVersion"]).rpartition("/")[2]
            return discovery.AGGREGATED.format(version=version)
        return JSON

    def _start(self, code: int, content_type: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        if self.wire.on_answer:
            self.wire.on_answer(self.command, self.path, code)
