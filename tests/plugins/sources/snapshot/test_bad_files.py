"""A file that cannot be read is a gap that names it; the others are read."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from shop import deployment, event, pod, thing, write, write_snapshot

from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.network import EndpointSlice
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import Deployment
from sre_orchestrator.plugins.sources.ports import Listing
from sre_orchestrator.plugins.sources.snapshot import Snapshot, open_snapshot

LIMITS = SnapshotLimits()
PODS = Path("cluster-resources") / "pods" / "shop.json"


def snapshot(folder: Path, content: str | bytes, name: Path | str = PODS) -> Path:
    """Write a snapshot with a good pod elsewhere and ``content`` in the file ``name``."""
    write_snapshot(folder, pod("good-1", namespace="other"), deployment("good"), namespaces=("shop", "other"))
    write(folder / name, content)
    return folder


def pods(path: Path) -> Listing[Pod]:
    with open_snapshot(path, LIMITS) as source:
        return anyio.run(source.list, Pod)


def gaps_of_sync(path: Path) -> list[Gap]:
    async def collect(source: Snapshot) -> list[Component | Edge | Gap]:
        return [one async for one in source.sync()]

    with open_snapshot(path, LIMITS) as source:
        return [one for one in anyio.run(collect, source) if isinstance(one, Gap)]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty (0 bytes)"),
        (b" \n", "is empty (0 bytes)"),
        (b'{"items": [{"metadata"', "is not a PodList: Input data was truncated"),
        (b"not JSON", "is not a PodList: JSON is malformed"),
        (b'"pods"', "is not a PodList: Expected `object`, got `str`"),
        (b'{"kind": "ServiceList", "items": []}', "holds a ServiceList, not a PodList"),
        (b'{"kind": "Secret", "metadata": {"name": "x"}}', "holds a Secret, not a PodList"),
        (b'{"items": 5}', "is not a PodList: Expected `array | null`, got `int`"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"x": ' * 100_000, "is nested too deeply"),
    ],
)
def test_a_list_that_is_none_is_a_gap(tmp_path: Path, content: bytes, why: str) -> None:
    found = pods(snapshot(tmp_path, content))

    assert [one.metadata.name for one in found.items] == ["good-1"]
    assert found.complete_in == {"other"}
    (gap,) = found.gaps
    assert (gap.agent, gap.what, gap.remedy) == ("snapshot", str(PODS), "record the snapshot again")
    assert gap.why.startswith(why)


@pytest.mark.parametrize(
    ("bad", "what", "why"),
    [
        (None, "item 1", "is no Pod: Expected `object`, got `null`"),
        ({"metadata": {"name": 5}}, "item 1", "is no Pod: Expected `str`, got `int` - at `$.metadata.name`"),
        (pod("x", spec={"containers": "many"}), "item 1", "is no Pod: Expected `array`, got `str`"),
        (
            pod("x", metadata={"creationTimestamp": "2030-05-01T12:00:00"}),
            "item 1",
            "is no Pod: Expected `datetime` with a timezone",
        ),
        (pod(""), "", "holds 1 Pod without a name"),
        ({"kind": "Pod"}, "", "holds 1 Pod without a name"),
    ],
)
def test_one_bad_object_loses_only_itself(tmp_path: Path, bad: Any, what: str, why: str) -> None:
    found = pods(snapshot(tmp_path, json.dumps({"items": [pod("cart-1"), bad, pod("cart-2")]})))

    assert {one.metadata.name for one in found.items} == {"cart-1", "cart-2", "good-1"}
    assert "shop" not in found.complete_in
    (gap,) = found.gaps
    assert gap.what == f"{PODS} {what}".strip()
    assert gap.why.startswith(why)


def test_objects_of_another_kind_are_left_out_and_counted(tmp_path: Path) -> None:
    mixed = {"kind": "List", "items": [pod("cart-1"), deployment("cart"), thing("Service", "a"), thing("Service", "b")]}

    found = pods(snapshot(tmp_path, json.dumps(mixed)))

    assert {one.metadata.name for one in found.items} == {"cart-1", "good-1"}
    assert [gap.why for gap in found.gaps] == ["holds 3 of other kinds (Deployment, Service)"]
    assert "shop" in found.complete_in


def test_null_is_nothing_as_go_writes_it(tmp_path: Path) -> None:
    folder = Path("cluster-resources") / "endpointslices" / "shop.json"
    empty = thing("EndpointSlice", "cart-x", addressType="IPv4", endpoints=None, ports=None)
    path = snapshot(tmp_path, json.dumps({"kind": "EndpointSliceList", "items": [empty]}), folder)

    with open_snapshot(path, LIMITS) as source:
        found = anyio.run(source.list, EndpointSlice)

    assert [one.endpoints for one in found.items] == [()]
    assert found.gaps == ()
    assert found.complete_in == {"shop"}


@pytest.mark.parametrize("content", [b'{"items": null}', b'{"kind": "PodList"}', b"{}", b"[]"])
def test_a_list_of_nothing_is_read_completely(tmp_path: Path, content: bytes) -> None:
    found = pods(snapshot(tmp_path, content))

    assert found.gaps == ()
    assert "shop" in found.complete_in


def test_a_bare_array_and_a_single_object_are_read(tmp_path: Path) -> None:
    assert len(pods(snapshot(tmp_path / "a", json.dumps([pod("cart-1")]))).items) == 2
    assert len(pods(snapshot(tmp_path / "b", json.dumps(pod("cart-1")))).items) == 2
    assert len(pods(snapshot(tmp_path / "c", json.dumps([pod("cart-1"), 5]))).gaps) == 1


def test_invalid_utf8_is_replaced_and_said(tmp_path: Path) -> None:
    text = (
        json.dumps({"items": [pod("cart-1", metadata={"labels": {"note": "caf?"}})]})
        .encode()
        .replace(b"caf?", b"caf\xe9")
    )

    found = pods(snapshot(tmp_path, text))

    assert found.items[-1].metadata.labels == {"note": "caf\N{REPLACEMENT CHARACTER}"}
    assert [gap.why for gap in found.gaps] == ["holds invalid UTF-8, which was replaced"]


def test_a_file_that_is_a_folder_or_gone_is_a_gap(tmp_path: Path) -> None:
    path = snapshot(tmp_path, "{}")
    (path / PODS).unlink()
    (path / PODS).mkdir()
    (path / PODS.parent / "gone.json").symlink_to(tmp_path / "nowhere")

    assert {gap.why for gap in pods(path).gaps} == {
        "cannot be read: Is a directory",
        "cannot be read: No such file or directory",
    }


WITHOUT_ZONE = (
    b'[{"component": "service/shop/cart", "host": "cart.shop.svc", "port": 443, "at": "2030-05-01T12:00:00",'
    b' "starts_at": "2030-01-01T00:00:00Z", "expires_at": "2031-01-01T00:00:00Z"}]'
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("probes/tcp.json", b"{broken"),
        ("probes/tcp.json", b'[{"port": "http"}]'),
        ("probes/tls.json", WITHOUT_ZONE),
        ("probes/http.json", b"[null]"),
        ("alertmanager/alerts.json", b"[" * 100_000),
        ("alertmanager/alerts.json", b'[{"startsAt": "2030-05-01T12:00:00"}]'),
        ("alertmanager/alerts.json", b"\xff"),
        ("snapshot.yaml", b"namespaces: 5"),
        ("snapshot.yaml", b"question: [a"),
        ("snapshot.yaml", b"question: a\nquestion: b"),
        ("snapshot.yaml", b"\xff\xff"),
        ("prometheus/metrics.om", b"\xff not a sample\nup 1 NaN\nup 1\nup x 1903867200\n"),
    ],
)
def test_every_other_file_that_cannot_be_read_is_a_gap(tmp_path: Path, name: str, content: bytes) -> None:
    gaps = gaps_of_sync(snapshot(tmp_path, content, name))

    assert [gap.what.partition(":")[0] for gap in gaps if gap.what.startswith(Path(name).name) or gap.what == name] == [
        name if name.endswith("json") or name == "snapshot.yaml" else "metrics.om"
    ]


def test_a_gap_is_said_once(tmp_path: Path) -> None:
    path = snapshot(tmp_path, b"{", "probes/tcp.json")

    with open_snapshot(path, LIMITS) as source:
        for _ in range(2):
            assert anyio.run(source.probes, ["shop"]).tcp == ()
        assert len(source._gaps) == 1


@pytest.mark.timeout(20)
def test_yaml_that_laughs_a_billion_times_is_a_gap(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    write(tmp_path / "namespaces" / "shop" / "core" / "pods.yaml", bomb)

    with open_snapshot(tmp_path, LIMITS) as source:
        (gap,) = anyio.run(source.list, Pod).gaps

    assert gap.why.startswith("cannot be read: more than 5000000 nodes after expanding aliases")


def test_dates_that_are_none_are_no_dates(tmp_path: Path) -> None:
    units = {
        "node-a/kubelet": "  Active: failed since Wed 2030-13-45 99:99:99 UTC; 30min ago\n",
        "node-b/kubelet": "  Active: failed since Wed 0001-01-01 00:00:00 +1400; 99999999999 years ago\n",
        "node-c/kubelet": "  Active: failed since Wed 2030-05-01 12:00:00 +9999\n",
        "node-d/kubelet": "\xff nothing of the kind",
    }

    with open_snapshot(write_snapshot(tmp_path, units=units), LIMITS) as source:
        found = anyio.run(source.units)

    assert [(unit.node, unit.state, unit.since) for unit in found] == [
        ("node-a", "failed", None),
        ("node-b", "failed", None),
        ("node-c", "failed", None),
    ]


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59Z"])
def test_a_clock_that_is_far_off_is_no_error(tmp_path: Path, at: str) -> None:
    write_snapshot(
        tmp_path, pod("cart-1", metadata={"creationTimestamp": at}), event("BackOff", "x", first=at, last=at)
    )

    with open_snapshot(tmp_path, LIMITS) as source:
        assert anyio.run(source.list, Event).items[0].last is not None
    assert gaps_of_sync(tmp_path) is not None


def test_an_undated_snapshot_is_as_old_as_its_folder(tmp_path: Path) -> None:
    write_snapshot(tmp_path, pod("cart-1"))
    (tmp_path / "snapshot.yaml").write_text("captured_at: 2030-05-01T12:00:00\n")
    with open_snapshot(tmp_path, LIMITS) as source:
        assert source.captured_at == datetime(2030, 5, 1, 12, tzinfo=UTC)

    (tmp_path / "snapshot.yaml").unlink()
    os.utime(tmp_path, (0, 1_000_000_000))
    with open_snapshot(tmp_path, LIMITS) as source:
        assert source.captured_at == datetime.fromtimestamp(1_000_000_000, UTC)


def test_metrics_are_read_past_what_is_no_sample(tmp_path: Path) -> None:
    text = '# UNIT up seconds\nup{a="x y"} 2 1903867200\nup{a="x y"} 1 1903867195\nnonsense\nup 1 inf\n\n'

    with open_snapshot(write_snapshot(tmp_path, metrics=text), LIMITS) as source:
        (series,) = anyio.run(source.series, source.captured_at, source.captured_at)

    assert (series.name, series.labels, series.unit) == ("up", {"a": "x y"}, "seconds")
    assert series.values.tolist() == [1, 2]
    assert [gap.what for gap in gaps_of_sync(tmp_path)][-1] == "metrics.om: 2 lines"


def test_kinds_are_read_apart(tmp_path: Path) -> None:
    path = snapshot(tmp_path, b"{")

    with open_snapshot(path, LIMITS) as source:
        assert anyio.run(source.list, Deployment).gaps == ()
