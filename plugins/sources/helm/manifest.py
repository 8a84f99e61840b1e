"""Reads the manifest of a release into the structs that live objects have; Secrets lose their values on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import KINDS

_BETWEEN = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)
_STRUCTS = {(listed.group, listed.kind): struct for struct, listed in KINDS.items()}


def objects_of(manifest: str, namespace: str) -> tuple[Object, ...]:
    """Return the objects of known kinds, with the namespace that Helm gives them; what cannot be read is left out."""
    return tuple(
        found for text in _BETWEEN.split(manifest) if text.strip() for found in _document(text.encode(), namespace)
    )


def _document(text: bytes, namespace: str) -> Iterator[Object]:
    try:
        document = read_yaml(text, object, unique_keys=False)
    except DocumentError:
        return
    for item in _items(document):
        found = _object(item, namespace)
        if found is not None:
            yield found


def _items(document: object) -> list[object]:
    if isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list):
        return list(document["items"])
    return [document]


def _object(item: object, namespace: str) -> Object | None:
    if not isinstance(item, dict):
        return None
    group = str(item.get("apiVersion", "")).rpartition("/")[0]
    struct = _STRUCTS.get((group, str(item.get("kind", ""))))
    if struct is None:
        return None
    try:
        found = msgspec.json.decode(msgspec.json.encode(_without_nulls(item)), type=struct)
    except (msgspec.MsgspecError, TypeError):
        return None
    if not KINDS[struct].namespaced or found.metadata.namespace:
        return found
    return msgspec.structs.replace(found, metadata=msgspec.structs.replace(found.metadata, namespace=namespace))


def _without_nulls(node: object) -> object:
    """Return ``node`` without nulls, which templates leave where a value is optional."""
    if isinstance(node, dict):
        return {key: _without_nulls(value) for key, value in node.items() if value is not None}
    return [_without_nulls(one) for one in node if one is not None] if isinstance(node, list) else node
