"""Packing a snapshot into an archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot
from sre_orchestrator.plugins.sources.snapshot.packing import is_archive, pack
from sre_orchestrator.plugins.sources.snapshot.recording import WriteError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "snapshot.yaml").write_text("question: is anything wrong?\n")
    return folder


@pytest.mark.parametrize("suffix", [".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar", ".zip"])
def test_an_archive_can_be_opened(folder: Path, tmp_path: Path, suffix: str) -> None:
    archive = tmp_path / f"incident{suffix}"

    pack(folder, archive)

    with open_snapshot(archive, SnapshotLimits()) as snapshot:
        assert snapshot.info.question == "is anything wrong?"
        assert snapshot.root.name == "incident"


def test_an_archive_is_not_written_over(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "incident.zip"
    archive.write_text("mine")

    with pytest.raises(InputError, match="exists already"):
        pack(folder, archive)
    assert archive.read_text() == "mine"


def test_an_archive_that_cannot_be_written_says_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="No such file or directory"):
        pack(folder, tmp_path / "nowhere" / "incident.tar")


@pytest.mark.parametrize(("name", "expected"), [("a.tar.gz", True), ("a.zip", True), ("a", False), ("a.d", False)])
def test_archives_are_known_by_their_names(name: str, expected: bool) -> None:
    assert is_archive(Path(name)) is expected
