"""API keys that are in files, such as a mounted Secret: whoever keeps the files makes, changes and ends them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

import structlog

from sre_orchestrator.api.service.ports import Caller
from sre_orchestrator.core.settings import FileKey

SHORTEST = 32  # characters; what is shorter may be guessed
log = structlog.get_logger()


class FileWay:
    """By keys in files (``gate.Way``), read at each use; a file that cannot be read lets nobody in."""

    def __init__(self, keys: Sequence[FileKey]) -> None:
        self._keys = keys

    def caller(self, token: str) -> Caller | None:
        """Return whose key it is; takes as long for each."""
        digest = _digest(token.encode())
        fits = [one for one in self._keys if hmac.compare_digest(digest, _digest(_held(one)))]
        if not fits or len(token) < SHORTEST:
            return None
        found = fits[0]
        return Caller(name=f"key:{found.name}", scopes=frozenset(found.scopes), namespaces=found.namespaces)


def _held(key: FileKey) -> bytes:
    """Return the key that the file holds; nothing where it holds none."""
    try:
        held = Path(key.file).read_bytes().strip()
    except OSError as error:
        log.error("the file of an API key cannot be read", key=key.name, why=str(error))
        return b""
    if len(held) < SHORTEST:
        log.error("an API key is too short", key=key.name, remedy=f"take {SHORTEST} characters: openssl rand -hex 32")
    return held


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
