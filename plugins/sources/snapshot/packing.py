"""Packs a snapshot folder into an archive."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.plugins.sources.snapshot.archive import SUFFIXES
from sre_orchestrator.plugins.sources.snapshot.recording import written

_COMPRESSION = {".gz": "gz", ".tgz": "gz", ".xz": "xz", ".txz": "xz"}


def is_archive(path: Path) -> bool:
    """Return whether a path names an archive."""
    return path.name.endswith(SUFFIXES)


def pack(folder: Path, archive: Path) -> None:
    """Pack ``folder`` into ``archive``, whole or not at all, in the order of names.

    Raises:
        InputError: the archive exists already.
        WriteError: it cannot be written.

    """
    if archive.exists():
        raise InputError(f"{archive}: exists already; give another file")
    suffix = next(one for one in SUFFIXES if archive.name.endswith(one))
    top, half = archive.name.removesuffix(suffix), archive.with_name(f"{archive.name}.half")
    with written(archive):
        names = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        if suffix == ".zip":
            with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as zipped:
                for path in names:
                    zipped.write(path, f"{top}/{path.relative_to(folder)}")
        else:
            with tarfile.open(half, f"w:{_COMPRESSION.get(archive.suffix, '')}") as packed:  # type: ignore[call-overload]  # the mode is a variable
                for path in names:
                    packed.add(path, f"{top}/{path.relative_to(folder)}")
        half.replace(archive)
