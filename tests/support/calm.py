"""Healthy and recovering clusters: things that look alarming and are not.

Each function puts one such thing into a healthy cluster; the diagnosis must stay ``unresolved``.
"""

from __future__ import annotations

from collections.abc import Callable

from clusters import HASH, Cluster, noise
from shop import NAMESPACE, container_status, endpoints, event, patch, pod, service, thing, workload

Calm = Callable[[Cluster], None]
CALM: dict[str, Calm] = {}
JUST_NOW = "2030-05-01T11:59:50Z"
LONG_AGO = "2030-04-20T03:00:00Z"


def calm(make: Calm) -> Calm:
    """Register a healthy cluster under its name."""
    CALM[make.__name__] = make
    return make


@calm
def nothing_special(cluster: Cluster) -> None:
    """Everything runs."""


@calm
def fresh_rollout(cluster: Cluster) -> None:
    """A rollout goes on: a new pod is ten seconds old, the old ones serve."""
    newest = patch(
        cluster.get("ReplicaSet", f"web-{HASH}"),
        metadata={
            "name": "web-6c8b7d9f5",
            "uid": "uid-web-new",
            "creationTimestamp": JUST_NOW,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        spec={"replicas": 1},
        status={"replicas": 1, "readyReplicas": 0, "availableReplicas": 0},
    )
    starting = container_status("web", ready=False, state={"running": {"startedAt": JUST_NOW}})
    made = pod(
        "web-6c8b7d9f5-b2c4d",
        containers=newest["spec"]["template"]["spec"]["containers"],
        labels={"app": "web"},
        owner=("ReplicaSet", "web-6c8b7d9f5"),
        node="node-c",
        ready=False,
        statuses=[starting],
    )
    cluster.add(newest, patch(made, metadata={"creationTimestamp": JUST_NOW}))
    cluster.edit("Deployment", "web", metadata={"annotations": {"deployment.kubernetes.io/revision": "2"}})
    cluster.add(
        event(
            "ScalingReplicaSet",
            "Scaled up replica set web-6c8b7d9f5 to 1",
            about=("Deployment", "web"),
            type="Normal",
            first=JUST_NOW,
            last=JUST_NOW,
        )
    )


@calm
def finished_jobs(cluster: Cluster) -> None:
    """A job has completed and its pod remains; another one failed once before it succeeded."""
    done = [
        container_status(
            "nightly",
            ready=False,
            state={"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": "2030-05-01T02:10:00Z"}},
        )
    ]
    failed = [
        container_status(
            "nightly",
            ready=False,
            state={"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2030-05-01T02:05:00Z"}},
        )
    ]
    cluster.add(
        thing(
            "Job",
            "nightly-1",
            spec={"backoffLimit": 6},
            status={"succeeded": 1, "failed": 1, "conditions": [{"type": "Complete", "status": "True"}]},
        )
    )
    cluster.add(pod("nightly-1-aaaaa", phase="Succeeded", ready=False, statuses=done, owner=("Job", "nightly-1")))
    cluster.add(pod("nightly-1-bbbbb", phase="Failed", ready=False, statuses=failed, owner=("Job", "nightly-1")))


@calm
def old_restarts(cluster: Cluster) -> None:
    """Containers restarted weeks ago, once for want of memory."""
    ended = {
        "terminated": {
            "exitCode": 137,
            "reason": "OOMKilled",
            "startedAt": "2030-04-19T03:00:00Z",
            "finishedAt": LONG_AGO,
        }
    }
    cluster.status("orders", ready=True, restarts=14, last=ended)


@calm
def intended_zero(cluster: Cluster) -> None:
    """A workload that nobody calls has no replicas on purpose."""
    cluster.add(workload("Deployment", "load-generator", replicas=0))


@calm
def cordoned_spare(cluster: Cluster) -> None:
    """A spare node is cordoned; everything fits elsewhere."""
    cluster.edit(
        "Node",
        "node-c",
        namespace="",
        spec={"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]},
    )


@calm
def special_nodes(cluster: Cluster) -> None:
    """A node is reserved by a taint that only its own workloads tolerate."""
    cluster.edit(
        "Node", "node-c", namespace="", spec={"taints": [{"key": "gpu", "value": "true", "effect": "NoSchedule"}]}
    )


@calm
def unused_service(cluster: Cluster) -> None:
    """A service without endpoints is called by nobody."""
    cluster.add(service("legacy-api", {"app": "legacy-api"}, 8080), endpoints("legacy-api"))


@calm
def noisy_logs(cluster: Cluster) -> None:
    """Logs are full of words such as error and failed that mean nothing."""
    lines = (
        "INFO error_count=0 failed=0 retries=0",
        "WARN deprecated option --fail-fast is ignored",
        "INFO connection closed by peer after idle timeout",
        "DEBUG circuit breaker errors=0 state=closed",
        "INFO cache miss for key exception-report",
        "ERROR could not parse user agent, using default",
    )
    for name in cluster.pods_of("web"):
        cluster.logs[f"{NAMESPACE}/{name}/web"] += "".join(
            f"2030-05-01T11:{minute:02}:30Z {line}\n" for minute in range(5, 58) for line in lines
        )


@calm
def autoscaler_at_rest(cluster: Cluster) -> None:
    """An autoscaler has nothing to do."""
    conditions = [
        {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"},
        {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"},
        {"type": "ScalingLimited", "status": "False", "reason": "DesiredWithinRange"},
    ]
    cluster.add(
        thing(
            "HorizontalPodAutoscaler",
            "web",
            spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 6},
            status={"currentReplicas": 2, "desiredReplicas": 2, "conditions": conditions},
        )
    )


@calm
def harmless_policy(cluster: Cluster) -> None:
    """A policy admits everybody who calls, and another closes what nobody calls."""
    admits = [{"from": [{"podSelector": {"matchLabels": {"app": name}}} for name in ("web", "checkout")]}]
    cluster.add(
        thing(
            "NetworkPolicy",
            "cart-callers",
            spec={"podSelector": {"matchLabels": {"app": "cart"}}, "policyTypes": ["Ingress"], "ingress": admits},
        )
    )
    cluster.add(
        thing(
            "NetworkPolicy",
            "batch-closed",
            spec={"podSelector": {"matchLabels": {"app": "batch"}}, "policyTypes": ["Ingress"], "ingress": []},
        )
    )


@calm
def scheduled_at_last(cluster: Cluster) -> None:
    """A pod that waited for a node has one since long."""
    for name in cluster.pods_of("cart"):
        cluster.add(
            event(
                "FailedScheduling",
                "0/4 nodes are available: 4 Insufficient cpu.",
                about=("Pod", name),
                first="2030-05-01T09:00:00Z",
                last="2030-05-01T09:01:00Z",
                component="default-scheduler",
            )
        )


@calm
def recovered_probe(cluster: Cluster) -> None:
    """A readiness probe failed while the pod started, hours ago."""
    for name in cluster.pods_of("cart"):
        cluster.add(
            event(
                "Unhealthy",
                "Readiness probe failed: dial tcp 10.0.0.7:7070: connect: connection refused",
                about=("Pod", name),
                count=2,
                first="2030-05-01T09:00:05Z",
                last="2030-05-01T09:00:15Z",
            )
        )


@calm
def events_of_the_dead(cluster: Cluster) -> None:
    """Events speak of pods that are gone."""
    for number in range(30):
        cluster.add(
            event(
                "Failed",
                'Failed to pull image "registry.example/shop/gone:1": not found',
                about=("Pod", f"gone-{number}"),
                count=50,
            )
        )
        cluster.add(
            event(
                "FailedScheduling",
                "0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector.",
                about=("Pod", f"lost-{number}"),
                count=50,
            )
        )


@calm
def full_quota(cluster: Cluster) -> None:
    """A quota is used up to the last pod, and everything that is wanted runs."""
    running = str(sum(kind == "Pod" and namespace == NAMESPACE for kind, namespace, _ in cluster.objects))
    cluster.add(
        thing(
            "ResourceQuota",
            "compute",
            spec={"hard": {"pods": running}},
            status={"hard": {"pods": running}, "used": {"pods": running}},
        )
    )


@calm
def waiting_claim(cluster: Cluster) -> None:
    """A claim waits for its first consumer, which does not exist yet."""
    cluster.add(
        thing(
            "StorageClass", "local", namespace="", provisioner="csi.example", volumeBindingMode="WaitForFirstConsumer"
        )
    )
    cluster.add(
        thing(
            "PersistentVolumeClaim",
            "next-release",
            spec={
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "local",
                "resources": {"requests": {"storage": "1Gi"}},
            },
            status={"phase": "Pending"},
        )
    )
    cluster.add(
        event(
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
            about=("PersistentVolumeClaim", "next-release"),
            type="Normal",
            count=40,
        )
    )


@calm
def optional_references(cluster: Cluster) -> None:
    """Optional secrets and config maps are not there."""
    env = [{"name": "FLAG", "valueFrom": {"configMapKeyRef": {"name": "flags", "key": "new", "optional": True}}}]
    cluster.containers(
        "cart",
        env=[*env, {"name": "REDIS_ADDR", "value": "cart-cache:6379"}],
        envFrom=[{"secretRef": {"name": "extra", "optional": True}}],
    )


@calm
def outside_addresses(cluster: Cluster) -> None:
    """A workload calls hosts outside the cluster."""
    values = {
        "MAIL_HOST": "smtp.example.com:587",
        "TAX_URL": "https://tax.example.org/v1",
        "REDIS_ADDR": "cart-cache:6379",
        "LOG_LEVEL": "error",
        "VERSION": "1.2.3:4",
    }
    cluster.containers("cart", env=[{"name": key, "value": value} for key, value in values.items()])


@calm
def suspended_cron_job(cluster: Cluster) -> None:
    """A CronJob is suspended since long."""
    cluster.add(thing("CronJob", "old-report", spec={"schedule": "0 3 * * *", "suspend": True}))


@calm
def slow_start(cluster: Cluster) -> None:
    """Calls failed for a few seconds while everything started, hours ago."""
    for name in cluster.pods_of("checkout"):
        log = cluster.logs[f"{NAMESPACE}/{name}/checkout"]
        early = "".join(
            f"2030-05-01T09:00:0{second}Z ERROR call failed: dial tcp: orders:8080: connect: connection refused\n"
            for second in range(1, 9)
        )
        cluster.logs[f"{NAMESPACE}/{name}/checkout"] = early + log


@calm
def daemon_set_by_design(cluster: Cluster) -> None:
    """A DaemonSet runs on the workers only."""
    cluster.add(workload("DaemonSet", "log-agent", replicas=3))


@calm
def steady_metrics(cluster: Cluster) -> None:
    """Series wobble as they always do; one workload is busy all the time."""
    for place, app in enumerate(("web", "checkout", "cart", "orders")):
        labels = f'namespace="shop",workload="{app}"'
        cluster.series("workload_cpu_usage_cores", labels, noise(place, 0.4 if app == "web" else 0.1, 96, 0.1))
        cluster.series("workload_request_duration_p90_milliseconds", labels, noise(place + 5, 25, 96, 0.1))
        cluster.series("workload_request_rate", labels, noise(place + 7, 50, 96, 0.1))


@calm
def watchdog_alert(cluster: Cluster) -> None:
    """An alert fires always by design, another one is silenced."""
    for name, state in (("Watchdog", "active"), ("CartHighLatency", "suppressed")):
        cluster.alerts.append(
            {
                "labels": {"alertname": name, "namespace": NAMESPACE, "severity": "none"},
                "annotations": {},
                "startsAt": LONG_AGO,
                "endsAt": "2030-05-01T12:05:00Z",
                "generatorURL": "",
                "status": {"state": state},
            }
        )


@calm
def unit_not_in_use(cluster: Cluster) -> None:
    """A unit is installed on every node and used on none, since a DaemonSet does its work."""
    for name in ("control-1", "node-a", "node-b", "node-c"):
        cluster.units[f"{name}/kube-proxy"] = (
            "○ kube-proxy.service - Kubernetes kube-proxy\n     Loaded: loaded (/lib/systemd/system/kube-proxy.service; disabled)\n     Active: inactive (dead)\n"
        )
