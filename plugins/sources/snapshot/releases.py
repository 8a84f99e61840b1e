"""Finds what Helm keeps of its releases among the recorded Secrets and ConfigMaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.helm.records import record_of
from sre_orchestrator.plugins.sources.ports import ReleaseRecord
from sre_orchestrator.plugins.sources.snapshot.layouts import Layout


class _List(msgspec.Struct):
    items: list[msgspec.Raw] | None = None


def recorded_releases(layout: Layout, namespaces: Sequence[str]) -> Iterator[ReleaseRecord]:
    """Yield the records in ``namespaces``, with payloads where these were recorded; bad files are told elsewhere."""
    kinds: tuple[type[Object], ...] = (Secret, ConfigMap)
    for kind in kinds:
        for _, path in layout.files(KINDS[kind]):
            for item in _items(path.read_bytes()) if path.suffix == ".json" else ():
                record = record_of(item, KINDS[kind].kind)
                if record is not None and record.namespace in namespaces:
                    yield record


def _items(text: bytes) -> Sequence[msgspec.Raw]:
    try:
        return msgspec.json.decode(text, type=_List).items or ()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
