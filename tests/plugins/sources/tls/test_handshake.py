"""Handshakes with real servers on loopback: chains that are good, bad or cut short, and servers that speak no TLS."""

from __future__ import annotations

import socket
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from authorities import Authority
from listeners import LOOPBACK, closed_port, listening, replying, silent, unanswered

from sre_orchestrator.plugins.sources.tls import handshake
from sre_orchestrator.plugins.sources.tls.certificate import certificates_in, read_certificate
from sre_orchestrator.plugins.sources.tls.handshake import shake
from sre_orchestrator.plugins.sources.trust import Handshake

HOST = "login.example"
LONG = 10.0
OLD = {"begins": timedelta(days=-9), "ends": timedelta(days=-1)}
EARLY = {"begins": timedelta(days=1), "ends": timedelta(days=9)}


def met(port: int, *authorities: Path, timeout: float = LONG) -> Handshake:
    return shake(LOOPBACK, port, HOST, timeout, authorities)


def test_a_right_chain_is_trusted_and_told_whole(tmp_path: Path) -> None:
    root = Authority("root")
    middle = root.sign("middle", authority=True)
    leaf = middle.sign("leaf", [HOST, "10.0.0.1"])
    with listening(silent, leaf.write(tmp_path, middle)) as port:
        found = met(port, root.trusted(tmp_path))

    assert (found.outcome, found.chain) == ("ok", "trusted")
    first, second = found.certificates
    assert (first.subject, first.issuer, first.names) == ("CN=leaf", "CN=middle", (HOST, "10.0.0.1"))
    assert (first.authority, second.authority, second.self_signed) == (False, True, False)


def test_intermediates_that_a_public_authority_gives_and_the_server_leaves_out_are_missed(tmp_path: Path) -> None:
    root = Authority("root")
    leaf = root.sign("middle", authority=True).sign("leaf", [HOST], fetched=True)
    with listening(silent, leaf.write(tmp_path)) as port:
        assert met(port, root.trusted(tmp_path)).chain == "incomplete"


def test_an_authority_that_is_not_known_is_unknown_whatever_was_sent(tmp_path: Path) -> None:
    root = Authority("root")
    for number, chain in enumerate([(), (root,)]):
        (folder := tmp_path / str(number)).mkdir()
        with listening(silent, root.sign("leaf", [HOST]).write(folder, *chain)) as port:
            assert met(port).chain == "unknown"


def test_a_certificate_that_signs_itself_says_so(tmp_path: Path) -> None:
    with listening(silent, Authority("leaf", [HOST]).write(tmp_path)) as port:
        assert met(port).chain == "self-signed"


@pytest.mark.parametrize("dates", [OLD, EARLY], ids=["expired", "not yet valid"])
def test_the_chain_is_judged_whatever_the_dates(tmp_path: Path, dates: dict[str, timedelta]) -> None:
    root = Authority("root")
    with listening(silent, root.sign("leaf", [HOST], **dates).write(tmp_path)) as port:
        found = met(port, root.trusted(tmp_path))

    assert (found.outcome, found.chain) == ("ok", "trusted")


def test_the_name_is_left_to_who_knows_all_spellings(tmp_path: Path) -> None:
    root = Authority("root")
    with listening(silent, root.sign("leaf", ["other.example"]).write(tmp_path)) as port:
        found = met(port, root.trusted(tmp_path))

    assert (found.chain, found.certificates[0].names) == ("trusted", ("other.example",))


def test_an_authority_of_the_cluster_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Authority("root")
    monkeypatch.setattr(handshake, "AUTHORITY", root.trusted(tmp_path))
    with listening(silent, root.sign("leaf", [HOST]).write(tmp_path)) as port:
        assert met(port).chain == "trusted"


def test_a_newer_python_tells_the_chain_itself() -> None:
    class Newer:
        def get_unverified_chain(self) -> list[bytes]:
            return [b"one"]

    assert handshake._sent(Newer()) == [b"one"]  # type: ignore[arg-type]
    assert handshake._sent(object()) == []  # type: ignore[arg-type]


def hang_up(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    ("serve", "outcome"),
    [
        (replying(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), "no-tls"),
        (replying(b"-ERR unknown command\r\n"), "no-tls"),
        (replying(b"\x15\x03\x03\x00\x02\x02\x28"), "handshake"),
        (hang_up, "closed"),
        (replying(b""), "closed"),
        (lambda one: one.close(), "closed"),
    ],
    ids=["HTTP", "Redis", "an alert", "hangs up", "says nothing", "closes"],
)
def test_a_server_that_shakes_no_hands_is_told_from_others(serve: object, outcome: str) -> None:
    with listening(serve) as port:  # type: ignore[arg-type]
        assert met(port).outcome == outcome


def test_a_server_that_hangs_ends_after_the_time() -> None:
    with listening(lambda one: silent(one) or silent_still(one)) as port:  # type: ignore[func-returns-value]
        assert met(port, timeout=0.2).outcome == "timeout"


def silent_still(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def test_what_cannot_be_connected_to_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert met(closed_port()).outcome == "refused"
    with unanswered() as port:
        assert met(port, timeout=0.1).outcome == "timeout"
    assert shake("no-such-host.invalid", 443, HOST, LONG).outcome == "unresolved"

    def unreachable(*_: object) -> socket.socket:
        raise OSError(113, "No route to host")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    assert met(443).outcome == "unreachable"


def test_what_is_sent_and_is_no_certificate_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "_served", lambda *_: [b"no certificate"])

    assert met(443).certificates == ()
    assert read_certificate(b"no certificate") is None


def test_certificates_are_found_in_a_text_and_keys_are_not_looked_at() -> None:
    root = Authority("root")
    leaf = root.sign("leaf", [HOST], fetched=True)
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

    found = certificates_in(b"# a bundle\n" + leaf.private + leaf.pem + broken + root.pem)

    assert [(one.subject, one.fetched) for one in found] == [("CN=leaf", True), ("CN=root", False)]
    assert certificates_in(b"***") == ()


def test_what_does_not_say_so_is_no_authority() -> None:
    [found] = certificates_in(Authority("old", constrained=False).pem)

    assert (found.authority, found.names) == (False, ())


def test_the_context_takes_any_certificate() -> None:
    assert handshake.lax().verify_mode is ssl.CERT_NONE
