"""Measures the service with many incidents stored: requests a second and p99, an alert storm, memory, start to ready.

Run: ``python tests/benchmarks/bench_service.py [part …] [--stored 100000] [--incidents 5000] [--storm 60]``; parts are
``requests``, ``storm``, ``memory``, ``start``, by default all. Prints, asserts nothing about time. The service runs in
a process of its own that is held to one core; on a machine that others use, its CPU seconds compare and the times by
the clock do not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import anyio
from asking import Ask, as_fast_as_answered, at_rate
from sqlalchemy import create_engine, insert, select

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from clusters import shop
from faults import FAULTS

from sre_orchestrator.api.service.models import Arrival, Reported
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.service.store.rows import time_text
from sre_orchestrator.api.service.store.tables import happened, incident, investigation
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.settings import Settings

DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"
RATE, SECONDS, STARTS = 200, 15, 5
with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
TICKS = os.sysconf("SC_CLK_TCK")
BEGIN = datetime.now(UTC) - timedelta(days=3)  # older ones the service would forget


class Running:
    """The process of the service."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._stat = Path(f"/proc/{process.pid}/stat")
        self.ready_seconds = self.ready_cpu = 0.0

    @property
    def cpu(self) -> float:
        """Return its CPU seconds."""
        fields = self._stat.read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory(self) -> float:
        """Return its resident memory in MiB."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * 4096 / 1024**2

    def wait(self) -> None:
        """Wait until it is ready."""
        begun = time.perf_counter()
        while self._process.poll() is None:
            try:
                if urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=60).status == 200:
                    self.ready_seconds, self.ready_cpu = time.perf_counter() - begun, self.cpu
                    return
            except URLError:
                time.sleep(0.01)
        raise SystemExit("the service did not become ready")


@contextmanager
def service(state: Path, snapshot: Path = DEMO) -> Iterator[Running]:
    """Run the service on the last core until the context ends."""
    command = [sys.executable, "-m", "sre_orchestrator.api.cli.main", "serve", "--port", str(PORT)]
    options = ["--snapshot", str(snapshot), "--state-dir", str(state)]
    core = max(os.sched_getaffinity(0))
    with subprocess.Popen(
        ["taskset", "-c", str(core), *command, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            running = Running(process)
            running.wait()
            yield running
        finally:
            process.terminate()


def fill(state: Path, stored: int) -> list[str]:
    """Store finished incidents with the report of the demo, and return their ids."""
    installation = Installation(Settings(state_dir=str(state)))
    bundle = anyio.run(lambda: diagnose_snapshot(installation, DEMO, question="checkout answers 500"))
    with closing(open_database("", state)) as store:
        name = store.accept(
            Arrival(reported=Reported(description="checkout answers 500"), origin="api"), BEGIN
        ).record.id
        store.claim(BEGIN, name)
        store.finish(name, bundle, BEGIN)
    engine = create_engine(f"sqlite:///{state / 'service.db'}")
    names = [f"i{number:028x}" for number in range(stored)]
    with engine.begin() as connection:
        like, report, *steps = (
            dict(row)
            for table in (incident, investigation, happened)
            for row in connection.execute(select(table)).mappings()
        )
        for begin in range(0, stored, 1000):
            some = list(enumerate(names))[begin : begin + 1000]
            connection.execute(insert(incident), [{**like, **_distinct(number, one)} for number, one in some])
            connection.execute(insert(investigation), [{**report, "incident": one} for _, one in some])
            connection.execute(insert(happened), [{**step, "incident": one} for step in steps for _, one in some])
    return names


def _distinct(number: int, name: str) -> dict[str, object]:
    at = time_text(BEGIN + timedelta(seconds=number))
    space = ("shop", "pay")[number % 2]
    reported = {"description": f"checkout answers {number}", "namespace": space}
    return {
        "id": name,
        "created_at": at,
        "updated_at": at,
        "namespace": space,
        "description": reported["description"],
        "reported": json.dumps(reported).encode(),
    }


def requests(state: Path, stored: int) -> None:
    """Measure reads, lists and creations at a rate, then as fast as they are answered."""
    names = fill(state, stored)
    print(f"{stored} incidents stored, {(state / 'service.db').stat().st_size / 1024**2:.0f} MiB; service on one core")
    chosen = random.Random(1).choices(names, k=4096)
    asked: dict[str, Callable[[int], Ask]] = {
        "read": lambda n: Ask(target=f"/api/v1/incidents/{chosen[n % 4096]}"),
        "list of 50": lambda _: Ask(target="/api/v1/incidents"),
        "list, narrowed": lambda _: Ask(target="/api/v1/incidents?namespace=shop&status=done"),
        "list, no such cause": lambda _: Ask(target="/api/v1/incidents?cause=no-such-cause"),
        "list, rare words": lambda n: Ask(target=f"/api/v1/incidents?text=answers%20{n}7"),
        "create": lambda n: Ask(target="/api/v1/incidents", body=json.dumps({"description": f"call {n}"}).encode()),
    }
    with service(state) as running:
        for what, ask in asked.items():
            rate = RATE if what in {"read", "list of 50"} else RATE / 10
            before = running.cpu
            took = at_rate(PORT, ask, a_second=rate, seconds=SECONDS)
            cost = 1000 * (running.cpu - before) / len(took.milliseconds)
            print(f"{what} at {rate:.0f}/s: {took.said()}; {cost:.2f} CPU ms each")
            if what != "create":
                print(f"{what}, 4 clients: {as_fast_as_answered(PORT, ask, count=200).said()}")
        print(f"memory: {running.memory:.0f} MiB")


def storm(state: Path, seconds: float, alerts: int = 10_000, each: int = 10) -> None:
    """Measure a storm: webhooks of ten alerts, each of another pod."""
    state.mkdir()
    with service(state) as running:
        before, memory = running.cpu, running.memory
        took = at_rate(PORT, lambda n: _webhook(n, each), a_second=alerts / each / seconds, seconds=seconds)
        cost, count, seen, cursor = running.cpu - before, 0, 0, ""
        while True:
            page = json.load(urlopen(f"http://127.0.0.1:{PORT}/api/v1/incidents?limit=200&cursor={cursor}"))
            count, seen = (
                count + len(page["items"]),
                seen + sum(one["seen"] for one in page["items"] if not one["merged_into"]),
            )
            if not (cursor := page["next_cursor"]):
                break
        print(f"storm of {alerts} alerts in {seconds:.0f} s: {took.said()}; {cost:.1f} CPU s with the investigations")
        print(f"storm: {count} incidents, {seen} alerts counted; memory {memory:.0f} to {running.memory:.0f} MiB")


def _webhook(number: int, each: int) -> Ask:
    alerts = [
        {
            "status": "firing",
            "labels": {
                "alertname": f"Alert{number % 500}",
                "namespace": f"team-{number % 40}",
                "pod": f"pod-{number}-{one}",
            },
            "annotations": {"summary": f"pod-{number}-{one} is not ready"},
            "startsAt": "2026-01-01T00:00:00Z",
        }
        for one in range(each)
    ]
    group = {"alertname": f"Alert{number % 500}", "namespace": f"team-{number % 40}"}
    webhook = {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="Alert{number % 500}",namespace="team-{number % 40}"}}',
        "status": "firing",
        "receiver": "sre",
        "groupLabels": group,
        "commonLabels": group,
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": alerts,
    }
    return Ask(target="/api/v1/alerts/alertmanager", body=json.dumps(webhook).encode())


def memory(state: Path, incidents: int) -> None:
    """Measure memory while incidents go through the whole pipeline, on a small cluster with a fault."""
    state.mkdir()
    cluster = shop()
    FAULTS["memory_limit"](cluster)
    with service(state, cluster.write(state / "snapshot")) as running:
        print(f"0 incidents: {running.memory:.1f} MiB")
        begun, before = time.perf_counter(), running.cpu
        part = max(1, incidents // 10)
        for done in range(0, incidents, part):
            as_fast_as_answered(PORT, lambda n, done=done: _report(done + n), count=part)  # type: ignore[misc]
            while json.load(urlopen(f"http://127.0.0.1:{PORT}/api/v1/incidents?status=queued&limit=1"))["items"]:
                time.sleep(0.2)
            print(f"{done + part} incidents: {running.memory:.1f} MiB", flush=True)
        minutes = (time.perf_counter() - begun) / 60
        print(
            f"{incidents / minutes:.0f} incidents a minute; {1000 * (running.cpu - before) / incidents:.0f} CPU ms each"
        )


def _report(number: int) -> Ask:
    return Ask(target="/api/v1/incidents", body=json.dumps({"description": f"cart answers {number}"}).encode())


def start(state: Path) -> None:
    """Measure from the start of the process to ready, first with nothing compiled, then as after a restart."""
    for what, kept in (("nothing compiled", False), ("compiled before", True)):
        found = []
        for number in range(STARTS):
            folder = state if kept else state.with_name(f"empty-{number}")
            with service(folder) as running:
                found.append((running.ready_seconds, running.ready_cpu, running.memory))
        seconds, cpu, mib = (statistics.median(column) for column in zip(*found, strict=True))
        print(
            f"start to ready, {what}: {seconds:.2f} s, {cpu:.2f} CPU s, {mib:.0f} MiB (medians of {STARTS}; least CPU {min(one[1] for one in found):.2f})"
        )


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=["start", "requests", "storm", "memory"])
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--incidents", type=int, default=5000)
    parser.add_argument("--storm", type=float, default=60.0)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        measured: dict[str, Callable[[], None]] = {
            "start": lambda: start(folder / "start"),
            "requests": lambda: requests(folder, asked.stored),
            "storm": lambda: storm(folder / "storm", asked.storm),
            "memory": lambda: memory(folder / "memory", asked.incidents),
        }
        for part in asked.parts:
            measured[part]()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
