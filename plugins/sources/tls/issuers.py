"""Asks an issuer of tokens for what every verifier asks for: its configuration, then its keys (OpenID Connect Discovery)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec

from sre_orchestrator.core.settings import AuthChecks, Endpoint
from sre_orchestrator.plugins.sources.http import HttpService, ServiceProblem
from sre_orchestrator.plugins.sources.probes.dial import forbidden
from sre_orchestrator.plugins.sources.tls.handshake import shake
from sre_orchestrator.plugins.sources.trust import IssuerCheck, IssuerOutcome, ServedCheck

CONFIGURATION = "/.well-known/openid-configuration"
PORTS = {"https": 443, "http": 80}
LONGEST = 200
T = TypeVar("T")
Step = Literal["discovery", "keys"]

_WORDS: Mapping[str, IssuerOutcome] = {
    "certificate": "certificate",
    "not known": "unresolved",
    "no answer": "timeout",
    "refused": "refused",
    "JSON": "no-json",
    "read": "no-json",
}


class _Configuration(msgspec.Struct):
    issuer: str = ""
    jwks_uri: str = ""


class _Keys(msgspec.Struct):
    keys: list[msgspec.Raw] = []


class _EndedError(Exception):
    """The check ends here, with this outcome."""

    def __init__(self, step: Step, outcome: IssuerOutcome, detail: str, status: int = 0) -> None:
        super().__init__(detail)
        self.step = step
        self.outcome = outcome
        self.detail = detail
        self.status = status


def check_issuer(
    url: str, settings: AuthChecks, refuses: Callable[[str], bool] = forbidden
) -> tuple[IssuerCheck, ServedCheck | None]:
    """Return how far an issuer answers, and what certificate it serves; raises nothing of its own."""
    parts, at = urlsplit(url), datetime.now(UTC)
    host, served = parts.hostname or "", None
    try:
        served = _certificate(parts, settings, at)
        keys = _keys(url, settings, refuses)
    except _EndedError as end:
        return IssuerCheck(
            url=url,
            host=host,
            at=at,
            step=end.step,
            outcome=end.outcome,
            status=end.status,
            detail=end.detail[:LONGEST],
        ), served
    return IssuerCheck(url=url, host=host, at=at, step="keys", outcome="ok", keys=keys), served


def check_endpoint(address: str, settings: AuthChecks) -> ServedCheck:
    """Return what an address (``HOST:PORT``) serves; raises nothing of its own."""
    host, _, port = address.rpartition(":")
    return _served(host.strip("[]"), int(port), settings, datetime.now(UTC))


def _served(host: str, port: int, settings: AuthChecks, at: datetime) -> ServedCheck:
    met = shake(host, port, host, settings.timeout_seconds, _authorities(settings))
    return ServedCheck(host=host, port=port, at=at, handshake=met)


def _authorities(settings: AuthChecks) -> Iterable[Path]:
    return (Path(settings.ca_file),) if settings.ca_file else ()


def _certificate(parts: SplitResult, settings: AuthChecks, at: datetime) -> ServedCheck | None:
    """Return what the issuer serves; over plain HTTP it serves no certificate."""
    if parts.scheme != "https":
        return None
    served = _served(parts.hostname or "", parts.port or PORTS[parts.scheme], settings, at)
    met = served.handshake
    if met.outcome != "ok":
        raise _EndedError("discovery", met.outcome, met.detail)
    return served


def _keys(url: str, settings: AuthChecks, refuses: Callable[[str], bool]) -> int:
    """Return how many keys an issuer has."""
    found = _asked(url, CONFIGURATION, _Configuration, settings, "discovery")
    if found.issuer.rstrip("/") != url.rstrip("/"):
        raise _EndedError("discovery", "other-issuer", f"it calls itself {found.issuer!r}")
    here, there = urlsplit(url), urlsplit(found.jwks_uri)
    if (there.scheme, there.netloc) != (here.scheme, here.netloc) and not _fit(there, refuses):
        raise _EndedError("keys", "no-keys", f"its keys are said to be at {found.jwks_uri!r}, which is not asked")
    keys = len(_asked(found.jwks_uri.partition("?")[0], "", _Keys, settings, "keys", query=there.query).keys)
    if not keys:
        raise _EndedError("keys", "no-keys", "the list of its keys is empty")
    return keys


def _fit(there: SplitResult, refuses: Callable[[str], bool]) -> bool:
    """Say whether an address that the issuer told may be asked: over TLS, at no address that is none of a service."""
    if there.scheme != "https" or not there.hostname:
        return False
    try:
        found = socket.getaddrinfo(there.hostname, there.port or PORTS["https"], type=socket.SOCK_STREAM)
    except OSError:
        return False
    return not any(refuses(str(one[4][0])) for one in found)


def _asked(url: str, path: str, kind: type[T], settings: AuthChecks, step: Step, *, query: str = "") -> T:
    endpoint = Endpoint(url=url, timeout_seconds=settings.timeout_seconds, ca_file=settings.ca_file)
    service = HttpService(endpoint, "auth")
    try:
        return service.decoded(service.get(path, parse_qsl(query)), kind)
    except ServiceProblem as problem:
        raise _EndedError(step, _outcome(problem), problem.why, problem.status) from problem


def _outcome(problem: ServiceProblem) -> IssuerOutcome:
    if problem.status:
        return "status"
    for word, outcome in _WORDS.items():
        if word in problem.why:
            return outcome
    return "closed"
