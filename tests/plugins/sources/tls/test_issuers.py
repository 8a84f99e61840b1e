"""Issuers of tokens and addresses in the settings, as real servers on loopback."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
from authorities import Authority
from listeners import LOOPBACK, closed_port, listening, replying, unanswered

from sre_orchestrator.core.errors import SettingsError
from sre_orchestrator.core.settings import AuthChecks, ProbeLimits, Settings, read_settings
from sre_orchestrator.plugins.sources.tls import register_sources
from sre_orchestrator.plugins.sources.tls.issuers import _fit, check_endpoint, check_issuer
from sre_orchestrator.plugins.sources.tls.source import OFF, Checks

FAST = AuthChecks(timeout_seconds=0.5)
KEYS = {"keys": [{"kty": "RSA", "kid": "1"}, {"kty": "RSA", "kid": "2"}]}


def issuer(keys: object = KEYS, status: str = "200 OK", **changes: Any) -> Callable[[socket.socket], None]:
    """Return what serves the configuration of an issuer at the address that it is asked at, and its keys."""

    def serve(connection: socket.socket) -> None:
        request = connection.recv(65536).decode()
        if not request:
            return
        path = request.split(" ")[1]
        host = request.lower().split("host: ")[1].split("\r\n")[0]
        scheme = "https" if hasattr(connection, "context") else "http"
        base = f"{scheme}://{host}"
        found = {"issuer": f"{base}/shop", "jwks_uri": f"{base}/keys?v=1", **changes}
        body = json.dumps(keys if path == "/keys?v=1" else found).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    return serve


def asked(serve: Callable[[socket.socket], None]) -> tuple[str, str]:
    with listening(serve) as port:
        found, served = check_issuer(f"http://{LOOPBACK}:{port}/shop", FAST)
    assert served is None
    return found.step, found.outcome


def test_an_issuer_with_keys_is_well() -> None:
    with listening(issuer()) as port:
        found, _ = check_issuer(f"http://{LOOPBACK}:{port}/shop", FAST)

    assert (found.outcome, found.step, found.keys, found.host) == ("ok", "keys", 2, LOOPBACK)


@pytest.mark.parametrize(
    ("serve", "found"),
    [
        (issuer(status="404 Not Found"), ("discovery", "status")),
        (issuer(issuer="https://other.example"), ("discovery", "other-issuer")),
        (replying(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"), ("discovery", "no-json")),
        (replying(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]"), ("discovery", "no-json")),
        (issuer({"keys": []}), ("keys", "no-keys")),
        (issuer(jwks_uri="http://169.254.169.254/keys"), ("keys", "no-keys")),
        (issuer(jwks_uri="https://127.0.0.1/keys"), ("keys", "no-keys")),
        (issuer(jwks_uri="https://no-such-host.invalid/keys"), ("keys", "no-keys")),
        (lambda one: one.close(), ("discovery", "closed")),
    ],
)
def test_an_issuer_that_answers_badly_is_told_with_how_far_it_got(
    serve: Callable[[socket.socket], None], found: tuple[str, str]
) -> None:
    assert asked(serve) == found


def test_an_issuer_that_cannot_be_reached_is_told_why() -> None:
    outcomes = {}
    with unanswered() as port:
        for url in (f"http://{LOOPBACK}:{closed_port()}", f"http://{LOOPBACK}:{port}", "http://no-such-host.invalid"):
            outcomes[url.rpartition(":")[0]] = check_issuer(url, FAST)[0].outcome
            assert check_issuer(url, FAST)[0].outcome in {"refused", "timeout", "unresolved"}
    assert check_issuer(f"https://{LOOPBACK}:{closed_port()}", FAST)[0].outcome == "refused"


def test_the_keys_of_another_place_are_asked_where_it_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("203.0.113.7", 443))])

    assert _fit(urlsplit("https://keys.example/jwks"), lambda _: False)
    assert not _fit(urlsplit("https://keys.example/jwks"), lambda _: True)


def test_an_issuer_over_tls_is_verified_and_its_certificate_told(tmp_path: Path) -> None:
    root = Authority("root")
    settings = AuthChecks(timeout_seconds=2, ca_file=str(root.trusted(tmp_path)))
    with listening(issuer(), root.sign("leaf", [LOOPBACK]).write(tmp_path)) as port:
        good, served = check_issuer(f"https://{LOOPBACK}:{port}/shop", settings)
    (other := tmp_path / "other").mkdir()
    with listening(issuer(), root.sign("leaf", ["other.example"]).write(other)) as port:
        bad, shown = check_issuer(f"https://{LOOPBACK}:{port}/shop", settings)

    assert (good.outcome, good.keys) == ("ok", 2)
    assert served is not None
    assert served.handshake.chain == "trusted"
    assert bad.outcome == "certificate"
    assert shown is not None
    assert shown.handshake.certificates[0].names == ("other.example",)


def test_an_address_is_shaken_hands_with(tmp_path: Path) -> None:
    with listening(issuer(), Authority("leaf", [LOOPBACK]).write(tmp_path)) as port:
        found = check_endpoint(f"{LOOPBACK}:{port}", FAST)

    assert (found.host, found.port, found.handshake.chain) == (LOOPBACK, port, "self-signed")


def test_what_was_answered_is_told_again_for_a_minute() -> None:
    now = [0.0]
    asked_: list[int] = []

    def serve(connection: socket.socket) -> None:
        asked_.append(1)
        issuer()(connection)

    with listening(serve) as port:
        settings = AuthChecks(issuers=(f"http://{LOOPBACK}:{port}/shop",), timeout_seconds=1)
        checks = Checks(settings, enabled=True, clock=lambda: now[0])
        first, again = anyio.run(checks.trust), anyio.run(checks.trust)
        now[0] = 61.0
        anyio.run(checks.trust)

    assert first is again
    assert len(asked_) == 4  # configuration and keys, twice


def test_the_doctor_is_told_what_answers_and_what_does_not() -> None:
    port = closed_port()
    bad = AuthChecks(issuers=(f"http://{LOOPBACK}:{port}",), endpoints=(f"{LOOPBACK}:{port}",), timeout_seconds=0.5)
    with listening(issuer()) as open_port:
        good = AuthChecks(issuers=(f"http://{LOOPBACK}:{open_port}/shop",), timeout_seconds=1)
        well = anyio.run(Checks(good, enabled=True).describe)

    ill = anyio.run(Checks(bad, enabled=True).describe)
    assert (well.how, well.problem) == ("1 issuers and addresses under auth", "")
    assert ill.problem == f"http://{LOOPBACK}:{port}: refused; {LOOPBACK}:{port}: refused"
    assert anyio.run(Checks(bad, enabled=False).describe).problem == OFF.why
    assert anyio.run(Checks(bad, enabled=False).trust).gaps == (OFF,)


def test_there_is_no_such_source_without_something_to_ask() -> None:
    checked = AuthChecks(endpoints=("login.example:443",))
    cluster: Any = object()

    assert register_sources(Settings(), cluster) == []
    assert register_sources(Settings(auth=checked, probes=ProbeLimits(enabled=False)), cluster) == []
    assert [one.name for one in register_sources(Settings(auth=checked), cluster)] == ["auth"]


@pytest.mark.parametrize(
    "auth", ["{issuers: [login.example]}", "{issuers: ['https://u:p@login.example']}", "{endpoints: [login.example]}"]
)
def test_addresses_that_cannot_be_asked_are_refused(auth: str) -> None:
    with pytest.raises(SettingsError, match="auth"):
        read_settings(None, {"SRE_ORCHESTRATOR_AUTH": auth})


async def _nothing() -> list[object]:
    return [one async for one in Checks(FAST, enabled=True).sync()]


def test_it_knows_no_components() -> None:
    assert anyio.run(_nothing) == []
