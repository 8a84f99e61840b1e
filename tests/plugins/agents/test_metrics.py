"""The metrics agent, on recorded series of a small shop: one workload or node is ill, the others are not reported."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from shop import container, node, patch, pod, service, thing, workload, write_snapshot

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Coverage, Fact, Gap, Incident, Scope
from sre_orchestrator.core.settings import Settings, SnapshotLimits
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.plugins.agents.metrics import MetricsAgent, register_agents
from sre_orchestrator.plugins.sources.ports import Alert, Series
from sre_orchestrator.plugins.sources.snapshot import Snapshot, open_snapshot

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
START = NOW - timedelta(minutes=5)
POINTS = 60
STEP = 5
SCOPE = Scope(
    incident=Incident(id="i", description="the shop is slow", at=NOW),
    namespaces=("shop",),
    since=NOW - timedelta(hours=1),
    until=NOW,
)
Course = Callable[[int], float]


def look(folder: Path, *objects: dict[str, Any], **more: Any) -> list[Fact | Coverage]:
    async def gather() -> list[Fact | Coverage]:
        with open_snapshot(write_snapshot(folder, *objects, **more), SnapshotLimits()) as source:
            return [
                one async for one in MetricsAgent().gather(SCOPE, Sources([source])) if isinstance(one, Fact | Coverage)
            ]

    found = anyio.run(gather)
    vocabulary = load_vocabulary()
    assert [complaint for one in found if isinstance(one, Fact) and (complaint := vocabulary.complaint(one))] == []
    assert {one.kind for one in found if isinstance(one, Fact)} <= MetricsAgent.kinds
    return found


def facts(found: Iterable[Fact | Coverage], kind: str, **wanted: object) -> list[Fact]:
    return [
        one
        for one in found
        if isinstance(one, Fact)
        and one.kind == kind
        and wanted.items() <= {**one.attributes, "component": one.component}.items()
    ]


def changed(found: Iterable[Fact | Coverage]) -> set[tuple[str, object, object]]:
    return {
        (one.component, one.attributes["signal"], one.attributes["direction"]) for one in facts(found, "metric.changed")
    }


def series(name: str, course: Course, **labels: str) -> str:
    words = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return "".join(f"{name}{{{words}}} {course(place)} {START.timestamp() + place * STEP}\n" for place in range(POINTS))


def flat(level: float, noise: float = 0.03) -> Course:
    draw = random.Random(repr((level, noise)))
    values = [level * (1 + draw.uniform(-noise, noise)) for _ in range(POINTS)]
    return lambda place: values[place]


def nothing(_: int) -> float:
    return 0.0


def unknown(_: int) -> float:
    return float("nan")


def rising(low: float, high: float, begin: int = 20, end: int = POINTS) -> Course:
    calm, busy = flat(low), flat(high)
    return lambda place: busy(place) if begin <= place < end else calm(place)


def counting(rate: Course, start: float = 1000.0) -> Course:
    totals = [start]
    for place in range(1, POINTS):
        totals.append(totals[-1] + rate(place) * STEP)
    return lambda place: totals[place]


def shop(names: Mapping[str, str], cpu: str = "200m") -> list[dict[str, Any]]:
    """Return Deployment, ReplicaSet, pod and service for each name, each pod on the node given."""
    app = container(resources={"limits": {"cpu": cpu, "memory": "128Mi"}})
    proxy = container("istio-proxy", resources={"limits": {"cpu": "2"}})
    made = [node(name) for name in sorted(set(names.values()))]
    for name, host in names.items():
        made += [
            workload("Deployment", name, containers=[app]),
            workload("ReplicaSet", f"{name}-5c", owner=("Deployment", name)),
            pod(
                f"{name}-5c-x",
                labels={"app": name},
                owner=("ReplicaSet", f"{name}-5c"),
                node=host,
                containers=[app, proxy],
            ),
            service(name, port=8080),
        ]
    return made


CART = "deployment/shop/cart"
WEB = "deployment/shop/web"
TWO = {"cart": "node-a", "web": "node-b"}
CALLS = {"web": ["cart"]}


def test_a_busy_callee_its_saturation_and_its_slow_caller_are_seen(tmp_path: Path) -> None:
    metrics = (
        series("workload_cpu_usage_cores", rising(0.02, 0.195), namespace="shop", workload="cart")
        + series("workload_cpu_usage_cores", flat(0.05), namespace="shop", workload="web")
        + series("workload_cpu_cfs_throttled_seconds", rising(0.0, 0.8), namespace="shop", workload="cart")
        + series("workload_request_duration_p95_milliseconds", rising(5, 90), namespace="shop", workload="cart")
        + series("workload_request_duration_p95_milliseconds", rising(20, 110), namespace="shop", workload="web")
        + series("workload_request_rate", flat(30), namespace="shop", workload="cart")
    )

    found = look(tmp_path, *shop(TWO), metrics=metrics, topology=CALLS)

    assert changed(found) == {(CART, "cpu", "up"), (CART, "throttling", "up")}
    slow = {one.component: one for one in facts(found, "latency.raised")}
    assert {component: one.attributes["first"] for component, one in slow.items()} == {CART: True, WEB: False}
    assert slow[CART].attributes["node"] == "node/node-a"
    assert slow[CART].attributes["unit"] == "seconds"
    assert slow[CART].observed_at == START + timedelta(seconds=20 * STEP)
    (full,) = facts(found, "metric.saturated")
    assert (full.component, full.attributes["limit"]) == (CART, 0.2)
    assert facts(found, "metric.steady", component=CART, signal="traffic")
    assert Coverage(kind="metric.changed", scope=CART) in found
    assert Coverage(kind="latency.raised", scope=WEB) in found


def test_a_healthy_shop_is_silent(tmp_path: Path) -> None:
    ramp = flat(30)
    metrics = (
        series("workload_cpu_usage_cores", flat(0.05, 0.2), namespace="shop", workload="cart")
        + series("workload_request_duration_p50_milliseconds", lambda place: 3.0 - place * 0.01, namespace="shop", workload="cart")
        + series("workload_request_rate", lambda place: ramp(place) * min(1.0, 0.5 + place / 12), namespace="shop", workload="cart")
        + series("workload_request_success_ratio", nothing, namespace="shop", workload="web")
        + series("node_tcp_retransmits_per_second", lambda place: 0.3 * (place == 9), node="node-a")
    )  # fmt: skip

    found = look(tmp_path, *shop(TWO), metrics=metrics)

    assert {one.kind for one in found if isinstance(one, Fact)} <= {"metric.steady"}


def test_a_peak_on_a_plateau_does_not_hide_the_plateau(tmp_path: Path) -> None:
    plateau, peak = rising(25, 95, 15, 50), flat(200)
    metrics = series(
        "workload_request_duration_p95_milliseconds",
        lambda place: peak(place) if 25 <= place < 33 else plateau(place),
        namespace="shop",
        workload="cart",
    )

    (slow,) = facts(look(tmp_path, *shop(TWO), metrics=metrics), "latency.raised")

    assert slow.observed_at == START + timedelta(seconds=15 * STEP)


def test_what_is_long_over_and_what_is_an_echo_are_no_symptoms(tmp_path: Path) -> None:
    metrics = (
        series("workload_request_duration_p95_milliseconds", rising(5, 90, 12, 20), namespace="shop", workload="web")
        + series("workload_request_duration_p95_milliseconds", rising(5, 900), namespace="shop", workload="cart")
        + series("workload_request_duration_p95_milliseconds", rising(0.5, 2.5), namespace="shop", workload="orders")
    )

    found = look(tmp_path, *shop({**TWO, "orders": "node-a"}), metrics=metrics)

    assert [one.component for one in facts(found, "latency.raised")] == [CART]
    assert changed(found) == {("deployment/shop/orders", "latency", "up")}


def test_gaps_and_infinities_are_no_change_and_short_series_say_nothing(tmp_path: Path) -> None:
    calm = flat(0.05)
    metrics = (
        series("workload_cpu_usage_cores", lambda place: float("nan") if place < 3 or 25 < place < 35 else float("inf") if place == 40 else calm(place), namespace="shop", workload="cart")
        + series("workload_cpu_usage_cores", unknown, namespace="shop", workload="web")
        + 'workload_memory_usage_bytes{namespace="shop",workload="web"} 1 1\n'
        + series("workload_request_duration_p50_milliseconds", nothing, namespace="shop", workload="web")
        + series("workload_network_receive_packets", lambda place: calm(place) if place in (1, 58, 59) else float("nan"), namespace="shop", workload="web")
    )  # fmt: skip

    assert changed(look(tmp_path, *shop(TWO), metrics=metrics)) == set()


def test_counters_become_rates_across_resets_and_pods_of_a_workload_are_added(tmp_path: Path) -> None:
    busy = counting(rising(0.02, 0.5))
    reset = counting(flat(0.02))
    metrics = (
        series("container_cpu_usage_seconds_total", busy, namespace="shop", pod="cart-5c-x", container="app")
        + series("container_cpu_usage_seconds_total", busy, namespace="shop", pod="cart-5c-x", container="")
        + series("container_cpu_usage_seconds_total", lambda place: reset(place) if place < 30 else reset(place) - reset(29), namespace="shop", pod="web-5c-x", container="app")
        + series("container_cpu_usage_seconds_total", busy, namespace="shop", pod="gone-1", container="app")
        + series("kube_pod_container_resource_limits", busy, namespace="shop", pod="cart-5c-x")
    )  # fmt: skip

    found = look(tmp_path, *shop(TWO), metrics=metrics)

    assert changed(found) == {(CART, "cpu", "up")}
    (cpu,) = facts(found, "metric.changed")
    assert float(cpu.attributes["after"]) == pytest.approx(0.5, rel=0.05)


def buckets(slow_from: int, **labels: str) -> str:
    """Return a histogram of seconds in which nine in ten requests take 10 ms, or 900 ms from ``slow_from`` on."""
    bounds = {"0.005": 0.1, "0.05": 0.95, "1": 1.0, "+Inf": 1.0}
    late = {"0.005": 0.0, "0.05": 0.2, "1": 1.0, "+Inf": 1.0}

    def course(le: str) -> Course:
        return counting(lambda place: 20 * (late if place >= slow_from else bounds)[le])

    return "".join(series("http_server_request_duration_seconds_bucket", course(le), le=le, **labels) for le in bounds)


def test_histograms_and_summaries_become_latencies(tmp_path: Path) -> None:
    metrics = (
        buckets(20, namespace="shop", pod="cart-5c-x")
        + buckets(99, namespace="shop", pod="web-5c-x")
        + series("http_server_requests_seconds_sum", counting(rising(0.4, 4.0)), namespace="shop", pod="orders-5c-x")
        + series("http_server_requests_seconds_count", counting(flat(20)), namespace="shop", pod="orders-5c-x")
        + series("rpc_duration_seconds", flat(0.01), namespace="shop", pod="web-5c-x", quantile="0.99")
        + 'lonely_duration_seconds_bucket{namespace="shop",pod="web-5c-x",le="1"} 1 1\n'
        + series("half_duration_seconds_count", counting(flat(3)), namespace="shop", pod="web-5c-x")
    )

    slow = {
        one.component: one
        for one in facts(look(tmp_path, *shop({**TWO, "orders": "node-a"}), metrics=metrics), "latency.raised")
    }

    assert set(slow) == {CART, "deployment/shop/orders"}
    assert slow[CART].attributes["metric"] == "http_server_request_duration_seconds p90"
    assert float(slow[CART].attributes["after"]) > 0.5
    assert slow["deployment/shop/orders"].attributes["metric"] == "http_server_requests_seconds mean"


def test_failed_requests_are_a_share_of_all(tmp_path: Path) -> None:
    labels = {"destination_workload_namespace": "shop", "destination_workload": "cart", "reporter": "destination"}
    metrics = (
        series("istio_requests_total", counting(rising(20, 12)), response_code="200", **labels)
        + series("istio_requests_total", counting(rising(0.0, 8)), response_code="503", **labels)
        + series("grpc_server_handled_total", counting(flat(5)), grpc_code="OK", namespace="shop", pod="web-5c-x")
        + series("requests_total", counting(flat(5)), namespace="shop", pod="web-5c-x")
    )

    found = look(tmp_path, *shop(TWO), metrics=metrics)

    (errors,) = facts(found, "metric.changed", signal="errors")
    assert errors.component == CART
    assert float(errors.attributes["after"]) == pytest.approx(0.4, abs=0.03)


def test_series_of_different_length_and_rhythm_are_put_together(tmp_path: Path) -> None:
    calm, busy = flat(0.05), rising(0.05, 0.9)
    short = "".join(
        series("app_cpu_usage", calm, namespace="shop", pod="cart-5c-x", core="1").splitlines(keepends=True)[::3]
    )
    empty = series("app_cpu_usage", unknown, namespace="shop", pod="cart-5c-x", core="2").splitlines(keepends=True)[0]

    found = look(
        tmp_path,
        *shop(TWO),
        metrics=short + empty + series("app_cpu_usage", busy, namespace="shop", pod="cart-5c-x", core="0"),
    )

    assert changed(found) == {(CART, "cpu", "up")}


def test_long_series_are_thinned_out(tmp_path: Path) -> None:
    lines = "".join(
        f'app_cpu_usage{{namespace="shop",pod="cart-5c-x"}} {0.5 if place > 200 else 0.05} {START.timestamp() + place}\n'
        for place in range(300)
    )

    assert changed(look(tmp_path, *shop(TWO), metrics=lines)) == {(CART, "cpu", "up")}


def test_nodes_are_found_by_name_address_or_their_exporters_pod(tmp_path: Path) -> None:
    exporter = patch(
        pod("node-exporter-1", namespace="monitoring", node="node-b", owner=("DaemonSet", "node-exporter"))
    )
    on_address = patch(pod("other-1", node="node-c"), status={"hostIP": "10.0.0.3"})
    busy = rising(20, 97)
    metrics = (
        series("node_cpu_usage_percent", busy, node="node-a")
        + series("node_cpu_usage_percent", busy, namespace="monitoring", pod="node-exporter-1")
        + series("node_cpu_usage_percent", busy, instance="10.0.0.3:9100")
        + series("node_cpu_usage_percent", busy, instance="10.9.9.9:9100")
        + series("windows_cpu_usage_percent", busy, host="node-d")
    )

    found = look(tmp_path, *(node(f"node-{name}") for name in "abcd"), exporter, on_address, metrics=metrics)

    assert {one.component for one in facts(found, "metric.saturated")} == {f"node/node-{name}" for name in "abcd"}


def test_what_a_label_names_must_exist_and_be_in_scope(tmp_path: Path) -> None:
    busy = rising(1, 9)
    other = pod("cart-1", namespace="other")
    orphan = pod("alone")
    stray = pod("stray-7d-x", owner=("ReplicaSet", "stray-7d"))
    external = service("outside", {"app": "nobody"})
    metrics = (
        series("requests_per_second", busy, namespace="shop", service="cart.shop.svc")
        + series("requests_per_second", busy, namespace="shop", app="nobody")
        + series("requests_per_second", busy, namespace="other", pod="cart-1")
        + series("requests_per_second", busy, namespace="shop", pod="alone")
        + series("requests_per_second", busy, namespace="shop", app="stray")
        + series("requests_per_second", busy)
    )

    found = look(tmp_path, *shop(TWO), other, orphan, stray, external, thing("ReplicaSet", "bare"), metrics=metrics)

    assert {component for component, _, _ in changed(found)} == {CART, "pod/shop/alone", "replicaset/shop/stray-7d"}


def slow(*names: str) -> str:
    every = [*names, *(name for name in ("a1", "a2", "b1", "b2", "c1", "c2") if name not in names)]
    return "".join(
        series("workload_request_duration_p95_milliseconds", rising(5, 900) if name in names else flat(5), namespace="shop", workload=name)
        for name in every
    )  # fmt: skip


SIX = {"a1": "node-a", "a2": "node-a", "b1": "node-b", "b2": "node-b", "c1": "node-c", "c2": "node-c"}


def pattern(found: Iterable[Fact | Coverage], component: str) -> Mapping[str, object]:
    (one,) = facts(found, "latency.pattern", component=component)
    return one.attributes


NET = {"b1": ["a1", "c1"], "b2": ["a2", "b1"], "c2": ["c1", "b2"], "a1": ["a2"]}


def test_a_workload_whose_calls_match_what_is_slow_stands_out(tmp_path: Path) -> None:
    found = look(tmp_path, *shop(SIX), metrics=slow("a1", "a2", "b1", "b2", "c2"), topology=NET)

    best = pattern(found, "deployment/shop/a2")
    assert (best["fit"], best["best"], best["alone"], best["mostly"], best["here"]) == (1.0, True, True, True, 1)
    assert pattern(found, "node/node-a")["best"] is True


def test_a_node_whose_border_matches_what_is_slow_stands_out(tmp_path: Path) -> None:
    calls = {"a1": ["b1"], "a2": ["c1"], "b2": ["c2"]}

    found = look(tmp_path, *shop(SIX), metrics=slow("a1", "a2"), topology=calls)

    best = pattern(found, "node/node-a")
    assert (best["touched"], best["shared"], best["best"], best["alone"], best["first"], best["here"]) == (
        2,
        2,
        True,
        True,
        2,
        2,
    )
    assert not facts(found, "latency.pattern", component="node/node-b")
    assert all(
        one.attributes["mostly"] is False for one in facts(found, "latency.pattern") if one.component != "node/node-a"
    )


def test_callees_are_slow_too_where_latency_is_measured_by_who_calls(tmp_path: Path) -> None:
    calls = {"a1": ["b1", "c1", "a2"], "b2": ["a1"], "c2": ["b1"]}

    found = look(tmp_path, *shop(SIX), metrics=slow("a1", "b1", "c1", "a2", "b2"), topology=calls)

    assert pattern(found, "deployment/shop/a1")["fit"] == 1.0


def test_nodes_are_compared_in_what_they_send_again(tmp_path: Path) -> None:
    metrics = (
        slow("a1")
        + series("node_netstat_Tcp_RetransSegs", counting(flat(0.0)), instance="node-a:9100")
        + series("node_netstat_Tcp_RetransSegs", counting(rising(0.0, 4.0)), instance="node-b:9100")
        + series("node_netstat_Tcp_RetransSegs", counting(rising(0.0, 2.0)), instance="node-c:9100")
        + series("workload_network_transmit_packets_per_second", flat(100), namespace="shop", workload="b1")
        + series("workload_network_transmit_packets_per_second", flat(60), namespace="shop", workload="b2")
    )

    found = look(tmp_path, *shop(SIX), node("node-idle"), metrics=metrics)

    again = {one.component: one.attributes for one in facts(found, "node.retransmissions")}
    assert set(again) == {"node/node-a", "node/node-b", "node/node-c"}
    assert (again["node/node-a"]["raised"], again["node/node-a"]["peers"], again["node/node-a"]["peers_raised"]) == (
        False,
        2,
        2,
    )
    assert again["node/node-b"]["highest"] is True
    assert float(again["node/node-b"]["share"]) == pytest.approx(4 / 160, rel=0.1)
    assert "share" not in again["node/node-c"]
    assert Coverage(kind="node.retransmissions", scope="*") in found


def test_a_node_whose_series_end_early_is_unmeasured(tmp_path: Path) -> None:
    whole = series("node_load1", flat(1.0), node="node-a")
    cut = series("node_load1", flat(1.0), node="node-b").splitlines(keepends=True)
    late = series("node_load1", flat(1.0), node="node-c").splitlines(keepends=True)

    found = look(tmp_path, *shop(SIX), metrics=whole + "".join(cut[:40]) + "".join(late[:-3]))

    (one,) = facts(found, "node.unmeasured")
    assert (one.component, one.attributes["behind_seconds"]) == ("node/node-b", 20.0 * STEP)


def test_workloads_that_call_each_other_in_a_circle_all_turn_slow_first(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        *shop(SIX),
        metrics=slow("a1", "b1", "c2"),
        topology={"a1": ["b1"], "b1": ["a1"], "c2": ["c1"], "c1": ["a2", "a1"]},
    )

    assert {one.component: one.attributes["first"] for one in facts(found, "latency.raised")} == {
        "deployment/shop/a1": True,
        "deployment/shop/b1": True,
        "deployment/shop/c2": False,
    }


def alert(name: str, description: str = "", summary: str = "", state: str = "active", **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "namespace": "shop", **labels},
        "annotations": {"description": description, "summary": summary},
        "startsAt": "2030-05-01T11:57:00Z",
        "status": {"state": state},
    }


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (alert("HighLatency", "p95: Normal=10ms -> Current=500ms", service="cart"), {(CART, "latency", "up", 0.01, 0.5)}),
        (alert("CPUThrottlingHigh", summary="cart is throttled", pod="cart-5c-x"), {(CART, "throttling", "up", None, None)}),
        (alert("SuccessRateDrop", "success rate 99.5% -> 40%", workload="cart"), {(CART, "errors", "up", 0.005, 0.6)}),
        (alert("NetworkDrop", "Inbound: 10pps -> 4pps | Outbound: 8pps -> 2pps", app="cart"), {(CART, "network-receive", "down", 10.0, 4.0), (CART, "network-transmit", "down", 8.0, 2.0)}),
        (alert("ThroughputDrop", "requests per second are low", app="cart"), {(CART, "traffic", "down", None, None)}),
        (alert("Busy", "cpu: 0.02 => 0.9\nmemory: 10 → 90", app="cart"), {(CART, "cpu", "up", 0.02, 0.9), (CART, "memory", "up", 10.0, 90.0)}),
        (alert("TCPRetransmissions", "0.0 -> 12.5", namespace="", node="node-a"), {("node/node-a", "retransmissions", "up", 0.0, 12.5)}),
        (alert("LatencyMissing", "metrics vanished", app="cart"), set()),
        (alert("HighLatency", app="nobody"), set()),
        (alert("HighLatency", state="suppressed", app="cart"), set()),
        (alert("Watchdog", "always firing", app="cart"), set()),
    ],
)  # fmt: skip
def test_alerts_tell_signals_where_no_series_do(
    tmp_path: Path, one: dict[str, Any], expected: set[tuple[object, ...]]
) -> None:
    found = look(tmp_path, *shop(TWO), alerts=[one])

    told = {
        (fact.component, fact.attributes.get("signal", "latency"), fact.attributes.get("direction", "up"), fact.attributes.get("before"), fact.attributes.get("after"))
        for fact in (*facts(found, "metric.changed"), *facts(found, "latency.raised"))
    }  # fmt: skip
    assert told == expected


def test_a_series_is_believed_rather_than_an_alert(tmp_path: Path) -> None:
    metrics = series("app_cpu_usage", flat(0.05), namespace="shop", pod="cart-5c-x")

    found = look(tmp_path, *shop(TWO), metrics=metrics, alerts=[alert("CPUHigh", "0.1 -> 0.9", app="cart")])

    assert changed(found) == set()


def test_without_series_and_alerts_nothing_is_said(tmp_path: Path) -> None:
    assert look(tmp_path, *shop(TWO)) == []


def test_the_plugin_registers_the_agent() -> None:
    assert [one.name for one in register_agents(Settings())] == ["metrics"]


class Broken:
    """A cluster whose services of metrics and alerts are not there, or say little."""

    name = "broken"

    def __init__(self, source: Snapshot, *, series: bool = False, alerts: bool = False) -> None:
        self._source, self._series, self._alerts = source, series, alerts
        self.list, self.server_version = source.list, source.server_version

    async def series(self, since: datetime, until: datetime, namespaces: Sequence[str] = ()) -> Sequence[Series]:
        """Return the series, or say what to set."""
        if self._series:
            return await self._source.series(since, until, namespaces)
        raise SourceMissing("no prometheus was found; set prometheus.url")

    async def alerts(self) -> Sequence[Alert]:
        """Return the alerts, or say what to set."""
        if self._alerts:
            return await self._source.alerts()
        raise SourceMissing("no alertmanager was found; set alertmanager.url")

    def gaps(self) -> Sequence[Gap]:
        """Return what the series lack."""
        return (Gap(agent="prometheus", what="some series", why="a store did not answer"),)

    async def sync(self) -> AsyncIterator[Gap]:
        """Yield nothing."""
        return
        yield


@pytest.mark.parametrize(
    ("there", "kinds", "whys"),
    [
        ({"series": True}, {"metric.changed"}, ["a store did not answer"]),
        ({"alerts": True}, {"metric.changed"}, ["set prometheus.url"]),
        ({}, set(), ["set prometheus.url"]),
    ],
)
def test_series_or_alerts_alone_are_enough(
    there: dict[str, bool], kinds: set[str], whys: list[str], tmp_path: Path
) -> None:
    alert = {
        "labels": {"alertname": "CartCPUHigh", "namespace": "shop", "deployment": "cart"},
        "status": {"state": "active"},
    }
    hot = series("workload_cpu_usage_cores", rising(0.1, 0.9), namespace="shop", workload="cart")
    path = write_snapshot(tmp_path, *shop(TWO), metrics=hot, alerts=[alert])

    async def gather() -> list[Fact | Coverage | Gap]:
        with open_snapshot(path, SnapshotLimits()) as source:
            return [one async for one in MetricsAgent().gather(SCOPE, Sources([Broken(source, **there)]))]

    found = anyio.run(gather)

    assert {one.kind for one in found if isinstance(one, Fact)} >= kinds
    gaps = [one for one in found if isinstance(one, Gap)]
    assert len(gaps) == len(whys)
    assert all(why in gap.why for why, gap in zip(whys, gaps, strict=True))


def test_restarts_are_counted_as_rare_events(tmp_path: Path) -> None:
    restarts = series(
        "container_restarts_total", lambda place: float(max(place - 30, 0) // 3), namespace="shop", pod="cart-5c-x"
    )
    still = series("container_restarts_total", lambda _: 4.0, namespace="shop", pod="web-5c-x")

    found = look(tmp_path, *shop(TWO), metrics=restarts + still)

    assert changed(found) == {(CART, "restarts", "up")}


def test_what_an_exporter_tells_is_about_what_it_exports(tmp_path: Path) -> None:
    scraped = {"namespace": "shop", "pod": "web-5c-x", "service": "web", "job": "web", "container": "app"}
    of_a_pod = series("acme_queue_depth", rising(1, 9), **scraped, exported_namespace="shop", exported_pod="cart-5c-x")
    of_a_service = series(
        "acme_requests_total", counting(rising(1, 9)), **scraped, exported_namespace="shop", exported_service="cart"
    )
    of_itself = series("acme_memory_bytes", rising(1, 9), **scraped)

    found = look(tmp_path, *shop(TWO), metrics=of_a_pod + of_a_service + of_itself)

    assert changed(found) == {(CART, "saturation", "up"), (CART, "traffic", "up"), (WEB, "memory", "up")}
