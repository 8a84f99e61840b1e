"""Finding services in the cluster by the labels and names that charts and operators give them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import stamina
from http_services import Reply, answering
from shop import service, write_snapshot

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.settings import Endpoint, SnapshotLimits
from sre_orchestrator.plugins.objects.meta import Meta
from sre_orchestrator.plugins.objects.network import Service, ServicePort, ServiceSpec
from sre_orchestrator.plugins.sources import discovery
from sre_orchestrator.plugins.sources.alertmanager.source import WANTED as ALERTMANAGER
from sre_orchestrator.plugins.sources.discovery import Candidate, Located, Mark, Wanted, candidates
from sre_orchestrator.plugins.sources.http import HttpService
from sre_orchestrator.plugins.sources.loki.source import WANTED as LOKI
from sre_orchestrator.plugins.sources.ports import Found, Listing
from sre_orchestrator.plugins.sources.prometheus.source import WANTED as PROMETHEUS
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

Json = dict[str, Any]


def placed(namespace: str, name: str, *ports: tuple[str, int], **labels: str) -> Json:
    """Return a service; in names of labels ``__`` stands for ``app.kubernetes.io/``."""
    named = {key.replace("app__", "app.kubernetes.io/").replace("_", "-"): value for key, value in labels.items()}
    spec = {"ports": [{"name": one, "port": port} for one, port in ports]}
    return service(name, namespace=namespace, labels=named, spec=spec)


def services(folder: Path, *objects: Json) -> tuple[Service, ...]:
    spaces = sorted({one["metadata"]["namespace"] for one in objects})
    with open_snapshot(write_snapshot(folder, *objects, namespaces=spaces), SnapshotLimits()) as snapshot:
        return anyio.run(snapshot.list, Service).items


def found(folder: Path, wanted: Wanted, *objects: Json) -> list[str]:
    return [f"{one.address}{one.prefix}" for one in candidates(services(folder, *objects), wanted)]


@pytest.mark.parametrize(
    ("wanted", "one", "address"),
    [
        (PROMETHEUS, placed("monitoring", "prometheus-operated", ("web", 9090), operated_prometheus="true"), ":9090"),
        (PROMETHEUS, placed("monitoring", "kps-kube-prometheus-stack-prometheus", ("http-web", 9090), app="x"), ":9090"),
        (PROMETHEUS, placed("monitoring", "prometheus-server", ("http", 80)), ":80"),
        (PROMETHEUS, placed("monitoring", "prometheus-k8s", ("reloader-web", 8080), ("web", 9090)), ":9090"),
        (PROMETHEUS, placed("monitoring", "metrics", ("x", 1234), app__name="prometheus"), ":1234"),
        (PROMETHEUS, placed("monitoring", "vmsingle-main", ("http", 8429), app__name="vmsingle"), ":8429"),
        (PROMETHEUS, placed("monitoring", "vm-victoria-metrics-single-server", ("http", 8428)), ":8428"),
        (PROMETHEUS, placed("monitoring", "vmselect-main", ("http", 8481)), ":8481/select/0/prometheus"),
        (PROMETHEUS, placed("monitoring", "thanos-query-frontend", ("http", 9090)), ":9090"),
        (PROMETHEUS, placed("monitoring", "thanos-query", ("grpc", 10901), ("http", 9090)), ":9090"),
        (PROMETHEUS, placed("monitoring", "mimir-query-frontend", ("grpc", 9095), ("http-metrics", 8080)), ":8080/prometheus"),
        (ALERTMANAGER, placed("monitoring", "alertmanager-operated", ("web", 9093), operated_alertmanager="true"), ":9093"),
        (ALERTMANAGER, placed("monitoring", "alertmanager-main", ("reloader-web", 8080), ("web", 9093)), ":9093"),
        (ALERTMANAGER, placed("monitoring", "prometheus-alertmanager", ("http", 9093)), ":9093"),
        (ALERTMANAGER, placed("monitoring", "vmalertmanager-main", ("web", 9093)), ":9093"),
        (LOKI, placed("monitoring", "loki-gateway", ("http-metrics", 80)), ":80"),
        (LOKI, placed("monitoring", "loki", ("http-metrics", 3100)), ":3100"),
        (LOKI, placed("monitoring", "loki-read", ("grpc", 9095), ("http-metrics", 3100)), ":3100"),
    ],
)  # fmt: skip
def test_usual_services_are_found(wanted: Wanted, one: Json, address: str, tmp_path: Path) -> None:
    name = one["metadata"]["name"]

    assert found(tmp_path, wanted, one) == [f"http://{name}.monitoring.svc{address}"]


@pytest.mark.parametrize(
    ("wanted", "one"),
    [
        (PROMETHEUS, placed("monitoring", "prometheus-node-exporter", ("metrics", 9100), app__name="prometheus-node-exporter")),
        (PROMETHEUS, placed("monitoring", "prometheus-alertmanager", ("http", 9093), app__name="alertmanager")),
        (PROMETHEUS, placed("monitoring", "prometheus-operator", ("https", 443), app__name="prometheus-operator")),
        (PROMETHEUS, placed("monitoring", "prometheus-adapter", ("https", 443))),
        (PROMETHEUS, placed("shop", "web", ("http", 80))),
        (PROMETHEUS, placed("monitoring", "prometheus")),
        (ALERTMANAGER, placed("monitoring", "prometheus-server", ("http", 80), app__name="prometheus")),
        (LOKI, placed("monitoring", "loki-canary", ("http-metrics", 3500), app__name="loki")),
        (LOKI, placed("monitoring", "loki-memberlist", ("tcp", 7946), app__name="loki")),
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_left_alone(wanted: Wanted, one: Json, tmp_path: Path) -> None:
    assert found(tmp_path, wanted, one) == []


def test_a_name_that_leads_out_of_the_cluster_is_left_alone(tmp_path: Path) -> None:
    one = placed("monitoring", "prometheus", ("web", 9090))
    one["spec"] |= {"type": "ExternalName", "externalName": "prometheus.example"}

    assert found(tmp_path, PROMETHEUS, one) == []


def test_servers_of_this_cluster_come_first_then_well_known_namespaces(tmp_path: Path) -> None:
    names = [
        placed("a-team", "prometheus", ("web", 9090)),
        placed("monitoring", "thanos-query", ("http", 9090)),
        placed("monitoring", "prometheus", ("web", 9090)),
        placed("zoo", "other", ("web", 9090), operated_prometheus="true", app__name="prometheus"),
    ]

    assert found(tmp_path, PROMETHEUS, *names) == [
        "http://other.zoo.svc:9090",
        "http://prometheus.monitoring.svc:9090",
        "http://prometheus.a-team.svc:9090",
        "http://thanos-query.monitoring.svc:9090",
    ]


def test_ports_that_speak_tls_are_seen(tmp_path: Path) -> None:
    one = placed("openshift-monitoring", "prometheus-k8s", ("https", 9091))
    two = placed("monitoring", "prometheus", ("web", 443))
    three = placed("prometheus", "prometheus", ("web", 9090))
    three["spec"]["ports"][0]["appProtocol"] = "https"

    assert {one.partition(":")[0] for one in found(tmp_path, PROMETHEUS, one, two, three)} == {"https"}


class Cluster:
    """Services, and a namespace that may not be listed."""

    name = "cluster"

    def __init__(self, *items: Service, gaps: tuple[Gap, ...] = ()) -> None:
        self.items, self.gaps, self.asked = items, gaps, 0

    async def list(self, kind: Any) -> Listing[Any]:
        """Return the services."""
        del kind
        self.asked += 1
        return Listing(items=self.items, gaps=self.gaps)

    async def server_version(self) -> str:
        """Return nothing."""
        return ""

    async def sync(self) -> AsyncIterator[Gap]:
        """Yield nothing."""
        return
        yield


WANTED = Wanted(
    key="prometheus", others="^$", prefixes=("", "/prometheus"), marks=(Mark(name="prometheus.*", ports=("web",)),)
)


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    """Let attempts follow each other without waiting."""
    with stamina.set_testing(True, attempts=2):
        yield


def probe(one: HttpService) -> str:
    return one.get("/version").decode()


@pytest.fixture
def standing_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let addresses of services be those of servers on loopback."""

    def stand_in(**addresses: str) -> None:
        def told(*_: object) -> list[Candidate]:
            return [Candidate(address=at, prefix="", how=f"service {name}") for name, at in addresses.items()]

        monkeypatch.setattr(discovery, "candidates", told)

    return stand_in


def test_the_first_that_answers_is_kept(standing_in: Callable[..., None]) -> None:
    with answering({"/version": Reply(404)}) as one, answering({"/version": Reply(200, b"2.42")}) as two:
        standing_in(first=one.address, second=two.address)
        cluster = Cluster()
        located = Located(WANTED, Endpoint(bearer_token_file="/nonexistent"), cluster, probe)

        described = anyio.run(located.describe)
        assert anyio.run(located.service) is anyio.run(located.service)

    assert described == Found(name="prometheus", address=two.address, how="service second", version="2.42")
    assert cluster.asked == 1
    assert one.paths == ["GET /version", "GET /prometheus/version"]
    assert [one.headers.get("Authorization") for one in two.requests] == [None], "credentials stay here"


def test_a_path_prefix_is_found(standing_in: Callable[..., None]) -> None:
    with answering({"/prometheus/version": Reply(200, b"2.42")}) as server:
        standing_in(only=server.address)
        described = anyio.run(Located(WANTED, Endpoint(), Cluster(), probe).describe)

    assert described.address == f"{server.address}/prometheus"


def test_where_none_answers_the_first_is_told() -> None:
    meta = Meta(name="prometheus", namespace="nowhere")
    one = Service(metadata=meta, spec=ServiceSpec(ports=(ServicePort(name="web", port=9090),)))

    found = anyio.run(Located(WANTED, Endpoint(timeout_seconds=1), Cluster(one), probe).describe)

    assert found.address == "http://prometheus.nowhere.svc:9090"
    assert found.how == "service nowhere/prometheus by name"
    assert "not known here" in found.problem
    assert "kubectl port-forward" in found.remedy


def test_no_further_service_is_tried_when_the_first_took_too_long(standing_in: Callable[..., None]) -> None:
    moments = iter([0.0, 1.0, 11.0, 12.0])
    with answering({"/version": Reply(404)}) as one, answering({"/version": Reply(200, b"2.42")}) as two:
        standing_in(first=one.address, second=two.address)
        located = Located(WANTED, Endpoint(), Cluster(), probe, clock=lambda: next(moments))

        assert "404" in anyio.run(located.describe).problem
    assert two.requests == []


def test_that_nothing_was_found_is_remembered_for_a_minute() -> None:
    moments = iter([0.0, 0.0, 30.0, 70.0, 70.0, 71.0])
    cluster = Cluster()
    located = Located(WANTED, Endpoint(), cluster, probe, clock=lambda: next(moments))
    for _ in range(3):
        with pytest.raises(SourceMissing, match=r"no prometheus was found .* set prometheus\.url"):
            anyio.run(located.service)

    assert cluster.asked == 2


def test_services_that_may_not_be_listed_are_told() -> None:
    denied = Gap(agent="cluster", what="services", why="403")

    found = anyio.run(Located(WANTED, Endpoint(), Cluster(gaps=(denied,)), probe).describe)

    assert found.problem == "no prometheus was found: services could not all be listed"
    assert found.remedy == "set prometheus.url to its address"


def test_without_a_cluster_nothing_is_found() -> None:
    assert anyio.run(Located(WANTED, Endpoint(), None, probe).describe).problem.startswith("no prometheus was found")


def test_an_address_of_the_settings_is_used_with_its_credentials(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("mine")
    with answering({"/version": Reply(200, b"1")}) as server:
        endpoint = Endpoint(url=server.address, bearer_token_file=str(tmp_path / "token"))
        described = anyio.run(Located(WANTED, endpoint, Cluster(), probe).describe)

    assert (described.how, described.problem) == ("prometheus.url", "")
    assert server.requests[0].headers["Authorization"] == "Bearer mine"


def test_no_password_of_an_address_is_described() -> None:
    found = anyio.run(Located(WANTED, Endpoint(url="http://me:hunter2@127.0.0.1:1"), None, probe).describe)

    assert "hunter2" not in repr(found)
    assert found.problem
