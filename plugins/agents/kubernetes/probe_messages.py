"""Reads what the kubelet says about probes: which probe failed how, and which container it killed.

Source of the wordings: kubernetes/pkg/probe/{http,tcp,grpc,exec} and kubelet/prober/prober.go, Go's
net/http and crypto/tls, and the usual tools of exec probes (grpc_health_probe, curl, wget).
"""

from __future__ import annotations

import re

from sre_orchestrator.core.models import Struct

_PROBE = re.compile(r"\b(?P<probe>liveness|readiness|startup)\s+probe\b(?! warning)", re.IGNORECASE)
_STATUS = re.compile(r"statuscode: (?P<code>\d{3})|returned error: (?P<curl>\d{3})", re.IGNORECASE)
_PORT = re.compile(
    r"https?://(?:\[[^\]]+\]|[^\s/:\"]+):(?P<url>\d+)"
    r"|dial tcp (?:\[[^\]]+\]|[^\s:]+):(?P<dial>\d+)"
    r"|service(?: at)? \"?(?:\[[^\]]+\]|[^\s:\"]*):(?P<grpc>\d+)"
    r"|\bport (?P<curl>\d+)",
    re.IGNORECASE,
)
# The first that matches decides, so what says more comes before what says less.
_FAILURES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (failure, re.compile(pattern, re.IGNORECASE))
    for failure, pattern in (
        ("unresolved", r"couldn't find port|no such host|invalid port|unknown port|strconv\."),
        ("http-status", r"statuscode: \d|returned error: \d{3}"),
        (
            "not-tls",
            r"gave HTTP response to HTTPS client|does not look like a TLS handshake|wrong version number|tls: oversized record",
        ),
        ("not-http", r"malformed (?:HTTP|MIME)|transport connection broken|HTTP/0\.9|unsupported protocol"),
        (
            "not-grpc",
            r"not implement the grpc health protocol|server preface|frame too large|unexpected HTTP status code"
            r"|unknown service|code = (?:Unimplemented|NotFound)",
        ),
        ("not-serving", r"responded with|status: NOT_SERVING"),
        ("refused", r"connection refused|connection was refused"),
        (
            "unreachable",
            r"no route to host|network is unreachable|host is down|dial tcp \S+ i/o timeout|waiting for connection",
        ),
        # A gRPC probe dials until its time is over, whatever keeps it from connecting.
        ("no-connection", r"failed to connect (?:grpc )?service"),
        ("reset", r"\bEOF\b|connection reset|broken pipe|server closed|empty reply"),
        ("timeout", r"deadline exceeded|Client\.Timeout|timed? ?out|did not complete within|timeout:"),
        ("exec-missing", r"executable file not found|no such file or directory|not found in \$PATH|: not found"),
    )
)
_BY_PROBE = re.compile(r"(?:Container (?P<container>\S+) )?failed (?P<by>liveness|startup) probe")
_BY_OTHERS = re.compile(
    r"Stopping container (?P<stopped>\S+)|Container (?P<hooked>\S+) failed \w+ hook|Failed(?:PostStart|PreStop)Hook"
)


class ProbeAnswer(Struct, frozen=True, kw_only=True):
    """One Unhealthy message: which probe, the class of its failure, the port and HTTP status it names (0: none)."""

    probe: str
    failure: str
    port: int = 0
    status_code: int = 0


class Kill(Struct, frozen=True, kw_only=True):
    """One Killing message: ``by`` is ``liveness``, ``startup``, ``stop``, ``hook`` or ``other``."""

    container: str = ""
    by: str


def read_unhealthy(text: str) -> ProbeAnswer | None:
    """Return what an Unhealthy message says, or ``None`` when it reports no failure of a probe.

    >>> read_unhealthy('Readiness probe failed: Get "http://10.0.0.7:8080/health": dial tcp 10.0.0.7:8080: connect: connection refused')
    ProbeAnswer(probe='readiness', failure='refused', port=8080, status_code=0)
    >>> read_unhealthy("Liveness probe failed: HTTP probe failed with statuscode: 404").status_code
    404
    """
    probe = _PROBE.search(text)
    if not probe:
        return None
    failure = next((name for name, pattern in _FAILURES if pattern.search(text)), "other")
    status = _STATUS.search(text)
    return ProbeAnswer(
        probe=probe["probe"].lower(),
        failure=failure,
        port=_number(_PORT.search(text)),
        status_code=_number(status) if failure == "http-status" else 0,
    )


def read_killing(text: str) -> Kill:
    """Return what a Killing message says.

    >>> read_killing("Container app failed liveness probe, will be restarted")
    Kill(container='app', by='liveness')
    >>> read_killing("Stopping container app").by
    'stop'
    """
    probe = _BY_PROBE.search(text)
    if probe:
        return Kill(container=probe["container"] or "", by=probe["by"])
    other = _BY_OTHERS.search(text)
    if not other:
        return Kill(by="other")
    return Kill(container=other["stopped"] or other["hooked"] or "", by="stop" if other["stopped"] else "hook")


def _number(match: re.Match[str] | None) -> int:
    return int(next(filter(None, match.groups()))) if match else 0
