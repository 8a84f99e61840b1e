"""Writing a snapshot: whole files, going on, errors of the disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.ports import LogStream
from sre_orchestrator.plugins.sources.snapshot.recording import (
    Recording,
    Terms,
    WriteError,
    is_name,
    log_name,
    open_recording,
)

NOW = datetime(2026, 3, 12, 14, 20, tzinfo=UTC)
LATER = datetime(2026, 3, 12, 15, 0, tzinfo=UTC)
TERMS = Terms(server="https://one")
GAP = Gap(agent="cluster", what="all nodes", why="forbidden", remedy="allow it")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "taken"


@pytest.fixture
def recording(folder: Path) -> Recording:
    return open_recording(folder, TERMS, NOW)


def test_lists_appear_together_at_the_end(recording: Recording, folder: Path) -> None:
    with recording.lists(KINDS[Pod]) as lists:
        for namespace, name in (("shop", "a"), ("billing", "b"), ("shop", "c")):
            lists.begin(namespace, "v1")
            lists.add(namespace, msgspec.json.encode({"metadata": {"name": name}}))
        lists.begin("*", "v1")
        assert not (folder / "cluster-resources").exists()

    read = msgspec.json.decode((folder / "cluster-resources/pods/shop.json").read_bytes())
    assert (read["kind"], read["apiVersion"]) == ("PodList", "v1")
    assert [one["metadata"]["name"] for one in read["items"]] == ["a", "c"]
    assert msgspec.json.decode((folder / "cluster-resources/pods.json").read_bytes())["items"] == []
    assert (folder / "cluster-resources/pods/billing.json").is_file()


def test_lists_that_fail_leave_nothing(recording: Recording, folder: Path) -> None:
    def fail() -> None:
        with recording.lists(KINDS[Pod]) as lists:
            lists.begin("shop", "v1")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert not (folder / "cluster-resources").exists()


def test_what_a_killed_process_left_half_written_is_not_used(recording: Recording, folder: Path) -> None:
    half = folder / ".partial" / "pods"
    half.mkdir(parents=True)
    (half / "shop.json").write_text('{"kind":"PodList","items":[')

    with recording.lists(KINDS[Pod]) as lists:
        lists.begin("billing", "v1")

    assert [path.name for path in (folder / "cluster-resources/pods").iterdir()] == ["billing.json"]


def test_a_part_is_done_once_it_is_finished_without_gaps(recording: Recording, folder: Path) -> None:
    recording.finish_part("pods")
    recording.finish_part("nodes", [GAP])

    again = open_recording(folder, TERMS, LATER)

    assert again.resumed
    assert again.started_at == NOW
    assert [again.is_done(part) for part in ("pods", "nodes", "events")] == [True, False, False]
    assert again.gaps() == (GAP,)


def test_a_complete_recording_tells_its_gaps_and_holds_nothing_else(recording: Recording, folder: Path) -> None:
    recording.finish_part("nodes", [GAP, GAP])

    recording.complete(b"format: 1\n")

    assert sorted(path.name for path in folder.iterdir()) == ["gaps.json", "snapshot.yaml"]
    assert msgspec.json.decode((folder / "gaps.json").read_bytes(), type=list[Gap]) == [GAP]


def test_a_recording_without_gaps_has_no_file_of_them(recording: Recording, folder: Path) -> None:
    recording.complete(b"format: 1\n")

    assert [path.name for path in folder.iterdir()] == ["snapshot.yaml"]


def test_a_snapshot_is_not_written_over(recording: Recording, folder: Path) -> None:
    recording.complete(b"format: 1\n")

    with pytest.raises(InputError, match="is a snapshot already; give a new folder"):
        open_recording(folder, TERMS, NOW)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(InputError, match="is no empty folder"):
        open_recording(tmp_path, TERMS, NOW)


def test_a_recording_of_another_cluster_is_not_gone_on_with(recording: Recording, folder: Path) -> None:
    assert not recording.resumed

    with pytest.raises(InputError, match=r"begun of something else \(https://one, namespaces \(all\)\)"):
        open_recording(folder, Terms(server="https://two"), NOW)


def test_notes_that_cannot_be_read_say_what_to_do(recording: Recording, folder: Path) -> None:
    (recording.root / ".recording.json").write_text("{")

    with pytest.raises(InputError, match="remove the folder, or give a new one"):
        open_recording(folder, TERMS, NOW)


def test_a_full_disk_says_where_and_what_to_do(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, _: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(WriteError, match=r"taken/\.partial/.*: cannot be written: No space left on device; make room"):
        recording.write("cluster-info/version.json", b"{}")


def test_a_place_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(WriteError, match=r"file/taken: cannot be written: Not a directory"):
        open_recording(tmp_path / "file" / "taken", TERMS, NOW)


def test_lists_of_what_has_no_namespace_are_one_file(recording: Recording, folder: Path) -> None:
    with recording.lists(KINDS[Node]) as lists:
        lists.begin("*", "v1")
        lists.add("*", b'{"metadata":{"name":"a"}}')

    assert [path.name for path in (folder / "cluster-resources").iterdir()] == ["nodes.json"]


@pytest.mark.parametrize("name", ["web-1", "kube-system", "a.b.example", "Node_1", "system:node"])
def test_names_of_the_api_are_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a\\b", "a\0b", "-a", "a\n", "a" * 254, "ä", "a b"])
def test_what_leads_elsewhere_is_no_name(name: str) -> None:
    assert not is_name(name)


def test_the_log_of_a_previous_life_has_a_file_of_its_own() -> None:
    stream = LogStream(namespace="shop", pod="web-1", container="web", previous=True)

    assert log_name(stream) == "cluster-resources/pods/logs/shop/web-1/web-previous.log"
