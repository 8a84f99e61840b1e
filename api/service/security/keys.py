"""API keys: made here, shown once, known again by a digest.

A key is ``sre_ID_SECRET``. The secret is 256 random bits, so that a plain SHA-256 is enough: slow or salted hashes
protect what people can remember, and nobody can try 2^256 keys.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from sre_orchestrator.api.service.ports import Caller, KeyRecord, Keys, Scope
from sre_orchestrator.core.errors import InputError

PREFIX = "sre_"
SECRET_BYTES = 32
MOST_NAMESPACES = 100  # each is a condition of a list; service.auth is held to it, too
_KEY = re.compile(r"sre_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NO_DIGEST = bytes(hashlib.sha256().digest_size)


def create_key(
    keys: Keys,
    name: str,
    scopes: Sequence[Scope],
    *,
    namespaces: Sequence[str] = (),
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[KeyRecord, str]:
    """Make a key and keep its digest; return the key, which nobody can show again.

    Raises:
        InputError: the name or a namespace is none, or it would never be valid.

    """
    if not _NAME.fullmatch(name):
        raise InputError(f"key name {name[:40]!r}: take up to 63 letters, digits and . _ @ -, a letter or digit first")
    for one in namespaces:
        if not _NAMESPACE.fullmatch(one):
            raise InputError(f"namespace {one[:40]!r}: is no name of a namespace")
    if len(namespaces) > MOST_NAMESPACES:
        raise InputError(f"a key is for {MOST_NAMESPACES} namespaces at most, or for all; make several")
    if expires_at and expires_at <= now:
        raise InputError("the key would have expired before it is used; give a later time")
    record = KeyRecord(
        id=secrets.token_hex(6),
        name=name,
        scopes=tuple(dict.fromkeys(scopes)),
        namespaces=tuple(sorted(set(namespaces))),
        created_at=now,
        expires_at=expires_at,
    )
    secret = secrets.token_urlsafe(SECRET_BYTES)
    keys.add(record, _digest(secret))
    return record, f"{PREFIX}{record.id}_{secret}"


def caller_of(keys: Keys, text: str, now: datetime) -> Caller | None:
    """Return who has this key, or ``None`` where it is unknown, expired or revoked; takes as long for each."""
    parts = _KEY.fullmatch(text)
    if parts is None:
        return None
    found = keys.find(parts[1])
    same = hmac.compare_digest(_digest(parts[2]), found[1] if found else _NO_DIGEST)
    if found is None or not same or not found[0].valid(now):
        return None
    record = found[0]
    return Caller(name=f"key:{record.name}", scopes=frozenset(record.scopes), namespaces=record.namespaces)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
