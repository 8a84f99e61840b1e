"""Measures whether the right agent is asked first. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_reading.py [--held]``. The texts are in ``tests/support/incident_texts.py``; those
with ``--held`` were held back while words and examples were chosen. *Embeddings* are those of all-MiniLM-L6-v2, one
thread; seconds are CPU seconds a text.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from incident_texts import HELD, TUNED
from local_models import minilm

from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.reading.order import AgentOrder
from sre_orchestrator.core.settings import ModelSettings, Settings
from sre_orchestrator.plugins.models.llama_cpp import LlamaCpp


def main(arguments: Sequence[str]) -> None:
    """Print one row a way of ordering."""
    texts = HELD if "--held" in arguments else TUNED
    with tempfile.TemporaryDirectory() as folder:
        agents = Installation(Settings(state_dir=folder)).agents
        print(f"| order of {len(agents)} agents by | first is right | among the first three | CPU ms |")
        print("| --- | --- | --- | --- |")
        row("words", AgentOrder(), texts, agents)
        embedder = LlamaCpp().open_embedder(str(minilm(Path(folder))), ModelSettings(threads=1))
        row("words and embeddings", AgentOrder(embedder), texts, agents)
        embedder.close()


def row(name: str, order: AgentOrder, texts: Sequence[tuple[str, str]], agents: Sequence[Agent]) -> None:
    """Print the figures of ``order``, and what it got wrong."""
    order("anything", agents)
    begun = time.process_time()
    orders = [(text, right, order(text, agents)) for text, right in texts]
    spent = (time.process_time() - begun) / len(texts) * 1000
    first = sum(found[0] == right for _, right, found in orders)
    three = sum(right in found[:3] for _, right, found in orders)
    print(f"| {name} | {first} of {len(texts)} | {three} of {len(texts)} | {spent:.1f} |")
    for text, right, found in orders:
        if found[0] != right:
            print(f"  {text!r}: {right}, not {', '.join(found[:3])}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
