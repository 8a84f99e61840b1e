"""What a recording says that it could not read."""

from __future__ import annotations

import json
from pathlib import Path

import anyio

from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.ports import Listing
from sre_orchestrator.plugins.sources.snapshot import open_snapshot


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def pods(folder: Path) -> Listing[Pod]:
    with open_snapshot(folder, SnapshotLimits()) as snapshot:
        return anyio.run(snapshot.list, Pod)


def told(folder: Path) -> list[str]:
    async def sync() -> list[str]:
        return [one.what async for one in snapshot.sync() if isinstance(one, Gap)]

    with open_snapshot(folder, SnapshotLimits()) as snapshot:
        return anyio.run(sync)


def test_a_kind_tells_why_it_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/pods/shop.json", [])
    write(tmp_path / "gaps.json", [{"agent": "cluster", "what": "all nodes", "why": "forbidden", "remedy": "allow"}])

    with open_snapshot(tmp_path, SnapshotLimits()) as snapshot:
        listing = anyio.run(snapshot.list, Node)

    assert listing.gaps == (Gap(agent="cluster", what="all nodes", why="forbidden", remedy="allow"),)
    assert listing.complete_in == frozenset()


def test_a_list_that_broke_off_is_complete_nowhere(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/pods/shop.json", [{"metadata": {"name": "a"}}])
    write(tmp_path / "gaps.json", [{"agent": "cluster", "what": "all pods", "why": "broke off", "remedy": ""}])

    listing = pods(tmp_path)

    assert [one.metadata.name for one in listing.items] == ["a"]
    assert listing.complete_in == frozenset()


def test_a_namespace_that_was_refused_is_not_complete_and_others_are(tmp_path: Path) -> None:
    for namespace in ("shop", "billing"):
        write(tmp_path / f"cluster-resources/pods/{namespace}.json", [])
    write(tmp_path / "cluster-resources/pods.json", [])
    gap = {"agent": "cluster", "what": "all pods in namespace billing", "why": "forbidden", "remedy": ""}
    write(tmp_path / "gaps.json", [gap])

    assert pods(tmp_path).complete_in == {"shop"}


def test_files_of_errors_of_a_support_bundle_are_gaps_without_secrets(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/pods/shop.json", [])
    write(tmp_path / "cluster-resources/pods-errors.json", {"billing": "forbidden with token=abcdef"})
    write(tmp_path / "cluster-resources/nodes-errors.json", ["nodes is forbidden"])

    listing = pods(tmp_path)

    [gap] = listing.gaps
    assert (gap.what, gap.why) == ("all pods in namespace billing", "forbidden with token=***")
    assert listing.complete_in == {"shop"}
    with open_snapshot(tmp_path, SnapshotLimits()) as snapshot:
        assert [one.what for one in anyio.run(snapshot.list, Node).gaps] == ["all nodes"]


def test_a_file_of_errors_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/pods/shop.json", [])
    (tmp_path / "cluster-resources/pods-errors.json").write_text("{")

    assert pods(tmp_path).gaps == ()


def test_what_is_not_about_a_kind_is_told_once_with_the_snapshot(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/pods/shop.json", [])
    gaps = [{"agent": "snapshot", "what": what, "why": "", "remedy": ""} for what in ("metrics", "all httproutes")]
    write(tmp_path / "gaps.json", gaps)

    assert told(tmp_path).count("metrics") == 1


def test_dumps_without_files_of_errors_tell_none(tmp_path: Path) -> None:
    write(tmp_path / "dump/shop/pods.json", {"kind": "PodList", "items": []})
    write(tmp_path / "gathered/namespaces/shop/core/pods.yaml", {"kind": "PodList", "items": []})

    for folder in ("dump", "gathered"):
        assert pods(tmp_path / folder).gaps == ()


def test_gaps_that_cannot_be_read_are_a_gap(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/pods/shop.json", [])
    (tmp_path / "gaps.json").write_text("{")

    assert "gaps.json" in told(tmp_path)
