"""Measures serving and recording snapshots. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_snapshot.py [pods …]``. CPU seconds, the median of ``RUNS``. Serving is measured
with a client in the same process that reads bytes; recording is a process of its own, start-up included.
"""

from __future__ import annotations

import http.client
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from big_cluster import big_cluster, pod

from sre_orchestrator.api.wire import Store, serving, write_kubeconfig

RUNS = 5
CHANGES = 10_000
MORE = re.compile(rb'"continue":"([^"]+)"')
TAKE = [sys.executable, "-m", "sre_orchestrator.api.cli.main", "snapshot", "take"]


def main(sizes: list[int]) -> None:
    """Measure clusters of so many pods."""
    print("| pods | build the store | list in pages of 500 | changes/s to a watch | take: CPU s | MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for pods in sizes:
        begun = time.process_time()
        store = big_cluster(pods)
        built = time.process_time() - begun
        with serving(store) as url:
            listed = median(lambda url=url: list_pods(url))
            watched = median(lambda store=store, url=url: watch(store, url))
            taken, peak = take(url)
        print(f"| {pods:,} | {built:.1f} s | {listed:.2f} s | {CHANGES / watched:,.0f} | {taken:.1f} | {peak} |")


def median(run: Callable[[], object]) -> float:
    """Return the CPU seconds of this process."""
    used = []
    for _ in range(RUNS):
        begun = time.process_time()
        run()
        used.append(time.process_time() - begun)
    return statistics.median(used)


def list_pods(url: str) -> None:
    """Read every page."""
    connection, token = http.client.HTTPConnection(urlsplit(url).netloc), ""
    while True:
        connection.request("GET", f"/api/v1/pods?limit=500&continue={token}")
        found = MORE.search(connection.getresponse().read()[:500])
        if not found:
            return
        token = found[1].decode()


def watch(store: Store, url: str) -> None:
    """Change a pod again and again while a client reads what changes."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", f"/api/v1/pods?watch=true&resourceVersion={store.version}")
    answer = connection.getresponse()

    def read() -> None:
        for _ in range(CHANGES):
            answer.readline()

    reading = threading.Thread(target=read)
    reading.start()
    changed = pod("changing", "team-000", app="changing", node="node-0000")
    for number in range(CHANGES):
        changed["status"]["generation"] = number
        store.apply(changed)
    reading.join()
    store.delete("Pod", "changing", "team-000")
    connection.close()


def take(url: str) -> tuple[float, int]:
    """Return CPU seconds and peak MiB of recording, once."""
    with tempfile.TemporaryDirectory() as folder:
        config = write_kubeconfig(Path(folder) / "kubeconfig", url, namespace="")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        arguments = [f"{folder}/taken", "--kubeconfig", str(config), "--state-dir", f"{folder}/state"]
        subprocess.run([*TAKE, *arguments], check=True, capture_output=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return seconds, used.ru_maxrss // 1024


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or [1000, 10_000])
