"""Keeps what is slow to work out; a cache that cannot be read or written only costs time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")
DIGEST_BYTES = 8


def digest_of(parts: Iterable[bytes]) -> str:
    """Return a name for ``parts``: equal for equal parts in the same order."""
    whole = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()


def remembered(folder: Path | None, name: str, kind: type[T]) -> T | None:
    """Return what ``remember`` kept under ``name``, or ``None``."""
    if folder is None:
        return None
    try:
        return msgspec.msgpack.decode((folder / f"{name}.msgpack").read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def remember(folder: Path | None, name: str, value: object) -> None:
    """Keep ``value`` under ``name``: whole or not at all."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{name}.partial"
        partial.write_bytes(msgspec.msgpack.encode(value))
        partial.replace(folder / f"{name}.msgpack")
    except OSError:
        return
