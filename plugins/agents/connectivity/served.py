"""Looks at what service ports and ingress hosts served: certificates, and answers with server errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import kind_of
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.sources.ports import HttpProbe, TlsProbe

BY_PROXIES = frozenset({502, 503, 504})
INTERNAL_ERROR = 500
LONGEST = 200


def look_at_certificates(observe: Observer, probes: Iterable[TlsProbe]) -> Iterator[Fact]:
    """Yield each certificate as it is: its dates beside the time, its names beside the one that was asked for."""
    for one in probes:
        yield observe(
            "certificate.served",
            one.component,
            query=f"openssl s_client -connect {one.host}:{one.port} -servername {one.host} -showcerts",
            at=one.at,
            host=one.host,
            port=one.port,
            validity="expired" if one.expires_at < one.at else "not-yet-valid" if one.starts_at > one.at else "current",
            starts_at=_written(one.starts_at),
            expires_at=_written(one.expires_at),
            named=any(covers(name, host) for name in one.names for host in _spellings(one)),
            names=" ".join(one.names)[:LONGEST],
            issuer=one.issuer[:LONGEST],
            trusted=one.trusted,
            chain=one.chain or None,
        )


def look_at_answers(observe: Observer, probes: Iterable[HttpProbe]) -> Iterator[Fact]:
    """Yield the answers that are server errors: of proxies, and 500 where the path is one that was meant for checks."""
    for one in probes:
        if one.status in BY_PROXIES or (one.status == INTERNAL_ERROR and one.method == "GET"):
            yield observe(
                "flow.errors",
                one.component,
                query=f"curl -i -X {one.method} http://{one.host}:{one.port}{one.path}",
                at=one.at,
                route=f"{one.method} {one.path}",
                status_class="5xx",
                status_code=one.status,
                count=1,
                total=1,
                ratio=1.0,
                origin="probe",
            )


def covers(name: str, host: str) -> bool:
    """Say whether a certificate's name is good for a host: equal, or its ``*`` is the first label (RFC 6125, 6.4.3).

    >>> covers("*.shop.example", "www.shop.example"), covers("*.shop.example", "a.www.shop.example")
    (True, False)
    """
    name, host = name.lower().rstrip("."), host.lower().rstrip(".")
    first, _, rest = host.partition(".")
    return name == host or (name.startswith("*.") and bool(first) and name[2:] == rest)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _spellings(probe: TlsProbe) -> tuple[str, ...]:
    """Return the names by which clients may call the host; a service has several."""
    if kind_of(probe.component) != "service":
        return (probe.host,)
    labels = probe.host.split(".")
    short = (".".join(labels[:count]) for count in range(1, len(labels) + 1))
    return (*short, f"{probe.host}.cluster.local")
