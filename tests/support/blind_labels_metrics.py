"""Blind incidents of the benchmark's labels that only measurements show: CPU, and delayed or lost packets."""

from __future__ import annotations

from blind_labels import in_railway, in_shop
from blind_services import alert, workload
from clusters import Cluster, noise
from railway import CALLS, GATEWAY, Railway

SHOP_CALLS = {"web": ("checkout", "cart"), "checkout": ("orders", "cart"), "orders": (), "cart": ()}
NODES = ("control-1", "node-a", "node-b", "node-c")
HALF = 24


def _upwards(calls: dict[str, tuple[str, ...]], names: set[str]) -> dict[str, int]:
    """Return who reaches ``names``, and in how many steps."""
    found = dict.fromkeys(names, 0)
    for step in range(1, 5):
        for name, called in calls.items():
            if name not in found and any(found.get(one) == step - 1 for one in called):
                found[name] = step
    return found


def _steps(place: int, before: float, after: float, spread: float = 0.12) -> list[float]:
    return [*noise(place, before, HALF, spread), *noise(place + 99, after, HALF, spread)]


def measured(
    cluster: Cluster,
    calls: dict[str, tuple[str, ...]],
    victims: set[str],
    late: float,
    *,
    busy: float = 1,
    rate: float = 1,
    resend: dict[str, float] | None = None,
) -> None:
    """Measure all for four minutes, every five seconds: ``late`` milliseconds more at victims and who reaches them."""
    reached = _upwards(calls, victims)
    for place, name in enumerate(calls):
        labels = f'namespace="shop",workload="{name}"'
        more = late * 0.8 ** reached[name] if name in reached else 0
        hot, slower = busy if name in victims else 1, rate if name in reached else 1
        normal = 8 + 6 * (place % 5)
        rows = {
            "workload_cpu_usage_cores": _steps(place, 0.05, 0.05 * hot),
            "workload_cpu_cfs_throttled_seconds": _steps(place, 0.002, 0.8 if hot > 1 else 0.002),
            "workload_memory_working_set_bytes": _steps(place, 2e8, 2e8, 0.01),
            "workload_request_rate": _steps(place, 9, 9 * slower),
            "workload_request_success_ratio": [1.0] * (2 * HALF),
            "workload_network_receive_packets_per_second": _steps(place, 60, 60 * slower),
            "workload_network_transmit_packets_per_second": _steps(place, 55, 55 * slower),
            "workload_request_duration_p50_milliseconds": _steps(place, normal / 3, normal / 3 + more / 2),
            "workload_request_duration_p90_milliseconds": _steps(place, normal, normal + more),
        }
        for metric, values in rows.items():
            cluster.series(metric, labels, values)
    for place, name in enumerate(NODES):
        labels = f'node="{name}"'
        cluster.series("node_cpu_usage_percent", labels, _steps(place, 14, 14))
        cluster.series("node_memory_usage_percent", labels, _steps(place, 38, 38, 0.01))
        cluster.series("node_tcp_retransmits_per_second", labels, _steps(place, 0.3, (resend or {}).get(name, 0.3)))


def _on(cluster: Cluster, node: str, calls: dict[str, tuple[str, ...]]) -> set[str]:
    """Return whose pods run on ``node``."""
    pods = {app: cluster.pods_of(app) for app in calls}
    return {app for app, names in pods.items() if any(cluster.get("Pod", name)["spec"]["nodeName"] == node for name in names)}  # fmt: skip


@in_railway
def stress_in_one_java_service(cluster: Railway) -> tuple[str, str]:
    measured(cluster, CALLS, {"tk-basic-service"}, 900, busy=9.8)
    alert(cluster, "SlowRequests", "tk-travel-service", "p90 above one second")
    return "cpu-overload", workload("tk-basic-service")


@in_shop
def stress_in_one_go_service(cluster: Cluster) -> tuple[str, str]:
    measured(cluster, SHOP_CALLS, {"orders"}, 240, busy=9.5)
    return "cpu-overload", workload("orders")


@in_shop
def stress_where_the_entrance_is(cluster: Cluster) -> tuple[str, str]:
    measured(cluster, SHOP_CALLS, {"web"}, 600, busy=10, rate=0.6)
    return "cpu-overload", workload("web")


@in_railway
def late_packets_of_one_java_service(cluster: Railway) -> tuple[str, str]:
    measured(cluster, CALLS, {"tk-seat-service"}, 300)
    return "pod-network-delay", workload("tk-seat-service")


@in_shop
def late_packets_of_one_go_service(cluster: Cluster) -> tuple[str, str]:
    measured(cluster, SHOP_CALLS, {"cart"}, 220, rate=0.7)
    return "pod-network-delay", workload("cart")


@in_shop
def late_packets_in_the_middle(cluster: Cluster) -> tuple[str, str]:
    measured(cluster, SHOP_CALLS, {"checkout"}, 1200, rate=0.4)
    alert(cluster, "SlowRequests", "web", "p90 above one second")
    return "pod-network-delay", workload("checkout")


@in_railway
def late_packets_of_a_node(cluster: Railway) -> tuple[str, str]:
    measured(cluster, CALLS, _on(cluster, "node-b", CALLS), 180, resend={"node-b": 1.2, "node-a": 6, "node-c": 7})
    return "node-network-delay", "node/node-b"


@in_railway
def late_packets_of_another_node(cluster: Railway) -> tuple[str, str]:
    measured(cluster, CALLS, _on(cluster, "node-c", CALLS), 450, rate=0.5, resend={"node-a": 5, "node-b": 4})
    alert(cluster, "SlowRequests", GATEWAY, "p90 above one second")
    return "node-network-delay", "node/node-c"


@in_railway
def lost_packets_of_a_node(cluster: Railway) -> tuple[str, str]:
    measured(cluster, CALLS, _on(cluster, "node-a", CALLS), 260, rate=0.7, resend={"node-a": 38})
    return "node-network-loss", "node/node-a"


@in_railway
def lost_packets_of_another_node(cluster: Railway) -> tuple[str, str]:
    measured(cluster, CALLS, _on(cluster, "node-c", CALLS), 700, rate=0.3, resend={"node-c": 22, "node-a": 4, "node-b": 3})  # fmt: skip
    return "node-network-loss", "node/node-c"
