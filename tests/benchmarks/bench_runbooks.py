"""Measures the library of runbooks by keywords alone: reading, keeping, finding. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_runbooks.py [PASSAGES]``. First with public runbooks (how often the right one is
found), then with PASSAGES (100,000) made up ones in a file (how long it takes). ``bench_meaning.py`` measures the same
runbooks with embeddings.
"""

from __future__ import annotations

import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from public_runbooks import first, names, questions, unpacked, within

from sre_orchestrator.api.parts import Unwatched
from sre_orchestrator.core.settings import KnowledgeSettings
from sre_orchestrator.plugins.knowledge.ingesting import Ingestion
from sre_orchestrator.plugins.knowledge.library import Library

SECTIONS = 10
WORDS = 60
ASKED = 300


def main(arguments: Sequence[str]) -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as folder:
        public(Path(folder))
        large(Path(folder), int(arguments[0]) if arguments else 100_000)


def public(folder: Path) -> None:
    """Print how often public runbooks are found."""
    books = unpacked(folder)
    library = Library(folder / "public.db")
    ingest(library, books)
    alerts, asked = names(books), questions(books)
    print(
        f"{len(library.documents())} documents, {len(library.ids())} passages, {len(alerts)} alerts, {len(asked)} descriptions"
    )
    print(f"name finds its runbook first: {first(library.search, alerts):.3f}")
    for most in (1, 3, 5):
        print(f"description finds it within {most}: {within(library.search, asked, most):.3f}")
    searched(library, [one.description for one in asked])


def large(folder: Path, passages: int) -> None:
    """Print how long many runbooks take."""
    chance = random.Random(3)
    words = vocabulary(chance)
    (books := folder / "books").mkdir()
    for number in range(passages // SECTIONS):
        (books / f"Runbook{number}.md").write_text("\n\n".join(document(chance, words, number)))
    library = Library(folder / "large.db")
    begun = time.perf_counter()
    ingest(library, books)
    print(f"{len(library.ids())} passages ingested: {time.perf_counter() - begun:.1f} s", end="; ")
    begun = time.perf_counter()
    ingest(library, books)
    size = (folder / "large.db").stat().st_size / 1024**2
    print(f"again, nothing changed: {time.perf_counter() - begun:.1f} s; file {size:.0f} MiB")
    searched(library, [" ".join(chance.choices(words[:5000], k=12)) for _ in range(ASKED)], "12 words")
    searched(library, [f"Runbook{chance.randrange(passages // SECTIONS)}" for _ in range(ASKED)], "names")


def ingest(library: Library, folder: Path) -> None:
    """Ingest a folder."""
    told = Ingestion(library, KnowledgeSettings(), Unwatched()).run([str(folder)])
    if told.problems:
        print(told.problems[:3])


def searched(library: Library, texts: Sequence[str], what: str = "descriptions") -> None:
    """Print how long searches take, and the memory of the process."""
    times = []
    for text in texts:
        begun = time.perf_counter()
        library.search(text, 5)
        times.append((time.perf_counter() - begun) * 1000)
    cuts = statistics.quantiles(times, n=100)
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"search by {what}: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms; {mib:.0f} MiB")


def vocabulary(chance: random.Random) -> list[str]:
    """Return 30,000 words, the most frequent ones first."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(chance.choices(letters, k=chance.randint(4, 10))) for _ in range(30_000)]


def document(chance: random.Random, words: Sequence[str], number: int) -> Iterator[str]:
    """Yield the blocks of a runbook; words are as frequent as in prose (Zipf)."""
    yield f"# Runbook{number}"
    for section in range(SECTIONS):
        yield f"## Section {section} {chance.choice(words)}"
        yield " ".join(words[min(int(chance.paretovariate(0.6)), len(words) - 1)] for _ in range(WORDS))


if __name__ == "__main__":
    main(sys.argv[1:])
