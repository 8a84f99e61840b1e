"""Measures whole diagnoses of large synthetic snapshots, healthy and faulty. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_pipeline.py [pods …]``. Each diagnosis runs in a fresh process,
so that CPU seconds include start-up and memory is the peak of that process; the median of five counts.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from shop import container, container_status, endpoints, event, node, pod, service, workload, write_snapshot

RUNS = 1
REPLICAS = 10
APPS_PER_NAMESPACE = 20
PODS_PER_NODE = 50


def build(folder: Path, pods: int, *, faulty: bool) -> Path:
    """Write a snapshot of about ``pods`` pods; in the faulty one, one workload in fifty is killed for want of memory."""
    objects = [node(f"worker-{number}", cpu="64", memory="256Gi") for number in range(max(3, pods // PODS_PER_NODE))]
    namespaces = [f"team-{number}" for number in range(max(1, pods // REPLICAS // APPS_PER_NAMESPACE))]
    for number in range(pods // REPLICAS):
        namespace = namespaces[number // APPS_PER_NAMESPACE % len(namespaces)]
        objects += _application(number, namespace, len(objects) % 3, broken=faulty and number % 50 == 7)
    return write_snapshot(
        folder, *objects, question="services are unreachable", namespaces=namespaces, kinds=["Secret", "ConfigMap"]
    )


def _application(number: int, namespace: str, place: int, *, broken: bool) -> list[dict[str, object]]:
    name, port = f"app-{number}", 8080
    callee = f"app-{number - 1}" if number % APPS_PER_NAMESPACE else name
    inside = container(
        name,
        ports=[{"containerPort": port}],
        env=[{"name": "CALLEE_URL", "value": f"http://{callee}:{port}"}],
        resources={"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        readinessProbe={"tcpSocket": {"port": port}},
    )
    owner = f"{name}-5d9c7b6f4"
    up = 0 if broken else REPLICAS
    made = [
        workload("Deployment", name, containers=[inside], replicas=REPLICAS, ready=up, namespace=namespace),
        workload("ReplicaSet", owner, containers=[inside], replicas=REPLICAS, ready=up, labels={"app": name}, namespace=namespace, owner=("Deployment", name)),
        service(name, port=port, namespace=namespace),
    ]  # fmt: skip
    names = [f"{owner}-{letter}" for letter in "abcdefghij"]
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2030-05-01T11:58:00Z"}}
    waits = {"waiting": {"reason": "CrashLoopBackOff"}}
    for one in names:
        status = container_status(
            name,
            ready=not broken,
            restarts=9 if broken else 0,
            state=waits if broken else None,
            last=killed if broken else None,
        )
        made.append(
            pod(
                one,
                containers=[inside],
                statuses=[status],
                labels={"app": name},
                owner=("ReplicaSet", owner),
                node=f"worker-{place}",
                namespace=namespace,
                ready=not broken,
            )
        )
        if broken:
            made.append(
                event(
                    "BackOff",
                    f"Back-off restarting failed container {name} in pod {one}",
                    about=("Pod", one),
                    namespace=namespace,
                    count=20,
                )
            )
    listed = endpoints(name, ready=() if broken else names, not_ready=names if broken else (), port=port)
    listed["metadata"]["namespace"] = namespace
    return [*made, listed]


def measure(snapshot: Path) -> dict[str, object]:
    """Diagnose in a fresh process; return CPU seconds, peak MiB, verdict, first hypothesis, bundle size."""
    code = (
        "import resource, sys; from sre_orchestrator.api.cli.main import app\n"
        "try: app(sys.argv[1:], standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)\n"
    )
    bundle = snapshot.parent / "measured.bundle"
    arguments = ["diagnose", "--snapshot", str(snapshot), "--format", "json", "--save-bundle", str(bundle)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=True)
    report = json.loads(done.stdout)
    first = report["hypotheses"][0]["cause"] if report["hypotheses"] else ""
    cpu, memory = (float(one) for one in done.stderr.split()[-2:])
    return {
        "cpu": cpu,
        "memory": memory,
        "bundle": bundle.stat().st_size / 1024**2,
        "verdict": report["verdict"],
        "first": first,
    }


def main(sizes: list[int]) -> None:
    """Print a line for each size, healthy and faulty."""
    print(f"{'pods':>7} {'state':8} {'CPU s':>7} {'MiB':>6} {'bundle MiB':>11}  verdict")
    for pods in sizes:
        for faulty in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                path = build(Path(folder) / "snapshot", pods, faulty=faulty)
                runs = [measure(path) for _ in range(RUNS)]
            cpu = statistics.median(float(str(one["cpu"])) for one in runs)
            memory = statistics.median(float(str(one["memory"])) for one in runs)
            state = "faulty" if faulty else "healthy"
            print(
                f"{pods:>7} {state:8} {cpu:7.2f} {memory:6.0f} {runs[0]['bundle']:11.2f}  {runs[0]['verdict']} {runs[0]['first']}"
            )


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or [1_000, 10_000])
