"""The Kubernetes objects of the incident that ``sre-orchestrator demo`` diagnoses.

The shop: web → checkout → orders → pricing, and cart, catalog, mailer beside it. At 14:02 a rollout
lowers the memory limit of pricing; its pods start, load the price list, and are killed at the limit.
Two hops away, checkout answers 500.

The decoys: cart was killed for memory six days ago, catalog's log is full of errors of a telemetry
exporter, nobody calls the service coupons, which has no endpoints, coupons is scaled to zero, node-c is
cordoned, web was scaled up a few minutes before, a backup job has completed, and the liveness probe of
pricing fails now and then because a process at its memory limit answers late.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import shop
from shop import Json, container, patch, thing

CAPTURED = datetime(2026, 3, 12, 14, 20, tzinfo=UTC)
ROLLOUT = "14:02:05"
BEFORE = "2026-03-06T08:15:00Z"
NODES = ("node-a", "node-b", "node-c")


def at(clock: str) -> str:
    """Return a time of the day of the incident."""
    return f"{CAPTURED:%Y-%m-%d}T{clock}Z"


def since(one: Json, when: str) -> Json:
    """Return the object as created at ``when``."""
    return patch(one, metadata={"creationTimestamp": when})


def http(name: str, image: str, port: int, *, memory: str = "256Mi", **fields: object) -> Json:
    """Return a container that serves HTTP and is probed."""
    probe = {"httpGet": {"path": "/healthz", "port": port}, "periodSeconds": 10, "timeoutSeconds": 2}
    return container(
        name,
        f"registry.shop.example/{image}",
        ports=[{"containerPort": port, "name": "http", "protocol": "TCP"}],
        resources={"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": memory}},
        readinessProbe=probe,
        livenessProbe={**probe, "failureThreshold": 3},
        **fields,
    )


def env(**values: str) -> list[Json]:
    """Return environment variables."""
    return [{"name": name, "value": value} for name, value in values.items()]


WEB = http("web", "web:5.2.0", 8080, env=env(CHECKOUT_URL="http://checkout:8080", CATALOG_URL="http://catalog:8000"))
CHECKOUT = http(
    "checkout", "checkout:2.9.1", 8080, env=env(ORDERS_URL="http://orders:8080", CART_URL="http://cart:7070")
)
ORDERS = http(
    "orders",
    "orders:4.4.0",
    8080,
    env=[
        *env(
            PRICING_URL="http://pricing:8080",
            DATABASE_HOST="orders-db",
            DATABASE_PORT="5432",
            MAILER_ADDR="mailer:2525",
        ),
        {"name": "DATABASE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "orders-db", "key": "password"}}},
    ],
)
PRICING_BEFORE = http("pricing", "pricing:1.18.0", 8080, memory="512Mi", env=env(JAVA_TOOL_OPTIONS="-XX:+UseSerialGC"))
PRICING = patch(PRICING_BEFORE, resources={"limits": {"memory": "128Mi"}})
CART = http("cart", "cart:3.0.2", 7070, env=env(CACHE_ADDR="cart-cache:6379"))
CATALOG = http("catalog", "catalog:8.1.3", 8000, env=env(OTEL_SERVICE_NAME="catalog"))
MAILER = container("mailer", "registry.shop.example/mailer:1.1.0", ports=[{"containerPort": 2525}])
CACHE = container("redis", "redis:7.2", ports=[{"containerPort": 6379}])
COUPONS = http("coupons", "coupons:0.9.0", 8080)
POSTGRES = container(
    "postgres",
    "postgres:16.2",
    ports=[{"containerPort": 5432}],
    volumeMounts=[{"name": "data", "mountPath": "/var/lib/postgresql/data"}],
)
RUNNING = {  # deployment: (container, port, pods as (suffix, node))
    "web": (WEB, 8080, (("7c9d8b6f5-4xkzq", "node-a"), ("7c9d8b6f5-9bnmw", "node-b"), ("7c9d8b6f5-w2tlp", "node-a"))),
    "checkout": (CHECKOUT, 8080, (("5b7f9c4d8-h6wrt", "node-a"), ("5b7f9c4d8-zm2vq", "node-b"))),
    "orders": (ORDERS, 8080, (("6d5c8f7b9-c8xnk", "node-b"), ("6d5c8f7b9-tq4ld", "node-a"))),
    "cart": (CART, 7070, (("84b6d9f7c-jk5pw", "node-b"),)),
    "cart-cache": (CACHE, 6379, (("58c7b5d9f-vr8mz", "node-a"),)),
    "catalog": (CATALOG, 8000, (("79f6c8b5d-q7hgs", "node-a"), ("79f6c8b5d-x4dkn", "node-b"))),
    "mailer": (MAILER, 2525, (("66d9b7c8f-l2wzt", "node-b"),)),
}
PRICING_PODS = (("pricing-6f8b9d7c5-5gkqz", "node-b", 6), ("pricing-6f8b9d7c5-xw9lm", "node-a", 6))


def objects() -> Iterator[Json]:
    """Yield everything that the cluster holds."""
    yield thing("Namespace", "shop", namespace="")
    yield from nodes()
    for name, (inside, port, pods) in RUNNING.items():
        yield from running(name, inside, port, pods)
    yield from pricing()
    yield from database()
    yield from unused()
    yield from events()


def nodes() -> Iterator[Json]:
    """Yield two nodes at work and a spare one that is cordoned."""
    for name in NODES:
        spare = {"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}
        healthy = [
            {"type": kind, "status": "True" if kind == "Ready" else "False", "lastHeartbeatTime": at("14:19:31")}
            for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
        ]
        one = shop.node(name, spec=spare if name == "node-c" else {}, status={"conditions": healthy})
        yield since(one, "2025-11-20T07:00:00Z")
        lease = thing("Lease", name, namespace="kube-node-lease")
        yield patch(lease, spec={"renewTime": at("14:19:55"), "leaseDurationSeconds": 40, "holderIdentity": name})


def running(name: str, inside: Json, port: int, pods: Sequence[tuple[str, str]]) -> Iterator[Json]:
    """Yield a healthy deployment with its revision, pods, service and endpoints."""
    revision = f"{name}-{pods[0][0].rpartition('-')[0]}"
    yield since(shop.deployment(name, containers=[inside], replicas=len(pods)), BEFORE)
    yield replica_set(name, revision, inside, len(pods), revision=4, created=BEFORE)
    for suffix, node in pods:
        last: Json = {}
        if name == "cart":
            last = killed(started="2026-03-06T08:15:12Z", finished="2026-03-06T11:40:09Z")
        status = shop.container_status(inside["name"], restarts=3 if last else 0, last=last, state=up(BEFORE))
        created = at("13:55:20") if suffix.endswith("w2tlp") else BEFORE
        one = shop.pod(
            f"{name}-{suffix}",
            containers=[inside],
            statuses=[status],
            node=node,
            labels={"app": name},
            owner=("ReplicaSet", revision),
        )
        yield since(one, created)
    yield since(shop.service(name, port=port), BEFORE)
    yield shop.endpoints(name, ready=[f"{name}-{suffix}" for suffix, _ in pods], port=port)


def replica_set(name: str, full: str, inside: Json, replicas: int, *, revision: int, created: str) -> Json:
    """Return one revision of a deployment."""
    one = shop.workload(
        "ReplicaSet", full, containers=[inside], replicas=replicas, labels={"app": name}, owner=("Deployment", name)
    )
    note = {"deployment.kubernetes.io/revision": str(revision), "deployment.kubernetes.io/desired-replicas": "2"}
    return patch(since(one, created), metadata={"annotations": note})


def pricing() -> Iterator[Json]:
    """Yield the deployment whose last revision has a lower memory limit, and its pods that die of it."""
    conditions = [
        {
            "type": "Available",
            "status": "False",
            "reason": "MinimumReplicasUnavailable",
            "message": "Deployment does not have minimum availability.",
            "lastTransitionTime": at("14:03:02"),
        },
    ]
    one = shop.deployment("pricing", containers=[PRICING], replicas=2, ready=0)
    note = {"deployment.kubernetes.io/revision": "9", "kubernetes.io/change-cause": "right-size memory (cost report)"}
    yield patch(since(one, "2025-11-21T09:00:00Z"), metadata={"annotations": note}, status={"conditions": conditions})
    yield replica_set("pricing", "pricing-7b5d4c9f8", PRICING_BEFORE, 0, revision=8, created="2026-02-18T10:00:00Z")
    yield replica_set("pricing", "pricing-6f8b9d7c5", PRICING, 2, revision=9, created=at(ROLLOUT))
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": at("14:02:06")}
    unready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": at("14:02:52")}
    for name, node, restarts in PRICING_PODS:
        status = shop.container_status(
            "pricing",
            ready=False,
            restarts=restarts,
            state={"waiting": {"reason": "CrashLoopBackOff", "message": backoff(name)}},
            last=killed(started=at("14:17:40"), finished=at("14:18:21")),
        )
        dying = shop.pod(
            name,
            containers=[PRICING],
            statuses=[status],
            node=node,
            ready=False,
            labels={"app": "pricing"},
            owner=("ReplicaSet", "pricing-6f8b9d7c5"),
            status={"conditions": [scheduled, unready]},
        )
        yield since(dying, at("14:02:06"))
    yield since(shop.service("pricing", port=8080), "2025-11-21T09:00:00Z")
    yield shop.endpoints("pricing", not_ready=[name for name, _, _ in PRICING_PODS], port=8080)


def killed(*, started: str, finished: str) -> Json:
    """Return the state of a container that was killed for memory."""
    return {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": started, "finishedAt": finished}}


def up(when: str) -> Json:
    """Return the state of a running container."""
    return {"running": {"startedAt": when}}


def backoff(pod: str) -> str:
    """Return what the kubelet says of a container that crashes."""
    return f"back-off 5m0s restarting failed container=pricing pod={pod}_shop(4f6c2d1e)"


def database() -> Iterator[Json]:
    """Yield the healthy database of orders with its volume."""
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data-orders-db-0"}}
    template = {"spec": {"containers": [POSTGRES], "volumes": [claim]}}
    one = shop.workload("StatefulSet", "orders-db", containers=[POSTGRES], spec={"template": template})
    yield since(one, BEFORE)
    yield since(
        shop.pod(
            "orders-db-0",
            containers=[POSTGRES],
            statuses=[shop.container_status("postgres", state=up(BEFORE))],
            labels={"app": "orders-db"},
            owner=("StatefulSet", "orders-db"),
            spec={"volumes": [claim]},
        ),
        BEFORE,
    )
    yield since(shop.service("orders-db", port=5432), BEFORE)
    yield shop.endpoints("orders-db", ready=["orders-db-0"], port=5432)
    size = {"storage": "20Gi"}
    volume_claim = thing("PersistentVolumeClaim", "data-orders-db-0", status={"phase": "Bound", "capacity": size})
    yield patch(
        volume_claim,
        spec={
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "standard",
            "volumeName": "pv-orders",
            "resources": {"requests": size},
        },
    )
    volume = thing("PersistentVolume", "pv-orders", namespace="", status={"phase": "Bound"})
    bound = {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data-orders-db-0"}
    yield patch(
        volume,
        spec={"capacity": size, "accessModes": ["ReadWriteOnce"], "storageClassName": "standard", "claimRef": bound},
    )
    yield thing("StorageClass", "standard", namespace="", provisioner="csi.example.com")
    yield thing("ServiceAccount", "default")


def unused() -> Iterator[Json]:
    """Yield what looks broken and is not: a retired service, a job that has completed, an autoscaler at its maximum."""
    target = {"kind": "Deployment", "name": "web"}
    yield thing(
        "HorizontalPodAutoscaler",
        "web",
        spec={"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3},
        status={"currentReplicas": 3, "desiredReplicas": 3},
    )
    yield since(shop.deployment("coupons", containers=[COUPONS], replicas=0), "2025-11-21T09:00:00Z")
    yield since(shop.service("coupons", port=8080), "2025-11-21T09:00:00Z")
    yield shop.endpoints("coupons")
    backup = container("backup", "registry.shop.example/backup:1.0.0")
    template = {"spec": {"template": {"spec": {"containers": [backup]}}}}
    yield since(thing("CronJob", "orders-db-backup", spec={"schedule": "0 2 * * *", "jobTemplate": template}), BEFORE)
    status = {"completionTime": at("02:00:41"), "succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    job = thing("Job", "orders-db-backup-29551320", owner=("CronJob", "orders-db-backup"), status=status, **template)
    yield since(job, at("02:00:00"))
    done = {"exitCode": 0, "reason": "Completed", "startedAt": at("02:00:02"), "finishedAt": at("02:00:40")}
    ended = shop.container_status("backup", ready=False, state={"terminated": done})
    yield since(
        shop.pod(
            "orders-db-backup-29551320-k7c4p",
            containers=[backup],
            statuses=[ended],
            phase="Succeeded",
            ready=False,
            owner=("Job", "orders-db-backup-29551320"),
        ),
        at("02:00:00"),
    )


def events() -> Iterator[Json]:
    """Yield the events of the last hour."""
    control, scaler = "deployment-controller", "horizontal-pod-autoscaler"
    yield from (
        note("SuccessfulRescale", "New size: 3; reason: cpu resource utilization (percentage of request) above target",
             ("HorizontalPodAutoscaler", "web"), "13:55:18", component=scaler),
        note("ScalingReplicaSet", "Scaled up replica set web-7c9d8b6f5 from 2 to 3",
             ("Deployment", "web"), "13:55:18", component=control),
        note("ScalingReplicaSet", "Scaled up replica set pricing-6f8b9d7c5 from 0 to 2",
             ("Deployment", "pricing"), ROLLOUT, component=control),
        note("ScalingReplicaSet", "Scaled down replica set pricing-7b5d4c9f8 from 2 to 0",
             ("Deployment", "pricing"), "14:02:31", component=control),
    )  # fmt: skip
    for pod, _, restarts in PRICING_PODS:
        about = ("Pod", pod)
        yield note("Started", "Started container pricing", about, "14:02:08", "14:17:40", count=restarts + 1)
        yield note("Pulled", 'Container image "registry.shop.example/pricing:1.18.0" already present on machine',
                   about, "14:02:07", "14:17:39", count=restarts + 1)  # fmt: skip
        yield note("BackOff", "Back-off restarting failed container pricing in pod " + pod + "_shop(4f6c2d1e)",
                   about, "14:03:20", "14:19:48", type="Warning", count=58)  # fmt: skip
        late = 'Liveness probe failed: Get "http://10.0.2.31:8080/healthz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        yield note("Unhealthy", late, about, "14:02:44", "14:18:15", type="Warning", count=7)
        refused = 'Readiness probe failed: Get "http://10.0.2.31:8080/healthz": dial tcp 10.0.2.31:8080: connect: connection refused'
        killing = "Container pricing failed liveness probe, will be restarted"
        yield note("Killing", killing, about, "14:06:12")
        yield note("Unhealthy", refused, about, "14:02:52", "14:18:21", type="Warning", count=9)


def note(
    reason: str, message: str, about: tuple[str, str], first: str, last: str = "", *, type: str = "Normal",
    count: int = 1, component: str = "kubelet",
) -> Json:  # fmt: skip
    """Return an event of the day."""
    made = shop.event(
        reason,
        message,
        about=about,
        type=type,
        count=count,
        first=at(first),
        last=at(last or first),
        component=component,
    )
    name = f"{about[1]}.{reason.lower()}.{first.replace(':', '')}"
    return patch(since(made, at(first)), metadata={"name": name, "uid": f"uid-Event-{name}"})
