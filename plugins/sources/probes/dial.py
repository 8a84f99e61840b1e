"""Connects, shakes hands and asks one question over TCP; every step within a time, nothing kept of what is answered."""

from __future__ import annotations

import re
import socket
import time
from contextlib import suppress
from ipaddress import ip_address

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.sources.tls.handshake import lax, shake
from sre_orchestrator.plugins.sources.trust import Certificate, Chain

LONGEST_LINE = 1024
# of AWS (IPv6), Alibaba and Azure; the others are of the link
METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "168.63.129.16"})
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? ([1-5]\d\d)\b")


class Answer(Struct, frozen=True, kw_only=True):
    """The status of an HTTP answer (0 when there is none that can be read), and how long it took."""

    status: int
    seconds: float


class Request(Struct, frozen=True, kw_only=True):
    """One harmless request: ``GET`` of a path that the kubelet asks too, or ``HEAD /``."""

    method: str
    path: str


def forbidden(address: str) -> bool:
    """Say whether an address is none that a service can have: of this machine, of the link, of a cloud's metadata, of many.

    >>> forbidden("169.254.169.254"), forbidden("::ffff:127.0.0.1"), forbidden("10.96.0.1"), forbidden("no address")
    (True, True, False, True)
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return True
    plain = getattr(ip, "ipv4_mapped", None) or ip
    special = plain.is_loopback or plain.is_link_local or plain.is_multicast or plain.is_unspecified
    return special or str(plain) in METADATA


def connect(address: str, port: int, timeout: float) -> None:
    """Connect and hang up.

    Raises:
        OSError: it does not work; its words say why.

    """
    socket.create_connection((address, port), timeout).close()


def certificate_of(address: str, port: int, host: str, timeout: float) -> tuple[Certificate, Chain] | None:
    """Return the certificate that is served for ``host``, and where its chain ends.

    ``None`` where no TLS is spoken, or what is served is no certificate.
    """
    found = shake(address, port, host, timeout)
    return (found.certificates[0], found.chain) if found.certificates else None


def answer_of(address: str, port: int, host: str, request: Request, *, tls: bool, timeout: float) -> Answer:
    """Return the status that a request is answered with; nothing beyond the first line is read."""
    begun = time.monotonic()
    status = 0
    with suppress(OSError), socket.create_connection((address, port), timeout) as plain:
        wrapped = lax().wrap_socket(plain, server_hostname=host) if tls else plain
        with wrapped as connection:
            lines = f"{request.method} {request.path} HTTP/1.1", f"Host: {host}", "Connection: close", "", ""
            connection.sendall("\r\n".join(lines).encode())
            found = _STATUS.match(_first_line(connection, begun + timeout))
            status = int(found[1]) if found else 0
    return Answer(status=status, seconds=round(time.monotonic() - begun, 3))


def _first_line(connection: socket.socket, deadline: float) -> bytes:
    """Return the first line, or what of it came before the deadline."""
    line = b""
    while b"\n" not in line and len(line) < LONGEST_LINE and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        more = connection.recv(LONGEST_LINE)
        if not more:
            break
        line += more
    return line
