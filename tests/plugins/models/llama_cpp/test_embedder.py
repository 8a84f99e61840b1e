"""MiniLM in this process: what means the same is near."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language.ports import Embedder
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.llama_cpp import LlamaCpp

KILLED = "the pod was killed because it ran out of memory"


def near(one: object, other: object) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))  # type: ignore[call-overload]


def test_what_means_the_same_is_nearer_than_what_does_not(embedder: Embedder) -> None:
    killed, same, other = embedder.embed([KILLED, "OOMKilled container", "a recipe for an apple cake"])

    assert near(killed, same) > near(killed, other) + 0.2


def test_vectors_are_of_unit_length(embedder: Embedder) -> None:
    vectors = embedder.embed([KILLED, "", "🙂 grüße\udcff", "\0"])

    assert [len(one) for one in vectors] == [384] * 4
    assert [near(one, one) for one in vectors] == pytest.approx([1.0] * 4)


def test_a_text_has_the_same_vector_among_many(embedder: Embedder) -> None:
    texts = [f"{KILLED} for the {number}th time" for number in range(70)]

    together = embedder.embed(texts)
    alone = embedder.embed([texts[69]])

    assert len(together) == 70
    assert near(together[69], alone[0]) > 0.999


def test_of_a_long_text_its_beginning_counts(embedder: Embedder) -> None:
    long, short = embedder.embed(["memory " * 3000, "memory " * 510])

    assert near(long, short) > 0.999


def test_no_texts_have_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]) == []


def test_many_may_embed_at_once(embedder: Embedder) -> None:
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(lambda _: embedder.embed([KILLED])[0], range(16)))

    assert all(one == vectors[0] for one in vectors)


def test_an_embedder_is_told_from_others(embedder: Embedder) -> None:
    assert embedder.name == "llama_cpp:all-minilm-l6-v2.q8_0.gguf"
    assert len(embedder.digest) == 64


def test_a_file_that_does_not_say_how_gets_the_mean(embedder: Embedder, embedding_file: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent.gguf"
    silent.write_bytes(embedding_file.read_bytes().replace(b"bert.pooling_type", b"bert.pooling_none", 1))
    other = LlamaCpp().open_embedder(str(silent), ModelSettings(threads=1))

    vectors = other.embed([KILLED])

    other.close()
    assert near(vectors[0], embedder.embed([KILLED])[0]) > 0.999


def test_a_closed_embedder_says_so(embedding_file: Path) -> None:
    embedder = LlamaCpp().open_embedder(str(embedding_file), ModelSettings(threads=1))
    embedder.close()

    with pytest.raises(ModelError, match="closed"):
        embedder.embed([KILLED])
