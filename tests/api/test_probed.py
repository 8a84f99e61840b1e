"""What active checks meet is diagnosed, live and from a recording of the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from listeners import LOOPBACK, certificate, closed_port, listening, name_server
from shop import container, deployment, endpoints, pod, service, thing, write, write_snapshot

from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot, diagnose_with
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Hypothesis, Incident, Report
from sre_orchestrator.core.settings import ClusterAccess, ProbeLimits, Settings
from sre_orchestrator.plugins.sources.k8s import open_cluster
from sre_orchestrator.plugins.sources.ports import Probes
from sre_orchestrator.plugins.sources.probes.names import Names
from sre_orchestrator.plugins.sources.probes.source import Prober

QUESTION = "checkout cannot reach orders"
LIMITS = ProbeLimits(enabled=True, per_second=1000, timeout_seconds=10)
Json = dict[str, Any]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def application(name: str, port: int, target: int, /, **of_port: Any) -> list[Json]:
    """Return a service of this machine with a deployment whose pod is ready and declares ``target``."""
    inside = container(ports=[{"containerPort": target}])
    return [
        deployment(name, containers=[inside]),
        pod(f"{name}-1", labels={"app": name}, containers=[inside]),
        service(name, spec={"clusterIP": LOOPBACK, "ports": [{"port": port, "targetPort": port, **of_port}]}),
        endpoints(name, [f"{name}-1"], port=port),
    ]


@contextmanager
def checked(folder: Path, *objects: Json) -> Iterator[Sources]:
    """Yield a running cluster of ``objects`` beside checks of its services, whose names lead to this machine."""
    services = [one["metadata"]["name"] for one in objects if one["kind"] == "Service"]
    known = {f"{name}.shop.svc.cluster.local.": LOOPBACK for name in services}
    path = write_snapshot(folder / "snapshot", thing("Namespace", "shop", namespace=""), *objects)
    with serving(path) as url, name_server(known) as resolver:
        kubeconfig = write_kubeconfig(folder / "kubeconfig", url)
        cluster = open_cluster(Settings(cluster=ClusterAccess(kubeconfig=str(kubeconfig))), {})
        names = Names(LIMITS.timeout_seconds, resolver)
        yield Sources([cluster, Prober(cluster, LIMITS, None, names=names, refuses=lambda _: False)])
        cluster.close()


async def diagnosed(installation: Installation, sources: Sources) -> tuple[Report, Probes]:
    at = datetime(2030, 5, 1, 12, tzinfo=UTC)
    incident = Incident(id="i", description=QUESTION, at=at, namespace="shop")
    bundle = await diagnose_with(installation, incident, sources)
    prober = sources.all[1]
    assert isinstance(prober, Prober)
    return bundle.report, await prober.probes(("shop",))


def first(report: Report) -> Hypothesis:
    return report.hypotheses[0]


def test_an_expired_certificate_that_is_served_is_diagnosed(installation: Installation, tmp_path: Path) -> None:
    pem = certificate(tmp_path, ["orders.shop.svc"], begins=timedelta(days=-9), ends=timedelta(days=-1))
    with listening(pem=pem) as port, checked(tmp_path, *application("orders", port, port, name="https")) as sources:
        report, _ = anyio.run(diagnosed, installation, sources)

    assert report.verdict == "diagnosed"
    assert (first(report).cause, first(report).component) == ("certificate-expired", "service/shop/orders")


def test_a_port_at_which_nothing_listens_is_diagnosed(installation: Installation, tmp_path: Path) -> None:
    with checked(tmp_path, *application("orders", closed_port(), 8080)) as sources:
        report, _ = anyio.run(diagnosed, installation, sources)

    assert (first(report).cause, first(report).component) == ("service-port-mismatch", "service/shop/orders")
    assert [report.facts[one].attributes["failure"] for one in first(report).explains] == ["refused"]


def test_a_healthy_application_is_left_in_peace(installation: Installation, tmp_path: Path) -> None:
    pem = certificate(tmp_path, ["orders.example"])
    with listening(pem=pem) as port, checked(tmp_path, *application("orders", port, port, name="https")) as sources:
        report, probes = anyio.run(diagnosed, installation, sources)

    assert [one.names for one in probes.tls] == [("orders.example",)]
    assert (report.hypotheses, report.symptoms) == ((), ())


def test_a_recording_of_the_checks_gives_the_same_hypotheses(installation: Installation, tmp_path: Path) -> None:
    pem = certificate(tmp_path, ["orders.shop.svc"], begins=timedelta(days=1), ends=timedelta(days=9))
    with (
        listening(pem=pem) as port,
        checked(tmp_path, *application("orders", port, port, appProtocol="https")) as sources,
    ):
        live, probes = anyio.run(diagnosed, installation, sources)
    snapshot = tmp_path / "snapshot"
    for name, met in (("tcp", probes.tcp), ("tls", probes.tls), ("http", probes.http)):
        write(snapshot / "probes" / f"{name}.json", msgspec.json.encode(met))

    async def recorded() -> Report:
        return (await diagnose_snapshot(installation, snapshot, question=QUESTION)).report

    assert first(live).cause == "certificate-not-yet-valid"
    assert anyio.run(recorded).hypotheses == live.hypotheses
