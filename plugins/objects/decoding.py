"""Decodes one object; Go writes ``null`` for a list, map or text that is not there."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from sre_orchestrator.plugins.objects.meta import Object

K = TypeVar("K", bound=Object)


def decode_object(text: bytes | msgspec.Raw, kind: type[K]) -> K:
    """Return one object; ``null`` where a list or text belongs counts as absent.

    Raises:
        msgspec.DecodeError: the text is no object of this kind.

    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        return msgspec.json.decode(msgspec.json.encode(_without_nulls(msgspec.json.decode(text))), type=kind)


def _without_nulls(node: object) -> object:
    if isinstance(node, dict):
        return {key: _without_nulls(value) for key, value in node.items() if value is not None}
    return [_without_nulls(one) for one in node] if isinstance(node, list) else node
