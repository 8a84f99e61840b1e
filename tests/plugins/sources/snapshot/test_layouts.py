"""Dumps of other tools are read like snapshots."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec
import pytest
from shop import Json, deployment, event, node, pod, service, write

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import CUSTOM
from sre_orchestrator.plugins.objects.workloads import Deployment
from sre_orchestrator.plugins.sources.ports import LogStream
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

CART = pod("cart-1", labels={"app": "cart"})
WORDS = "2030-05-01T11:59:00Z cart cannot reach redis\n"


def listed(kind: str, *items: Json) -> str:
    return json.dumps({"kind": f"{kind}List", "apiVersion": "v1", "items": list(items)})


def support_bundle(folder: Path) -> Path:
    """As troubleshoot writes it: a folder named after the time, lists by namespace."""
    base = folder / "support-bundle-2030-05-01T12_00_00" / "cluster-resources"
    write(base / "pods" / "shop.json", listed("Pod", CART))
    write(base / "deployments" / "shop.json", listed("Deployment", deployment("cart")))
    write(base / "events" / "shop.json", listed("Event", event("BackOff", "Back-off")))
    write(base / "nodes.json", listed("Node", node("node-a")))
    write(base / "pods" / "logs" / "shop" / "cart-1" / "app.log", WORDS)
    write(base / "pods" / "logs" / "shop" / "cart-1" / "app-previous.log", "before\n")
    return folder


def cluster_info_dump(folder: Path) -> Path:
    """As ``kubectl cluster-info dump --output-directory`` writes it."""
    write(folder / "nodes.json", listed("Node", node("node-a")))
    write(folder / "shop" / "pods.json", listed("Pod", CART))
    write(folder / "shop" / "deployments.json", listed("Deployment", deployment("cart")))
    write(folder / "shop" / "events.json", listed("Event", event("BackOff", "Back-off")))
    write(folder / "shop" / "services.json", listed("Service", service("cart")))
    wrapped = (
        "==== START logs for container app of pod shop/cart-1 ====\n"
        f"{WORDS}"
        "==== END logs for container app of pod shop/cart-1 ====\n"
        "==== START logs for container sidecar of pod shop/cart-1 ====\n"
        "proxy is ready\n"
        "==== END logs for container sidecar of pod shop/cart-1 ====\n"
    )
    write(folder / "shop" / "cart-1" / "logs.txt", wrapped)
    return folder


def must_gather(folder: Path) -> Path:
    """As ``oc adm must-gather`` writes it: an image folder inside, YAML, one file for a cluster-scoped object."""
    base = folder / "registry-example-must-gather-sha256-0123"
    home = base / "namespaces" / "shop"
    write(home / "core" / "pods.yaml", msgspec.yaml.encode(json.loads(listed("Pod", CART))))
    write(home / "core" / "events.yaml", msgspec.yaml.encode(json.loads(listed("Event", event("BackOff", "Back-off")))))
    write(home / "apps" / "deployments.yaml", msgspec.yaml.encode(json.loads(listed("Deployment", deployment("cart")))))
    write(base / "cluster-scoped-resources" / "core" / "nodes" / "node-a.yaml", msgspec.yaml.encode(node("node-a")))
    write(home / "pods" / "cart-1" / "app" / "app" / "logs" / "current.log", WORDS)
    write(home / "pods" / "cart-1" / "app" / "app" / "logs" / "previous.log", "before\n")
    write(home / "pods" / "cart-1" / "app" / "app" / "logs" / "previous.insecure.log", "")
    return folder


DUMPS = [support_bundle, cluster_info_dump, must_gather]


@pytest.mark.parametrize("make", DUMPS)
def test_objects_and_logs_are_found(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with open_snapshot(make(tmp_path), SnapshotLimits()) as source:
        for kind in (Pod, Deployment, Event, Node):
            assert len(anyio.run(source.list, kind).items) == 1

        app = next(one for one in anyio.run(source.streams, "shop") if one.container == "app" and not one.previous)
        assert list(source.lines(app)) == [WORDS.strip()]


@pytest.mark.parametrize("make", [support_bundle, must_gather])
def test_logs_of_the_run_before_are_told_apart(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with open_snapshot(make(tmp_path), SnapshotLimits()) as source:
        before = next(one for one in anyio.run(source.streams, "shop") if one.previous)

        assert list(source.lines(before)) == ["before"]


def test_containers_that_share_a_file_keep_their_own_lines(tmp_path: Path) -> None:
    with open_snapshot(cluster_info_dump(tmp_path), SnapshotLimits()) as source:
        streams = {one.container: one for one in anyio.run(source.streams, "shop")}

        assert list(source.lines(streams["sidecar"])) == ["proxy is ready"]


@pytest.mark.parametrize("make", DUMPS)
def test_what_a_dump_does_not_hold_is_a_gap(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with open_snapshot(make(tmp_path), SnapshotLimits()) as source:
        for kind in (Secret, ConfigMap):
            listing = anyio.run(source.list, kind)
            assert not listing.complete_in
            assert listing.gaps[0].why == "the snapshot holds none"


@pytest.mark.parametrize("kind", CUSTOM)
def test_custom_resources_that_a_dump_does_not_hold_are_not_missed(tmp_path: Path, kind: type[Object]) -> None:
    with open_snapshot(support_bundle(tmp_path), SnapshotLimits()) as source:
        listing = anyio.run(source.list, kind)

    assert (listing.items, listing.complete_in, listing.gaps) == ((), frozenset(), ())


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    with open_snapshot(support_bundle(tmp_path), SnapshotLimits()) as source:
        assert list(source.lines(LogStream(namespace="shop", pod="gone", container="app"))) == []


def test_yaml_that_is_none_is_a_gap_that_names_the_file(tmp_path: Path) -> None:
    folder = must_gather(tmp_path)
    bad = next(folder.rglob("pods.yaml"))
    bad.write_text("items: [unclosed")

    with open_snapshot(folder, SnapshotLimits()) as source:
        listing = anyio.run(source.list, Pod)

    assert listing.gaps[0].what == "namespaces/shop/core/pods.yaml"
    assert "not YAML" in listing.gaps[0].why


@pytest.mark.parametrize("names", [["a"], ["a", "b"]])
def test_a_folder_of_something_else_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        write(tmp_path / name / "readme.txt", "hello")

    with pytest.raises(InputError, match="is no snapshot"):
        open_snapshot(tmp_path, SnapshotLimits())


def test_a_list_in_the_middle_of_a_namespace_is_whole_only_if_every_file_is(tmp_path: Path) -> None:
    folder = must_gather(tmp_path)
    nodes = next(folder.rglob("nodes"))
    write(nodes / "node-b.yaml", "")

    with open_snapshot(folder, SnapshotLimits()) as source:
        listing = anyio.run(source.list, Node)

    assert [one.metadata.name for one in listing.items] == ["node-a"]
    assert not listing.complete_in
