"""Connections, handshakes and requests, to real servers on loopback that are good, bad or hostile."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from listeners import LOOPBACK, certificate, closed_port, listening, replying, silent, unanswered

from sre_orchestrator.plugins.sources.probes import dial
from sre_orchestrator.plugins.sources.probes.dial import Request, answer_of, certificate_of, connect
from sre_orchestrator.plugins.sources.tls import handshake

HEAD = Request(method="HEAD", path="/")
LONG = 10.0


def status(port: int, timeout: float = LONG, *, tls: bool = False) -> int:
    return answer_of(LOOPBACK, port, "cart.shop.svc", HEAD, tls=tls, timeout=timeout).status


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "::ffff:169.254.169.254", "169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200",
     "168.63.129.16", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "", "cart"],
)  # fmt: skip
def test_addresses_that_no_service_has_are_forbidden(address: str) -> None:
    assert dial.forbidden(address)


@pytest.mark.parametrize("address", ["10.96.0.1", "192.168.1.1", "100.64.0.1", "203.0.113.7", "fd00::1", "2001:db8::1"])
def test_addresses_of_services_are_not_forbidden(address: str) -> None:
    assert not dial.forbidden(address)


def test_a_connection_that_is_accepted_says_nothing() -> None:
    with listening() as port:
        connect(LOOPBACK, port, LONG)


def test_a_connection_is_refused_where_nothing_listens() -> None:
    with pytest.raises(OSError, match="Connection refused"):
        connect(LOOPBACK, closed_port(), LONG)


def test_a_connection_that_is_never_made_ends_after_the_time() -> None:
    with unanswered() as port, pytest.raises(TimeoutError):
        connect(LOOPBACK, port, 0.1)


def test_a_certificate_is_read_though_nobody_signed_it(tmp_path: Path) -> None:
    pem = certificate(tmp_path, ["cart.shop.svc", "*.example", "10.96.0.4"])
    with listening(silent, pem) as port:
        found = certificate_of(LOOPBACK, port, "cart.shop.svc", LONG)

    assert found is not None
    read, chain = found
    assert (read.names, read.issuer, chain) == (("cart.shop.svc", "*.example", "10.96.0.4"), "CN=test", "self-signed")
    assert read.expires_at - read.starts_at == timedelta(days=31)


def test_an_authority_of_the_place_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = certificate(tmp_path, [])
    monkeypatch.setattr(handshake, "AUTHORITY", pem)
    with listening(silent, pem) as port:
        found = certificate_of(LOOPBACK, port, "cart.shop.svc", LONG)

    assert found is not None
    assert (found[0].names, found[1]) == ((), "trusted")


@pytest.mark.parametrize(
    ("begins", "ends"),
    [(timedelta(days=-9), timedelta(days=-1)), (timedelta(days=1), timedelta(days=9))],
    ids=["expired", "not yet valid"],
)
def test_the_authority_is_judged_whatever_the_dates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: timedelta, ends: timedelta
) -> None:
    pem = certificate(tmp_path, ["cart.shop.svc"], begins=begins, ends=ends)
    monkeypatch.setattr(handshake, "AUTHORITY", pem)
    with listening(silent, pem) as port:
        found = certificate_of(LOOPBACK, port, "cart.shop.svc", LONG)

    assert found is not None
    assert found[1] == "trusted"


def test_there_is_no_certificate_where_no_tls_is_spoken() -> None:
    with listening(replying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert certificate_of(LOOPBACK, port, "cart.shop.svc", LONG) is None


def test_a_giant_certificate_is_not_read(tmp_path: Path) -> None:
    pem = certificate(tmp_path, [f"name-{number:05d}.example.org" for number in range(10_000)])
    with listening(silent, pem) as port:
        assert certificate_of(LOOPBACK, port, "cart.shop.svc", LONG) is None


def test_a_certificate_that_cannot_be_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "_served", lambda *_: [b"no certificate"])

    assert certificate_of(LOOPBACK, 1, "cart.shop.svc", LONG) is None


@pytest.mark.parametrize("code", [200, 301, 404, 500, 503])
def test_the_status_of_an_answer_is_told(code: int) -> None:
    with listening(replying(f"HTTP/1.1 {code} Whatever\r\nLocation: http://192.0.2.1/\r\n\r\n".encode())) as port:
        assert status(port) == code


def test_an_answer_over_tls_is_told_whoever_signed(tmp_path: Path) -> None:
    with listening(replying(b"HTTP/1.0 204 No Content\r\n\r\n"), certificate(tmp_path, ["other"])) as port:
        assert status(port, tls=True) == 204


def test_the_request_names_host_and_path_and_keeps_no_connection() -> None:
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        asked.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with listening(serve) as port:
        answer_of(LOOPBACK, port, "cart.shop.svc", Request(method="GET", path="/ready"), tls=False, timeout=LONG)

    assert asked == [b"GET /ready HTTP/1.1\r\nHost: cart.shop.svc\r\nConnection: close\r\n\r\n"]


def endless(piece: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        while True:
            connection.sendall(piece)

    return serve


def drop_by_drop(connection: socket.socket) -> None:
    """Send a byte of a first line that never ends whenever the other side could have lost its patience."""
    connection.settimeout(0.02)
    while True:
        try:
            if not connection.recv(4096):
                return
        except TimeoutError:
            connection.sendall(b"H")


@pytest.mark.parametrize(
    "serve", [endless(b"x" * 4096), endless(b"\x00"), replying(b""), replying(b"SSH-2.0-server\r\n")]
)
def test_what_is_no_http_has_no_status(serve: Callable[[socket.socket], None]) -> None:
    with listening(serve) as port:
        assert status(port) == 0


def test_endless_headers_and_bodies_are_left_unread() -> None:
    with listening(endless(b"HTTP/1.1 200 OK\r\nX-Header: " + b"x" * 4096)) as port:
        assert status(port) == 200


@pytest.mark.parametrize("serve", [silent, drop_by_drop])
def test_a_slow_answer_ends_after_the_time(serve: Callable[[socket.socket], None]) -> None:
    def waiting(connection: socket.socket) -> None:
        connection.recv(4096)
        serve(connection)

    with listening(waiting) as port:
        begun = time.monotonic()
        assert status(port, timeout=0.2) == 0

    assert time.monotonic() - begun < LONG


def test_no_connection_means_no_status() -> None:
    assert status(closed_port()) == 0
