"""Writes headers of GGUF files, right and wrong ones, without any weights."""

from __future__ import annotations

import struct
from collections.abc import Mapping

FORMS = {bool: (7, "?"), int: (4, "I"), float: (6, "f")}
CHAT: Mapping[str, object] = {
    "general.architecture": "llama",
    "tokenizer.chat_template": "{{ messages[0].content }}",
    "tokenizer.ggml.tokens": ["a", "b", "c"],
    "llama.block_count": 30,
    "llama.context_length": 8192,
    "llama.embedding_length": 576,
    "llama.feed_forward_length": 1536,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
}


def gguf(values: Mapping[str, object], *, version: int = 3) -> bytes:
    """Return the header that says ``values``; numbers of 32 bits, lists of what their first item is."""
    entries = b"".join(_text(name) + _entry(value) for name, value in values.items())
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(values)) + entries


def _entry(value: object) -> bytes:
    kind, raw = _value(value)
    return struct.pack("<I", kind) + raw


def _value(value: object) -> tuple[int, bytes]:
    if isinstance(value, str):
        return 8, _text(value)
    if isinstance(value, list):
        items = [_value(one) for one in value]
        return 9, struct.pack("<IQ", items[0][0], len(items)) + b"".join(raw for _, raw in items)
    kind, form = FORMS[type(value)]
    return kind, struct.pack("<" + form, value)


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw
