"""Measures how runbooks are found, by words and with what they mean. Prints, asserts nothing.

Run: ``python tests/benchmarks/bench_meaning.py [FOLDER]``; FOLDER keeps what was embedded, which takes 20 to 50 ms of CPU
a passage, once. Embeddings are those of all-MiniLM-L6-v2 (8 bits), one thread. The runbooks are public ones
(``tests/support/public_runbooks.py``).
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from local_models import minilm
from public_runbooks import Question, documents, first, names, questions, unpacked, within

from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.knowledge.library import Library
from sre_orchestrator.plugins.knowledge.meaning import Meaning
from sre_orchestrator.plugins.knowledge.vectors import VectorFile
from sre_orchestrator.plugins.models.llama_cpp import LlamaCpp


def main(arguments: Sequence[str]) -> None:
    """Print what it takes, then one row a way of searching."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(arguments[0] if arguments else folder)
        public = unpacked(Path(folder))
        asked, alerts = questions(public), names(public)
        library, begun = Library(state / "library.db"), time.process_time()
        library.keep(documents(public))
        print(
            f"{len(library.documents())} documents, {len(library.ids())} passages: {time.process_time() - begun:.1f} CPU s"
        )
        print(f"{len(alerts)} names of alerts, {len(asked)} descriptions")
        print("| found by | name finds it first | description within three | p50 ms | p99 ms | MiB |")
        print("| --- | --- | --- | --- | --- | --- |")
        row("words", library, alerts, asked)
        embedder = LlamaCpp().open_embedder(str(minilm(Path(folder))), ModelSettings(threads=1))
        library.meaning = meaning = Meaning(library, VectorFile(state / "vectors.db"), embedder)
        begun, early = time.process_time(), len(library.documents())
        for progress in meaning.embed():
            if early and progress.done >= early:
                print(f"  beginnings embedded: {time.process_time() - begun:.0f} CPU s", file=sys.stderr)
                row("words and the meaning of beginnings", library, alerts, asked)
                early = 0
        print(f"  all embedded: {time.process_time() - begun:.0f} CPU s", file=sys.stderr)
        row("words and meaning", library, alerts, asked)
        begun = time.process_time()
        meaning.load()
        print(f"  loaded again: {time.process_time() - begun:.2f} CPU s", file=sys.stderr)


def row(name: str, library: Library, alerts: Sequence[str], asked: Sequence[Question]) -> None:
    """Print the figures of one way."""
    times = []
    for one in asked:
        begun = time.perf_counter()
        library.search(one.description, 3)
        times.append((time.perf_counter() - begun) * 1000)
    cuts = statistics.quantiles(times, n=100)
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    right = f"{first(library.search, alerts):.3f} | {within(library.search, asked):.3f}"
    print(f"| {name} | {right} | {cuts[49]:.1f} | {cuts[98]:.1f} | {mib:.0f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
