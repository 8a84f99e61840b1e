"""Blind cases of scheduling, and of volumes that pods wait for or cannot mount."""

from __future__ import annotations

from blind_cluster import (
    CART,
    CONTROL,
    DATABASE,
    NEW,
    UNHELPFUL,
    WORKERS,
    case,
    lease,
    mounts,
    quota,
    rolled_out,
    static_crash,
    static_pods,
    taint,
    unscheduled,
    waits,
    zones,
)
from clusters import Cluster
from faults import callers_fail, complain, say, starting, waiting
from shop import NAMESPACE, Json, container, event, patch, pod, thing, workload

NO_VICTIMS = "preemption: 0/4 nodes are available: 1 Preemption is not helpful for scheduling, 3 No preemption victims found for incoming pod."
CLAIM = "persistentvolumeclaim/shop/media"
CSI = "ebs.csi.aws.com"


def asks(cluster: Cluster, app: str, **amounts: str) -> None:
    """Let the pods of ``app`` request amounts (``__`` is a dot, ``_o_`` a slash)."""
    named = {key.replace("__", ".").replace("_o_", "/").replace("_", "-"): value for key, value in amounts.items()}
    cluster.containers(app, resources={"requests": named, "limits": named})


@case
def rollout_asks_for_more_cpu(cluster: Cluster) -> tuple[str, str]:
    """The new revision wants more CPU than any node has free; the old pods serve on. A memory quota is full besides."""
    quota(cluster, "memory", limits__memory=("8Gi", "8Gi"))
    name = rolled_out(cluster, "cart", resources={"requests": {"cpu": "3950m", "memory": "128Mi"}})
    waits(cluster, [name], f"0/4 nodes are available: {CONTROL}, 3 Insufficient cpu. {NO_VICTIMS}")
    return "cpu-capacity-insufficient", CART


@case
def database_larger_than_any_node(cluster: Cluster) -> tuple[str, str]:
    """The database asks for more memory than a node has; one node is cordoned as well, which would not help."""
    asks(cluster, "orders-db", cpu="100m", memory="64Gi")
    cluster.edit("Node", "node-c", namespace="", spec={"unschedulable": True})
    taint(cluster, "node-c", "node.kubernetes.io/unschedulable")
    unscheduled(cluster, "orders-db", "1 node(s) were unschedulable, 2 Insufficient memory")
    callers_fail(cluster, "orders", "orders-db", 3306)
    return "memory-capacity-insufficient", DATABASE


@case
def scratch_space_wanted(cluster: Cluster) -> tuple[str, str]:
    """More ephemeral storage than nodes offer."""
    for node in WORKERS:
        cluster.edit("Node", node, namespace="", status={"allocatable": {"ephemeral-storage": "18242267924"}})
    asks(cluster, "cart", cpu="100m", ephemeral_storage="50Gi")
    unscheduled(cluster, "cart", "3 Insufficient ephemeral-storage")
    return "ephemeral-storage-capacity-insufficient", CART


@case
def accelerator_taken(cluster: Cluster) -> tuple[str, str]:
    """The only node with a GPU, tainted for those who tolerate it, has given it to another pod."""
    gpu = {"cpu": "4", "memory": "16Gi", "pods": "110", "nvidia.com/gpu": "1"}
    cluster.edit(
        "Node",
        "node-c",
        namespace="",
        metadata={"labels": {"accelerator": "nvidia-l4"}},
        status={"allocatable": gpu, "capacity": gpu},
        spec={"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]},
    )
    holder = container("train", resources={"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}})
    cluster.add(pod("training-0", containers=[holder], node="node-c", labels={"job": "training"}))
    asks(cluster, "cart", cpu="100m", nvidia__com_o_gpu="1")
    tolerated = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    cluster.spec_of_pods("cart", nodeSelector={"accelerator": "nvidia-l4"}, tolerations=[tolerated])
    unscheduled(
        cluster,
        "cart",
        "1 Insufficient nvidia.com/gpu, 2 node(s) didn't match Pod's node affinity/selector",
        "preemption: 0/4 nodes are available: 1 No preemption victims found for incoming pod, 3 Preemption is not helpful for scheduling.",
    )
    return "extended-resource-insufficient", CART


@case
def device_plugin_gone(cluster: Cluster) -> tuple[str, str]:
    """No node offers huge pages of the size that a pod wants."""
    asks(cluster, "cart", cpu="100m", memory="128Mi", hugepages_2Mi="512Mi")
    unscheduled(cluster, "cart", "3 Insufficient hugepages-2Mi")
    return "extended-resource-insufficient", CART


@case
def zone_without_nodes(cluster: Cluster) -> tuple[str, str]:
    """Required node affinity names a zone that has no node."""
    zones(cluster)
    wanted = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-west-1d"]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [wanted]}]}
    cluster.spec_of_pods(
        "cart",
        nodeSelector={"kubernetes.io/os": "linux"},
        affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
    )
    for node in WORKERS:
        cluster.edit("Node", node, namespace="", metadata={"labels": {"kubernetes.io/os": "linux"}})
    unscheduled(cluster, "cart", "3 node(s) didn't match Pod's node affinity/selector")
    return "node-affinity-unsatisfied", CART


@case
def companion_without_pods(cluster: Cluster) -> tuple[str, str]:
    """Pod affinity to a label that no pod carries."""
    term = {
        "labelSelector": {"matchLabels": {"app": "cart-cache-v2"}},
        "topologyKey": "kubernetes.io/hostname",
    }
    cluster.spec_of_pods("cart", affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})
    unscheduled(cluster, "cart", "3 node(s) didn't match pod affinity rules")
    return "pod-affinity-unsatisfied", CART


@case
def one_replica_too_many(cluster: Cluster) -> tuple[str, str]:
    """Four replicas that must be apart on three nodes: a rollout cannot surge."""
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    cluster.spec_of_pods("web", affinity=apart)
    extra = patch(cluster.get("Pod", cluster.pods_of("web")[0]), metadata={"name": "web-5d9c7b6f4-t8w3c"})
    cluster.add(patch(extra, spec={"nodeName": "node-c"}, metadata={"uid": "uid-web-t8w3c"}))
    name = rolled_out(cluster, "web", image="registry.example/shop/web:1.5.0")
    cluster.edit("Pod", name, spec={"affinity": apart})
    cluster.edit_spec("ReplicaSet", f"web-{NEW}", affinity=apart)
    waits(
        cluster,
        [name],
        f"0/4 nodes are available: {CONTROL}, 3 node(s) didn't match pod anti-affinity rules. {NO_VICTIMS}",
    )
    return "pod-anti-affinity-conflict", "deployment/shop/web"


@case
def spread_over_a_label_nodes_lack(cluster: Cluster) -> tuple[str, str]:
    """A spread constraint over racks, and no node says in which rack it is."""
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.example.com/rack",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "cart"}},
    }
    cluster.spec_of_pods("cart", topologySpreadConstraints=[spread])
    unscheduled(cluster, "cart", "3 node(s) didn't match pod topology spread constraints (missing required label)")
    return "topology-spread-unsatisfiable", CART


@case
def maintenance_of_all_workers(cluster: Cluster) -> tuple[str, str]:
    """Somebody cordoned every worker; a pod that was replaced finds none."""
    for node in WORKERS:
        cluster.edit("Node", node, namespace="", spec={"unschedulable": True})
        taint(cluster, node, "node.kubernetes.io/unschedulable")
    unscheduled(cluster, "cart-cache", "3 node(s) were unschedulable")
    callers_fail(cluster, "cart", "cart-cache", 6379)
    return "node-cordoned", "deployment/shop/cart-cache"


@case
def cordoned_and_the_last_is_full(cluster: Cluster) -> tuple[str, str]:
    """Two of three workers are cordoned, and the third is full although the request is usual."""
    for node in ("node-b", "node-c"):
        cluster.edit("Node", node, namespace="", spec={"unschedulable": True})
        taint(cluster, node, "node.kubernetes.io/unschedulable")
    large = container("batch", resources={"requests": {"cpu": "3700m"}})
    cluster.add(pod("nightly-batch", containers=[large], node="node-a", labels={"job": "nightly"}))
    unscheduled(cluster, "cart", "1 Insufficient cpu, 2 node(s) were unschedulable")
    return "node-cordoned", CART


@case
def gated_by_a_queue(cluster: Cluster) -> tuple[str, str]:
    """A queue never lifts the gate of the pods; there is no event at all, and quotas are far from full."""
    quota(cluster, "compute", requests__cpu=("1", "20"))
    cluster.pending("cart")
    cluster.spec_of_pods("cart", schedulingGates=[{"name": "kueue.x-k8s.io/admission"}])
    for name in cluster.pods_of("cart"):
        gated = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
            "lastTransitionTime": "2030-05-01T11:40:00Z",
        }
        cluster.edit("Pod", name, status={"conditions": [gated]})
    return "scheduling-gated", CART


@case
def scheduler_of_another_name(cluster: Cluster) -> tuple[str, str]:
    """The pods name a scheduler that was uninstalled; the usual one runs."""
    static_pods(cluster)
    cluster.pending("cart")
    cluster.spec_of_pods("cart", schedulerName="volcano")
    for name in cluster.pods_of("cart"):
        cluster.edit("Pod", name, status={"conditions": []})
    return "scheduler-missing", CART


@case
def nodes_with_few_addresses(cluster: Cluster) -> tuple[str, str]:
    """Small instances take few pods."""
    for node in WORKERS:
        cluster.edit("Node", node, namespace="", status={"allocatable": {"pods": "4"}, "capacity": {"pods": "4"}})
    for place in range(9):
        cluster.add(pod(f"agent-{place}", node=WORKERS[place % 3], labels={"app": "agent"}))
    unscheduled(cluster, "cart", "3 Too many pods", NO_VICTIMS)
    return "node-pods-exhausted", CART


@case
def exporter_has_the_port(cluster: Cluster) -> tuple[str, str]:
    """Another agent has the host port on every node."""
    ports = [{"containerPort": 9100, "hostPort": 9100, "protocol": "TCP"}]
    cluster.add(workload("DaemonSet", "node-exporter", containers=[container("exporter", ports=ports)], replicas=3))
    for node in WORKERS:
        inside = container("exporter", ports=ports)
        labels = {"app": "node-exporter"}
        cluster.add(
            pod(
                f"node-exporter-{node}",
                containers=[inside],
                labels=labels,
                owner=("DaemonSet", "node-exporter"),
                node=node,
            )
        )
    cluster.containers("cart", ports=[{"containerPort": 7070, "protocol": "TCP"}, *ports])
    unscheduled(cluster, "cart", "3 node(s) didn't have free ports for the requested pod ports", NO_VICTIMS)
    return "host-port-conflict", CART


@case
def scheduler_with_a_wrong_flag(cluster: Cluster) -> tuple[str, str]:
    """The scheduler is a static pod that crashes; new pods wait without a word."""
    static_pods(cluster)
    lease(cluster, "kube-scheduler", "2030-05-01T11:43:50.000000Z")
    static_crash(cluster, "kube-scheduler", "Error: unknown flag: --policy-config-file\n")
    cluster.pending("cart")
    for name in cluster.pods_of("cart"):
        cluster.edit("Pod", name, status={"conditions": []})
    return "scheduler-down", "node/control-1"


def claim(cluster: Cluster, phase: str, *, name: str = "media", spec: Json | None = None) -> None:
    """Add a claim and let the cart mount it."""
    wanted = {
        "accessModes": ["ReadWriteOnce"],
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": "20Gi"}},
    }
    cluster.add(thing("PersistentVolumeClaim", name, spec={**wanted, **(spec or {})}, status={"phase": phase}))
    mounts(cluster, "cart", name)


def of_claim(
    cluster: Cluster, reason: str, message: str, component: str = "persistentvolume-controller", **kw: str
) -> None:
    """Add an event about the claim."""
    say(cluster, reason, message, about=("PersistentVolumeClaim", "media"), component=component, **kw)


def volume(cluster: Cluster, name: str, **spec: object) -> None:
    """Add a volume that is bound to the claim."""
    base = {
        "capacity": {"storage": "20Gi"},
        "accessModes": ["ReadWriteOnce"],
        "volumeMode": "Filesystem",
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"kind": "PersistentVolumeClaim", "namespace": NAMESPACE, "name": "media"},
    }
    cluster.add(thing("PersistentVolume", name, namespace="", spec={**base, **spec}, status={"phase": "Bound"}))


def gp3(cluster: Cluster, mode: str = "WaitForFirstConsumer") -> None:
    """Add a class that provisions."""
    cluster.add(thing("StorageClass", "gp3", namespace="", provisioner=CSI, volumeBindingMode=mode))


@case
def disk_in_another_zone(cluster: Cluster) -> tuple[str, str]:
    """The disk is in a zone whose last node was removed; the pods' own node affinity is met."""
    zones(cluster)
    gp3(cluster)
    zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-west-1d"]}
    claim(cluster, "Bound", spec={"volumeName": "pvc-7d31", "storageClassName": "gp3"})
    volume(
        cluster,
        "pvc-7d31",
        storageClassName="gp3",
        nodeAffinity={"required": {"nodeSelectorTerms": [{"matchExpressions": [zone]}]}},
    )
    unscheduled(cluster, "cart", "3 node(s) had volume node affinity conflict")
    return "volume-node-conflict", CLAIM


@case
def volume_deleted(cluster: Cluster) -> tuple[str, str]:
    """Somebody deleted the volume under a claim."""
    gp3(cluster)
    claim(cluster, "Lost", spec={"volumeName": "pvc-7d31", "storageClassName": "gp3"})
    of_claim(cluster, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    cluster.pending("cart")
    text = 'persistentvolumeclaim "media" bound to non-existent persistentvolume "pvc-7d31"'
    waits(cluster, cluster.pods_of("cart"), f"0/4 nodes are available: {text}. {UNHELPFUL}")
    return "claim-volume-lost", CLAIM


@case
def claim_forgotten(cluster: Cluster) -> tuple[str, str]:
    """Nobody made the claim; a quota of memory is full, which is not it."""
    quota(cluster, "memory", limits__memory=("8Gi", "8Gi"))
    mounts(cluster, "cart", "media-v2")
    cluster.pending("cart")
    waits(
        cluster,
        cluster.pods_of("cart"),
        f'0/4 nodes are available: persistentvolumeclaim "media-v2" not found. {UNHELPFUL}',
    )
    return "claim-missing", CART


@case
def provisioner_without_rights(cluster: Cluster) -> tuple[str, str]:
    """The cloud refuses to make the disk."""
    gp3(cluster, "Immediate")
    claim(cluster, "Pending", spec={"storageClassName": "gp3"})
    of_claim(
        cluster,
        "ProvisioningFailed",
        'failed to provision volume with StorageClass "gp3": rpc error: code = Internal desc = Could not create volume "pvc-7d31": could not create volume in EC2: operation error EC2: CreateVolume, https response error StatusCode: 403, api error UnauthorizedOperation: You are not authorized to perform this operation.',
        "ebs.csi.aws.com_ebs-csi-controller-6b7f_1d",
    )
    cluster.pending("cart")
    waits(
        cluster,
        cluster.pods_of("cart"),
        f"0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. {UNHELPFUL}",
    )
    return "volume-provisioning-failed", CLAIM


@case
def provisioner_silent(cluster: Cluster) -> tuple[str, str]:
    """The driver's controller does not answer: the claim waits for it. A storage quota is nearly full."""
    quota(cluster, "storage", requests__storage=("180Gi", "200Gi"))
    cluster.add(
        thing("StorageClass", "rbd", namespace="", provisioner="rbd.csi.ceph.com", volumeBindingMode="Immediate")
    )
    claim(cluster, "Pending", spec={"storageClassName": "rbd"})
    of_claim(
        cluster,
        "ExternalProvisioning",
        "Waiting for a volume to be created either by the external provisioner 'rbd.csi.ceph.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
        type="Normal",
    )
    cluster.pending("cart")
    waits(
        cluster,
        cluster.pods_of("cart"),
        f"0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. {UNHELPFUL}",
    )
    return "volume-provisioning-failed", CLAIM


@case
def block_claim_for_a_file_system(cluster: Cluster) -> tuple[str, str]:
    """The claim wants a raw device, the volume that it names is a file system."""
    claim(cluster, "Pending", spec={"volumeMode": "Block", "volumeName": "pv-media", "storageClassName": ""})
    volume(cluster, "pv-media", claimRef=None, storageClassName="", nfs={"server": "10.20.0.5", "path": "/media"})
    cluster.edit("PersistentVolume", "pv-media", namespace="", status={"phase": "Available"})
    of_claim(cluster, "VolumeMismatch", 'Cannot bind to requested volume "pv-media": incompatible volumeMode')
    cluster.pending("cart")
    waits(
        cluster,
        cluster.pods_of("cart"),
        f"0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. {UNHELPFUL}",
    )
    return "claim-volume-mode-mismatch", CLAIM


@case
def no_default_class(cluster: Cluster) -> tuple[str, str]:
    """A claim without a class in a cluster without a default one."""
    gp3(cluster)
    claim(cluster, "Pending")
    of_claim(
        cluster,
        "FailedBinding",
        "no persistent volumes available for this claim and no storage class is set",
        type="Normal",
    )
    cluster.pending("cart")
    waits(
        cluster,
        cluster.pods_of("cart"),
        f"0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. {UNHELPFUL}",
    )
    return "claim-without-volume", CLAIM


@case
def attach_takes_for_ever(cluster: Cluster) -> tuple[str, str]:
    """The driver never attaches the database's disk."""
    mounts(cluster, "orders-db", "data-orders-db-0")
    cluster.add(
        thing("PersistentVolumeClaim", "data-orders-db-0", spec={"volumeName": "pvc-7d31"}, status={"phase": "Bound"})
    )
    starting(cluster, "orders-db", waiting("ContainerCreating", ""))
    about = ("Pod", "orders-db-0")
    text = f'AttachVolume.Attach failed for volume "pvc-7d31" : timed out waiting for external-attacher of {CSI} CSI driver to attach volume vol-0d71'
    say(cluster, "FailedAttachVolume", text, about=about, component="attachdetach-controller")
    say(
        cluster,
        "FailedMount",
        "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition",
        about=about,
    )
    callers_fail(cluster, "orders", "orders-db", 3306)
    return "volume-mount-timeout", DATABASE


@case
def share_not_exported(cluster: Cluster) -> tuple[str, str]:
    """The file server does not admit the node."""
    mounts(cluster, "cart", nfs={"server": "10.20.0.5", "path": "/export/media"})
    starting(cluster, "cart", waiting("ContainerCreating", ""))
    text = (
        'MountVolume.SetUp failed for volume "data" : mount failed: exit status 32\nMounting command: mount\n'
        "Mounting arguments: -t nfs 10.20.0.5:/export/media /var/lib/kubelet/pods/5d1/volumes/kubernetes.io~nfs/data\n"
        "Output: mount.nfs: access denied by server while mounting 10.20.0.5:/export/media\n"
    )
    for name in cluster.pods_of("cart"):
        say(cluster, "FailedMount", text, about=("Pod", name))
    return "volume-permission-denied", CART


@case
def host_folder_absent(cluster: Cluster) -> tuple[str, str]:
    """A host path of type Directory is not there."""
    mounts(cluster, "cart", hostPath={"path": "/srv/models", "type": "Directory"})
    starting(cluster, "cart", waiting("ContainerCreating", ""))
    for name in cluster.pods_of("cart"):
        text = 'MountVolume.SetUp failed for volume "data" : hostPath type check failed: /srv/models is not a directory'
        say(cluster, "FailedMount", text, about=("Pod", name))
    complain(cluster, "web", "ERROR upstream cart unavailable")
    return "volume-mount-failed", CART


@case
def broken_file_system(cluster: Cluster) -> tuple[str, str]:
    """The file system of the database's disk does not mount."""
    mounts(cluster, "orders-db", "data-orders-db-0")
    cluster.add(
        thing("PersistentVolumeClaim", "data-orders-db-0", spec={"volumeName": "pvc-7d31"}, status={"phase": "Bound"})
    )
    starting(cluster, "orders-db", waiting("ContainerCreating", ""))
    text = 'MountVolume.MountDevice failed for volume "pvc-7d31" : rpc error: code = Internal desc = could not format "/dev/nvme1n1" and mount it at "/var/lib/kubelet/plugins/kubernetes.io/csi/ebs.csi.aws.com/9f/globalmount": mount failed: exit status 32\nMounting arguments: -t ext4 -o defaults /dev/nvme1n1\nOutput: mount: wrong fs type, bad option, bad superblock on /dev/nvme1n1, missing codepage or helper program, or other error.'
    cluster.add(event("FailedMount", text, about=("Pod", "orders-db-0"), first="2030-05-01T11:45:00Z", count=14))
    callers_fail(cluster, "orders", "orders-db", 3306)
    return "volume-mount-failed", DATABASE
