"""Facts from real servers equal those from the file that was loaded into them."""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from metric_servers import prometheus, victoria_metrics
from shop import container, node, pod, service, workload, write_snapshot

from sre_orchestrator.core.hookspecs import Agent, Sources
from sre_orchestrator.core.models import Fact, Gap, Incident, Scope
from sre_orchestrator.core.settings import Endpoint, Settings, SnapshotLimits
from sre_orchestrator.plugins.agents.metrics import MetricsAgent
from sre_orchestrator.plugins.agents.user_flow import register_agents
from sre_orchestrator.plugins.sources.prometheus.source import Prometheus
from sre_orchestrator.plugins.sources.prometheus.table import load_table
from sre_orchestrator.plugins.sources.snapshot import Snapshot, open_snapshot

SERVERS = {"prometheus": prometheus, "victoria-metrics": victoria_metrics}
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # VictoriaMetrics takes nothing from the future
POINTS, STEP = 100, 30
START = NOW - timedelta(seconds=POINTS * STEP)


class Running:
    """Everything of a snapshot except its metrics, which a server has."""

    name = "running"

    def __init__(self, snapshot: Snapshot, metrics: Prometheus) -> None:
        self.list, self.alerts, self.dependencies = snapshot.list, snapshot.alerts, snapshot.dependencies
        self.series, self.gaps = metrics.series, metrics.gaps

    async def server_version(self) -> str:
        """Return nothing."""
        return ""

    async def sync(self) -> AsyncIterator[Gap]:
        """Yield nothing."""
        return
        yield


def facts(agent: Agent, source: Any, scope: Scope) -> set[tuple[str, str, str]]:
    async def gather() -> set[tuple[str, str, str]]:
        found = [one async for one in agent.gather(scope, Sources([source]))]
        assert [one for one in found if isinstance(one, Gap)] == []
        return {
            (one.kind, one.component, repr(sorted(one.attributes.items())))
            for one in found
            if isinstance(one, Fact) and one.attributes.get("origin") != "access-log"
        }

    return anyio.run(gather)


def scope_of(until: datetime, *namespaces: str, hours: float = 1) -> Scope:
    return Scope(
        incident=Incident(id="i", description="the shop is slow", at=until),
        namespaces=namespaces or ("shop",),
        since=until - timedelta(hours=hours),
        until=until,
    )


def compared(path: Path, server: str, folder: Path, scope: Scope) -> dict[str, tuple[set[Any], set[Any]]]:
    """Return the facts of the file and of the server, by agent."""
    text = (path / "prometheus" / "metrics.om").read_text()
    with open_snapshot(path, SnapshotLimits()) as snapshot, SERVERS[server](folder, text) as url:
        running = Running(snapshot, Prometheus(Endpoint(url=url), None, load_table()))
        agents = [MetricsAgent(), *register_agents(Settings())]
        return {one.name: (facts(one, snapshot, scope), facts(one, running, scope)) for one in agents}


@pytest.mark.parametrize("server", SERVERS)
def test_the_demo_shop_gives_the_same_facts(server: str, tmp_path: Path) -> None:
    shop = Path(str(files("sre_orchestrator.api") / "demo" / "shop"))
    with open_snapshot(shop, SnapshotLimits()) as snapshot:
        scope = scope_of(snapshot.captured_at)

    found = compared(shop, server, tmp_path, scope)

    for file, live in found.values():
        assert live == file
    assert len(found["metrics"][0]) > 10
    assert found["user-flow"][0]


Course = Callable[[int], float]


def flat(level: float) -> Course:
    draw = random.Random(level)
    values = [level * (1 + draw.uniform(-0.03, 0.03)) for _ in range(POINTS)]
    return lambda place: values[place]


def rising(low: float, high: float) -> Course:
    calm, busy = flat(low), flat(high)
    return lambda place: busy(place) if place >= POINTS * 2 // 3 else calm(place)


def counting(rate: Course, reset: int = 0) -> Course:
    totals = [1000.0]
    for place in range(1, POINTS):
        totals.append((0.0 if place == reset else totals[-1]) + round(rate(place) * STEP))
    return lambda place: totals[place]


def series(name: str, course: Course, **labels: str) -> str:
    words = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return "".join(
        f"{name}{{{words}}} {'NaN' if math.isnan(course(place)) else course(place)} {START.timestamp() + place * STEP}\n"
        for place in range(POINTS)
    )


def exporters() -> str:
    """Return series as exporters publish them: counters with a reset, buckets, NaN, node metrics, other namespaces."""
    web = {"namespace": "shop", "pod": "web-1", "container": "app"}
    lines = [
        series("container_cpu_usage_seconds_total", counting(rising(0.1, 0.9), reset=40), **web),
        series("container_cpu_usage_seconds_total", counting(rising(0.2, 1.8)), namespace="shop", pod="web-1", container=""),
        series("container_memory_working_set_bytes", rising(3e7, 1.2e8), **web),
        series("container_cpu_cfs_throttled_seconds_total", counting(rising(0.01, 0.7)), **web),
        series("container_network_transmit_bytes_total", counting(flat(1e5)), namespace="shop", pod="web-1"),
        series("process_resident_memory_bytes", lambda place: math.nan if place < 5 else 4e7, **web),
        series("http_requests_total", counting(flat(30)), status="200", route="/cart", **web),
        series("http_requests_total", counting(rising(0.0, 9)), status="503", route="/cart", **web),
        series("node_netstat_Tcp_RetransSegs", counting(rising(1, 60)), instance="node-a:9100", namespace="monitoring"),
        series("node_load1", flat(2), instance="node-a:9100", namespace="monitoring"),
        series("container_cpu_usage_seconds_total", counting(rising(0.1, 3)), namespace="other", pod="x", container="app"),
        series("pg_stat_activity_count", rising(10, 95), namespace="shop", service="db", state="active"),
        series("nginx_ingress_controller_requests", counting(rising(1, 20)), namespace="ingress", exported_namespace="shop",
               exported_service="web", ingress="web", status="502", host="shop.example", path="/"),
        series("istio_requests_total", counting(flat(9)), namespace="shop", destination_service_namespace="shop",
               destination_service_name="db", response_code="200", reporter="source", pod="web-1"),
    ]  # fmt: skip
    for bound, share in (("0.1", 0.2), ("0.5", 0.6), ("1", 0.9), ("+Inf", 1.0)):
        lines.append(
            series("http_request_duration_seconds_bucket", counting(lambda _, share=share: 40 * share), le=bound, **web)
        )  # type: ignore[misc]  # a default has no type
    return "".join(lines)


def shop(folder: Path, metrics: str) -> Path:
    app = container(resources={"limits": {"cpu": "1", "memory": "128Mi"}})
    return write_snapshot(
        folder,
        node("node-a"),
        workload("Deployment", "web", containers=[app]),
        workload("ReplicaSet", "web-5c", owner=("Deployment", "web")),
        pod("web-1", labels={"app": "web"}, owner=("ReplicaSet", "web-5c"), containers=[app]),
        service("web"),
        workload("StatefulSet", "db"),
        pod("db-0", labels={"app": "db"}, owner=("StatefulSet", "db")),
        service("db"),
        metrics=metrics,
    )


@pytest.mark.parametrize("server", SERVERS)
def test_series_of_exporters_give_the_same_facts(server: str, tmp_path: Path) -> None:
    path = shop(tmp_path / "snapshot", exporters())

    found = compared(path, server, tmp_path, scope_of(NOW))

    for file, live in found.values():
        assert live == file
    told = {kind for kind, _, _ in found["metrics"][0]}
    assert {"metric.changed", "metric.steady", "metric.saturated", "node.retransmissions"} <= told
    assert found["user-flow"][0]


@pytest.mark.parametrize("server", SERVERS)
def test_series_are_the_samples_as_they_were_stored(server: str, tmp_path: Path) -> None:
    path = shop(tmp_path / "snapshot", exporters())
    with open_snapshot(path, SnapshotLimits()) as snapshot, SERVERS[server](tmp_path, exporters()) as url:
        live = anyio.run(Prometheus(Endpoint(url=url), None, load_table()).series, START, NOW, ["shop"])
        file = anyio.run(snapshot.series, START, NOW)

    stored = {(one.name, *sorted(one.labels.items())): one for one in file}
    assert len({one.name for one in live}) == 12
    assert not [one for one in live if one.labels.get("namespace") == "other"]
    # VictoriaMetrics keeps decimals, which differ from doubles in the last digits, and no NaN
    exact = server == "prometheus"
    for one in live:
        original = stored[(one.name, *sorted(one.labels.items()))]
        kept = np.isfinite(original.values) | exact
        assert np.array_equal(one.times, original.times[kept])
        assert np.allclose(one.values, original.values[kept], rtol=0 if exact else 1e-11, atol=0, equal_nan=True)
