"""Faults to put into a healthy cluster: each changes objects, events and logs as Kubernetes itself would.

A fault takes a ``Cluster`` and returns what a diagnosis must name: cause and component.
"""

from __future__ import annotations

from collections.abc import Callable

from clusters import HASH, UNIT, Cluster, noise
from shop import NAMESPACE, Json, endpoints, event, patch, pod, thing

Fault = Callable[[Cluster], tuple[str, str]]
SINCE = "2030-05-01T11:45:00Z"
LAST = "2030-05-01T11:59:00Z"
FAULTS: dict[str, Fault] = {}


def fault(make: Fault) -> Fault:
    """Register a fault under its name."""
    FAULTS[make.__name__] = make
    return make


def say(cluster: Cluster, reason: str, message: str, *, about: tuple[str, str], **fields: object) -> None:
    """Add an event."""
    cluster.add(event(reason, message, about=about, first=SINCE, last=LAST, **{"count": 9, **fields}))  # type: ignore[arg-type]


def crashing(reason: str, code: int, message: str = "") -> tuple[Json, Json]:
    """Return the state and last state of a container that crashes again and again."""
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container"}
    ended = {
        "exitCode": code,
        "reason": reason,
        "message": message,
        "startedAt": "2030-05-01T11:57:00Z",
        "finishedAt": "2030-05-01T11:57:20Z",
    }
    return {"waiting": waiting}, {"terminated": ended}


def crash(cluster: Cluster, app: str, reason: str, code: int, log: str) -> None:
    """Let every pod of ``app`` crash with ``log`` as its last words."""
    state, last = crashing(reason, code)
    cluster.status(app, restarts=6, state=state, last=last)
    for name in cluster.pods_of(app):
        cluster.logs[f"{NAMESPACE}/{name}/{app}"] = log
        cluster.logs[f"{NAMESPACE}/{name}/{app}-previous"] = log
        say(cluster, "BackOff", f"Back-off restarting failed container {app} in pod {name}", about=("Pod", name))


def complain(cluster: Cluster, app: str, words: str) -> None:
    """Let the pods of ``app`` log ``words`` every minute of the incident."""
    for name in cluster.pods_of(app):
        cluster.logs[f"{NAMESPACE}/{name}/{app}"] += "".join(
            f"2030-05-01T11:{minute}:10Z {words}\n" for minute in range(46, 59)
        )


def callers_fail(cluster: Cluster, app: str, callee: str, port: int, why: str = "connection refused") -> None:
    """Let the pods of ``app`` log that calls to ``callee`` fail."""
    for name in cluster.pods_of(app):
        cluster.logs[f"{NAMESPACE}/{name}/{app}"] += "".join(
            f"2030-05-01T11:{minute}:10Z ERROR call failed: dial tcp: {callee}:{port}: {why}\n"
            for minute in range(46, 59, 2)
        )


def waiting(reason: str, message: str) -> Json:
    """Return the state of a container that waits."""
    return {"waiting": {"reason": reason, "message": message}}


def starting(cluster: Cluster, app: str, state: Json) -> None:
    """Let every pod of ``app`` be Pending on its node with its container in ``state``, created during the incident."""
    for name in cluster.pods_of(app):
        cluster.edit("Pod", name, metadata={"creationTimestamp": SINCE}, status={"phase": "Pending"})
        cluster.logs.pop(f"{NAMESPACE}/{name}/{app}", None)
    cluster.status(app, state=state)


@fault
def memory_limit(cluster: Cluster) -> tuple[str, str]:
    """A container is killed at its memory limit."""
    crash(cluster, "cart", "OOMKilled", 137, "2030-05-01T11:57:01Z INFO cart loading catalogue\n")
    callers_fail(cluster, "web", "cart", 7070)
    return "memory-limit-too-low", "deployment/shop/cart"


@fault
def image_tag(cluster: Cluster) -> tuple[str, str]:
    """The tag of an image does not exist."""
    image = "registry.example/shop/cart:1.5.0-typo"
    text = f'Failed to pull image "{image}": rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found'
    cluster.containers("cart", image=image)
    starting(cluster, "cart", waiting("ImagePullBackOff", f'Back-off pulling image "{image}"'))
    for name in cluster.pods_of("cart"):
        say(cluster, "Failed", text, about=("Pod", name))
    return "image-reference-wrong", "deployment/shop/cart"


@fault
def pull_secret(cluster: Cluster) -> tuple[str, str]:
    """The pull secret that a pod names does not exist, and the registry wants one."""
    image = "registry.example/shop/cart:1.4.2"
    text = f'Failed to pull image "{image}": failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized'
    cluster.spec_of_pods("cart", imagePullSecrets=[{"name": "registry-login"}])
    starting(cluster, "cart", waiting("ImagePullBackOff", f'Back-off pulling image "{image}"'))
    for name in cluster.pods_of("cart"):
        say(cluster, "Failed", text, about=("Pod", name))
        cluster.add(
            event(
                "FailedToRetrieveImagePullSecret",
                "Unable to retrieve some image pull secrets (registry-login); attempting to pull the image may not succeed.",
                about=("Pod", name),
                first=SINCE,
                last=LAST,
            )
        )
    return "image-pull-denied", "deployment/shop/cart"


@fault
def registry_dns(cluster: Cluster) -> tuple[str, str]:
    """The name of the registry does not resolve."""
    image = "registry.exmaple/shop/cart:1.4.2"
    text = f'Failed to pull image "{image}": failed to do request: Head "https://registry.exmaple/v2/shop/cart/manifests/1.4.2": dial tcp: lookup registry.exmaple on 10.96.0.10:53: no such host'
    cluster.containers("cart", image=image)
    starting(cluster, "cart", waiting("ErrImagePull", text))
    for name in cluster.pods_of("cart"):
        say(cluster, "Failed", text, about=("Pod", name))
    return "registry-unresolvable", "deployment/shop/cart"


@fault
def secret_absent(cluster: Cluster) -> tuple[str, str]:
    """A variable comes from a Secret that does not exist."""
    ref = {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "payment-key", "key": "key"}}}
    cluster.containers("cart", env=[ref])
    starting(cluster, "cart", waiting("CreateContainerConfigError", 'secret "payment-key" not found'))
    for name in cluster.pods_of("cart"):
        say(cluster, "Failed", 'Error: secret "payment-key" not found', about=("Pod", name))
    return "secret-missing", "deployment/shop/cart"


@fault
def node_selector(cluster: Cluster) -> tuple[str, str]:
    """No node carries the label that a node selector asks for."""
    cluster.spec_of_pods("cart", nodeSelector={"disk": "nvme"})
    unscheduled(
        cluster,
        "cart",
        "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 3 node(s) didn't match Pod's node affinity/selector.",
    )
    return "node-selector-unsatisfied", "deployment/shop/cart"


@fault
def taint(cluster: Cluster) -> tuple[str, str]:
    """Every worker carries a taint that the pods do not tolerate."""
    for name in ("node-a", "node-b", "node-c"):
        cluster.edit(
            "Node",
            name,
            namespace="",
            spec={"taints": [{"key": "dedicated", "value": "batch", "effect": "NoSchedule"}]},
        )
    unscheduled(
        cluster,
        "cart",
        "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 3 node(s) had untolerated taint {dedicated: batch}.",
    )
    return "taint-not-tolerated", "deployment/shop/cart"


@fault
def cpu_request(cluster: Cluster) -> tuple[str, str]:
    """A container asks for more CPU than any node has."""
    cluster.containers("cart", resources={"requests": {"cpu": "64"}, "limits": {"cpu": "64"}})
    unscheduled(
        cluster,
        "cart",
        "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 3 Insufficient cpu.",
    )
    return "cpu-capacity-insufficient", "deployment/shop/cart"


def unscheduled(cluster: Cluster, app: str, message: str) -> None:
    """Let the pods of ``app`` be Pending with what the scheduler says."""
    cluster.pending(app)
    for name in cluster.pods_of(app):
        conditions = [{**one, "message": message} for one in cluster.get("Pod", name)["status"]["conditions"]]
        cluster.edit("Pod", name, status={"conditions": conditions})
        cluster.logs.pop(f"{NAMESPACE}/{name}/{app}", None)
        say(cluster, "FailedScheduling", message, about=("Pod", name), component="default-scheduler")


@fault
def storage_class(cluster: Cluster) -> tuple[str, str]:
    """A claim asks for a storage class that does not exist."""
    cluster.add(
        thing("StorageClass", "standard", namespace="", provisioner="csi.example", volumeBindingMode="Immediate")
    )
    cluster.add(
        thing(
            "PersistentVolumeClaim",
            "cart-data",
            spec={
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "fastest",
                "resources": {"requests": {"storage": "1Gi"}},
            },
            status={"phase": "Pending"},
        )
    )
    cluster.spec_of_pods("cart", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "cart-data"}}])
    unscheduled(
        cluster,
        "cart",
        "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available.",
    )
    say(
        cluster,
        "ProvisioningFailed",
        'storageclass.storage.k8s.io "fastest" not found',
        about=("PersistentVolumeClaim", "cart-data"),
        component="persistentvolume-controller",
    )
    return "claim-storage-class-mismatch", "persistentvolumeclaim/shop/cart-data"


@fault
def selector(cluster: Cluster) -> tuple[str, str]:
    """The selector of a service has a typing error."""
    cluster.edit("Service", "cart", spec={"selector": {"app": "crat"}})
    cluster.add(endpoints("cart"))
    probe_fails(cluster, "cart")
    callers_fail(cluster, "web", "cart", 7070)
    return "service-selector-mismatch", "service/shop/cart"


@fault
def target_port(cluster: Cluster) -> tuple[str, str]:
    """A service leads to a port on which nothing listens."""
    cluster.edit("Service", "cart", spec={"ports": [{"port": 7070, "targetPort": 7071, "protocol": "TCP"}]})
    cluster.add(endpoints("cart", ready=cluster.pods_of("cart"), port=7071))
    probe_fails(cluster, "cart")
    callers_fail(cluster, "web", "cart", 7070)
    return "service-port-mismatch", "service/shop/cart"


def probe_fails(cluster: Cluster, name: str, output: str = "connect: connection refused") -> None:
    """Let the TCP probe of a service fail."""
    cluster.probes = [
        {**one, "reachable": False, "output": output} if one["service"] == name else one for one in cluster.probes
    ]


@fault
def address(cluster: Cluster) -> tuple[str, str]:
    """A workload is given the wrong address of its callee."""
    cluster.containers(
        "checkout",
        env=[{"name": "ORDERS_URL", "value": "http://order:8080"}, {"name": "CART_ADDR", "value": "cart:7070"}],
    )
    callers_fail(cluster, "checkout", "order", 8080, "lookup order on 10.96.0.10:53: no such host")
    return "dependency-address-wrong", "deployment/shop/checkout"


@fault
def scaled_to_zero(cluster: Cluster) -> tuple[str, str]:
    """A workload that others call was scaled to zero."""
    for name in cluster.pods_of("orders"):
        cluster.drop("Pod", name)
        cluster.logs.pop(f"{NAMESPACE}/{name}/orders", None)
    for kind, name in (("Deployment", "orders"), ("ReplicaSet", f"orders-{HASH}")):
        cluster.edit(
            kind, name, spec={"replicas": 0}, status={"replicas": 0, "readyReplicas": 0, "availableReplicas": 0}
        )
    cluster.add(endpoints("orders"))
    say(
        cluster,
        "ScalingReplicaSet",
        f"Scaled down replica set orders-{HASH} to 0 from 2",
        about=("Deployment", "orders"),
        type="Normal",
        count=1,
    )
    probe_fails(cluster, "orders")
    callers_fail(cluster, "checkout", "orders", 8080)
    return "scaled-to-zero", "deployment/shop/orders"


def unhealthy(cluster: Cluster, app: str, probe: str, why: str) -> None:
    """Let the kubelet say that a probe fails."""
    for name in cluster.pods_of(app):
        say(cluster, "Unhealthy", f"{probe} probe failed: {why}", about=("Pod", name), count=40)


@fault
def liveness_port(cluster: Cluster) -> tuple[str, str]:
    """A liveness probe asks a port on which nothing listens."""
    cluster.containers("cart", livenessProbe={"tcpSocket": {"port": 7079}, "periodSeconds": 10, "failureThreshold": 3})
    state, last = {"running": {"startedAt": "2030-05-01T11:58:30Z"}}, crashing("Error", 137)[1]
    cluster.status("cart", restarts=7, ready=True, state=state, last=last)
    unhealthy(cluster, "cart", "Liveness", "dial tcp 10.0.0.7:7079: connect: connection refused")
    for name in cluster.pods_of("cart"):
        cluster.add(
            event(
                "Killing",
                "Container cart failed liveness probe, will be restarted",
                about=("Pod", name),
                type="Normal",
                count=7,
                first=SINCE,
                last=LAST,
            )
        )
    return "liveness-probe-wrong-port", "deployment/shop/cart"


@fault
def readiness_port(cluster: Cluster) -> tuple[str, str]:
    """A readiness probe asks a port on which nothing listens."""
    cluster.containers("cart", readinessProbe={"tcpSocket": {"port": 7079}, "periodSeconds": 10, "failureThreshold": 3})
    cluster.status("cart", state={"running": {"startedAt": SINCE}})
    unhealthy(cluster, "cart", "Readiness", "dial tcp 10.0.0.7:7079: connect: connection refused")
    probe_fails(cluster, "cart")
    callers_fail(cluster, "web", "cart", 7070)
    return "readiness-probe-wrong-port", "deployment/shop/cart"


@fault
def quota_pods(cluster: Cluster) -> tuple[str, str]:
    """The namespace may have no more pods."""
    running = sum(kind == "Pod" and namespace == NAMESPACE for kind, namespace, _ in cluster.objects)
    gone = cluster.pods_of("cart")
    for name in gone:
        cluster.drop("Pod", name)
        cluster.logs.pop(f"{NAMESPACE}/{name}/cart", None)
    used = str(running - len(gone))
    cluster.add(
        thing(
            "ResourceQuota",
            "compute",
            spec={"hard": {"pods": used}},
            status={"hard": {"pods": used}, "used": {"pods": used}},
        )
    )
    cluster.count("cart", 0)
    cluster.add(endpoints("cart"))
    probe_fails(cluster, "cart")
    say(
        cluster,
        "FailedCreate",
        f'Error creating: pods "cart-{HASH}-z2x4c" is forbidden: exceeded quota: compute, requested: pods=1, used: pods={used}, limited: pods={used}',
        about=("ReplicaSet", f"cart-{HASH}"),
        component="replicaset-controller",
    )
    return "quota-pods-exceeded", "namespace/shop"


@fault
def account(cluster: Cluster) -> tuple[str, str]:
    """The service account of a workload does not exist."""
    for name in cluster.pods_of("cart"):
        cluster.drop("Pod", name)
        cluster.logs.pop(f"{NAMESPACE}/{name}/cart", None)
    cluster.spec_of_pods("cart", serviceAccountName="cart-runner")
    cluster.count("cart", 0)
    cluster.add(endpoints("cart"))
    probe_fails(cluster, "cart")
    say(
        cluster,
        "FailedCreate",
        f'Error creating: pods "cart-{HASH}-" is forbidden: error looking up service account shop/cart-runner: serviceaccount "cart-runner" not found',
        about=("ReplicaSet", f"cart-{HASH}"),
        component="replicaset-controller",
    )
    return "service-account-missing", "deployment/shop/cart"


@fault
def kubelet(cluster: Cluster) -> tuple[str, str]:
    """The kubelet of a node stopped."""
    cluster.units["node-b/kubelet"] = UNIT.format(
        name="kubelet.service", about="Kubernetes Node Agent", process="kubelet"
    ).replace(
        "active (running) since Mon 2030-04-01 08:00:00 UTC; 1 month 0 days ago",
        "inactive (dead) since Wed 2030-05-01 11:48:00 UTC; 12min ago",
    )
    status = {
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
        "lastHeartbeatTime": "2030-05-01T11:47:50Z",
        "lastTransitionTime": "2030-05-01T11:49:00Z",
    }
    cluster.edit(
        "Node",
        "node-b",
        namespace="",
        status={"conditions": [status]},
        spec={
            "taints": [
                {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
                {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"},
            ]
        },
    )
    cluster.edit("Lease", "node-b", namespace="kube-node-lease", spec={"renewTime": "2030-05-01T11:47:50.000000Z"})
    say(
        cluster,
        "NodeNotReady",
        "Node is not ready",
        about=("Node", "node-b"),
        namespace="",
        component="node-controller",
    )
    for (kind, namespace, name), one in list(cluster.objects.items()):
        if kind == "Pod" and namespace == NAMESPACE and one["spec"]["nodeName"] == "node-b":
            conditions = [{"type": "Ready", "status": "False", "lastTransitionTime": "2030-05-01T11:49:00Z"}]
            cluster.edit("Pod", name, status={"conditions": conditions})
    return "kubelet-down", "node/node-b"


@fault
def container_runtime(cluster: Cluster) -> tuple[str, str]:
    """The container runtime of a node stopped; new pods cannot be made there."""
    cluster.units["node-b/containerd"] = UNIT.format(
        name="containerd.service", about="containerd container runtime", process="containerd"
    ).replace(
        "active (running) since Mon 2030-04-01 08:00:00 UTC; 1 month 0 days ago",
        "inactive (dead) since Wed 2030-05-01 11:48:00 UTC; 12min ago",
    )
    for name in cluster.pods_of("cart"):
        cluster.edit("Pod", name, spec={"nodeName": "node-b"})
    starting(cluster, "cart", waiting("ContainerCreating", ""))
    for name in cluster.pods_of("cart"):
        say(
            cluster,
            "FailedCreatePodSandBox",
            'Failed to create pod sandbox: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"',
            about=("Pod", name),
        )
    return "container-runtime-down", "node/node-b"


@fault
def database_password(cluster: Cluster) -> tuple[str, str]:
    """A workload gives its database a wrong password."""
    crash(
        cluster,
        "orders",
        "Error",
        1,
        "2030-05-01T11:57:10Z ERROR java.sql.SQLException: Access denied for user 'orders'@'10.0.0.4' (using password: YES)\n",
    )
    callers_fail(cluster, "checkout", "orders", 8080)
    return "database-credentials-wrong", "deployment/shop/orders"


@fault
def database_connections(cluster: Cluster) -> tuple[str, str]:
    """A database has no connections left."""
    complain(
        cluster,
        "orders",
        'ERROR Caused by: com.mysql.cj.exceptions.CJException: Data source rejected establishment of connection,  message from server: "Too many connections"',
    )
    return "database-connections-exhausted", "statefulset/shop/orders-db"


@fault
def database_read_only(cluster: Cluster) -> tuple[str, str]:
    """A database refuses writes."""
    complain(
        cluster,
        "orders",
        "ERROR insert failed: Error 1290 (HY000): The MySQL server is running with the --read-only option so it cannot execute this statement",
    )
    return "database-read-only", "statefulset/shop/orders-db"


@fault
def port_conflict(cluster: Cluster) -> tuple[str, str]:
    """A sidecar takes the port of the application."""
    crash(cluster, "cart", "Error", 1, "2030-05-01T11:57:10Z FATAL listen tcp :7070: bind: address already in use\n")
    return "port-conflict-in-pod", "deployment/shop/cart"


@fault
def variable(cluster: Cluster) -> tuple[str, str]:
    """A variable that the application needs is not set."""
    crash(
        cluster,
        "cart",
        "Error",
        1,
        'Traceback (most recent call last):\n  File "/app/main.py", line 12, in <module>\n    key = os.environ["CATALOGUE_KEY"]\nKeyError: \'CATALOGUE_KEY\'\n',
    )
    return "application-configuration-wrong", "deployment/shop/cart"


@fault
def policy(cluster: Cluster) -> tuple[str, str]:
    """A network policy admits nobody to a workload that others call."""
    spec = {"podSelector": {"matchLabels": {"app": "cart"}}, "policyTypes": ["Ingress"], "ingress": []}
    cluster.add(
        patch(thing("NetworkPolicy", "cart-closed", spec=spec), metadata={"creationTimestamp": "2030-05-01T11:44:00Z"})
    )
    probe_fails(cluster, "cart", "dial tcp 10.96.4.2:7070: i/o timeout")
    callers_fail(cluster, "web", "cart", 7070, "i/o timeout")
    return "network-policy-denies", "networkpolicy/shop/cart-closed"


@fault
def cpu(cluster: Cluster) -> tuple[str, str]:
    """A workload runs at its CPU limit; its latency and its callers' follow."""
    for place, app in enumerate(("web", "checkout", "cart", "orders")):
        hot = app == "cart"
        labels = f'namespace="shop",workload="{app}"'
        late = {"cart": 9.0, "web": 4.0, "checkout": 3.0}.get(app, 1.0)
        cluster.series(
            "workload_cpu_usage_cores", labels, [*noise(place, 0.1), *noise(place + 9, 0.49 if hot else 0.1)]
        )
        cluster.series(
            "workload_cpu_cfs_throttled_seconds",
            labels,
            [*noise(place, 0.001), *noise(place + 9, 0.9 if hot else 0.001)],
        )
        cluster.series(
            "workload_request_duration_p90_milliseconds", labels, [*noise(place, 20), *noise(place + 9, 20 * late)]
        )
        cluster.series("workload_memory_working_set_bytes", labels, noise(place, 1e8, 96))
        cluster.series("workload_request_rate", labels, noise(place, 50, 96))
    return "cpu-overload", "deployment/shop/cart"


@fault
def half_rollout(cluster: Cluster) -> tuple[str, str]:
    """The pods of a new revision cannot start, those of the old one still serve."""
    image = "registry.example/shop/web:9.9.9"
    name = "web-7f6d5c4b3-n4v8s"
    cluster.edit(
        "Deployment",
        "web",
        metadata={"annotations": {"deployment.kubernetes.io/revision": "2"}},
        spec={
            "template": {
                "spec": {
                    "containers": [
                        patch(
                            cluster.get("Deployment", "web")["spec"]["template"]["spec"]["containers"][0], image=image
                        )
                    ]
                }
            }
        },
    )
    replica_set = patch(
        cluster.get("ReplicaSet", f"web-{HASH}"),
        metadata={
            "name": "web-7f6d5c4b3",
            "uid": "uid-web-2",
            "creationTimestamp": SINCE,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        spec={"replicas": 1},
        status={"replicas": 1, "readyReplicas": 0, "availableReplicas": 0},
    )
    cluster.add(replica_set)
    made = pod(
        name,
        containers=[patch(cluster.get("Pod", cluster.pods_of("web")[0])["spec"]["containers"][0], image=image)],
        labels={"app": "web"},
        owner=("ReplicaSet", "web-7f6d5c4b3"),
        node="node-c",
        ready=False,
        phase="Pending",
    )
    cluster.add(
        patch(
            made,
            metadata={"creationTimestamp": SINCE},
            status={
                "containerStatuses": [
                    {"name": "web", "ready": False, "restartCount": 0, "state": waiting("ErrImagePull", "not found")}
                ]
            },
        )
    )
    say(
        cluster,
        "Failed",
        f'Failed to pull image "{image}": rpc error: code = NotFound desc = manifest for {image} not found: manifest unknown',
        about=("Pod", name),
    )
    return "image-reference-wrong", "deployment/shop/web"
