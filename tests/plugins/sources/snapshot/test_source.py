"""A snapshot behind the ports of live sources."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from shop import deployment, endpoints, event, node, pod, service, thing, write, write_snapshot

from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.network import Endpoints, Service
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import Deployment
from sre_orchestrator.plugins.sources import ports
from sre_orchestrator.plugins.sources.ports import LogStream
from sre_orchestrator.plugins.sources.snapshot import Snapshot, open_snapshot

LIMITS = SnapshotLimits(log_line_bytes=1024)


def opened(path: Path) -> Snapshot:
    return open_snapshot(path, LIMITS)


@pytest.mark.parametrize(
    "port",
    [
        ports.ClusterObjects,
        ports.PodLogs,
        ports.Metrics,
        ports.Alerts,
        ports.Connectivity,
        ports.HostUnits,
        ports.Topology,
    ],
)
def test_it_implements_every_port(tmp_path: Path, port: type[object]) -> None:
    assert isinstance(opened(write_snapshot(tmp_path)), port)


def test_objects_come_back_as_structs(tmp_path: Path) -> None:
    write_snapshot(
        tmp_path,
        pod("cart-1", labels={"app": "cart"}, owner=("ReplicaSet", "cart-abc")),
        deployment("cart", replicas=2, ready=1),
        service("cart", port=8080),
        endpoints("cart", not_ready=["cart-1"]),
        node("node-a"),
        event("BackOff", "Back-off restarting failed container", count=7),
    )

    with opened(tmp_path) as source:
        one = anyio.run(source.list, Pod).items[0]
        assert (one.metadata.name, one.spec.node_name, one.ready) == ("cart-1", "node-a", True)
        assert anyio.run(source.list, Deployment).items[0].ready == 1
        assert anyio.run(source.list, Service).items[0].spec.ports[0].target == 8080
        assert anyio.run(source.list, Endpoints).items[0].subsets[0].not_ready_addresses[0].ip == "10.0.0.1"
        assert anyio.run(source.list, Node).items[0].status.allocatable["cpu"] == "4"
        assert anyio.run(source.list, Event).items[0].times == 7


def test_a_kind_is_read_once(tmp_path: Path) -> None:
    with opened(write_snapshot(tmp_path, pod("cart-1"))) as source:
        assert anyio.run(source.list, Pod) is anyio.run(source.list, Pod)


def test_one_name_in_two_namespaces_is_two_objects(tmp_path: Path) -> None:
    write_snapshot(tmp_path, pod("cart-1"), pod("cart-1", namespace="other"), namespaces=("shop", "other"))

    with opened(tmp_path) as source:
        listing = anyio.run(source.list, Pod)

        assert [one.metadata.namespace for one in listing.items] == ["other", "shop"]
        assert listing.complete_in == {"shop", "other"}


def test_unicode_names_survive(tmp_path: Path) -> None:
    write_snapshot(tmp_path, pod("kø-1", metadata={"labels": {"équipe": "café-☕"}}), question="Warenkörbe sind leer")

    with opened(tmp_path) as source:
        assert anyio.run(source.list, Pod).items[0].metadata.labels == {"équipe": "café-☕"}
        assert source.info.question == "Warenkörbe sind leer"


def test_the_values_of_secrets_are_never_decoded(tmp_path: Path) -> None:
    write_snapshot(
        tmp_path, thing("Secret", "db", type="Opaque", data={"password": "aHVudGVyMg=="}, stringData={"a": "b"})
    )

    with opened(tmp_path) as source:
        secret = anyio.run(source.list, Secret).items[0]

        assert secret.keys == {"password", "a"}
        assert "aHVudGVyMg==" not in repr(secret)


def test_log_streams_name_pod_container_and_previous_run(tmp_path: Path) -> None:
    write_snapshot(tmp_path, logs={"shop/cart-1/app": "now\n", "shop/cart-1/app-previous": "before\n", "x/y/z": ""})

    with opened(tmp_path) as source:
        streams = anyio.run(source.streams, "shop")

        assert [(one.pod, one.container, one.previous, one.complete) for one in streams] == [
            ("cart-1", "app", True, True),
            ("cart-1", "app", False, True),
        ]
        assert [list(source.lines(one)) for one in streams] == [["before"], ["now"]]


@pytest.mark.parametrize("declared", ["error-samples", "none"])
def test_logs_are_incomplete_where_the_snapshot_says_so(tmp_path: Path, declared: str) -> None:
    write_snapshot(tmp_path, logs={"shop/cart-1/app": "x\n"}, coverage={"logs": declared})

    with opened(tmp_path) as source:
        assert not anyio.run(source.streams, "shop")[0].complete


def test_a_log_of_one_huge_line_is_cut_and_the_next_line_is_whole(tmp_path: Path) -> None:
    write_snapshot(tmp_path)
    log = tmp_path / "cluster-resources" / "pods" / "logs" / "shop" / "cart-1" / "app.log"
    write(log, b"x" * 10_000_000 + b"\nsecond \xff line\r\nlast")

    with opened(tmp_path) as source:
        lines = list(source.lines(LogStream(namespace="shop", pod="cart-1", container="app")))

    assert [len(lines[0]), *lines[1:]] == [1024, "second \N{REPLACEMENT CHARACTER} line", "last"]


@pytest.mark.parametrize(("newest", "first"), [(0, "line 0"), (64, "line 93"), (10_000, "line 0")])
def test_only_the_end_of_a_log_is_read_when_that_is_asked_for(tmp_path: Path, newest: int, first: str) -> None:
    write_snapshot(tmp_path, logs={"shop/cart-1/app": "".join(f"line {number}\n" for number in range(100))})

    with opened(tmp_path) as source:
        stream = LogStream(namespace="shop", pod="cart-1", container="app")
        lines = list(source.lines(stream, newest_bytes=newest))

    assert (lines[0], lines[-1]) == (first, "line 99")


def test_fifty_thousand_events_are_read(tmp_path: Path) -> None:
    one = event("BackOff", "again")
    write_snapshot(tmp_path, *([one] * 50_000))

    with opened(tmp_path) as source:
        assert len(anyio.run(source.list, Event).items) == 50_000


def test_alerts_probes_units_and_dependencies_are_read(tmp_path: Path) -> None:
    write_snapshot(
        tmp_path,
        alerts=[
            {
                "labels": {"alertname": "TooSlow"},
                "startsAt": "2030-05-01T11:00:00Z",
                "generatorURL": "http://prom/graph",
                "status": {"state": "suppressed"},
            }
        ],
        probes=[
            {"namespace": "shop", "service": "cart", "port": 8080, "reachable": False, "output": "refused", "x": 1}
        ],
        units={
            "node-a/kubelet": "   Active: failed (Result: exit-code) since Wed 2030-05-01 11:30:00 UTC; 30min ago\n"
        },
        topology={"web": ["cart"], "cart": []},
    )

    with opened(tmp_path) as source:
        alert = anyio.run(source.alerts)[0]
        assert (alert.labels, alert.state, alert.generator_url) == (
            {"alertname": "TooSlow"},
            "suppressed",
            "http://prom/graph",
        )
        assert [(one.service, one.reachable) for one in anyio.run(source.probes, ["shop"]).tcp] == [("cart", False)]
        assert [(one.node, one.name, one.result) for one in anyio.run(source.units)] == [
            ("node-a", "kubelet", "exit-code")
        ]
        assert [(one.caller, one.callee) for one in anyio.run(source.dependencies)] == [("web", "cart")]


def test_nothing_recorded_is_nothing_and_no_error(tmp_path: Path) -> None:
    with opened(write_snapshot(tmp_path)) as source:
        for ask in (source.alerts, source.units, source.dependencies):
            assert list(anyio.run(ask)) == []
        assert anyio.run(source.probes, ["shop"]).tcp == ()
        assert anyio.run(source.server_version) == ""
        assert list(anyio.run(source.streams, "nowhere")) == []


def test_the_server_version_is_read(tmp_path: Path) -> None:
    write(tmp_path / "cluster-info" / "cluster_version.json", '{"info": {"gitVersion": "v1.33.0"}}')

    with opened(tmp_path) as source:
        assert anyio.run(source.server_version) == "v1.33.0"


def test_a_plain_support_bundle_is_dated_by_its_newest_time(tmp_path: Path) -> None:
    write_snapshot(tmp_path, event("BackOff", "x", last="2030-05-01T12:30:00Z"), node())
    (tmp_path / "snapshot.yaml").unlink()

    with opened(tmp_path) as source:
        assert source.captured_at == datetime(2030, 5, 1, 12, 30, tzinfo=UTC)


def test_sync_yields_components_edges_and_every_gap(tmp_path: Path) -> None:
    write_snapshot(tmp_path, pod("cart-1", labels={"app": "cart"}), service("cart"))
    write(tmp_path / "probes" / "tcp.json", "{broken")

    async def collect(source: Snapshot) -> list[Component | Edge | Gap]:
        return [one async for one in source.sync()]

    with opened(tmp_path) as source:
        found = anyio.run(collect, source)

    assert "pod/shop/cart-1" in {one.id for one in found if isinstance(one, Component)}
    assert "selects" in {one.kind for one in found if isinstance(one, Edge)}
    assert "probes/tcp.json" in {one.what for one in found if isinstance(one, Gap)}
