"""How much memory a model will need, told from its file before it is loaded; too much is refused."""

from __future__ import annotations

from pathlib import Path

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.models.llama_cpp.header import Header
from sre_orchestrator.plugins.models.llama_cpp.machine import Memory

MIB = 1024**2
GIB = 1024**3
BYTES_A_KEY = 2  # keys and values are kept in 16 bits
BYTES_A_NUMBER = 4
LIBRARY = 48 * MIB  # llama.cpp itself with numpy, and the vocabulary


class Need(Struct, frozen=True, kw_only=True):
    """Bytes that a model will take: its weights, what it remembers of a prompt, and room to compute."""

    weights: int
    context: int
    work: int

    @property
    def all(self) -> int:
        """Return all together."""
        return self.weights + self.context + self.work


def need(header: Header, context_tokens: int, batch_tokens: int) -> Need:
    """Return what the model of ``header`` will take; rather too much (it knows no sliding windows)."""
    layers = header.number("block_count")
    heads = header.each("attention.head_count", layers)
    groups = header.each("attention.head_count_kv", layers, heads[0] if heads else 0)
    width = header.number("embedding_length")
    a_head = width // max(max(heads, default=1), 1)
    kept = header.number("attention.key_length", a_head) + header.number("attention.value_length", a_head)
    inner = max(header.each("feed_forward_length", layers), default=0)
    a_token = header.words + 2 * inner + 6 * width + context_tokens * max(heads, default=0)
    return Need(
        weights=header.file_bytes,
        context=0 if header.embeds else context_tokens * sum(groups) * kept * BYTES_A_KEY,
        work=LIBRARY + batch_tokens * a_token * BYTES_A_NUMBER,
    )


def check(path: Path, needed: Need, memory: Memory) -> None:
    """Refuse a model that does not fit.

    Raises:
        InputError: more memory is needed than is free; it says how much of each, and what to do.

    """
    if memory.free is None or needed.all <= memory.free:
        return
    raise InputError(
        f"{path}: needs about {_size(needed.all)} of memory ({_size(needed.weights)} for its weights, "
        f"{_size(needed.context)} for its context, {_size(needed.work)} to compute), and {_size(memory.free)} are free "
        f"within {memory.bound}; take a smaller model or one of fewer bits (Q4), set model.context_tokens lower, or give more memory"
    )


def _size(number: int) -> str:
    return f"{number / GIB:.1f} GiB" if number >= GIB else f"{max(round(number / MIB), 1)} MiB"
