"""A whole healthy cluster for tests: nodes, units, workloads with pods, services, endpoints, logs.

``Cluster`` holds objects that stay consistent: ``app`` adds a workload with everything around
it, and what a test changes afterwards it changes by ``edit``, ``pods_of`` and ``add``::

    cluster = shop()
    cluster.edit("Deployment", "cart", spec={"replicas": 0})
    path = cluster.write(tmp_path)
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from shop import (
    NAMESPACE,
    Json,
    container,
    container_status,
    endpoints,
    node,
    patch,
    pod,
    service,
    thing,
    workload,
    write_snapshot,
)

UNIT = """● {name} - {about}
     Loaded: loaded (/lib/systemd/system/{name}; enabled; preset: enabled)
     Active: active (running) since Mon 2030-04-01 08:00:00 UTC; 1 month 0 days ago
   Main PID: 812 ({process})
"""
LOOKED_FOR = (
    "Secret", "ConfigMap", "ServiceAccount", "PersistentVolumeClaim", "ResourceQuota", "LimitRange", "NetworkPolicy",
    "Event", "Ingress", "Job", "CronJob", "StatefulSet", "DaemonSet", "HorizontalPodAutoscaler", "PersistentVolume",
    "StorageClass", "IngressClass", "Pod", "Endpoints", "Service", "Deployment", "ReplicaSet", "Namespace", "Lease",
    "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
)  # fmt: skip
HASH = "5d9c7b6f4"


class Cluster:
    """Objects by (kind, namespace, name), and what else a snapshot holds."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Json] = {}
        self.logs: dict[str, str] = {}
        self.units: dict[str, str] = {}
        self.probes: list[Json] = []
        self.alerts: list[Json] = []
        self.topology: dict[str, list[str]] = {}
        self.metrics: list[str] = []
        self.question = "something is wrong in the shop"

    def add(self, *objects: Json) -> None:
        """Add objects, or replace those of the same kind and name."""
        for one in objects:
            meta = one["metadata"]
            self.objects[one["kind"], meta.get("namespace", ""), meta["name"]] = one

    def get(self, kind: str, name: str, namespace: str = NAMESPACE) -> Json:
        """Return an object."""
        return self.objects[kind, namespace, name]

    def edit(self, kind: str, name: str, namespace: str = NAMESPACE, **changes: Any) -> None:
        """Merge ``changes`` into an object."""
        self.objects[kind, namespace, name] = patch(self.get(kind, name, namespace), **changes)

    def drop(self, kind: str, name: str, namespace: str = NAMESPACE) -> None:
        """Remove an object."""
        del self.objects[kind, namespace, name]

    def pods_of(self, app: str) -> list[str]:
        """Return the names of the pods of a workload."""
        return [name for kind, _, name in self.objects if kind == "Pod" and self._belongs(name, app)]

    def containers(self, app: str, **changes: Any) -> None:
        """Merge ``changes`` into the container of a workload's template, its ReplicaSet and its pods."""
        for kind, name in self._templates(app):
            spec = self.get(kind, name)["spec"]
            holder = spec if kind == "Pod" else spec["template"]["spec"]
            changed = [patch(holder["containers"][0], **changes), *holder["containers"][1:]]
            self.edit_spec(kind, name, containers=changed)

    def spec_of_pods(self, app: str, **changes: Any) -> None:
        """Merge ``changes`` into the pod spec of a workload's template, its ReplicaSet and its pods."""
        for kind, name in self._templates(app):
            self.edit_spec(kind, name, **changes)

    def edit_spec(self, kind: str, name: str, **changes: Any) -> None:
        """Merge ``changes`` into the pod spec that an object holds."""
        self.edit(kind, name, spec=changes if kind == "Pod" else {"template": {"spec": changes}})

    def down(self, app: str) -> None:
        """Make every pod of a workload unready, with the counts and endpoints that follow."""
        for name in self.pods_of(app):
            conditions = [
                {**one, "status": "False", "lastTransitionTime": "2030-05-01T11:50:00Z"}
                if one["type"] == "Ready"
                else one
                for one in self.get("Pod", name)["status"]["conditions"]
            ]
            self.edit("Pod", name, status={"conditions": conditions})
        self.count(app, 0)
        if ("Endpoints", NAMESPACE, app) in self.objects:
            port = self.get("Endpoints", app)["subsets"][0]["ports"][0]["port"]
            running = [name for name in self.pods_of(app) if self.get("Pod", name)["status"]["phase"] == "Running"]
            self.add(endpoints(app, not_ready=running, port=port))

    def count(self, app: str, ready: int) -> None:
        """Set how many pods of a workload are ready."""
        for kind, name in self._templates(app):
            if kind != "Pod":
                self.edit(kind, name, status={"readyReplicas": ready, "availableReplicas": ready})

    def status(
        self, app: str, *, ready: bool = False, restarts: int = 0, state: Json | None = None, last: Json | None = None
    ) -> None:
        """Set the container status of every pod of a workload; pods that are not ready take it down."""
        for name in self.pods_of(app):
            inside = self.get("Pod", name)["spec"]["containers"][0]["name"]
            status = container_status(inside, ready=ready, restarts=restarts, state=state, last=last)
            self.edit("Pod", name, status={"containerStatuses": [status]})
        if not ready:
            self.down(app)

    def pending(self, app: str, *, node_name: str = "") -> None:
        """Make every pod of a workload Pending, without a node unless one is given."""
        for name in self.pods_of(app):
            scheduled = {
                "type": "PodScheduled",
                "status": "True" if node_name else "False",
                "reason": "" if node_name else "Unschedulable",
                "lastTransitionTime": "2030-05-01T11:40:00Z",
            }
            made = patch(
                self.get("Pod", name),
                spec={"nodeName": node_name},
                metadata={"creationTimestamp": "2030-05-01T11:40:00Z"},
            )
            made["status"] = {"phase": "Pending", "conditions": [scheduled]}
            self.add(made)
        self.down(app)

    def app(  # noqa: PLR0913
        self,
        name: str,
        port: int,
        *,
        kind: str = "Deployment",
        image: str = "",
        replicas: int = 2,
        env: dict[str, str] | None = None,
        log: str = "",
        namespace: str = NAMESPACE,
        nodes: Sequence[str] = ("node-a", "node-b"),
        **fields: Any,
    ) -> None:
        """Add a workload with pods, service and endpoints; a Deployment gets its ReplicaSet."""
        inside = container(
            name,
            image or f"registry.example/shop/{name}:1.4.2",
            ports=[{"containerPort": port, "protocol": "TCP"}],
            env=[{"name": key, "value": value} for key, value in (env or {}).items()],
            resources={"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}},
            readinessProbe={"tcpSocket": {"port": port}, "periodSeconds": 10},
            livenessProbe={"tcpSocket": {"port": port}, "initialDelaySeconds": 15, "periodSeconds": 10},
            **fields,
        )
        self.add(workload(kind, name, containers=[inside], replicas=replicas, namespace=namespace))
        owner = (kind, name)
        if kind == "Deployment":
            owner = ("ReplicaSet", f"{name}-{HASH}")
            made = workload(
                "ReplicaSet",
                owner[1],
                containers=[inside],
                replicas=replicas,
                labels={"app": name},
                namespace=namespace,
                owner=("Deployment", name),
            )
            self.add(patch(made, metadata={"annotations": {"deployment.kubernetes.io/revision": "1"}}))
        names = [
            f"{owner[1]}-{suffix}"
            for suffix in (("0", "1", "2") if kind == "StatefulSet" else ("x7k2p", "m4q9z", "t8w3c"))[:replicas]
        ]
        for place, one in enumerate(names):
            self.add(
                pod(
                    one,
                    containers=[inside],
                    labels={"app": name},
                    owner=owner,
                    node=nodes[place % len(nodes)],
                    namespace=namespace,
                )
            )
            self.logs[f"{namespace}/{one}/{name}"] = log or _healthy_log(name, port)
        self.add(
            service(name, port=port, namespace=namespace),
            patch(endpoints(name, ready=names, port=port), metadata={"namespace": namespace}),
        )
        self.probes.append(
            {"namespace": namespace, "service": name, "port": port, "reachable": True, "output": "succeeded"}
        )

    def series(self, name: str, labels: str, values: Sequence[float]) -> None:
        """Add a series with a value every five seconds that ends at the time of the snapshot."""
        end = 1903867200  # 2030-05-01T12:00:00Z
        begin = end - 5 * len(values)
        self.metrics += [f"{name}{{{labels}}} {value:.6f} {begin + 5 * place}" for place, value in enumerate(values)]

    def write(self, folder: Path) -> Path:
        """Write the snapshot."""
        return write_snapshot(
            folder,
            *self.objects.values(),
            question=self.question,
            namespaces=(NAMESPACE,),
            kinds=[kind for kind in LOOKED_FOR if not any(one == kind for one, _, _ in self.objects)],
            coverage={"logs": "full", "metrics": bool(self.metrics), "events": [NAMESPACE, "kube-system"]},
            logs=self.logs,
            probes=self.probes,
            alerts=self.alerts,
            units=self.units,
            metrics="\n".join([*self.metrics, "# EOF", ""]) if self.metrics else "",
            topology=self.topology,
        )

    def _templates(self, app: str) -> list[tuple[str, str]]:
        return [(kind, name) for kind, _, name in self.objects if self._holds(kind, name, app)]

    def _holds(self, kind: str, name: str, app: str) -> bool:
        if kind == "Pod":
            return self._belongs(name, app)
        return (kind in {"Deployment", "StatefulSet"} and name == app) or (
            kind == "ReplicaSet" and name == f"{app}-{HASH}"
        )

    def _belongs(self, name: str, app: str) -> bool:
        found = self.objects.get(("Pod", NAMESPACE, name))
        return found is not None and found["metadata"].get("labels", {}).get("app") == app


def shop() -> Cluster:
    """Return a healthy shop: web → checkout → orders → orders-db, web → cart → cart-cache."""
    cluster = Cluster()
    cluster.add(thing("Namespace", NAMESPACE, namespace=""), thing("Namespace", "kube-system", namespace=""))
    cluster.add(
        patch(
            node("control-1"),
            spec={"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]},
            metadata={"labels": {"node-role.kubernetes.io/control-plane": ""}},
        )
    )
    cluster.add(*(node(name) for name in ("node-a", "node-b", "node-c")))
    cluster.add(*(_lease(name) for name in ("control-1", "node-a", "node-b", "node-c")))
    for name in ("control-1", "node-a", "node-b", "node-c"):
        for unit, about in (("kubelet", "Kubernetes Node Agent"), ("containerd", "containerd container runtime")):
            cluster.units[f"{name}/{unit}"] = UNIT.format(name=f"{unit}.service", about=about, process=unit)
    cluster.app("coredns", 53, namespace="kube-system")
    cluster.app("orders-db", 3306, kind="StatefulSet", image="docker.io/library/mysql:8.0.36", replicas=1)
    cluster.app("cart-cache", 6379, image="docker.io/library/redis:7.2.4", replicas=1)
    cluster.app("orders", 8080, env={"DB_HOST": "orders-db", "DB_PORT": "3306", "DB_USER": "orders"})
    cluster.app("cart", 7070, env={"REDIS_ADDR": "cart-cache:6379"})
    cluster.app("checkout", 5050, env={"ORDERS_URL": "http://orders:8080", "CART_ADDR": "cart:7070"})
    cluster.app("web", 8000, env={"CHECKOUT_ADDR": "checkout:5050", "CART_ADDR": "cart:7070"})
    cluster.topology = {
        "web": ["checkout", "cart"],
        "checkout": ["orders", "cart"],
        "orders": ["orders-db"],
        "cart": ["cart-cache"],
    }
    cluster.add(thing("ServiceAccount", "default"))
    return cluster


def noise(seed: int, base: float, count: int = 48, spread: float = 0.03) -> list[float]:
    """Return ``count`` values around ``base``."""
    source = random.Random(seed)
    return [base * (1 + source.uniform(-spread, spread)) for _ in range(count)]


def _lease(name: str) -> Json:
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": "2030-05-01T11:59:57.000000Z"}
    return thing("Lease", name, namespace="kube-node-lease", spec=spec)


def _healthy_log(name: str, port: int) -> str:
    return "\n".join(_lines(name, port)) + "\n"


def _lines(name: str, port: int) -> Iterator[str]:
    yield f"2030-05-01T09:00:01Z INFO {name} listening on port {port}"
    for minute in range(40, 60, 5):
        yield f"2030-05-01T11:{minute}:00Z INFO {name} GET /{name}/items 200 12ms"
