"""Measures ``sre-orchestrator watch`` while a cluster changes: is anything lost, how late is it, what does it cost.

Run: ``python tests/benchmarks/bench_watch.py [events a second] [seconds] [pods]`` (500, 120, 1000). The cluster is
served over HTTP by a process of its own, the watch is the real command; its figures come from ``/metrics``. Of ten
events one is a deletion, one an Event object, eight change pods; each second a ConfigMap is made, whose way into the
twin is timed. In the middle the pods of a workload begin to crash.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from big_cluster import REPLICAS, big_cluster, pod

from sre_orchestrator.api.wire import Store, serving, write_kubeconfig

INTERVAL = 5
TICKS = os.sysconf("SC_CLK_TCK")
Json = dict[str, Any]


def pod_number(number: int, pods: int) -> Json:
    """Return a pod of the big cluster."""
    app = f"app-{number // REPLICAS:05}"
    team, node = f"team-{number // REPLICAS % 10:03}", f"node-{number % max(pods // 100, 1):04}"
    return pod(f"{app}-7c9d8b6f5-{number:05}", team, app=app, node=node)


def crashing(one: Json) -> Json:
    """Return a pod whose container runs out of memory again and again."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": now, "finishedAt": now}
    one["status"]["containerStatuses"][0] |= {
        "ready": False,
        "restartCount": 6,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container"}},
        "lastState": {"terminated": ended},
    }
    for condition in one["status"]["conditions"]:
        if condition["type"] in {"Ready", "ContainersReady"}:
            condition["status"] = "False"
    return one


def made(kind: str, name: str, **fields: Any) -> Json:
    """Return an object of the core group."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "team-000"}, **fields}


class Changes:
    """Changes a store, and counts the events that this makes."""

    def __init__(self, store: Store, pods: int) -> None:
        self.sent = 0
        self._store = store
        self._pods = pods
        self._chance = random.Random(7)

    def apply(self, one: Json) -> None:
        """Add or replace an object."""
        self._store.apply(one)
        self.sent += 1

    def next(self) -> None:
        """Make one event, or two: a pod that is deleted comes back."""
        if self.sent % 10 == 9:
            about = {"kind": "Pod", "namespace": "team-000", "name": "app-00000-7c9d8b6f5-00000"}
            note = {"reason": "Pulled", "message": "image is there", "type": "Normal", "count": self.sent}
            self.apply(made("Event", f"event-{self.sent % 500}", involvedObject=about, **note))
            return
        one = pod_number(self._chance.randrange(REPLICAS, self._pods), self._pods)
        if self.sent % 10 == 0:
            self._store.delete("Pod", one["metadata"]["name"], one["metadata"]["namespace"])
            self.sent += 1
        one["metadata"]["labels"]["revision"] = str(self.sent)
        self.apply(one)

    def fault(self) -> None:
        """Let the pods of the first workload crash."""
        for number in range(REPLICAS):
            self.apply(crashing(pod_number(number, self._pods)))


def serve(rate: float, seconds: float, pods: int) -> None:
    """Serve a cluster; a line on standard input begins the changes, whose sum is printed; another one ends it."""
    store = big_cluster(pods)
    changes = Changes(store, pods)
    with serving(store, bookmark_seconds=5) as url:
        print(url, flush=True)
        sys.stdin.readline()
        begun, second, broken = time.time(), 0, 0.0
        while (passed := time.time() - begun) < seconds:
            while changes.sent < rate * passed:
                changes.next()
            if passed > second:
                second += 1
                changes.apply(made("ConfigMap", f"sentinel-{second}", data={"at": str(time.time())}))
            if not broken and passed > seconds / 2:
                broken = time.time()
                changes.fault()
            time.sleep(0.002)
        print(json.dumps({"sent": changes.sent, "seconds": time.time() - begun, "broken": broken}), flush=True)
        sys.stdin.readline()


def figures(address: str) -> dict[str, float]:
    """Return the figures of the watch."""
    with urlopen(f"{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        name: float(value) for name, value in re.findall(r"^sre_orchestrator_watch_(\S+) (\S+)$", text, re.MULTILINE)
    }


def cpu(process: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak(process: int) -> float:
    """Return the peak memory of a process in MiB."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[0]) / 1024


def logged(path: Path, event: str) -> list[Json]:
    """Return what a process has written about ``event``."""
    every = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    return [one for one in every if one["event"] == event]


def until(path: Path, event: str, count: int = 1) -> list[Json]:
    """Wait for the lines about ``event``."""
    while len(found := logged(path, event)) < count:
        time.sleep(0.1)
    return found


def lags(twin: Path, known: set[str]) -> list[float]:
    """Return how late the sentinels that are new in the twin came (seconds, as far as polling tells)."""
    with closing(sqlite3.connect(f"{twin.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT id FROM component WHERE id LIKE 'configmap/%/sentinel-%' AND valid_to IS NULL"
        )
        fresh = {str(name) for (name,) in rows} - known
    known |= fresh
    return [float(name.rpartition("-")[2]) for name in fresh]


def measure(rate: float, seconds: float, pods: int) -> None:
    """Print the measurement."""
    me = [sys.executable, __file__, "serve", str(rate), str(seconds), str(pods)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(me, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdin
        assert server.stdout
        state = Path(folder)
        kubeconfig = write_kubeconfig(state / "kubeconfig", server.stdout.readline().strip())
        command = ["sre-orchestrator", "watch", "--kubeconfig", str(kubeconfig), "--interval", f"{INTERVAL}s"]
        command += ["--port", "0", "--format", "json", "--state-dir", folder]
        with (state / "out").open("w") as out, (state / "log").open("w") as log:
            watch = subprocess.Popen(command, stdout=out, stderr=log)
            until(state / "log", "round", 2)
            address = logged(state / "log", "serving")[0]["address"]
            used, before = cpu(watch.pid), figures(address)
            server.stdin.write("begin\n")
            server.stdin.flush()
            begun, late, known = time.time(), [], set[str]()
            while time.time() - begun < seconds:
                now = time.time()
                late += [now - begun - (number - 1) for number in lags(state / "twin" / "cluster.db", known)]
                time.sleep(0.1)
            done = json.loads(server.stdout.readline())
            spent = cpu(watch.pid) - used
            ended = time.time()
            while (after := figures(address))["changes_total"] - before["changes_total"] < done["sent"]:
                if time.time() - ended > 60:
                    break
                time.sleep(0.2)
            opened = until(state / "out", "open") if logged(state / "out", "open") else []
            most = peak(watch.pid)
            watch.send_signal(signal.SIGTERM)
            code = watch.wait()
        server.stdin.write("end\n")
        server.stdin.flush()
        seen = after["changes_total"] - before["changes_total"]
        rounds = logged(state / "log", "round")
        print(f"{pods} pods, {done['sent'] / done['seconds']:.0f} events/s for {done['seconds']:.0f} s")
        print(
            f"  sent {done['sent']}, seen {seen:.0f}, lost {done['sent'] - seen:.0f}; the last seen {time.time() - ended:.1f} s after the end at most"
        )
        print(f"  {spent:.1f} CPU s, {spent / done['seconds'] * 100:.0f} % of a core, peak {most:.0f} MiB")
        late.sort()
        print(f"  into the twin: {late[len(late) // 2]:.2f} s median, {late[-1]:.2f} s most of {len(late)}")
        slow = sorted(one["seconds"] for one in rounds[2:])
        print(
            f"  {len(slow)} rounds every {INTERVAL} s: {slow[len(slow) // 2]:.2f} s median, {slow[-1]:.2f} s most; {rounds[-1]['requests']} API requests a round"
        )
        for one in opened:
            at = time.mktime(time.strptime(one["at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
            print(
                f"  opened {one['incident']['cause'] or 'without a cause'} at {one['incident']['component']}, {at - done['broken']:.0f} s after the fault; {one['incident']['description'][:80]}"
            )
        print(f"  ended with {code}, {after['incidents_open']:.0f} incidents open")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["serve"]:
        serve(float(arguments[1]), float(arguments[2]), int(arguments[3]))
    else:
        given = [float(one) for one in arguments] + [500.0, 120.0, 1000.0][len(arguments) :]
        measure(given[0], given[1], int(given[2]))
