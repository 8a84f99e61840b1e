"""Certificates and answers that were probed, as facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from looking import NOON, Seen, look, look_at
from shop import write, write_snapshot

from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Gap, Incident, Scope
from sre_orchestrator.core.settings import ProbeLimits, SnapshotLimits
from sre_orchestrator.plugins.agents.connectivity import ConnectivityAgent
from sre_orchestrator.plugins.sources.probes.source import OFF, Prober
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

SERVICE = "service/shop/cart"
INGRESS = "ingress/shop/web"


def seen(folder: Path, tls: dict[str, Any] | None = None, http: dict[str, Any] | None = None) -> Seen:
    write_snapshot(folder)
    certificate = {
        "component": SERVICE,
        "host": "cart.shop.svc",
        "port": 443,
        "at": "2030-05-01T12:00:00Z",
        "starts_at": "2030-01-01T00:00:00Z",
        "expires_at": "2031-01-01T00:00:00Z",
        "names": ["cart.shop.svc"],
        "issuer": "CN=shop",
    }
    answer = {
        "component": SERVICE,
        "host": "cart.shop.svc",
        "port": 80,
        "method": "GET",
        "path": "/ready",
        "at": "2030-05-01T12:00:00Z",
    }
    if tls is not None:
        write(folder / "probes" / "tls.json", json.dumps([certificate | tls]))
    if http is not None:
        write(folder / "probes" / "http.json", json.dumps([answer | http]))
    return look_at(ConnectivityAgent(), folder)


@pytest.mark.parametrize(
    ("dates", "validity"),
    [
        ({}, "current"),
        ({"expires_at": "2030-04-30T23:59:59+02:00"}, "expired"),
        ({"starts_at": "2030-05-02T00:00:00Z"}, "not-yet-valid"),
    ],
)
def test_a_certificate_is_told_with_its_dates_beside_the_time(
    tmp_path: Path, dates: dict[str, str], validity: str
) -> None:
    fact = seen(tmp_path, dates).only("certificate.served")

    assert fact.component == SERVICE
    assert fact.attributes["validity"] == validity
    assert str(fact.attributes["expires_at"]).endswith("Z")
    assert fact.observed_at == NOON


@pytest.mark.parametrize(
    "name", ["cart", "cart.shop", "cart.shop.svc", "*.shop.svc", "cart.shop.svc.cluster.local", "CART."]
)
def test_a_service_is_named_by_any_of_its_spellings(tmp_path: Path, name: str) -> None:
    assert seen(tmp_path, {"names": ["other", name]}).only("certificate.served").attributes["named"] is True


@pytest.mark.parametrize("names", [[], ["web.shop.svc"], ["*.svc"], ["*.*.svc"], ["shop"]])
def test_other_names_are_not_its_own(tmp_path: Path, names: list[str]) -> None:
    assert seen(tmp_path, {"names": names}).only("certificate.served").attributes["named"] is False


def test_the_host_of_an_ingress_has_one_spelling(tmp_path: Path) -> None:
    fact = seen(tmp_path, {"component": INGRESS, "host": "www.shop.example", "names": ["www"]}).only(
        "certificate.served"
    )

    assert (fact.component, fact.attributes["named"]) == (INGRESS, False)


def test_a_certificate_of_another_namespace_is_left_out(tmp_path: Path) -> None:
    assert seen(tmp_path, {"component": "service/other/cart"}).facts == []


@pytest.mark.parametrize(
    ("method", "status", "told"),
    [
        ("GET", 500, True),
        ("HEAD", 500, False),
        ("HEAD", 503, True),
        ("GET", 502, True),
        ("GET", 501, False),
        ("GET", 404, False),
        ("GET", 0, False),
    ],
)
def test_server_errors_are_a_symptom(tmp_path: Path, method: str, status: int, told: bool) -> None:
    facts = seen(tmp_path, http={"method": method, "status": status}).of("flow.errors", SERVICE)

    assert [(one.attributes["status_code"], one.attributes["origin"]) for one in facts] == [(status, "probe")] * told


def test_a_snapshot_without_probes_tells_nothing(tmp_path: Path) -> None:
    assert look(ConnectivityAgent(), tmp_path).facts == []


def gathered(sources: Sources) -> list[object]:
    incident = Incident(id="i", description="down", at=NOON)
    scope = Scope(incident=incident, namespaces=("shop",), since=NOON, until=NOON)

    async def gather() -> list[object]:
        return [one async for one in ConnectivityAgent().gather(scope, sources)]

    return anyio.run(gather)


def test_without_a_source_of_checks_nothing_is_told() -> None:
    assert gathered(Sources([])) == []


def test_what_the_source_could_not_check_is_told(tmp_path: Path) -> None:
    class Objects:
        """Objects of a snapshot that has no probes."""

        name = "objects"

        def __init__(self, path: Path) -> None:
            self._source = open_snapshot(path, SnapshotLimits())
            self.list = self._source.list
            self.server_version = self._source.server_version
            self.sync = self._source.sync

    cluster = Objects(write_snapshot(tmp_path))
    found = gathered(Sources([cluster, Prober(cluster, ProbeLimits(), None)]))

    assert found == [OFF]
    assert isinstance(OFF, Gap)
