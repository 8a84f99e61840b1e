"""Faults of the railway's nodes, and what only measurements show."""

from __future__ import annotations

from collections.abc import Iterable

from clusters import UNIT, noise
from faults import kubelet, say, starting, waiting
from railway import CALLS, GATEWAY, PORTS, UI, Railway
from railway_cases import case
from railway_routes import workload
from railway_words import resource
from shop import NAMESPACE, patch

NODE = "node/node-b"
BEFORE = 48


def unit(cluster: Railway, node: str, name: str, *, state: str = "inactive (dead)") -> None:
    """Stop a unit of a node."""
    text = UNIT.format(name=f"{name}.service", about=name, process=name)
    cluster.units[f"{node}/{name}"] = text.replace(
        "active (running) since Mon 2030-04-01 08:00:00 UTC; 1 month 0 days ago",
        f"{state} since Wed 2030-05-01 11:44:00 UTC; 16min ago",
    )


def here(cluster: Railway, node: str = "node-b") -> list[str]:
    """Return the workloads of which all pods run on a node."""
    return [
        name
        for name in CALLS
        if all(cluster.get("Pod", one)["spec"]["nodeName"] == node for one in cluster.pods_of(name))
    ]


@case
def kubelet_of_many_pods(cluster: Railway) -> tuple[str, str]:
    """A third of the services becomes unready, their callers fail."""
    found = kubelet(cluster)
    for name in here(cluster):
        cluster.complain(name, resource(name, PORTS[name], "Connection timed out (Connection timed out)"))
        cluster.unreached(name, "dial tcp: i/o timeout")
    return found


@case
def runtime_of_many_pods(cluster: Railway) -> tuple[str, str]:
    """New pods of one service cannot be made on the node; the others there run on."""
    unit(cluster, "node-b", "containerd")
    app = here(cluster)[0]
    starting(cluster, app, waiting("ContainerCreating", ""))
    for name in cluster.pods_of(app):
        say(
            cluster,
            "FailedCreatePodSandBox",
            'Failed to create pod sandbox: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"',
            about=("Pod", name),
        )
    return "container-runtime-down", NODE


@case
def runtime_without_units(cluster: Railway) -> tuple[str, str]:
    """Nobody looked at units."""
    container_runtime_of_node(cluster)
    cluster.units = {}
    return "container-runtime-down", NODE


def container_runtime_of_node(cluster: Railway) -> None:
    """Stop the runtime; the node becomes not ready for it."""
    unit(cluster, "node-b", "containerd")
    text = "[container runtime is down, PLEG is not healthy: pleg was last seen active 9m12s ago; threshold is 3m0s]"
    status = {
        "type": "Ready",
        "status": "False",
        "reason": "KubeletNotReady",
        "message": text,
        "lastHeartbeatTime": "2030-05-01T11:59:00Z",
        "lastTransitionTime": "2030-05-01T11:49:00Z",
    }
    cluster.edit("Node", "node-b", namespace="", status={"conditions": [status]})
    for name in here(cluster):
        starting(cluster, name, waiting("ContainerCreating", "")) if name == here(cluster)[0] else cluster.down(name)


@case
def proxy_of_a_node(cluster: Railway) -> tuple[str, str]:
    """Services cannot be reached from one node; what runs there complains about all it calls."""
    unit(cluster, "node-b", "kube-proxy")
    for node in ("control-1", "node-a", "node-c"):
        cluster.units[f"{node}/kube-proxy"] = UNIT.format(
            name="kube-proxy.service", about="Kubernetes kube-proxy", process="kube-proxy"
        )
    text = "java.net.SocketTimeoutException: connect timed out"
    for caller in here(cluster):
        for callee in CALLS[caller]:
            cluster.words(
                caller,
                f"2030-05-01 11:52:10.000 ERROR 1 --- [nio-exec-1] rail : {resource(callee, PORTS[callee], text)}",
            )
    return "kube-proxy-down", NODE


@case
def proxy_of_a_node_without_logs(cluster: Railway) -> tuple[str, str]:
    """Only the unit tells."""
    proxy_of_a_node(cluster)
    cluster.logs = {}
    return "kube-proxy-down", NODE


@case
def scheduler_of_the_railway(cluster: Railway) -> tuple[str, str]:
    """New pods wait without a word."""
    unit(cluster, "control-1", "kube-scheduler")
    for app in ("tk-order-service", "tk-price-service"):
        cluster.pending(app)
        for name in cluster.pods_of(app):
            cluster.edit("Pod", name, status={"conditions": []})
        cluster.unreached(app)
    return "scheduler-down", "node/control-1"


@case
def scheduler_without_units(cluster: Railway) -> tuple[str, str]:
    """Only that pods wait without an event tells."""
    scheduler_of_the_railway(cluster)
    cluster.units = {}
    lease = {"holderIdentity": "control-1_1", "leaseDurationSeconds": 15, "renewTime": "2030-05-01T11:44:01.000000Z"}
    cluster.add(
        {
            "kind": "Lease",
            "metadata": {
                "name": "kube-scheduler",
                "namespace": "kube-system",
                "creationTimestamp": "2030-04-01T00:00:00Z",
            },
            "spec": lease,
        }
    )
    return "scheduler-down", "node/control-1"


def after(seed: int, base: float, factor: float = 1.0) -> list[float]:
    """Return a series that changes by ``factor`` half-way."""
    return [*noise(seed, base, BEFORE), *noise(seed + 1, base * factor, BEFORE)]


def upstream(start: Iterable[str]) -> set[str]:
    """Return who calls, directly or not, one of ``start``."""
    calls = {**CALLS, GATEWAY: tuple(CALLS), UI: (GATEWAY,)}
    found = set(start)
    while more := {name for name, called in calls.items() if name not in found and found & set(called)}:
        found |= more
    return found


def measured(
    cluster: Railway,
    slow: dict[str, float],
    *,
    cpu: dict[str, float] | None = None,
    held: dict[str, float] | None = None,
) -> None:
    """Measure every service: ``slow`` latencies grow by a factor, ``cpu`` too, ``held`` are throttled."""
    for place, name in enumerate((*CALLS, GATEWAY, UI)):
        labels = f'namespace="{NAMESPACE}",workload="{name}"'
        cluster.series("workload_request_duration_p90_milliseconds", labels, after(place, 20, slow.get(name, 1)))
        cluster.series("workload_cpu_usage_cores", labels, after(place + 50, 0.03, (cpu or {}).get(name, 1)))
        cluster.series(
            "workload_cpu_cfs_throttled_seconds",
            labels,
            [*noise(place, 0.0004), *noise(place, (held or {}).get(name, 0.0004))],
        )
        cluster.series("workload_memory_working_set_bytes", labels, noise(place, 4e8, 2 * BEFORE))
        cluster.series("workload_request_rate", labels, noise(place, 12, 2 * BEFORE))
    for place, name in enumerate(("control-1", "node-a", "node-b", "node-c")):
        cluster.series("node_cpu_usage_percent", f'node="{name}"', noise(place, 12, 2 * BEFORE))
    cluster.question = "Service latency increased significantly"


def late(cluster: Railway, slow: dict[str, float]) -> None:
    """Let alerts tell of the slow services, as a detector of anomalies does."""
    for name, factor in slow.items():
        text = f"LATENCY_DEGRADATION [Slow Response] | {name}-p90latency: Normal=20.00ms -> Current={20 * factor:.2f}ms (+{(factor - 1) * 100:.1f}%)"
        cluster.alerts.append(
            {
                "labels": {
                    "alertname": "LatencyDegradation",
                    "severity": "warning",
                    "namespace": NAMESPACE,
                    "service": name,
                },
                "annotations": {"summary": f"LatencyDegradation [Slow Response] on {name}", "description": text},
                "startsAt": "2030-05-01T11:56:00Z",
                "endsAt": "2030-05-01T12:05:00Z",
                "generatorURL": "",
                "status": {"state": "active"},
            }
        )


def spread(start: Iterable[str], factor: float) -> dict[str, float]:
    """Return how latencies grow: of ``start`` and of who calls them."""
    begun = set(start)
    return {name: factor if name in begun else factor * 0.6 for name in upstream(begun)}


@case
def delay_of_a_pod(cluster: Railway) -> tuple[str, str]:
    """A pod's network is slow; a little throttling comes and goes."""
    slow = spread(["tk-price-service"], 90)
    measured(cluster, slow, held={"tk-price-service": 0.01, "tk-basic-service": 0.02})
    late(cluster, slow)
    return "pod-network-delay", workload("tk-price-service")


@case
def delay_of_a_pod_by_alerts(cluster: Railway) -> tuple[str, str]:
    """Only alerts tell."""
    late(cluster, spread(["tk-contacts-service"], 90))
    return "pod-network-delay", workload("tk-contacts-service")


@case
def busy_pod(cluster: Railway) -> tuple[str, str]:
    """A pod burns its CPU."""
    slow = spread(["tk-route-service"], 8)
    measured(cluster, slow, cpu={"tk-route-service": 16}, held={"tk-route-service": 0.7})
    late(cluster, slow)
    return "cpu-overload", workload("tk-route-service")


@case
def busy_pod_by_alerts(cluster: Railway) -> tuple[str, str]:
    """Only alerts tell."""
    late(cluster, spread(["tk-route-service"], 8))
    text = "RESOURCE_SATURATION [cpu_cfs] | Val: 0.811s (Throttled)\nRESOURCE_SATURATION [cpu core] | Normal=0.02 cores -> Current=0.16 cores (+544.6%)"
    cluster.alerts.append(
        patch(
            cluster.alerts[0],
            labels={"alertname": "ResourceSaturation", "service": "tk-route-service"},
            annotations={"summary": "ResourceSaturation on tk-route-service", "description": text},
        )
    )
    return "cpu-overload", workload("tk-route-service")


def crossing(cluster: Railway, node: str) -> dict[str, float]:
    """Return how latencies grow where calls cross a node's border."""
    where = {name: cluster.get("Pod", cluster.pods_of(name)[0])["spec"]["nodeName"] for name in (*CALLS, GATEWAY, UI)}
    calls = {**CALLS, GATEWAY: tuple(CALLS), UI: (GATEWAY,)}
    hit = [
        name for name, called in calls.items() if any((where[name] == node) != (where[one] == node) for one in called)
    ]
    return spread(hit, 30)


@case
def loss_at_a_node(cluster: Railway) -> tuple[str, str]:
    """A node sends much again."""
    slow = crossing(cluster, "node-b")
    measured(cluster, slow)
    for place, name in enumerate(("control-1", "node-a", "node-b", "node-c")):
        factor = {"node-b": 60.0, "node-a": 6.0, "node-c": 6.0}.get(name, 1.0)
        cluster.series("node_tcp_retransmits_per_second", f'node="{name}"', after(place, 0.4, factor))
    return "node-network-loss", NODE


@case
def delay_at_a_node(cluster: Railway) -> tuple[str, str]:
    """Calls across a node's border are late, and nothing is lost."""
    slow = crossing(cluster, "node-b")
    measured(cluster, slow)
    late(cluster, slow)
    for place, name in enumerate(("control-1", "node-a", "node-b", "node-c")):
        cluster.series(
            "node_tcp_retransmits_per_second",
            f'node="{name}"',
            after(place, 0.4, {"node-a": 4.0, "node-c": 4.0}.get(name, 1.0)),
        )
    return "node-network-delay", NODE
