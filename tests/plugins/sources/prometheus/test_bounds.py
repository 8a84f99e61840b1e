"""What a look costs is bounded: large metrics are added up by workload, long windows read at steps; on real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import numpy as np
import pytest
from metric_servers import prometheus, victoria_metrics

from sre_orchestrator.core.settings import Endpoint
from sre_orchestrator.plugins.sources.http import HttpService
from sre_orchestrator.plugins.sources.ports import Series
from sre_orchestrator.plugins.sources.prometheus import reading
from sre_orchestrator.plugins.sources.prometheus.api import PrometheusApi
from sre_orchestrator.plugins.sources.prometheus.places import places
from sre_orchestrator.plugins.sources.prometheus.reading import Reading, Window
from sre_orchestrator.plugins.sources.prometheus.source import Prometheus
from sre_orchestrator.plugins.sources.prometheus.table import load_table

SERVERS = {"prometheus": prometheus, "victoria-metrics": victoria_metrics}
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # VictoriaMetrics takes nothing from the future
STEP, POINTS = 30, 120
ENDS = ("bcdfg", "hjklm", "npqrs", "tvwxz")


def series(name: str, course: Callable[[int], float], points: int = POINTS, **labels: str) -> str:
    words = ",".join(f'{key}="{value}"' for key, value in labels.items())
    first = NOW.timestamp() - (points - 1) * STEP
    return "".join(f"{name}{{{words}}} {course(place)} {first + place * STEP}\n" for place in range(points))


def growing(a_step: float) -> Callable[[int], float]:
    return lambda place: 1000 + a_step * place


def level(value: float) -> Callable[[int], float]:
    return lambda _: value


def crowd() -> str:
    """Return the series of three workloads of four pods each, and of two nodes of four cores."""
    lines = []
    for end in ENDS:
        for pod in (f"web-5c5d6f7b8-{end}", f"log-{end}", f"db-{ENDS.index(end)}"):
            at = {"namespace": "shop", "pod": pod, "container": "app"}
            lines += [
                series("container_cpu_usage_seconds_total", growing(3), **at),
                series("container_cpu_usage_seconds_total", growing(3), namespace="shop", pod=pod),
                series("container_memory_working_set_bytes", level(100), **at),
                series("kube_pod_container_status_restarts_total", level(2), **at),
                series("http_requests_total", growing(30), code="200", method="GET", **at),
                series("http_requests_total", growing(3), code="500", method="GET", **at),
            ]
    for node in ("node-a", "node-b"):
        for core in "0123":
            lines += [
                series("node_cpu_seconds_total", growing(6), instance=f"{node}:9100", cpu=core, mode="user"),
                series("node_cpu_seconds_total", growing(24), instance=f"{node}:9100", cpu=core, mode="idle"),
            ]
        lines += [
            series("node_memory_MemTotal_bytes", level(1000), instance=f"{node}:9100"),
            series("node_memory_MemAvailable_bytes", level(250), instance=f"{node}:9100"),
        ]
    return "".join(lines)


@pytest.fixture(scope="module", params=SERVERS)
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with SERVERS[request.param](tmp_path_factory.mktemp("server"), crowd()) as url:
        yield url


def read(url: str, *namespaces: str, hours: float = 1) -> dict[str, list[Series]]:
    source = Prometheus(Endpoint(url=url), None, load_table())
    found: dict[str, list[Series]] = {}
    for one in anyio.run(source.series, NOW - timedelta(hours=hours), NOW, namespaces):
        found.setdefault(one.name, []).append(one)
    assert source.gaps() == []
    return found


def rate(one: Series) -> float:
    return float((one.values[-1] - one.values[0]) / (one.times[-1] - one.times[0]))


def test_few_series_are_read_as_they_are_stored(address: str) -> None:
    found = read(address, "shop")

    assert len(found["container_cpu_usage_seconds_total"]) == 12, "without the sums of the pods"
    assert {len(one.times) for one in found["container_cpu_usage_seconds_total"]} == {POINTS}
    assert len(found["node_cpu_seconds_total"]) == 8, "without idle time"


def test_a_large_metric_is_added_up_by_workload(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_OF_A_METRIC", 7)

    found = read(address, "shop")

    cpu = {one.labels["workload"]: one for one in found["container_cpu_usage_seconds_total"]}
    assert cpu.keys() == {"web", "log", "db"}
    assert {one.labels["namespace"] for one in cpu.values()} == {"shop"}
    assert rate(cpu["web"]) == pytest.approx(4 * 3 / STEP, rel=0.05)
    assert (np.diff(cpu["web"].values) >= 0).all(), "it is still a counter"
    assert {one.values.max() for one in found["container_memory_working_set_bytes"]} == {400}
    requests = {(one.labels["workload"], one.labels["code"]): one for one in found["http_requests_total"]}
    assert len(requests) == 6
    assert rate(requests["db", "500"]) == pytest.approx(4 * 3 / STEP, rel=0.05)
    nodes = {one.labels["instance"]: one for one in found["node_cpu_seconds_total"]}
    assert rate(nodes["node-a:9100"]) == pytest.approx(4 * 6 / STEP, rel=0.05)


def test_pods_are_known_by_other_labels_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_OF_A_METRIC", 1)
    scraped = {"namespace": "monitoring", "exported_namespace": "shop", "container": "exporter"}
    told = [
        series("acme_queue_depth", level(7), **scraped, pod=f"exporter-{end}", exported_pod=f"web-5c5d6f7b8-{end}")
        for end in ENDS
    ]
    with prometheus(tmp_path, "".join(told)) as url:
        found = read(url, "shop")["acme_queue_depth"]

    assert [one.labels for one in found] == [
        {"exported_namespace": "shop", "namespace": "monitoring", "workload": "web"}
    ]
    assert found[0].values[-1] == 28


def test_the_largest_are_added_up_first_when_all_together_are_many(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_SERIES", 45)

    found = read(address, "shop")

    assert len(found["container_memory_working_set_bytes"]) == 12
    assert len(found["http_requests_total"]) == 6


def test_questions_are_split_into_parts(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(address, "shop")
    monkeypatch.setattr(reading, "AT_ONCE", 1)

    parts = read(address, "shop")

    assert {name: len(found) for name, found in parts.items()} == {name: len(found) for name, found in whole.items()}


def test_long_windows_are_read_at_steps(address: str) -> None:
    found = read(address, "shop", hours=24)

    times = found["container_cpu_usage_seconds_total"][0].times
    assert set(np.diff(times)) == {180.0}
    assert times[-1] == NOW.timestamp()


@pytest.mark.parametrize("namespaces", [(), tuple(f"team-{number}" for number in range(61))])
def test_all_namespaces_are_read_where_none_or_many_are_named(address: str, namespaces: tuple[str, ...]) -> None:
    assert len(read(address, *namespaces)["container_memory_working_set_bytes"]) == 12


def test_another_namespace_has_only_the_nodes(address: str) -> None:
    assert {name.partition("_")[0] for name in read(address, "other")} == {"node"}


def test_signals_that_no_metric_shows_alone_are_computed(address: str) -> None:
    found = read(address, "shop")

    assert len(found["container_restarts_total"]) == 12
    assert {round(float(one.values[-1]), 6) for one in found["node_memory_usage_ratio"]} == {0.75}
    assert {round(float(one.values[-1]), 1) for one in found["node_cpu_usage_ratio"]} == {0.2}
    assert [one.labels["instance"] for one in found["node_cpu_usage_ratio"]] == ["node-a:9100", "node-b:9100"]


def test_what_is_there_already_is_not_computed(tmp_path: Path) -> None:
    recorded = crowd() + series("container_restarts_total", level(9), namespace="shop", pod="web-1")
    with prometheus(tmp_path, recorded) as url:
        found = read(url, "shop")

    assert [float(one.values[-1]) for one in found["container_restarts_total"]] == [9.0]


def test_steps_end_with_the_window() -> None:
    step = Window(since=NOW - timedelta(seconds=100), until=NOW).steps()

    assert (step.seconds, step.until, step.since) == (15, NOW, NOW - timedelta(seconds=90))


def test_no_series_is_in_two_places() -> None:
    labels = ["namespace", "exported_namespace", "service", "envoy_cluster_name"]

    found = [place.selector for place in places(labels, ["shop", "team.a"])]

    assert found[0] == '{__name__=~"node_.*|machine_.*"}'
    assert found[1] == '{__name__!~"node_.*|machine_.*",exported_namespace=~"shop|team\\\\.a"}'
    assert found[2].endswith('namespace=~"shop|team\\\\.a",exported_namespace!~"shop|team\\\\.a"}')
    assert len(found) == len(set(found)) == 5


def test_what_there_is_no_time_for_is_left_out_and_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_OF_A_METRIC", 7)
    api = PrometheusApi(HttpService(Endpoint(url=address), "prometheus"))
    moments = iter([0.0, 1.0, 2.0, *([30.0] * 20)])
    window = Window(since=NOW - timedelta(hours=1), until=NOW)
    look = Reading(api, window, load_table(), budget=20.0, clock=lambda: next(moments))

    found = {one.name for one in look.series(["shop"])}

    assert found == {"node_cpu_usage_ratio", "node_memory_usage_ratio"}
    (gap,) = look.gaps
    assert "kinds of series, such as " in gap.what
    assert gap.why == "the server took 20 s for the others"
    assert gap.remedy == "ask about fewer namespaces, or raise prometheus.timeout_seconds"


def test_series_of_another_cluster_are_left_out(tmp_path: Path) -> None:
    both = "".join(
        series(name, level(value), cluster=cluster, **labels)
        for cluster, value in (("prod", 100), ("test", 900))
        for name, labels in (
            ("container_memory_working_set_bytes", {"namespace": "shop", "pod": "web-1", "container": "app"}),
            ("node_load1", {"instance": "node-a:9100"}),
            ("node_memory_MemTotal_bytes", {"instance": "node-a:9100"}),
            ("node_memory_MemAvailable_bytes", {"instance": "node-a:9100"}),
            ("traefik_service_requests_total", {"service": "shop-web-80@kubernetes", "code": "200"}),
            ("kube_pod_container_status_restarts_total", {"namespace": "shop", "pod": "web-1"}),
        )
    )
    with prometheus(tmp_path, both) as url:
        source = Prometheus(Endpoint(url=url), None, load_table(), ours='cluster="prod"')
        ours = anyio.run(source.series, NOW - timedelta(hours=1), NOW, ["shop"])
        every = anyio.run(source.series, NOW - timedelta(hours=1), NOW, [])

    assert len(ours) == len(every) == 5
    assert {one.labels["cluster"] for one in (*ours, *every)} == {"prod"}
