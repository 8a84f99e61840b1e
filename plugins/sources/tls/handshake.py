"""Shakes hands with whatever listens, and says how far that got, what was served and what of it is not to be trusted."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from sre_orchestrator.plugins.sources.tls.certificate import read_certificate
from sre_orchestrator.plugins.sources.trust import Certificate, Chain, Handshake, Outcome

AUTHORITY = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
# X509_V_ERR_CERT_NOT_YET_VALID and _HAS_EXPIRED: OpenSSL looks at dates when the chain is complete
DATES = frozenset({9, 10})
SELF_SIGNED = 18  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
UNRESOLVED_ISSUER = frozenset({2, 20, 21})  # no issuer of the last one that was sent is known
DER = 2  # X509_FILETYPE_ASN1
# What OpenSSL says of an answer in another language, and of one that breaks off.
_OTHER = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG",
          "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE", "INVALID_RECORD_TYPE")  # fmt: skip
_CUT = ("UNEXPECTED_EOF_WHILE_READING", "EOF occurred")


def shake(address: str, port: int, host: str, timeout: float, authorities: Iterable[Path] = ()) -> Handshake:
    """Return how a handshake for ``host`` goes, each step within ``timeout`` seconds; raises nothing of its own.

    Trusted are the authorities of this place, of the cluster where this runs in one, and those of ``authorities``.
    """
    try:
        try:
            served = _served(address, port, host, timeout, _verifying(authorities))
            code = 0
        except ssl.SSLCertVerificationError as error:
            served = _served(address, port, host, timeout, lax())
            code = error.verify_code
    except OSError as error:
        return Handshake(outcome=_outcome(error), detail=str(error))
    read = tuple(one for der in served if (one := read_certificate(der)))
    return Handshake(outcome="ok", certificates=read, chain=_chain(code, read))


def lax() -> ssl.SSLContext:
    """Return a context that takes any certificate: it is looked at, and nothing secret is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _verifying(authorities: Iterable[Path]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False  # names are compared with all spellings of a service, by the agent
    for path in (AUTHORITY, *authorities):
        if path.is_file():
            context.load_verify_locations(path)
    return context


def _served(address: str, port: int, host: str, timeout: float, context: ssl.SSLContext) -> list[bytes]:
    with (
        socket.create_connection((address, port), timeout) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return _sent(connection) or [connection.getpeercert(binary_form=True) or b""]


def _sent(connection: ssl.SSLSocket) -> list[bytes]:
    """Return the certificates as the server sent them; Python has a public way from 3.13."""
    public = getattr(connection, "get_unverified_chain", None)
    if public:
        return cast("list[bytes]", public())
    inner: Any = getattr(connection, "_sslobj", None)
    sent = getattr(inner, "get_unverified_chain", lambda: None)()
    return [one.public_bytes(DER) for one in sent or ()]


def _chain(code: int, sent: tuple[Certificate, ...]) -> Chain:
    if code == 0 or code in DATES:
        return "trusted"
    if code == SELF_SIGNED:
        return "self-signed"
    left_out = code in UNRESOLVED_ISSUER and sent and not sent[-1].self_signed and sent[-1].fetched
    return "incomplete" if left_out else "unknown"


def _outcome(error: OSError) -> Outcome:
    words = f"{getattr(error, 'reason', '')} {error}"
    if isinstance(error, socket.gaierror):
        return "unresolved"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionError) or any(one in words for one in _CUT):
        return "closed"
    if not isinstance(error, ssl.SSLError):
        return "unreachable"
    return "no-tls" if any(one in words for one in _OTHER) else "handshake"
