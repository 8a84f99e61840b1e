"""Measures the REST API with many incidents stored: requests a second, p99, memory, start. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_service.py [stored, default 10000]``. The service runs in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from sre_orchestrator.api.service.models import Arrival, Reported
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import Settings

DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"
REQUESTS = 300
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def main(stored: int) -> None:
    """Store, start, ask, and print."""
    with tempfile.TemporaryDirectory() as folder:
        names = fill(Path(folder), stored)
        begun = time.perf_counter()
        service = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "sre_orchestrator.api.cli.main",
                "serve",
                "--snapshot",
                str(DEMO),
                "--port",
                "18999",
                "--state-dir",
                folder,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with httpx.Client(base_url="http://127.0.0.1:18999", timeout=60) as client:
            ready(client)
            print(f"{stored} stored; ready after {time.perf_counter() - begun:.2f} s; {memory(service.pid)} MiB")
            say("read", lambda n: client.get(f"/api/v1/incidents/{names[n * 37 % len(names)]}"))
            say("list of 50", lambda _: client.get("/api/v1/incidents"))
            say(
                "list, narrowed",
                lambda _: client.get("/api/v1/incidents", params={"namespace": "shop", "status": "done"}),
            )
            say("list, text", lambda n: client.get("/api/v1/incidents", params={"text": f"answers {n}"}))
            say("create", lambda n: client.post("/api/v1/incidents", json={"description": f"checkout answers {n}"}))
            print(f"after {REQUESTS} accepted, while they are investigated: {memory(service.pid)} MiB")
        service.terminate()
        service.wait(60)


def fill(state: Path, stored: int) -> list[str]:
    """Store finished incidents, each with the report of the demo."""
    import anyio  # noqa: PLC0415 - only here

    installation = Installation(Settings(state_dir=str(state)))

    async def diagnosed() -> Bundle:
        return await diagnose_snapshot(installation, DEMO, question="checkout answers 500")

    bundle = anyio.run(diagnosed)
    with closing(open_database("", state)) as store:
        return [one(store, bundle, number) for number in range(stored)]


def one(store: Database, bundle: Bundle, number: int) -> str:
    """Store one incident."""
    at = BEGIN + timedelta(seconds=number)
    reported = Reported(description=f"checkout answers {number}", namespace=("shop", "pay")[number % 2])
    record = store.accept(Arrival(reported=reported, origin="api"), at).record
    store.claim(at, record.id)
    store.finish(record.id, bundle, at)
    return record.id


def say(what: str, ask: Callable[[int], httpx.Response]) -> None:
    """Print requests a second and p50, p99 of one client."""
    took = []
    for number in range(REQUESTS):
        begun = time.perf_counter()
        ask(number).raise_for_status()
        took.append(1000 * (time.perf_counter() - begun))
    took.sort()
    print(
        f"{what}: {1000 * len(took) / sum(took):.0f} a second, p50 {took[len(took) // 2]:.1f} ms, p99 {took[-3]:.1f} ms"
    )


def ready(client: httpx.Client) -> None:
    """Wait for it."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise SystemExit("the service did not become ready")


def memory(pid: int) -> int:
    """Return the resident memory in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 // 1024**2


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
