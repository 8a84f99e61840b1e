"""What a model's file is told from others by: its SHA-256, worked out once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from sre_orchestrator.core.cache import digest_of, remember, remembered
from sre_orchestrator.core.errors import InputError


def file_digest(files: Sequence[Path], cache: Path | None) -> str:
    """Return the SHA-256 of a file, or of those of a model in several, as ``sha256sum`` prints it.

    It is kept in ``cache`` by path, size and time of change: reading 5 GB takes seconds.
    """
    try:
        marks = [f"{one.resolve()} {one.stat().st_size} {one.stat().st_mtime_ns}".encode() for one in files]
        name = f"gguf-{digest_of(marks)}"
        known = remembered(cache, name, str)
        if known:
            return known
        digest = _sums(files)
    except OSError as error:
        raise InputError(f"{files[0]}: cannot be read: {error.strerror or error}") from error
    remember(cache, name, digest)
    return digest


def _sums(files: Sequence[Path]) -> str:
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
