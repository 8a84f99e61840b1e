"""Faults that were written before anyone looked at the rules for them: words as Kubernetes and its vendors say them.

A case changes a healthy shop and returns the cause and component that an engineer on call would name.
"""

from __future__ import annotations

from collections.abc import Callable

from clusters import HASH, UNIT, Cluster
from faults import say
from shop import NAMESPACE, Json, endpoints, patch, pod, thing

Case = Callable[[Cluster], tuple[str, str]]
CASES: dict[str, Case] = {}
CART = "deployment/shop/cart"
DATABASE = "statefulset/shop/orders-db"
WORKERS = ("node-a", "node-b", "node-c")
CONTROL = "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"
UNHELPFUL = "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
NEW = "6c8f4d9b7"


def case(make: Case) -> Case:
    """Register a fault under its name."""
    CASES[make.__name__] = make
    return make


def waits(cluster: Cluster, pods: list[str], message: str) -> None:
    """Let the scheduler say of each pod why it has no node, as an event and in its condition."""
    for name in pods:
        found = cluster.get("Pod", name)["status"]["conditions"]
        conditions = [{**one, "message": message} if one["type"] == "PodScheduled" else one for one in found]
        cluster.edit("Pod", name, status={"conditions": conditions})
        say(cluster, "FailedScheduling", message, about=("Pod", name), component="default-scheduler")


def unscheduled(cluster: Cluster, app: str, why: str, after: str = UNHELPFUL) -> None:
    """Let no pod of ``app`` have a node; the control plane's taint is one of the reasons, as always."""
    cluster.pending(app)
    waits(cluster, cluster.pods_of(app), f"0/4 nodes are available: {CONTROL}, {why}. {after}")


def rolled_out(cluster: Cluster, app: str, **changes: object) -> str:
    """Begin a rollout of ``app``: a second ReplicaSet with one pod that waits beside the old ones. Returns the pod."""
    old = cluster.get("ReplicaSet", f"{app}-{HASH}")
    inside = patch(cluster.get("Deployment", app)["spec"]["template"]["spec"]["containers"][0], **changes)
    cluster.edit("Deployment", app, spec={"template": {"spec": {"containers": [inside]}}})
    made = patch(
        old,
        metadata={
            "name": f"{app}-{NEW}",
            "uid": f"uid-{app}-{NEW}",
            "creationTimestamp": "2030-05-01T11:44:58Z",
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        spec={"replicas": 1, "template": {"spec": {"containers": [inside]}}},
        status={"replicas": 1, "readyReplicas": 0, "availableReplicas": 0},
    )
    name = f"{app}-{NEW}-h5v2n"
    waiting = pod(name, containers=[inside], labels={"app": app}, owner=("ReplicaSet", f"{app}-{NEW}"), node="")
    waiting["metadata"]["creationTimestamp"] = "2030-05-01T11:45:00Z"
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    waiting["status"] = {
        "phase": "Pending",
        "conditions": [{**unscheduled, "lastTransitionTime": "2030-05-01T11:45:00Z"}],
    }
    cluster.add(made, waiting)
    cluster.edit("Deployment", app, status={"updatedReplicas": 1, "unavailableReplicas": 1})
    return name


def never_created(cluster: Cluster, app: str) -> None:
    """Remove the pods of ``app`` as if none had been admitted."""
    for name in cluster.pods_of(app):
        cluster.drop("Pod", name)
        cluster.logs.pop(f"{NAMESPACE}/{name}/{app}", None)
    cluster.count(app, 0)
    cluster.add(endpoints(app))


def refused(cluster: Cluster, why: str, app: str = "cart") -> None:
    """Let the API server refuse the pods of ``app`` to its ReplicaSet."""
    never_created(cluster, app)
    about = ("ReplicaSet", f"{app}-{HASH}")
    say(cluster, "FailedCreate", f"Error creating: {why}", about=about, component="replicaset-controller")
    condition = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": why,
        "lastTransitionTime": "2030-05-01T11:45:00Z",
    }
    cluster.edit("ReplicaSet", about[1], status={"conditions": [condition]})
    cluster.edit("Deployment", app, status={"conditions": [condition]})


def quota(cluster: Cluster, name: str, **amounts: tuple[str, str]) -> None:
    """Add a ResourceQuota; each resource has what is used and what is allowed (``__`` is a dot)."""
    used = {key.replace("__", "."): one for key, (one, _) in amounts.items()}
    hard = {key.replace("__", "."): one for key, (_, one) in amounts.items()}
    cluster.add(thing("ResourceQuota", name, spec={"hard": hard}, status={"hard": hard, "used": used}))


def zones(cluster: Cluster) -> None:
    """Give the workers a zone each."""
    for node, zone in zip(WORKERS, ("eu-west-1a", "eu-west-1b", "eu-west-1c"), strict=True):
        cluster.edit("Node", node, namespace="", metadata={"labels": {"topology.kubernetes.io/zone": zone}})


def mounts(cluster: Cluster, app: str, claim: str = "", **volume: Json) -> None:
    """Let ``app`` mount a claim, or any other volume."""
    made = {"name": "data", **(volume or {"persistentVolumeClaim": {"claimName": claim}})}
    cluster.containers(app, volumeMounts=[{"name": "data", "mountPath": "/var/lib/data"}])
    cluster.spec_of_pods(app, volumes=[made])


def condition(cluster: Cluster, node: str, kind: str, status: str, reason: str, message: str) -> None:
    """Set a condition of a node, and leave its others."""
    found = [one for one in cluster.get("Node", node, "")["status"]["conditions"] if one["type"] != kind]
    made = {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": "2030-05-01T11:59:30Z" if status != "Unknown" else "2030-05-01T11:46:10Z",
        "lastTransitionTime": "2030-05-01T11:47:00Z",
    }
    cluster.edit("Node", node, namespace="", status={"conditions": [made, *found]})


def taint(cluster: Cluster, node: str, *keys: str, effect: str = "NoSchedule") -> None:
    """Taint a node."""
    cluster.edit("Node", node, namespace="", spec={"taints": [{"key": key, "effect": effect} for key in keys]})


def unit(cluster: Cluster, node: str, name: str, about: str, *, state: str = "", journal: str = "") -> None:
    """Set what systemctl says of a unit: that it runs unless ``state`` says otherwise, and its last lines."""
    text = UNIT.format(name=f"{name}.service", about=about, process=name)
    if state:
        text = text.replace("active (running) since Mon 2030-04-01 08:00:00 UTC; 1 month 0 days ago", state)
    cluster.units[f"{node}/{name}"] = text + (f"\n{journal}" if journal else "")


def on_node(cluster: Cluster, node: str) -> list[str]:
    """Return the shop's pods on a node."""
    return [
        name
        for (kind, namespace, name), one in cluster.objects.items()
        if kind == "Pod" and namespace == NAMESPACE and one["spec"]["nodeName"] == node
    ]


def app_of(cluster: Cluster, name: str) -> str:
    """Return the workload of a pod."""
    return str(cluster.get("Pod", name)["metadata"]["labels"]["app"])


def unready(cluster: Cluster, name: str, since: str = "2030-05-01T11:48:00Z") -> None:
    """Make one pod unready, with the count and endpoints of its workload."""
    app = app_of(cluster, name)
    conditions = [
        {**one, "status": "False", "lastTransitionTime": since} if one["type"] == "Ready" else one
        for one in cluster.get("Pod", name)["status"]["conditions"]
    ]
    cluster.edit("Pod", name, status={"conditions": conditions})
    ready = [
        one
        for one in cluster.pods_of(app)
        if any(
            item["type"] == "Ready" and item["status"] == "True"
            for item in cluster.get("Pod", one)["status"]["conditions"]
        )
    ]
    cluster.count(app, len(ready))
    port = cluster.get("Service", app)["spec"]["ports"][0]["port"]
    cluster.add(endpoints(app, ready=ready, not_ready=set(cluster.pods_of(app)) - set(ready), port=port))


def static_pods(cluster: Cluster) -> None:
    """Add the control plane as kubeadm runs it."""
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        inside = {"name": name, "image": f"registry.k8s.io/{name}:v1.31.4"}
        labels = {"component": name, "tier": "control-plane"}
        made = pod(f"{name}-control-1", containers=[inside], labels=labels, node="control-1", namespace="kube-system")
        made["metadata"]["ownerReferences"] = [
            {"kind": "Node", "name": "control-1", "uid": "uid-Node--control-1", "controller": True}
        ]
        cluster.add(made)
        cluster.logs[f"kube-system/{name}-control-1/{name}"] = "I0501 09:00:01.000000       1 serving.go:386] started\n"
    for name in ("kube-controller-manager", "kube-scheduler"):
        lease(cluster, name, "2030-05-01T11:59:58.000000Z")


def lease(cluster: Cluster, name: str, renewed: str) -> None:
    """Add or replace a lease of the control plane."""
    spec = {"holderIdentity": "control-1_7d0c", "leaseDurationSeconds": 15, "renewTime": renewed}
    cluster.add(thing("Lease", name, namespace="kube-system", spec=spec))


def static_log(cluster: Cluster, name: str, *lines: str) -> None:
    """Let a static pod say ``lines`` again and again."""
    said = [line.replace("MM", str(minute)) for minute in range(45, 60, 2) for line in lines]
    cluster.logs[f"kube-system/{name}-control-1/{name}"] += "\n".join(said) + "\n"


def static_crash(cluster: Cluster, name: str, log: str, code: int = 1) -> None:
    """Let a static pod crash with ``log``."""
    made = cluster.get("Pod", f"{name}-control-1", "kube-system")
    ended = {"exitCode": code, "reason": "Error", "startedAt": "2030-05-01T11:55:00Z"}
    text = f"back-off 5m0s restarting failed container={name} pod={name}-control-1_kube-system(0a1b)"
    status = {
        "name": name,
        "ready": False,
        "restartCount": 8,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": text}},
        "lastState": {"terminated": {**ended, "finishedAt": "2030-05-01T11:55:09Z"}},
    }
    down = {"type": "Ready", "status": "False", "lastTransitionTime": "2030-05-01T11:44:00Z"}
    kept = [one for one in made["status"]["conditions"] if one["type"] != "Ready"]
    cluster.add(patch(made, status={"containerStatuses": [status], "conditions": [*kept, down]}))
    for suffix in ("", "-previous"):
        cluster.logs[f"kube-system/{name}-control-1/{name}{suffix}"] = log
    cluster.add(
        patch(
            thing("Event", f"{name}-control-1.backoff", namespace="kube-system"),
            type="Warning",
            reason="BackOff",
            message=f"Back-off restarting failed container {name} in pod {name}-control-1_kube-system(0a1b)",
            count=40,
            firstTimestamp="2030-05-01T11:44:30Z",
            lastTimestamp="2030-05-01T11:59:30Z",
            involvedObject={"kind": "Pod", "namespace": "kube-system", "name": f"{name}-control-1"},
            source={"component": "kubelet"},
        )
    )
