r"""Small servers on loopback for tests: TCP that accepts, refuses or never answers, TLS with any certificate, DNS.

::

    with listening(lambda one: one.sendall(b"HTTP/1.1 200 OK\r\n\r\n")) as port: ...
    with listening(silent, certificate(tmp_path, ["cart.shop.svc"])) as port: ...
    with unanswered() as port: ...
    with name_server({"cart.shop.svc.cluster.local.": "127.0.0.1"}) as resolver: Names(1, resolver)
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.resolver
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"


def silent(connection: socket.socket) -> None:
    """Wait until the other side hangs up."""
    with suppress(OSError):
        connection.recv(1)


def replying(answer: bytes) -> Callable[[socket.socket], None]:
    """Return what reads a request and answers it, then hangs up."""

    def reply(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return reply


@contextmanager
def listening(serve: Callable[[socket.socket], None] = silent, pem: Path | None = None) -> Iterator[int]:
    """Yield the port of a server that gives each connection to ``serve``; with TLS when ``pem`` has key and certificate."""
    context = None
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
    with socket.create_server((LOOPBACK, 0)) as server:
        threads: list[threading.Thread] = []

        def one(plain: socket.socket) -> None:
            with suppress(OSError), ExitStack() as stack:
                connection = stack.enter_context(plain)
                serve(stack.enter_context(context.wrap_socket(plain, server_side=True)) if context else connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threads.append(threading.Thread(target=one, args=(server.accept()[0],), daemon=True))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for thread in (acceptor, *threads):
            thread.join(timeout=5)


@contextmanager
def unanswered() -> Iterator[int]:
    """Yield a port at which connections are never made: the queue of its server is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind((LOOPBACK, 0))
        server.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(server.getsockname())
        yield server.getsockname()[1]


def closed_port() -> int:
    """Return a port at which nothing listens."""
    with socket.socket() as one:
        one.bind((LOOPBACK, 0))
        return int(one.getsockname()[1])


def certificate(
    folder: Path, names: Iterable[str], *, begins: timedelta = timedelta(days=-1), ends: timedelta = timedelta(days=30)
) -> Path:
    """Write a self-signed certificate with its key; ``begins`` and ``ends`` count from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    general = [_general(name) for name in names]
    if general:
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def name_server(
    known: Mapping[str, str], *, mute: Sequence[str] = (), broken: bool = False, lost: int = 0
) -> Iterator[dns.resolver.Resolver]:
    """Yield a resolver that asks a real server, which knows ``known`` and never answers for the names in ``mute``.

    The first ``lost`` questions get lost on the way.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((LOOPBACK, 0))

        asked: list[bytes] = []

        def answer() -> None:
            with suppress(OSError):
                while True:
                    wire, sender = server.recvfrom(4096)
                    if not wire:
                        return
                    asked.append(wire)
                    reply = _reply(wire, known, mute, broken=broken)
                    if reply and len(asked) > lost:
                        server.sendto(reply, sender)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = [LOOPBACK], server.getsockname()[1]
        resolver.search, resolver.ndots = [dns.name.from_text("cluster.local")], 5
        yield resolver
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", server.getsockname())
        thread.join(timeout=5)


def _reply(wire: bytes, known: Mapping[str, str], mute: Sequence[str], *, broken: bool) -> bytes:
    query = dns.message.from_wire(wire)
    question = query.question[0]
    name = str(question.name)
    if name in mute:
        return b""
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.RA
    if broken:
        reply.set_rcode(dns.rcode.SERVFAIL)
    elif name not in known:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == (1 if ip_address(known[name]).version == 4 else 28):
        reply.answer.append(dns.rrset.from_text(question.name, 5, "IN", question.rdtype, known[name]))
    return bytes(reply.to_wire())


def _general(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name)
