"""Measures MCP servers in place of the native clients, for the same facts of the demo incident. Prints, asserts nothing about time.

Run: ``SRE_TEST_PROGRAMS=FOLDER python tests/benchmarks/bench_mcp.py``. Each diagnosis is a process of its own; CPU seconds
are the program's for that and, apart, those of the servers that it started, for this and ``AGAIN`` more diagnoses in the same
process, of which ``again`` tells the mean seconds. The median of ``RUNS`` counts.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from mcp_servers import kubernetes, prometheus_by
from metric_servers import prometheus

from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.core.settings import ClusterAccess, Endpoint, ProbeLimits, Settings, SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"
RUNS = 3
DIAGNOSIS = """
AGAIN = 5
import asyncio, json, resource, sys, time
from datetime import datetime
from pathlib import Path
import msgspec
from sre_orchestrator.api.live import diagnose_live
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings
def cpu(who): one = resource.getrusage(who); return one.ru_utime + one.ru_stime
begun = time.perf_counter()
installation = Installation(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Settings))
at = datetime.fromisoformat("2026-03-12T14:20:00+00:00")
look = lambda: asyncio.run(diagnose_live(installation, "checkout answers 500", namespace="shop", at=at))
bundle = look()
seconds = time.perf_counter() - begun
own = cpu(resource.RUSAGE_SELF)
again = []
for _ in range(AGAIN):
    time.sleep(3)  # as after another incident: the limit of requests a second has recovered
    begun = time.perf_counter()
    look()
    again.append(time.perf_counter() - begun)
again = sum(again) / AGAIN
installation.close()
print(json.dumps({"seconds": seconds, "again": again, "cpu": own, "servers": cpu(resource.RUSAGE_CHILDREN),
                  "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                  "facts": sorted(one.id for one in bundle.seen.facts)}))
"""


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as name, open_snapshot(DEMO, SnapshotLimits()) as snapshot:
        folder = Path(name)
        metrics = (DEMO / "prometheus" / "metrics.om").read_text()
        with serving(snapshot) as url, prometheus(folder, metrics) as measuring:
            kubeconfig = write_kubeconfig(folder / "kubeconfig", url)
            kube = kubernetes(kubeconfig, replaces="kubernetes")
            prom = {
                preset: prometheus_by(preset, measuring, replaces="prometheus")
                for preset in ("prometheus-mcp-server", "prometheus-mcp")
            }
            ways: dict[str, tuple[McpServer, ...]] = {
                "native clients": (),
                "kubernetes-mcp-server": (kube,),
                **{preset: (server,) for preset, server in prom.items()},
                "kubernetes-mcp-server and prometheus-mcp-server": (kube, prom["prometheus-mcp-server"]),
            }
            first: list[str] = []
            print("| through | seconds | again | CPU seconds | of the servers | peak MiB | facts | as native |")
            print("|---|---|---|---|---|---|---|---|")
            for title, servers in ways.items():
                settings = Settings(
                    state_dir=str(folder / "state"),
                    cluster=ClusterAccess(kubeconfig=str(kubeconfig)),
                    prometheus=Endpoint(url=measuring),
                    probes=ProbeLimits(enabled=False),
                    agent_timeout_seconds=60.0,
                    mcp_servers=servers,
                )
                print(row(title, settings, folder, first), flush=True)


def row(title: str, settings: Settings, folder: Path, first: list[str]) -> str:
    """Return a row; the facts of the first one are what others are compared with."""
    path = folder / "settings.json"
    path.write_bytes(msgspec.json.encode(settings))
    command = [sys.executable, "-c", DIAGNOSIS, str(path)]
    runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(RUNS + 1)][1:]
    facts = runs[0]["facts"]
    first[:] = first or facts
    figures = [f"{statistics.median(one[key] for one in runs):.2f}" for key in ("seconds", "again", "cpu", "servers")]
    peak = f"{statistics.median(one['peak'] for one in runs):.0f}"
    return f"| {title} | {' | '.join(figures)} | {peak} | {len(facts)} | {len(set(first) & set(facts))} |"


if __name__ == "__main__":
    main()
