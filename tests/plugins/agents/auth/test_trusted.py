"""The auth agent on what issuers and addresses in the settings answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from looking import NOON, Seen
from shop import container, pod, service, write_snapshot

from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Component, Edge, Gap, Incident, Scope
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.agents.auth import AuthAgent
from sre_orchestrator.plugins.sources.snapshot import open_snapshot
from sre_orchestrator.plugins.sources.trust import Certificate, Handshake, IssuerCheck, ServedCheck, Trust

LOGIN = "https://login.example/realms/shop"
AT = datetime(2030, 5, 1, 11, 59, tzinfo=UTC)


class Answers:
    """A source of checks that were made before."""

    name = "auth"

    def __init__(self, trust: Trust) -> None:
        self._trust = trust

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing."""
        for nothing in tuple[Gap, ...]():
            yield nothing

    async def trust(self) -> Trust:
        """Return the answers."""
        return self._trust


def seen(tmp_path: Path, trust: Trust) -> Seen:
    env = [{"name": "ISSUER", "value": LOGIN}]
    path = write_snapshot(
        tmp_path, pod("cart", containers=[container(env=env)]), pod("web"), service("login"), kinds=("Event",)
    )
    incident = Incident(id="i", description="nobody can log in", at=NOON)
    scope = Scope(incident=incident, namespaces=("shop",), since=NOON - timedelta(hours=1), until=NOON)

    async def gather() -> list[object]:
        with open_snapshot(path, SnapshotLimits()) as source:
            return [one async for one in AuthAgent().gather(scope, Sources([source, Answers(trust)]))]

    return Seen(AuthAgent(), anyio.run(gather))


def issuer(**more: Any) -> IssuerCheck:
    return IssuerCheck(**{"url": LOGIN, "host": "login.example", "at": AT, "step": "keys", "outcome": "ok", **more})


def served(host: str = "login.example", **more: Any) -> ServedCheck:
    leaf = Certificate(
        starts_at=NOON - timedelta(days=9),
        expires_at=NOON - timedelta(days=1),
        names=("login.example",),
        issuer="CN=authority",
        subject="CN=login",
    )
    met = Handshake(**{"outcome": "ok", "certificates": (leaf,), "chain": "trusted", **more})
    return ServedCheck(host=host, port=443, at=AT, handshake=met)


def test_an_issuer_is_told_with_the_workloads_that_are_configured_with_it(tmp_path: Path) -> None:
    bad = issuer(step="discovery", outcome="status", status=503, detail="answers 503")

    fact = seen(tmp_path, Trust(issuers=(bad,))).only("issuer.checked")

    assert fact.component == "issuer/login.example"
    assert fact.attributes["users"] == 1
    assert (fact.attributes["outcome"], fact.attributes["status"], fact.attributes["detail"]) == (
        "status",
        503,
        "answers 503",
    )


def test_an_issuer_in_the_cluster_is_its_service(tmp_path: Path) -> None:
    inside = issuer(url="http://login.shop.svc:8080", host="login.shop.svc", keys=2)
    outside = issuer(url="http://other.shop.svc:8080", host="other.shop.svc", keys=2)

    found = seen(tmp_path, Trust(issuers=(inside, outside))).of("issuer.checked")

    assert sorted(one.component for one in found) == ["issuer/other.shop.svc", "service/shop/login"]
    assert {one.attributes["detail"] for one in found} == {"ok"}


def test_a_certificate_is_told_beside_the_time_and_the_name(tmp_path: Path) -> None:
    trust = Trust(issuers=(issuer(),), served=(served(), served("api.example", chain="incomplete")))

    found = seen(tmp_path, trust)

    facts = {one.component: one.attributes for one in found.of("certificate.served")}
    assert set(facts) == {"issuer/login.example", "host/api.example"}
    assert facts["issuer/login.example"]["validity"] == "expired"
    assert (facts["issuer/login.example"]["named"], facts["host/api.example"]["named"]) == (True, False)
    assert facts["host/api.example"]["chain"] == "incomplete"
    assert ("certificate.served", "host/api.example") in found.coverage


def test_an_address_without_a_certificate_is_a_gap(tmp_path: Path) -> None:
    quiet = served("a.example", outcome="ok", certificates=())
    plain = served("b.example", outcome="no-tls", certificates=(), detail="wrong version number")

    found = seen(tmp_path, Trust(served=(quiet, plain), gaps=(Gap(agent="auth", what="x", why="y"),)))

    assert [one.why for one in found.gaps] == [
        "the handshake ends with ok: no certificate that can be read",
        "the handshake ends with no-tls: wrong version number",
        "y",
    ]
