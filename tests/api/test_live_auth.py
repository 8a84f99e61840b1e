"""A running cluster whose issuer of tokens is a real server on loopback, good or bad."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from authorities import Authority
from clusters import shop
from faults import complain
from listeners import LOOPBACK, closed_port, listening, replying
from looking import NOON

from sre_orchestrator.api.live import diagnose_live
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import AuthChecks, ClusterAccess, ProbeLimits, Settings, SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

ROOT = Authority("root")
ISSUER = f"issuer/{LOOPBACK}"
OLD = {"begins": timedelta(days=-9), "ends": timedelta(days=-1)}


def answers(connection: socket.socket) -> None:
    """Answer as an issuer with one key."""
    request = connection.recv(65536).decode()
    if request:
        base = "https://" + request.lower().split("host: ")[1].split("\r\n")[0]
        body = json.dumps({"issuer": base, "jwks_uri": f"{base}/keys", "keys": [{"kid": "1"}]})
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def diagnosed(folder: Path, port: int, *, complaint: bool = True) -> Report:
    """Diagnose a shop that checks the tokens of the issuer at ``port``; its probes of services are left out."""
    cluster = shop()
    if complaint:
        words = f'ERROR oidc: get keys failed: Get "https://{LOOPBACK}:{port}/keys": tls: failed to verify certificate'
        complain(cluster, "orders", words)
    path = cluster.write(folder / "recorded")
    with open_snapshot(path, SnapshotLimits()) as snapshot, serving(snapshot) as url:
        settings = Settings(
            state_dir=str(folder / "state"),
            cluster=ClusterAccess(kubeconfig=str(write_kubeconfig(folder / "kubeconfig", url))),
            auth=AuthChecks(
                issuers=(f"https://{LOOPBACK}:{port}",), ca_file=str(ROOT.trusted(folder)), timeout_seconds=2
            ),
            probes=ProbeLimits(enabled=True),
            block_plugins=("probes",),
        )
        bundle = anyio.run(
            lambda: diagnose_live(Installation(settings), "nobody can log in", namespace="shop", at=NOON)
        )
    return bundle.report


@pytest.mark.parametrize(
    ("leaf", "serve", "cause"),
    [
        (ROOT.sign("leaf", [LOOPBACK], **OLD), answers, "certificate-expired"),
        (Authority("leaf", [LOOPBACK]), answers, "issuer-unreachable"),
        (ROOT.sign("leaf", ["other.example"]), answers, "issuer-unreachable"),
        (None, replying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "issuer-unreachable"),
    ],
    ids=["expired", "unknown authority", "another name", "no TLS"],
)
def test_what_keeps_tokens_from_being_checked_comes_first(
    tmp_path: Path, leaf: Authority | None, serve: Callable[[socket.socket], None], cause: str
) -> None:
    with listening(serve, leaf.write(tmp_path) if leaf else None) as port:
        report = diagnosed(tmp_path, port)

    first = report.hypotheses[0]
    assert (first.cause, first.component) == (cause, ISSUER)
    assert report.verdict == "diagnosed"


def test_an_issuer_that_is_gone_is_named(tmp_path: Path) -> None:
    first = diagnosed(tmp_path, closed_port()).hypotheses[0]

    assert (first.cause, first.component) == ("issuer-unreachable", ISSUER)


def test_an_issuer_that_is_well_is_no_cause(tmp_path: Path) -> None:
    with listening(answers, ROOT.sign("leaf", [LOOPBACK]).write(tmp_path)) as port:
        report = diagnosed(tmp_path, port, complaint=False)

    assert [one.component for one in report.hypotheses if one.component == ISSUER] == []
    assert report.verdict == "unresolved", [(one.cause, one.component, one.because) for one in report.hypotheses[:3]]
