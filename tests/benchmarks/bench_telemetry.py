"""What telling of an investigation costs: the same one bare, counted and logged, and traced too, to a collector that is dead.

python tests/benchmarks/bench_telemetry.py [INVESTIGATIONS]
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from observing import REPORTED, Unheard

from sre_orchestrator.api.logs import configure_logs
from sre_orchestrator.api.service.models import Reported
from sre_orchestrator.api.service.ports import Investigator
from sre_orchestrator.api.service.telemetry import Observed, Telemetry
from sre_orchestrator.api.service.telemetry.tracing import traces_of
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress
from sre_orchestrator.core.settings import Settings

DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"
DEAD = "http://127.0.0.1:9"
ROUNDS = 5


class Again:
    """Goes through the steps and agents of an investigation that was made, in no time."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Return it."""
        del incident_id, reported
        progress.step("gather")
        for name in self._bundle.cost.agents_ms:
            progress.agent(name, "asked")
            progress.agent(name, "done")
        for step in ("infer", "rank", "gather", "infer", "rank", "infer", "rank", "narrate"):
            progress.step(step)
        return self._bundle


def microseconds(investigator: Investigator, times: int) -> float:
    """Return what one investigation takes of the processor, in its own thread, the best of some rounds."""

    async def all_of_them() -> None:
        for _ in range(times):
            await investigator.investigate("i1", REPORTED, Unheard())

    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.thread_time()
        anyio.run(all_of_them)
        best = min(best, time.thread_time() - begun)
    return best / times * 1e6


def main() -> None:
    """Print what each costs."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = DEAD
    configure_logs()
    installation = Installation(Settings())
    begun = time.process_time()
    bundle = anyio.run(diagnose_snapshot, installation, DEMO)
    real = time.process_time() - begun
    bare = Again(bundle)
    traces = traces_of(os.environ)
    print(
        f"agents: {len(bundle.cost.agents_ms)}, gaps: {len(bundle.report.gaps)}, diagnosis of the demo: {real * 1e3:.0f} ms"
    )
    for name, one in (
        ("bare", bare),
        ("counted and logged", Observed(bare, Telemetry.of(installation))),
        ("and traced, dead collector", Observed(bare, Telemetry.of(installation, traces))),
    ):
        print(f"{name:28} {microseconds(one, times):8.1f} µs")
    begun = time.thread_time()
    text = Telemetry.of(installation).figures.text()
    print(f"{'one scrape, no requests yet':28} {(time.thread_time() - begun) * 1e6:8.1f} µs, {len(text)} bytes")
    if traces:
        begun = time.perf_counter()
        traces.close()
        print(f"{'end with a dead collector':28} {(time.perf_counter() - begun):8.2f} s")


if __name__ == "__main__":
    main()
