"""Finds passages by their meaning and their words together: the door to txtai, which is optional.

txtai ranks and never embeds here: the vectors are those of the model that the settings name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.knowledge.words import stems

if TYPE_CHECKING:
    import numpy as np

    Foreign = Any  # what txtai gives out
    Numbers = np.ndarray[Any, Any]

INSTALL = "python3 -m pip install --no-deps 'txtai>=9.14,<10' && python3 -m pip install msgpack numpy pyyaml regex tqdm"
MEANING = 0.7  # what meaning weighs beside words; tests/benchmarks/bench_meaning.py compares
FLOAT = 4  # bytes

Embed = Callable[[str], Sequence[float]]


class Text(Struct, frozen=True, kw_only=True):
    """A passage to be found: its number, what is embedded of it (one line), and what its words are."""

    number: int
    meaning: str
    words: str


class Match(Struct, frozen=True, kw_only=True):
    """The number of a passage, and how well it fits, from 0 to 1."""

    number: int
    score: float


def installed() -> bool:
    """Return whether txtai is there, without importing it."""
    return find_spec("txtai") is not None


class SemanticIndex:
    """Texts with the vectors of their meanings, in memory; safe to ask from several threads.

    ``vectors`` are 32-bit floats of unit length by what was embedded. A text without one is found by its words alone.
    2,000 texts take a quarter of a second to build.
    """

    def __init__(self, texts: Sequence[Text], vectors: Mapping[str, bytes], embed: Embed) -> None:
        import numpy as np  # noqa: PLC0415 - only those with txtai need it

        width = max(map(len, vectors.values()), default=0) // FLOAT
        unknown = np.zeros(width + 1, dtype=np.float32)
        unknown[width] = 1.0  # a direction of its own, in which no question goes

        def known(line: str) -> Numbers:
            vector = vectors.get(line)
            return unknown if vector is None else np.append(np.frombuffer(vector, dtype=np.float32), np.float32(0))

        def asked(line: str) -> Numbers:
            return np.array([*embed(line), 0.0], dtype=np.float32)

        self._asking = Lock()  # txtai breaks where two threads read at the same time
        self._vector_of: Callable[[str], Numbers] = known
        # txtai takes nothing but a function here
        self._index = _embeddings(lambda lines: np.array([self._vector_of(one.partition("\n")[0]) for one in lines]))
        if texts:
            self._index.index([(text.number, f"{text.meaning}\n{' '.join(stems(text.words))}") for text in texts])
        self._vector_of = asked if vectors else lambda _: -unknown  # below zero: no text is near
        self._size = len(texts)

    def __len__(self) -> int:
        """Return how many texts there are."""
        return self._size

    def search(self, question: str, limit: int) -> tuple[Match, ...]:
        """Return the best passages first.

        Raises:
            ModelError: the question could not be embedded.

        """
        words = " ".join(stems(question))
        if not words:
            return ()
        asked = f"{' '.join(question.split())}\n{words}"
        with self._asking:
            found = self._index.search(asked, limit, weights=MEANING) if self._size else ()
        return tuple(Match(number=number, score=min(max(float(score), 0.0), 1.0)) for number, score in found)

    def close(self) -> None:
        """Give back memory, and the file that txtai keeps words in."""
        with self._asking:
            self._index.close()
            self._size = 0


def _embeddings(transform: Callable[[Sequence[str]], Numbers]) -> Foreign:
    """Return an empty index; the model hub is not asked for anything."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from txtai.embeddings import Embeddings  # noqa: PLC0415 - it is optional, and opens slowly
    except ImportError as error:
        raise InputError(f"txtai: cannot be imported ({error}); install it: {INSTALL}") from error
    return Embeddings({"method": "external", "transform": transform, "hybrid": True, "backend": "numpy"})
