"""Reads Secrets and ConfigMaps, as they are on the wire or on disk, into the records that Helm keeps."""

from __future__ import annotations

import base64
import binascii

import msgspec

from sre_orchestrator.plugins.objects.meta import Meta
from sre_orchestrator.plugins.sources.ports import ReleaseRecord

OWNER = "helm"
REDACTED = "*"
NOTHING = msgspec.Raw(b"null")


class _Data(msgspec.Struct):
    release: msgspec.Raw = NOTHING


class _Item(msgspec.Struct):
    metadata: Meta = Meta()
    data: _Data | None = None


def record_of(item: msgspec.Raw, kind: str) -> ReleaseRecord | None:
    """Return the record that a Secret or ConfigMap (``kind``) is, or ``None``; of others no content is decoded."""
    try:
        found = msgspec.json.decode(item, type=_Item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    meta = found.metadata
    if meta.labels.get("owner") != OWNER:
        return None
    return ReleaseRecord(
        namespace=meta.namespace,
        name=meta.name,
        kind=kind,
        labels=meta.labels,
        created_at=meta.creation_timestamp,
        payload=_payload(found.data.release if found.data else NOTHING, kind),
    )


def _payload(raw: msgspec.Raw, kind: str) -> bytes | None:
    """Return the payload; a Secret's is in base64 once more, and a recording may have masked it."""
    text = msgspec.json.decode(raw)
    if not isinstance(text, str) or not text or text.startswith(REDACTED):
        return None
    if kind == "ConfigMap":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()
