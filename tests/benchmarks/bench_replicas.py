"""Measures how many incidents a minute go through the whole pipeline on PostgreSQL. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_replicas.py [incidents, default 60]``. Each replica is a process of its own.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from postgres import fresh_database
from served import served

from sre_orchestrator.api.service.dispatch import utc_now
from sre_orchestrator.api.service.models import Arrival, Query, Reported
from sre_orchestrator.api.service.store import Database, open_database


def main(incidents: int) -> None:
    """Measure one worker, two in one process, and two processes of one."""
    print(f"load {os.getloadavg()[0]:.1f}")
    for replicas, workers in ((1, 1), (1, 2), (2, 1)):
        with tempfile.TemporaryDirectory() as folder:
            seconds, cpu = measured(Path(folder), incidents, replicas, workers)
        rate, each = 60 * incidents / seconds, cpu / incidents
        print(
            f"{replicas} replicas, {workers} workers each: {rate:.0f} incidents a minute, {each:.2f} CPU s each",
            flush=True,
        )


def measured(folder: Path, incidents: int, replicas: int, workers: int) -> tuple[float, float]:
    """Return the seconds from the first claim of many stored incidents to the last report, and the replicas' CPU seconds."""
    url = fresh_database()
    settings = folder / "settings.yaml"
    settings.write_text(json.dumps({"service": {"database_url": url, "workers": workers}}), encoding="utf-8")
    with closing(open_database(url, folder)) as store, ExitStack() as stack:
        started = [stack.enter_context(served(folder / str(number), settings))[0].pid for number in range(replicas)]
        accept(store, replicas * workers)  # what is loaded once, is loaded
        wait(store)
        begun, before = time.perf_counter(), sum(map(cpu_seconds, started))
        accept(store, incidents)
        wait(store)
        return time.perf_counter() - begun, sum(map(cpu_seconds, started)) - before


def cpu_seconds(pid: int) -> float:
    """Return what a process used of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def accept(store: Database, incidents: int) -> None:
    """Store incidents; the replicas find them."""
    for number in range(incidents):
        store.accept(Arrival(reported=Reported(description=f"checkout answers 500, {number}"), origin="api"), utc_now())


def wait(store: Database) -> None:
    """Wait until all have a report."""
    while store.backlog.unfinished():
        time.sleep(0.05)
    assert not store.list(Query(status="failed")).items


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
