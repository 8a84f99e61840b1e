"""A server on loopback that speaks OpenAI's chat API, and fails as it is told; it plays one turn a request.

::

    with talking(says('{"a": 1}'), refuses(429, wait="0")) as server:
        server.base_url, server.asked

The last turn is repeated. What hangs goes on when the test is over.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

USAGE = {"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27}


@dataclass(frozen=True)
class Asked:
    """One request: ``headers`` in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Speaking:
    """One answer, while it is given."""

    def __init__(self, handler: BaseHTTPRequestHandler, asked: Asked, over: threading.Event) -> None:
        self.asked = asked
        self.over = over
        self._handler = handler

    def begin(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """Send the head; the body ends with the connection."""
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", kind)
        self._handler.send_header("Connection", "close")
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self._handler.wfile.write(raw)
        self._handler.wfile.flush()

    def event(self, value: object) -> None:
        """Send one event of a stream."""
        self.send(b"data: " + json.dumps(value).encode() + b"\n\n")


Turn = Callable[[Speaking], None]


@dataclass
class Server:
    """A running server."""

    base_url: str
    asked: list[Asked] = field(default_factory=list)


def chunk(finish: str | None = None, **delta: str) -> dict[str, object]:
    """Return one event: a piece of an answer."""
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def says(text: str, *, finish: str = "stop", usage: Mapping[str, object] | None = USAGE, size: int = 4) -> Turn:
    """Stream ``text``, as one that answers does."""

    def turn(speaking: Speaking) -> None:
        speaking.begin()
        speaking.event(chunk(role="assistant", content=""))
        for place in range(0, len(text), size):
            speaking.event(chunk(content=text[place : place + size]))
        speaking.event(chunk(finish))
        if usage is not None:
            speaking.event({"choices": [], "usage": usage})
        speaking.send(b"data: [DONE]\n\n")

    return turn


def says_at_once(text: str) -> Turn:
    """Answer without streaming."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return sends(json.dumps({"choices": [choice], "usage": USAGE}).encode(), kind="application/json")


def declines() -> Turn:
    """Decline to answer, as OpenAI's models do."""

    def turn(speaking: Speaking) -> None:
        speaking.begin()
        speaking.event(chunk(refusal="I cannot help with that."))
        speaking.event(chunk("stop"))
        speaking.send(b"data: [DONE]\n\n")

    return turn


def refuses(status: int, said: str = "no", *, code: str = "", wait: str = "", **headers: str) -> Turn:
    """Answer with an error."""
    body = json.dumps({"error": {"message": said, "code": code or None, "type": "error"}}).encode()
    return sends(body, status=status, kind="application/json", **({"Retry_After": wait} if wait else {}), **headers)


def sends(body: bytes, *, status: int = 200, kind: str = "text/event-stream", **headers: str) -> Turn:
    """Answer with bytes, whatever they are."""

    def turn(speaking: Speaking) -> None:
        speaking.begin(status, kind, **headers)
        speaking.send(body)

    return turn


def hangs() -> Turn:
    """Never answer."""
    return hold


def hangs_after(text: str) -> Turn:
    """Begin to answer, and hang."""

    def turn(speaking: Speaking) -> None:
        speaking.begin()
        speaking.event(chunk(content=text))
        hold(speaking)

    return turn


def drips(head: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", *, byte: bytes = b" ") -> Turn:
    """Send ``head``, and then a byte every now and then, for ever."""

    def turn(speaking: Speaking) -> None:
        speaking.send(head)
        while not speaking.over.wait(0.02):
            speaking.send(byte)

    return turn


def floods(text: str = "x" * 1000) -> Turn:
    """Answer without an end."""

    def turn(speaking: Speaking) -> None:
        speaking.begin()
        while not speaking.over.is_set():
            speaking.event(chunk(content=text))

    return turn


def breaks_off(text: str) -> Turn:
    """Begin to answer, and hang up."""

    def turn(speaking: Speaking) -> None:
        speaking.begin()
        speaking.event(chunk(content=text))

    return turn


def hangs_up() -> Turn:
    """Hang up without a word."""
    return lambda _: None


def echoes() -> Turn:
    """Answer with what was asked."""
    return lambda speaking: says(speaking.asked.body["messages"][-1]["content"], size=40)(speaking)


def hold(speaking: Speaking) -> None:
    """Wait until the test is over."""
    speaking.over.wait(30)


@contextmanager
def talking(*turns: Turn, pem: Path | None = None) -> Iterator[Server]:
    """Run the server, with TLS where there is a certificate (``pem``)."""
    over, lock = threading.Event(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.path, headers, body)
            with lock:
                turn = turns[min(len(server.asked), len(turns) - 1)]
                server.asked.append(asked)
            self.close_connection = True
            turn(Speaking(self, asked, over))

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    running = _Quiet(("127.0.0.1", 0), Handler)
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        running.socket = context.wrap_socket(running.socket, server_side=True)
    server = Server(f"{'https' if pem else 'http'}://127.0.0.1:{running.server_address[1]}/v1")
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        over.set()
        running.shutdown()
        thread.join()
        running.server_close()


class _Quiet(ThreadingHTTPServer):
    """A client that hangs up is no news."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address
