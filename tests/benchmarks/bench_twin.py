"""Measures the twin: build, sync again, impact, paths, changes. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_twin.py [components …]``.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sre_orchestrator.core.models import Component, Edge
from sre_orchestrator.twin.store import TwinStore

START = datetime(2026, 3, 1, tzinfo=UTC)
PODS = 6
ASKED = 500


def cluster(size: int, seed: int = 7) -> tuple[list[Component], list[Edge]]:
    """Return about ``size`` components: applications of pods, each calling three others, on shared nodes."""
    chance, components, edges = random.Random(seed), list[Component](), list[Edge]()
    applications = max(1, size // (PODS + 4))
    nodes = [f"node/worker-{n}" for n in range(max(3, size // 200))]
    components += [Component(id=node) for node in nodes]
    for number in range(applications):
        namespace = f"team-{number // 20}"
        for thing in _application(namespace, number):
            (components if isinstance(thing, Component) else edges).append(thing)  # type: ignore[arg-type]
        for pod in range(PODS):
            name = f"pod/{namespace}/app-{number}-{pod}"
            edges.append(Edge(source=name, kind="runs_on", target=chance.choice(nodes)))
        for callee in chance.sample(range(max(0, number - 200), number), min(3, number)):
            service = f"service/team-{callee // 20}/app-{callee}"
            edges.append(Edge(source=f"deployment/{namespace}/app-{number}", kind="depends_on", target=service))
    return components, edges


def _application(namespace: str, number: int) -> Iterator[Component | Edge]:
    deployment, replicas = f"deployment/{namespace}/app-{number}", f"replicaset/{namespace}/app-{number}-a"
    service, config = f"service/{namespace}/app-{number}", f"configmap/{namespace}/app-{number}"
    yield Component(id=deployment, attributes={"replicas": PODS, "images": f"app:{number}"}, since=START)
    yield from (Component(id=one, since=START) for one in (replicas, service, config))
    yield Edge(source=deployment, kind="owns", target=replicas)
    yield Edge(source=service, kind="depends_on", target=deployment)
    for pod in range(PODS):
        name = f"pod/{namespace}/app-{number}-{pod}"
        yield Component(id=name, attributes={"phase": "Running"}, since=START)
        yield Edge(source=replicas, kind="owns", target=name)
        yield Edge(source=service, kind="selects", target=name)
        yield Edge(source=name, kind="uses_config", target=config)


def timed(what: str, act: Callable[[], object]) -> None:
    """Print how long ``act`` takes."""
    begun = time.perf_counter()
    act()
    print(f"  {what:<34} {(time.perf_counter() - begun) * 1000:>10.1f} ms")


def spread(what: str, ask: Callable[[str], object], asked: list[str]) -> None:
    """Print the median and the 99th percentile of ``ask`` over ``asked``."""
    times = []
    for one in asked:
        begun = time.perf_counter()
        ask(one)
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    print(f"  {what:<34} {times[len(times) // 2]:>10.2f} ms median {times[int(len(times) * 0.99)]:>10.2f} ms p99")


def measure(size: int, path: Path | None) -> None:
    """Print the measurements of one size."""
    components, edges = cluster(size)
    print(f"{len(components)} components, {len(edges)} edges, {'file' if path else 'memory'}")
    twin = TwinStore(path)
    timed("build", lambda: twin.sync(components, edges, START))
    timed("the same again", lambda: twin.sync(components, edges, START + timedelta(minutes=1)))
    changed = [Component(id=one.id, attributes={"phase": "Failed"}) for one in components[-size // 100 :]]
    timed("1 % changed", lambda: twin.sync([*components, *changed], edges, START + timedelta(minutes=2)))
    timed("changes in a minute", lambda: twin.changes(START + timedelta(seconds=90), START + timedelta(minutes=3)))
    asked = [one.id for one in random.Random(1).sample(components, min(ASKED, len(components)))]
    spread("impact, 4 hops up", twin.impact, asked)
    spread("impact, 4 hops down", lambda one: twin.impact(one, direction="down"), asked)
    spread("neighbours, 1 hop", twin.neighbours, asked)
    spread("path of 4 hops", lambda one: twin.paths(one, asked[0], hops=4), asked[:50])
    timed("all components and edges", lambda: (twin.components(), twin.edges()))
    twin.close()


if __name__ == "__main__":
    for wanted in [int(word) for word in sys.argv[1:]] or [150, 1_000, 10_000, 100_000]:
        with tempfile.TemporaryDirectory() as folder:
            measure(wanted, None)
            measure(wanted, Path(folder) / "twin.db")
