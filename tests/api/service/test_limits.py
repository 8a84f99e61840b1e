"""What requests may cost: how many, how large, how slow; and the headers of every answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from secured import INCIDENTS, Secured, asking

from sre_orchestrator.api.service.security.rates import MOST_KNOWN, Rates
from sre_orchestrator.api.service.serving import config_of
from sre_orchestrator.core.settings import RequestLimits

REPORT = {"description": "checkout answers 500"}


class Clock:
    """A clock that tests move."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


@contextmanager
def listening(secured: Secured, limits: RequestLimits) -> Iterator[tuple[str, int]]:
    """Yield the address of a real server."""
    server = uvicorn.Server(config_of(secured.app, limits))
    ear = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [ear]})
    thread.start()
    try:
        yield ear.getsockname()
    finally:
        server.should_exit = True
        thread.join()
        ear.close()
        secured.store.close()


def said(address: tuple[str, int], *pieces: bytes) -> bytes:
    """Return all that a server says to ``pieces``, until it hangs up."""
    with socket.create_connection(address, timeout=10) as line:
        for one in pieces:
            line.sendall(one)
        heard = b""
        while more := line.recv(65_536):
            heard += more
        return heard


def test_a_bucket_fills_again_and_is_each_ones_own() -> None:
    clock = Clock()
    rates = Rates(2, 2, clock)

    waits = [rates.wait("a") for _ in range(3)]
    other = rates.wait("b")
    clock.now = 0.5

    assert (waits, other, rates.wait("a")) == ([0, 0, 0.5], 0, 0)


def test_callers_without_number_are_not_all_remembered() -> None:
    rates = Rates(1, 1, Clock())
    for number in range(MOST_KNOWN + 1):
        rates.wait(str(number))

    assert (rates.wait(str(MOST_KNOWN)), rates.wait("0")) == (1, 0)


def test_a_caller_who_asks_too_often_waits_and_others_do_not(tmp_path: Path) -> None:
    secured = Secured(tmp_path, requests=RequestLimits(per_caller=0.5, per_address=1000))
    eager, calm = secured.key("eager", "read"), secured.key("calm", "read")
    with asking(secured) as client:
        first, second = (client.get(INCIDENTS, headers=eager) for _ in range(2))
        other = client.get(INCIDENTS, headers=calm)

    assert (first.status_code, second.status_code, other.status_code) == (200, 429, 200)
    assert 1 <= int(second.headers["Retry-After"]) <= 2
    assert second.json()["type"] == "/problems/too-many-requests"


def test_an_address_that_asks_too_often_waits_whatever_it_sends_but_probes_pass(tmp_path: Path) -> None:
    secured = Secured(tmp_path, requests=RequestLimits(per_address=0.5))
    with asking(secured) as client:
        answers = [client.get(path) for path in ("/nothing", INCIDENTS, "/healthz", "/readyz")]

    assert [one.status_code for one in answers] == [404, 429, 200, 200]
    assert "Retry-After" in answers[1].headers
    assert answers[1].headers["Content-Type"] == "application/problem+json"


def test_what_is_too_long_is_refused_with_a_page(tmp_path: Path) -> None:
    secured = Secured(tmp_path, requests=RequestLimits(header_bytes=2000, query_bytes=500))
    key = secured.key("root", "admin")
    with asking(secured) as client:
        query = client.get(INCIDENTS, params={"text": "x" * 600}, headers=key)
        headers = client.get(INCIDENTS, headers=key | {"X-Long": "x" * 2000})
        body = client.post(INCIDENTS, json=REPORT | {"description": "x" * 30_000}, headers=key)
        pages = [client.get(one.json()["type"]).status_code for one in (query, headers, body)]

    assert [one.status_code for one in (query, headers, body)] == [414, 431, 413]
    assert pages == [200, 200, 200]


@pytest.mark.parametrize("path", [INCIDENTS, "/healthz", "/nothing", "/problems/not-found"])
def test_every_answer_has_the_headers_that_keep_browsers_harmless(tmp_path: Path, path: str) -> None:
    with asking(Secured(tmp_path)) as client:
        headers = client.get(path, headers={"Origin": "https://elsewhere.example"}).headers

    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert not [one for one in headers if one.lower().startswith("access-control")]


def test_a_body_that_does_not_come_ends_the_request(tmp_path: Path) -> None:
    limits = RequestLimits(body_seconds=0.3)
    secured = Secured(tmp_path, requests=limits)
    key = secured.key("root", "admin")["X-API-Key"]
    begun = time.monotonic()
    with listening(secured, limits) as address:
        head = f"POST {INCIDENTS} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: 99\r\n\r\n".encode()
        answer = said(address, head, b'{"description"')

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/request-timeout" in answer
    assert time.monotonic() - begun < 10


def test_no_more_than_so_many_are_answered_at_a_time(tmp_path: Path) -> None:
    limits = RequestLimits(concurrent=1, body_seconds=20)
    secured = Secured(tmp_path, requests=limits)
    key = secured.key("root", "admin")["X-API-Key"]
    with listening(secured, limits) as address:
        head = f"POST {INCIDENTS} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: 99\r\n\r\n".encode()
        asked = f"GET {INCIDENTS} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n".encode()
        with socket.create_connection(address) as slow:
            slow.sendall(head)
            until = time.monotonic() + 10
            while b" 200 " in (busy := said(address, asked)).splitlines()[0] and time.monotonic() < until:
                pass
        until = time.monotonic() + 10
        while b" 503 " in (free := said(address, asked)).splitlines()[0] and time.monotonic() < until:
            pass

    assert busy.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in busy.lower()
    assert free.startswith(b"HTTP/1.1 200 ")


def test_headers_without_an_end_are_refused(tmp_path: Path) -> None:
    limits = RequestLimits(header_bytes=2000, query_bytes=500)
    with listening(Secured(tmp_path, requests=limits), limits) as address:
        answer = said(address, b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 8000)

    assert answer.startswith(b"HTTP/1.1 4")


def test_the_server_does_not_say_what_it_is(tmp_path: Path) -> None:
    with listening(Secured(tmp_path), RequestLimits()) as address:
        answer = said(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert b"server:" not in answer.lower()
