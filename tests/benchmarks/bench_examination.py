"""Prints the whole examination of a model. Asserts nothing; a model that cannot do better than the program without it fails.

Run: ``python tests/benchmarks/bench_examination.py [KIND:NAME [PAPERS]]``; by default SmolLM2-135M with one thread, and
all papers. It is waited for however long it takes, so that a busy machine does not decide.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from local_models import smollm2

from sre_orchestrator.api.examination.examining import STEPS, examine
from sre_orchestrator.api.examination.papers import papers_in
from sre_orchestrator.api.examination.telling import headline, table
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import ModelSettings, Settings


def main(use: str = "", most: str = "") -> None:
    """Examine the model step by step, and print each result when it is there."""
    model = ModelSettings(use=use or f"llama_cpp:{smollm2()}", threads=1, seconds=1800, call_seconds=1800)
    with (
        tempfile.TemporaryDirectory() as state,
        closing(Installation(Settings(state_dir=state, model=model))) as installation,
    ):
        papers = papers_in(installation.book.causes)
        if most:
            papers = papers.some(int(most))
        for step in STEPS:
            begun, cpu = time.monotonic(), time.process_time()
            found = examine(installation.model.need(), installation, papers, steps=[step], at=datetime.now(UTC))
            took = f"{time.monotonic() - begun:.0f} s by the clock, {time.process_time() - cpu:.0f} CPU s"
            print("\n".join((headline(found), *table(found), took)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
