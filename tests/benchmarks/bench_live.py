"""Measures the source of running clusters against the snapshot server. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_live.py [pods …]``. Server and clients are processes of their own, so that CPU
seconds and peak memory are the client's alone, start-up included; the median of ``RUNS`` counts.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from bench_pipeline import build
from big_cluster import big_cluster

from sre_orchestrator.api.wire import Store, serving, write_kubeconfig

RUNS = 5
LARGEST_DIAGNOSED = 10_000
LINES = 50
# what a client process runs: it prints figures as JSON on the last line
USED = """
import json, resource, sys, time, asyncio
def cpu(): one = resource.getrusage(resource.RUSAGE_SELF); return one.ru_utime + one.ru_stime
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
from sre_orchestrator.core.settings import ClusterAccess, ProbeLimits, Settings
from sre_orchestrator.plugins.sources.k8s import open_cluster
"""
PODS = (
    USED
    + """
from sre_orchestrator.plugins.objects.pods import Pod
cluster = open_cluster(Settings(cluster=ClusterAccess(kubeconfig=sys.argv[1])))
started, begun, base = cpu(), time.perf_counter(), peak()
async def count():
    return len((await cluster.list(Pod)).items)
items = asyncio.run(count())
print(json.dumps({"items": items, "start": started, "cpu": cpu() - started, "base": base, "peak": peak(),
                  "seconds": time.perf_counter() - begun, "requests": cluster.requests}))
"""
)
EVERYTHING = (
    USED
    + """
from sre_orchestrator.api.wiring import twin_of
from datetime import datetime, UTC
cluster = open_cluster(Settings(cluster=ClusterAccess(kubeconfig=sys.argv[1])))
started, begun, base = cpu(), time.perf_counter(), peak()
async def sync():
    async with twin_of([cluster], datetime.now(UTC)) as (twin, gaps):
        return len(twin.components())
items = asyncio.run(sync())
print(json.dumps({"items": items, "start": started, "cpu": cpu() - started, "base": base, "peak": peak(),
                  "seconds": time.perf_counter() - begun, "requests": cluster.requests}))
"""
)
DIAGNOSIS = (
    USED
    + """
begun = time.perf_counter()
from sre_orchestrator.api import live
from sre_orchestrator.api.wiring import Installation
clusters = []
live.open_cluster = lambda *given, **more: clusters.append(open_cluster(*given, **more)) or clusters[-1]
installation = Installation(Settings(cluster=ClusterAccess(kubeconfig=sys.argv[1]), probes=ProbeLimits(enabled=False)))
when = live.datetime.fromisoformat("2030-05-01T12:00:00+00:00")
bundle = asyncio.run(live.diagnose_live(installation, "services are unreachable", namespace=sys.argv[2], at=when))
first = bundle.report.hypotheses[0].cause if bundle.report.hypotheses else ""
print(json.dumps({"verdict": bundle.report.verdict, "first": first, "cpu": cpu(), "peak": peak(),
                  "seconds": time.perf_counter() - begun, "requests": clusters[0].requests}))
"""
)


@contextmanager
def served(source: str, *arguments: str) -> Iterator[str]:
    """Serve in a process of its own, and yield the kubeconfig."""
    command = [sys.executable, __file__, source, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


def serve(source: Store | Path) -> None:
    """Serve until standard input ends."""
    with tempfile.TemporaryDirectory() as folder, serving(source) as url:
        print(write_kubeconfig(Path(folder) / "kubeconfig", url, namespace=""), flush=True)
        sys.stdin.read()


def with_logs(folder: Path, pods: int) -> Path:
    """Write the snapshot of a cluster in which one workload in fifty fails, with a log for each container."""
    path = build(folder, pods, faulty=True)
    text = "".join(f"2030-05-01T11:{minute:02}:00Z INFO handled a request in 12 ms\n" for minute in range(LINES))
    for listing in (path / "cluster-resources" / "pods").glob("*.json"):
        for pod in json.loads(listing.read_bytes())["items"]:
            place = path / "cluster-resources" / "pods" / "logs" / listing.stem / pod["metadata"]["name"]
            place.mkdir(parents=True)
            (place / f"{pod['spec']['containers'][0]['name']}.log").write_text(text, encoding="utf-8")
    return path


def run(code: str, *arguments: str) -> dict[str, float | str]:
    """Return the figures of one client."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=True, text=True)
    read: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return read


def measured(code: str, *arguments: str, runs: int = RUNS) -> dict[str, float | str]:
    """Return the median of each figure."""
    every = [run(code, *arguments) for _ in range(runs)]
    return {
        key: one if isinstance(one, str) else statistics.median(float(each[key]) for each in every)
        for key, one in every[0].items()
    }


def main(sizes: list[int]) -> None:
    """Print the three tables."""
    for what, code in (("pods", PODS), ("everything, into the twin", EVERYTHING)):
        print(f"\n{what}: pods, objects, CPU s, of it start-up, seconds, MiB, of it start-up, requests")
        for pods in sizes:
            runs = RUNS if pods <= LARGEST_DIAGNOSED else 1
            with served("store", str(pods)) as kubeconfig:
                one = measured(code, kubeconfig, runs=runs)
            print(
                f"{pods:>7} {one['items']:>8.0f} {one['cpu'] + one['start']:6.2f} {one['start']:5.2f} "  # type: ignore[operator]  # figures
                f"{one['seconds']:6.2f} {one['peak']:6.0f} {one['base']:5.0f} {one['requests']:4.0f}"
            )
    print("\ndiagnosis: pods, namespace, CPU s, seconds, MiB, requests, verdict")
    for pods in (size for size in sizes if size <= LARGEST_DIAGNOSED):
        with tempfile.TemporaryDirectory() as folder, served("snapshot", folder, str(pods)) as kubeconfig:
            for namespace in ("team-0", ""):
                one = measured(DIAGNOSIS, kubeconfig, namespace)
                print(
                    f"{pods:>7} {namespace or 'all':7} {one['cpu']:6.2f} {one['seconds']:6.2f} {one['peak']:6.0f} "
                    f"{one['requests']:5.0f} {one['verdict']} {one['first']}"
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["store"]:
        serve(big_cluster(int(sys.argv[2])))
    elif sys.argv[1:2] == ["snapshot"]:
        serve(with_logs(Path(sys.argv[2]) / "snapshot", int(sys.argv[3])))
    else:
        main([int(one) for one in sys.argv[1:]] or [1_000, 10_000])
