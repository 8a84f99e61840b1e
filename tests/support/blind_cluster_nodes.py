"""Blind cases of nodes and the control plane."""

from __future__ import annotations

from typing import Any

from blind_cluster import (
    WORKERS,
    app_of,
    case,
    condition,
    lease,
    on_node,
    static_crash,
    static_log,
    static_pods,
    taint,
    unit,
    unready,
)
from clusters import Cluster
from faults import LAST, SINCE, callers_fail, complain, say, waiting
from shop import NAMESPACE, container_status, event, patch, thing

NODE = "node/node-b"
CONTROL = "node/control-1"


def about_node(cluster: Cluster, reason: str, message: str, component: str = "kubelet", **fields: Any) -> None:
    """Add an event about the node, which lives in the default namespace as those of all nodes do."""
    told = {"count": 9, "first": SINCE, "last": LAST, **fields}
    made = event(reason, message, about=("Node", "node-b"), namespace="default", component=component, **told)
    cluster.add(patch(made, involvedObject={"namespace": ""}))


def evicted(cluster: Cluster, message: str) -> None:
    """Evict the shop's pods of the node; each is replaced by one that waits, and those that failed stay."""
    for name in on_node(cluster, "node-b"):
        app = app_of(cluster, name)
        gone = patch(cluster.get("Pod", name), metadata={"name": f"{name}9", "uid": f"uid-{name}9"})
        target = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "TerminationByKubelet",
            "message": message,
            "lastTransitionTime": "2030-05-01T11:49:00Z",
        }
        gone["status"] = {"phase": "Failed", "reason": "Evicted", "message": message, "conditions": [target]}
        cluster.add(gone)
        say(cluster, "Evicted", message, about=("Pod", f"{name}9"), count=1)
        fresh = patch(cluster.get("Pod", name), spec={"nodeName": "node-c"})
        cluster.add(patch(fresh, metadata={"creationTimestamp": "2030-05-01T11:49:01Z"}))
        unready(cluster, name, since="2030-05-01T11:49:05Z")
        cluster.logs[f"{NAMESPACE}/{name}/{app}"] = f"2030-05-01T11:49:09Z INFO {app} starting\n"


@case
def disk_of_a_node_fills(cluster: Cluster) -> tuple[str, str]:
    """The kubelet evicts and cannot free images."""
    condition(cluster, "node-b", "DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")
    taint(cluster, "node-b", "node.kubernetes.io/disk-pressure")
    about_node(cluster, "EvictionThresholdMet", "Attempting to reclaim ephemeral-storage")
    about_node(
        cluster,
        "FreeDiskSpaceFailed",
        "Failed to garbage collect required amount of images. Attempted to free 9127538688 bytes, but only found 0 bytes eligible to free.",
    )
    evicted(
        cluster,
        "The node was low on resource: ephemeral-storage. Threshold quantity: 10712373094, available: 8922Mi. Container app was using 40Ki, request is 0, has larger consumption of ephemeral-storage. ",
    )
    return "node-disk-pressure", NODE


@case
def memory_of_a_node_is_used_up(cluster: Cluster) -> tuple[str, str]:
    """The kubelet evicts pods far below their limits, and the kernel kills processes of the system."""
    condition(
        cluster,
        "node-b",
        "MemoryPressure",
        "True",
        "KubeletHasInsufficientMemory",
        "kubelet has insufficient memory available",
    )
    taint(cluster, "node-b", "node.kubernetes.io/memory-pressure")
    about_node(cluster, "EvictionThresholdMet", "Attempting to reclaim memory")
    about_node(cluster, "SystemOOM", "System OOM encountered, victim process: fluent-bit, pid: 48123")
    evicted(
        cluster,
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 43564Ki. Container app was using 310Mi, request is 128Mi, has larger consumption of memory. ",
    )
    return "node-memory-pressure", NODE


@case
def processes_of_a_node_are_used_up(cluster: Cluster) -> tuple[str, str]:
    """The node has no process ids; what runs there cannot fork."""
    condition(
        cluster, "node-b", "PIDPressure", "True", "KubeletHasInsufficientPID", "kubelet has insufficient PID available"
    )
    taint(cluster, "node-b", "node.kubernetes.io/pid-pressure")
    about_node(cluster, "EvictionThresholdMet", "Attempting to reclaim pids")
    for name in on_node(cluster, "node-b"):
        app = app_of(cluster, name)
        cluster.logs[f"{NAMESPACE}/{name}/{app}"] += (
            "2030-05-01T11:49:40Z runtime/cgo: pthread_create failed: Resource temporarily unavailable\n" * 4
        )
        say(
            cluster,
            "Unhealthy",
            'Readiness probe errored: rpc error: code = Unknown desc = failed to exec in container: failed to start exec "7d": OCI runtime exec failed: exec failed: unable to start container process: fork/exec /proc/self/fd/6: resource temporarily unavailable',
            about=("Pod", name),
        )
        unready(cluster, name)
    return "node-pid-pressure", NODE


def silent(cluster: Cluster) -> None:
    """Let the node controller hear nothing from the node, and mark its pods not ready."""
    text = "Kubelet stopped posting node status."
    for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready"):
        condition(cluster, "node-b", kind, "Unknown", "NodeStatusUnknown", text)
    cluster.edit(
        "Node",
        "node-b",
        namespace="",
        spec={
            "taints": [
                {"key": "node.kubernetes.io/unreachable", "effect": effect, "timeAdded": "2030-05-01T11:47:05Z"}
                for effect in ("NoSchedule", "NoExecute")
            ]
        },
    )
    cluster.edit("Lease", "node-b", namespace="kube-node-lease", spec={"renewTime": "2030-05-01T11:46:12.000000Z"})
    about_node(
        cluster, "NodeNotReady", "Node node-b status is now: NodeNotReady", "node-controller", type="Normal", count=1
    )
    for name in on_node(cluster, "node-b"):
        unready(cluster, name, since="2030-05-01T11:47:05Z")
        say(cluster, "NodeNotReady", "Node is not ready", about=("Pod", name), component="node-controller", count=1)


@case
def node_switched_off(cluster: Cluster) -> tuple[str, str]:
    """The machine is off: nobody could look at its units, and its address answers nothing."""
    silent(cluster)
    for name in ("kubelet", "containerd"):
        del cluster.units[f"node-b/{name}"]
    taints = cluster.get("Node", "node-b", "")["spec"]["taints"]
    off = {"key": "node.cloudprovider.kubernetes.io/shutdown", "effect": "NoSchedule"}
    cluster.edit("Node", "node-b", namespace="", spec={"taints": [*taints, off]})
    cluster.edit("Node", "node-b", namespace="", status={"addresses": [{"type": "InternalIP", "address": "10.1.0.12"}]})
    for name in on_node(cluster, "node-b"):
        cluster.edit("Pod", name, metadata={"deletionTimestamp": "2030-05-01T11:52:35Z"})
        say(
            cluster,
            "TaintManagerEviction",
            f"Marking for deletion Pod shop/{name}",
            about=("Pod", name),
            type="Normal",
            component="taint-eviction-controller",
            count=1,
        )
    callers_fail(cluster, "web", "cart", 7070, "no route to host")
    return "node-down", NODE


@case
def node_that_rebooted(cluster: Cluster) -> tuple[str, str]:
    """The machine came up again after a crash of its kernel; its pods restarted and one does not get ready yet."""
    about_node(
        cluster,
        "Rebooted",
        "Node node-b has been rebooted, boot id: 5f0c2e1a-7b1b-4f0e-9d5f-2a6f1f1c9b11",
        count=1,
        last="2030-05-01T11:52:00Z",
    )
    about_node(cluster, "Starting", "Starting kubelet.", type="Normal", count=1, last="2030-05-01T11:52:00Z")
    about_node(
        cluster,
        "NodeReady",
        "Node node-b status is now: NodeReady",
        type="Normal",
        count=1,
        last="2030-05-01T11:52:10Z",
    )
    condition(cluster, "node-b", "Ready", "True", "KubeletReady", "kubelet is posting ready status")
    ended = {
        "exitCode": 255,
        "reason": "Unknown",
        "startedAt": "2030-05-01T09:00:00Z",
        "finishedAt": "2030-05-01T11:51:50Z",
    }
    for name in on_node(cluster, "node-b"):
        running = {"running": {"startedAt": "2030-05-01T11:52:20Z"}}
        status = container_status(app_of(cluster, name), restarts=1, state=running, last={"terminated": ended})
        cluster.edit("Pod", name, status={"containerStatuses": [status]})
        say(
            cluster,
            "SandboxChanged",
            "Pod sandbox changed, it will be killed and re-created.",
            about=("Pod", name),
            type="Normal",
            count=1,
        )
        if app_of(cluster, name) == "cart":
            unready(cluster, name, since="2030-05-01T11:51:50Z")
    callers_fail(cluster, "web", "cart", 7070)
    unit(
        cluster,
        "node-b",
        "kubelet",
        "Kubernetes Node Agent",
        state="active (running) since Wed 2030-05-01 11:51:58 UTC; 8min ago",
    )
    unit(
        cluster,
        "node-b",
        "containerd",
        "containerd container runtime",
        state="active (running) since Wed 2030-05-01 11:51:55 UTC; 8min ago",
    )
    return "node-restarted", NODE


@case
def network_plugin_not_there(cluster: Cluster) -> tuple[str, str]:
    """The node has no configuration of a network plugin."""
    condition(
        cluster,
        "node-b",
        "Ready",
        "False",
        "KubeletNotReady",
        "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
    )
    taint(cluster, "node-b", "node.kubernetes.io/not-ready")
    about_node(
        cluster, "NodeNotReady", "Node node-b status is now: NodeNotReady", "node-controller", type="Normal", count=1
    )
    for name in on_node(cluster, "node-b"):
        unready(cluster, name)
        text = "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
        say(cluster, "NetworkNotReady", text, about=("Pod", name))
    return "node-network-unavailable", NODE


@case
def route_of_a_node_not_made(cluster: Cluster) -> tuple[str, str]:
    """The cloud made no route to the node; the node itself is ready."""
    condition(cluster, "node-b", "NetworkUnavailable", "True", "NoRouteCreated", "Node created without a route")
    taint(cluster, "node-b", "node.kubernetes.io/network-unavailable")
    about_node(
        cluster,
        "FailedToCreateRoute",
        "Could not create route 0d71 10.244.2.0/24 for node node-b after 5.1s: quota ROUTES exceeded",
        "route_controller",
    )
    for name in on_node(cluster, "node-b"):
        unready(cluster, name)
    callers_fail(cluster, "web", "cart", 7070, "i/o timeout")
    return "node-network-unavailable", NODE


def sandbox(cluster: Cluster, why: str) -> None:
    """Let the sandboxes of new pods on the node fail."""
    for name in on_node(cluster, "node-b"):
        app = app_of(cluster, name)
        status = container_status(app, ready=False, state=waiting("ContainerCreating", ""))
        unready(cluster, name)
        cluster.edit(
            "Pod",
            name,
            status={"phase": "Pending", "containerStatuses": [status]},
            metadata={"creationTimestamp": "2030-05-01T11:45:00Z"},
        )
        cluster.logs.pop(f"{NAMESPACE}/{name}/{app}", None)
        text = f'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "0d71c5": plugin {why}'
        say(cluster, "FailedCreatePodSandBox", text, about=("Pod", name))


@case
def subnet_is_full(cluster: Cluster) -> tuple[str, str]:
    """The cloud's subnet has no address for the node."""
    sandbox(cluster, 'type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container')
    return "pod-addresses-exhausted", NODE


@case
def range_of_a_node_is_full(cluster: Cluster) -> tuple[str, str]:
    """The node's own range of addresses leaked away."""
    sandbox(
        cluster,
        'type="bridge" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.244.2.1-10.244.2.254',
    )
    return "pod-addresses-exhausted", NODE


@case
def kubelet_cut_off(cluster: Cluster) -> tuple[str, str]:
    """The kubelet runs, its words say that it cannot reach the API server."""
    silent(cluster)
    journal = "\n".join(
        f'May 01 11:{minute}:07 node-b kubelet[812]: E0501 11:{minute}:07.114203     812 kubelet_node_status.go:549] "Error updating node status, will retry" err="error getting node \\"node-b\\": Get \\"https://10.1.0.10:6443/api/v1/nodes/node-b?resourceVersion=0&timeout=10s\\": dial tcp 10.1.0.10:6443: i/o timeout"\n'
        f'May 01 11:{minute}:17 node-b kubelet[812]: E0501 11:{minute}:17.201133     812 controller.go:195] "Failed to update lease" err="Put \\"https://10.1.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-b?timeout=10s\\": context deadline exceeded"'
        for minute in range(47, 60, 2)
    )
    unit(cluster, "node-b", "kubelet", "Kubernetes Node Agent", journal=journal)
    return "kubelet-cannot-reach-api", NODE


@case
def clock_of_a_node(cluster: Cluster) -> tuple[str, str]:
    """The clock of one node is three hours late: what runs there refuses certificates and tokens of now."""
    for node in ("control-1", *WORKERS):
        unit(cluster, node, "chronyd", "NTP client/server")
    unit(
        cluster,
        "node-b",
        "chronyd",
        "NTP client/server",
        state="failed (Result: exit-code) since Wed 2030-05-01 05:12:00 UTC; 6h ago",
    )
    for name in on_node(cluster, "node-b"):
        app = app_of(cluster, name)
        cluster.logs[f"{NAMESPACE}/{name}/{app}"] = "".join(
            f"2030-05-01T08:{minute}:10Z ERROR call failed: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2030-05-01T08:{minute}:10Z is before 2030-05-01T11:30:00Z\n"
            for minute in range(46, 59)
        )
        unready(cluster, name)
    return "clock-skew", NODE


@case
def drained_for_an_upgrade(cluster: Cluster) -> tuple[str, str]:
    """A node is being drained: its pods have five minutes to end, their replacements start elsewhere and are not up."""
    cluster.edit("Node", "node-b", namespace="", spec={"unschedulable": True})
    taint(cluster, "node-b", "node.kubernetes.io/unschedulable")
    about_node(cluster, "NodeNotSchedulable", "Node node-b status is now: NodeNotSchedulable", type="Normal", count=1)
    callers_fail(cluster, "web", "cart", 7070)
    for name in on_node(cluster, "node-b"):
        app = app_of(cluster, name)
        evicted = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
            "lastTransitionTime": "2030-05-01T11:57:30Z",
        }
        old = patch(
            cluster.get("Pod", name),
            metadata={"name": f"{name}9", "uid": f"uid-{name}9", "deletionTimestamp": "2030-05-01T12:02:30Z"},
        )
        old["status"]["conditions"] = [evicted, *old["status"]["conditions"]]
        cluster.add(old)
        say(cluster, "Killing", f"Stopping container {app}", about=("Pod", f"{name}9"), type="Normal", count=1)
        moved = patch(
            cluster.get("Pod", name),
            spec={"nodeName": "node-c"},
            metadata={"creationTimestamp": "2030-05-01T11:57:31Z"},
        )
        cluster.add(moved)
        unready(cluster, f"{name}9", since="2030-05-01T11:57:31Z")
        unready(cluster, name, since="2030-05-01T11:57:31Z")
    return "node-drained", NODE


@case
def controllers_stand_still(cluster: Cluster) -> tuple[str, str]:
    """The controller manager crashes: a rollout has no ReplicaSet, and nobody notices a new generation."""
    static_pods(cluster)
    lease(cluster, "kube-controller-manager", "2030-05-01T11:43:41.000000Z")
    static_crash(
        cluster,
        "kube-controller-manager",
        'E0501 11:55:09.001102       1 run.go:72] "command failed" err="open /etc/kubernetes/pki/ca.key: no such file or directory"\n',
    )
    cluster.edit("Deployment", "cart", metadata={"generation": 5}, status={"observedGeneration": 4})
    cluster.edit("Deployment", "cart", spec={"replicas": 4})
    cluster.question = "new versions do not roll out and nothing scales"
    return "controller-manager-down", CONTROL


@case
def slow_disk_of_etcd(cluster: Cluster) -> tuple[str, str]:
    """The disk of etcd is slow; the API server times out on it, controllers lose their leases."""
    static_pods(cluster)
    static_log(
        cluster,
        "etcd",
        '{"level":"warn","ts":"2030-05-01T11:MM:02.114Z","caller":"wal/wal.go:805","msg":"slow fdatasync","took":"3.291480342s","expected-duration":"1s"}',
        '{"level":"warn","ts":"2030-05-01T11:MM:04.002Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"4.107s","expected-duration":"100ms","prefix":"read-only range ","request":"key:\\"/registry/health\\" ","response":"","error":"context canceled"}',
        '{"level":"warn","ts":"2030-05-01T11:MM:05.002Z","caller":"etcdserver/raft.go:416","msg":"leader failed to send out heartbeat on time; took too long, leader is overloaded likely from slow disk","to":"8e9e05c52164694d","heartbeat-interval":"100ms","expected-duration":"200ms","exceeded-duration":"1.9s"}',
    )
    static_log(
        cluster,
        "kube-apiserver",
        'E0501 11:MM:06.001       1 status.go:71] "Unhandled Error" err="apiserver received an error that is not an metav1.Status: &errors.errorString{s:\\"etcdserver: request timed out\\"}"',
    )
    static_log(
        cluster,
        "kube-controller-manager",
        "E0501 11:MM:08.001       1 leaderelection.go:436] error retrieving resource lock kube-system/kube-controller-manager: etcdserver: request timed out",
    )
    complain(cluster, "checkout", "ERROR kubernetes client: etcdserver: request timed out")
    cluster.question = "kubectl is slow and often fails"
    return "etcd-degraded", CONTROL


@case
def space_of_etcd(cluster: Cluster) -> tuple[str, str]:
    """The database of etcd reached its quota: nothing can be written."""
    static_pods(cluster)
    static_log(
        cluster,
        "etcd",
        '{"level":"warn","ts":"2030-05-01T11:MM:02.114Z","caller":"etcdserver/server.go:2011","msg":"alarm raised","alarm":"NOSPACE"}',
        '{"level":"warn","ts":"2030-05-01T11:MM:03.114Z","caller":"v3rpc/interceptor.go:197","msg":"request stats","remote":"127.0.0.1:40022","response type":"/etcdserverpb.KV/Txn","error":"etcdserver: mvcc: database space exceeded"}',
    )
    static_log(
        cluster,
        "kube-apiserver",
        'E0501 11:MM:06.001       1 status.go:71] "Unhandled Error" err="apiserver received an error that is not an metav1.Status: rpctypes.EtcdError{code:0x8, desc:\\"etcdserver: mvcc: database space exceeded\\"}"',
    )
    static_log(
        cluster,
        "kube-scheduler",
        "E0501 11:MM:07.001       1 leaderelection.go:429] Failed to update lock optimistically: etcdserver: mvcc: database space exceeded, falling back to slow path",
    )
    cluster.question = "nothing can be deployed"
    return "etcd-degraded", CONTROL


@case
def api_server_overloaded(cluster: Cluster) -> tuple[str, str]:
    """An operator lists all objects again and again; etcd is well."""
    static_pods(cluster)
    static_log(
        cluster,
        "kube-apiserver",
        'E0501 11:MM:01.001       1 timeout.go:142] "Post-timeout activity" timeElapsed="6.1s" method="GET" path="/api/v1/pods" result=null',
        'E0501 11:MM:02.001       1 writers.go:135] "Unhandled Error" err="apiserver was unable to write a JSON response: http: Handler timeout"',
        'I0501 11:MM:03.001       1 trace.go:236] Trace[911]: "List" accept:application/json,user-agent:operator/v0.0.0,verb:LIST,resource:pods (01-May-2030 11:40:00.000) (total time: 59999ms):',
    )
    static_log(
        cluster,
        "kube-scheduler",
        'E0501 11:MM:08.001       1 leaderelection.go:436] error retrieving resource lock kube-system/kube-scheduler: Get "https://10.1.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler?timeout=5s": context deadline exceeded',
    )
    apiserver = cluster.get("Pod", "kube-apiserver-control-1", "kube-system")
    down = [{**one, "status": "False"} if one["type"] == "Ready" else one for one in apiserver["status"]["conditions"]]
    inside = [container_status("kube-apiserver", ready=False)]
    cluster.edit(
        "Pod", "kube-apiserver-control-1", "kube-system", status={"conditions": down, "containerStatuses": inside}
    )
    cluster.add(
        patch(
            thing("Event", "kube-apiserver-control-1.unhealthy", namespace="kube-system"),
            type="Warning",
            reason="Unhealthy",
            message="Readiness probe failed: HTTP probe failed with statuscode: 500",
            count=31,
            firstTimestamp="2030-05-01T11:45:30Z",
            lastTimestamp="2030-05-01T11:59:30Z",
            involvedObject={"kind": "Pod", "namespace": "kube-system", "name": "kube-apiserver-control-1"},
            source={"component": "kubelet"},
        )
    )
    complain(
        cluster,
        "checkout",
        "ERROR kubernetes client: the server was unable to return a response in the time allotted, but may still be processing the request (get pods)",
    )
    cluster.question = "kubectl is slow and operators time out"
    return "api-server-degraded", CONTROL
