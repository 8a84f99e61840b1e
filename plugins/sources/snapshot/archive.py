"""Unpacks archives from strangers: no traversal, no links, no devices, no bombs."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import SnapshotLimits

SUFFIXES = (".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar", ".zip")
CHUNK = 1024 * 1024
# zipfile raises RuntimeError for encrypted members and IndexError for damaged ones, tarfile TypeError for a gzip
# header that is cut off, and what the decompressors raise goes through.
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    RuntimeError,
    TypeError,
    LookupError,
    ValueError,
    struct.error,
)


@contextmanager
def unpacked(path: Path, limits: SnapshotLimits) -> Iterator[Path]:
    """Yield a folder with the contents of ``path``: itself, or a temporary one that is removed afterwards.

    Raises:
        InputError: the path does not exist, is no folder or archive, or the archive is unsafe or damaged.

    """
    if path.is_dir():
        yield path
        return
    if not path.exists():
        raise InputError(f"{path}: does not exist; give a snapshot folder or an archive ({', '.join(SUFFIXES)})")
    if not path.name.endswith(SUFFIXES):
        raise InputError(f"{path}: is no snapshot; give a folder or an archive ({', '.join(SUFFIXES)})")
    with TemporaryDirectory(prefix="sre-orchestrator-") as folder:
        target = Path(folder)
        try:
            if path.suffix == ".zip":
                _unzip(path, target, _Allowance(path, limits))
            else:
                _untar(path, target, _Allowance(path, limits))
        except _DAMAGED as error:
            raise InputError(f"{path}: the archive is damaged: {error}; copy it again") from error
        yield target


class _Allowance:
    """What may still be unpacked."""

    def __init__(self, path: Path, limits: SnapshotLimits) -> None:
        self.path = path
        self.bytes = limits.unpacked_bytes
        self.files = limits.files

    def place(self, target: Path, name: str) -> Path:
        """Return where the member ``name`` goes."""
        self.files -= 1
        if self.files < 0:
            raise InputError(f"{self.path}: holds more files than snapshot_limits.files allows")
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or (parts.parts and ":" in parts.parts[0]):
            raise InputError(f"{self.path}: member {name!r} points outside the archive; do not trust it")
        return target / parts

    def copy(self, stream: IO[bytes], place: Path) -> None:
        """Write ``stream`` to ``place``, counting what is really unpacked."""
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as out:
            while chunk := stream.read(CHUNK):
                self.bytes -= len(chunk)
                if self.bytes < 0:
                    raise InputError(f"{self.path}: unpacks to more than snapshot_limits.unpacked_bytes allows")
                out.write(chunk)


def _untar(path: Path, target: Path, allowance: _Allowance) -> None:
    with tarfile.open(path, mode="r|*") as archive:
        for member in archive:
            place = allowance.place(target, member.name)
            if member.isdir():
                continue
            if not member.isfile():
                raise InputError(f"{path}: member {member.name!r} is a link or device; a snapshot holds files only")
            stream = archive.extractfile(member)
            if stream is not None:
                allowance.copy(stream, place)


def _unzip(path: Path, target: Path, allowance: _Allowance) -> None:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            place = allowance.place(target, member.filename)
            if member.is_dir():
                continue
            with archive.open(member) as stream:
                allowance.copy(stream, place)
