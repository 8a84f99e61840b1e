"""Finds what Helm keeps of its releases among the recorded Secrets and ConfigMaps."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence

import msgspec

from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.meta import Meta, Object
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.ports import ReleaseRecord
from sre_orchestrator.plugins.sources.snapshot.layouts import Layout

OWNER = "helm"
REDACTED = "*"


class _Data(msgspec.Struct):
    release: msgspec.Raw = msgspec.Raw(b"null")


class _Item(msgspec.Struct):
    metadata: Meta = Meta()
    data: _Data | None = None


class _List(msgspec.Struct):
    items: list[msgspec.Raw] | None = None


def recorded_releases(layout: Layout, namespaces: Sequence[str]) -> Iterator[ReleaseRecord]:
    """Yield the records in ``namespaces``, with payloads where these were recorded; bad files are told elsewhere."""
    kinds: tuple[type[Object], ...] = (Secret, ConfigMap)
    for kind in kinds:
        for _, path in layout.files(KINDS[kind]):
            for item in _items(path.read_bytes()) if path.suffix == ".json" else ():
                if item.metadata.labels.get("owner") == OWNER and item.metadata.namespace in namespaces:
                    yield _record(item, KINDS[kind].kind)


def _items(text: bytes) -> Iterator[_Item]:
    try:
        found = msgspec.json.decode(text, type=_List).items or []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for raw in found:
        try:
            yield msgspec.json.decode(raw, type=_Item)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue


def _record(item: _Item, kind: str) -> ReleaseRecord:
    return ReleaseRecord(
        namespace=item.metadata.namespace,
        name=item.metadata.name,
        kind=kind,
        labels=item.metadata.labels,
        created_at=item.metadata.creation_timestamp,
        payload=_payload(item.data.release if item.data else msgspec.Raw(b"null"), kind),
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
