"""Measures a twin that is kept of a cluster: first sync, resume, and what follows changes. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_keeping.py [pods …]``. The cluster is served over HTTP by a process of its own.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import anyio
import msgspec
from big_cluster import REPLICAS, big_cluster, pod

from sre_orchestrator.api.keeping import identity_of, keep, kept_twin, twin_path
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.core.errors import SreError
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.settings import ClusterAccess, Settings
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.k8s import open_cluster
from sre_orchestrator.plugins.sources.mirror import Batch, Mirror
from sre_orchestrator.plugins.sources.ports import Changed, Listing, Relisted
from sre_orchestrator.twin.store import TwinStore

SECONDS = 10
QUIET = 5.0
MIB = 1024**2
CHANGES = 20_000
BATCH = 500


class Lags:
    """A listener that notes when the first batch is there, how many changes came, and how late each was (seconds)."""

    def __init__(self) -> None:
        self.whole = threading.Event()
        self.changes = 0
        self.seconds: list[float] = []

    def kept(self, batch: Batch, at: datetime) -> None:
        """Note a batch."""
        del at
        now = time.time()
        if not batch.delta.whole:
            sent = [one.metadata.annotations.get("sent") for one in batch.changed]
            self.seconds += [now - float(one) for one in sent if one]
            self.changes += len(batch.changed) + len(batch.deleted)
        self.whole.set()

    def failed(self, error: SreError) -> None:
        """Say it."""
        print(f"  failed: {error}")

    def missing(self, gap: Gap) -> None:
        """Say it."""
        print(f"  missing: {gap}")


def serve(pods: int) -> None:
    """Serve a cluster; each line on standard input is a rate (changes a second) to change pods at for ``SECONDS``."""
    store, chance = big_cluster(pods), random.Random(7)
    with serving(store) as url:
        print(url, flush=True)
        for line in sys.stdin:
            rate, begun, done = float(line), time.time(), 0
            while (passed := time.time() - begun) < SECONDS:
                while done < rate * passed:
                    done += 1
                    number = chance.randrange(pods)
                    application = number // REPLICAS
                    app, team = f"app-{application:05}", f"team-{application % 10:03}"
                    one = pod(
                        f"{app}-7c9d8b6f5-{number:05}", team, app=app, node=f"node-{number % max(pods // 100, 1):04}"
                    )
                    if done % 10 == 0:
                        store.delete("Pod", one["metadata"]["name"], team)
                    one["metadata"]["annotations"] = {"sent": str(time.time())}
                    one["status"]["phase"] = chance.choice(["Running", "Pending"])
                    one["status"]["containerStatuses"][0]["restartCount"] = done
                    store.apply(one)
                time.sleep(0.002)
            print(json.dumps({"changes": done, "seconds": time.time() - begun}), flush=True)


def cpu() -> float:
    """Return the CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak() -> float:
    """Return the peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def follow(folder: str, url: str, rates: list[float]) -> None:
    """Keep the twin of the cluster at ``url``; print what each phase costs this process."""
    kubeconfig = write_kubeconfig(Path(folder) / "kubeconfig", url)
    settings = Settings(state_dir=folder, cluster=ClusterAccess(kubeconfig=str(kubeconfig)))
    before, begun, lags, stop = cpu(), time.time(), Lags(), threading.Event()

    def run() -> None:
        with closing(open_cluster(settings, {})) as cluster, kept_twin(settings, identity_of(cluster)) as twin:
            keep(cluster, Mirror(), twin, stop=stop, listener=lags, settings=settings.twin)

    thread = threading.Thread(target=run)
    thread.start()
    lags.whole.wait()
    path = twin_path(settings)
    print(
        f"  until the twin is whole: {time.time() - begun:.1f} s, {cpu() - before:.2f} CPU s, peak {peak():.0f} MiB,"
        f" file {path.stat().st_size / MIB:.1f} MiB"
    )
    before = cpu()
    time.sleep(QUIET)
    print(f"  nothing happens: {(cpu() - before) / QUIET * 100:.1f} % of a core")
    for rate in rates:
        before, lags.changes, lags.seconds = cpu(), 0, []
        print(rate, file=sys.stderr, flush=True)
        done = json.loads(sys.stdin.readline())
        time.sleep(2)
        used, late = cpu() - before, sorted(lags.seconds)
        print(
            f"  {done['changes'] / done['seconds']:.0f} changes/s: {used / done['seconds'] * 100:.0f} % of a core,"
            f" {done['changes'] / used:.0f} changes a CPU second, {len(late)} objects written, lag"
            f" {late[len(late) // 2]:.2f} s median, {late[int(len(late) * 0.99)]:.2f} s p99, {late[-1]:.2f} s most;"
            f" file {path.stat().st_size / MIB:.1f} MiB, peak {peak():.0f} MiB"
        )
    stop.set()
    thread.join()


def write_changes(pods: int, folder: str) -> None:
    """Print how many changes a CPU second a mirror and its twin take without a network, half of them create or delete."""
    store, mirror, chance = big_cluster(pods), Mirror((Pod, Service)), random.Random(7)
    for kind, plural in ((Pod, "pods"), (Service, "services")):
        resource = store.find("", "v1", plural)
        assert resource
        items = tuple(msgspec.json.decode(one.body, type=kind) for one in store.items(resource))
        listing = Listing(items=items, complete_in=frozenset({"*"}))
        mirror.heed(Relisted(kind=kind, listing=listing, resource_version="1"))
    known = list(anyio.run(mirror.list, Pod).items)
    with closing(TwinStore(Path(folder) / "changes.db")) as twin:
        twin.apply(mirror.take().delta, datetime.now(UTC))
        before = cpu()
        for number in range(CHANGES):
            one = known[chance.randrange(pods)]
            if number % 4 < 2:
                status = msgspec.structs.replace(one.status, phase=f"phase {number}")
                news = Changed(kind=Pod, item=msgspec.structs.replace(one, status=status), resource_version=str(number))
            else:
                news = Changed(kind=Pod, item=one, resource_version=str(number), deleted=number % 4 == 2)
            mirror.heed(news)
            if number % BATCH == BATCH - 1:
                twin.apply(mirror.take().delta, datetime.now(UTC))
        print(f"  without a network, a batch each {BATCH}: {CHANGES / (cpu() - before):.0f} changes a CPU second")


def measure(pods: int, folder: str) -> None:
    """Print the measurements of one size."""
    print(f"{pods} pods", flush=True)
    with subprocess.Popen([sys.executable, __file__, "write", str(pods), folder]) as writer:
        writer.wait()
    me = [sys.executable, __file__]
    with subprocess.Popen(
        [*me, "serve", str(pods)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        url = server.stdout.readline().strip()
        for rates in ("500,2000", ""):
            command = [*me, "follow", folder, url, rates]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as follower:
                assert follower.stdin
                assert follower.stderr
                for rate in follower.stderr:
                    server.stdin.write(rate)
                    server.stdin.flush()
                    follower.stdin.write(server.stdout.readline())
                    follower.stdin.flush()
        server.kill()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", size]:
            serve(int(size))
        case ["write", size, where]:
            write_changes(int(size), where)
        case ["follow", where, address, speeds]:
            follow(where, address, [float(one) for one in speeds.split(",") if one])
        case sizes:
            for wanted in [int(size) for size in sizes] or [1_000, 10_000]:
                with tempfile.TemporaryDirectory() as state:
                    measure(wanted, state)
