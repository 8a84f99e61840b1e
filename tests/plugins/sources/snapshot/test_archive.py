"""Archives from strangers unpack where they should, or not at all."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop import pod, write_snapshot

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.snapshot import open_snapshot
from sre_orchestrator.plugins.sources.snapshot.archive import unpacked

LIMITS = SnapshotLimits(unpacked_bytes=1_000_000, files=100)
Pack = Callable[[Path, dict[str, bytes]], Path]


def tar(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


PACKERS: dict[str, Pack] = {
    "s.tar.gz": tar,
    "s.tgz": tar,
    "s.tar": lambda path, files: tar(path, files, "w:"),
    "s.tar.xz": lambda path, files: tar(path, files, "w:xz"),
    "s.zip": zipped,
}


def refusal(path: Path, limits: SnapshotLimits = LIMITS) -> str:
    with pytest.raises(InputError) as caught, unpacked(path, limits):
        pass
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("name", PACKERS)
def test_every_format_unpacks_to_a_folder_that_is_removed(tmp_path: Path, name: str) -> None:
    path = PACKERS[name](tmp_path / name, {"a/b.txt": b"hello"})

    with unpacked(path, LIMITS) as folder:
        assert (folder / "a" / "b.txt").read_bytes() == b"hello"

    assert not folder.exists()


@pytest.mark.parametrize("name", PACKERS)
def test_a_snapshot_reads_alike_from_folder_and_archive(tmp_path: Path, name: str) -> None:
    source = write_snapshot(tmp_path / "source", pod("cart-1"))
    files = {str(one.relative_to(source.parent)): one.read_bytes() for one in source.rglob("*") if one.is_file()}

    with open_snapshot(PACKERS[name](tmp_path / name, files), LIMITS) as packed, open_snapshot(source, LIMITS) as plain:
        assert anyio.run(packed.list, Pod) == anyio.run(plain.list, Pod)


@pytest.mark.parametrize("name", ["s.tar.gz", "s.zip"])
@pytest.mark.parametrize("member", ["../evil", "a/../../evil", "/etc/evil", "C:\\evil", "..\\evil", "a\\..\\..\\evil"])
def test_a_member_that_points_outside_is_refused(tmp_path: Path, name: str, member: str) -> None:
    path = PACKERS[name](tmp_path / name, {"fine": b"", member: b"evil"})

    assert "points outside the archive; do not trust it" in refusal(path)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("passwords")
    member.type, member.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        archive.addfile(member)

    assert refusal(tmp_path / "s.tar") == "member 'passwords' is a link or device; a snapshot holds files only"


def test_a_link_in_a_zip_is_only_a_file(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("link")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")

    with unpacked(tmp_path / "s.zip", LIMITS) as folder:
        assert not (folder / "link").is_symlink()


@pytest.mark.parametrize("name", ["s.tar.gz", "s.tar.xz", "s.zip"])
def test_a_bomb_is_stopped_while_it_unpacks(tmp_path: Path, name: str) -> None:
    path = PACKERS[name](tmp_path / name, {"zeros": b"\0" * 3_000_000})

    assert path.stat().st_size < 10_000
    assert refusal(path) == "unpacks to more than snapshot_limits.unpacked_bytes allows"


@pytest.mark.parametrize("name", ["s.tar.gz", "s.zip"])
def test_too_many_files_are_refused(tmp_path: Path, name: str) -> None:
    path = PACKERS[name](tmp_path / name, {f"f{n}": b"" for n in range(101)})

    assert refusal(path) == "holds more files than snapshot_limits.files allows"


def test_folders_need_no_file(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    zipped(tmp_path / "s.zip", {"folder/": b"", "folder/a": b"x"})

    for name in ("s.tar", "s.zip"):
        with unpacked(tmp_path / name, LIMITS):
            pass


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "s.zip", {"a": b"x" * 50}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)

    assert "the archive is damaged" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08", b"PK\x03\x04", b"\xfd7zXZ\x00"])
@pytest.mark.parametrize("name", PACKERS)
def test_what_is_no_archive_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    assert "the archive is damaged" in refusal(tmp_path / name)


def test_other_files_and_no_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s.rar").write_bytes(b"x")

    assert refusal(tmp_path / "s.rar").startswith("is no snapshot; give a folder or an archive (.tar.gz")
    assert refusal(tmp_path / "gone.zip").startswith("does not exist")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(PACKERS)),
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=4)), max_size=3),
    st.integers(0, 10_000),
)
def test_a_damaged_archive_unpacks_or_is_refused(
    tmp_path: Path, name: str, blots: list[tuple[int, bytes]], end: int
) -> None:
    path = PACKERS[name](tmp_path / name, {"a/b.json": b'{"items": []}' * 40, "c.log": b"line\n" * 90})
    content = bytearray(path.read_bytes())
    for place, blot in blots:
        at = place % len(content)
        content[at : at + len(blot)] = blot
    path.write_bytes(content[: len(content) - end % len(content)] if end % 2 else content)

    try:
        with unpacked(path, LIMITS):
            pass
    except InputError as error:
        told = str(error)
    else:
        told = str(path)

    assert told.startswith(str(path))
