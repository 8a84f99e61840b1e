"""Blind incidents of the media platform: nodes, and what they do to their pods."""

from __future__ import annotations

from blind_media import BILLING, NODES, SINCE, VOD, Site
from blind_media_cases import incident, playback_errors
from blind_media_site import unit


def _lost(site: Site, node: str, reason: str, text: str, status: str = "Unknown") -> None:
    """Let a node be not ready, with what the controllers do about it."""
    conditions = [
        {**one, "status": status, "reason": reason, "message": text, "lastTransitionTime": SINCE}
        if one["type"] == "Ready" or status == "Unknown"
        else one
        for one in site.get("Node", f"/{node}")["status"]["conditions"]
    ]
    taint = "unreachable" if status == "Unknown" else "not-ready"
    site.edit(
        "Node",
        f"/{node}",
        spec={
            "taints": [
                {"key": f"node.kubernetes.io/{taint}", "effect": effect} for effect in ("NoSchedule", "NoExecute")
            ]
        },
        status={"conditions": conditions},
    )
    site.event(
        ("Node", f"/{node}"),
        "NodeNotReady",
        f"Node {node} status is now: NodeNotReady",
        by="node-controller",
        type="Normal",
        count=1,
    )
    for at in site.kinds:
        for pod in site.pods(at):
            if site.get("Pod", pod)["spec"].get("nodeName") == node:
                ready = [
                    {**one, "status": "False", "lastTransitionTime": SINCE} if one["type"] == "Ready" else one
                    for one in site.get("Pod", pod)["status"]["conditions"]
                ]
                site.edit("Pod", pod, status={"conditions": ready})
                site.event(("Pod", pod), "NodeNotReady", "Node is not ready", by="node-controller", count=1)
        site.reslice(at)


@incident
def kubelet_stopped_after_an_upgrade(site: Site) -> tuple[str, str]:
    """The kubelet of one node refuses a flag since its upgrade and has ended; the node itself and its containers live."""
    node = NODES[1]
    _lost(site, node, "NodeStatusUnknown", "Kubelet stopped posting node status.")
    site.edit("Lease", f"kube-node-lease/{node}", spec={"renewTime": "2030-05-01T11:40:31.118230Z"})
    for one in NODES:
        site.units |= {f"{one}/kubelet": unit("kubelet"), f"{one}/containerd": unit("containerd")}
    site.units[f"{node}/kubelet"] = (
        unit("kubelet", "failed (Result: exit-code) since Wed 2030-05-01 11:40:33 UTC; 19min ago")
        + 'May 01 11:40:33 ip-10-42-2-88 kubelet[88211]: E0501 11:40:33.402113   88211 run.go:72] "command failed" err="failed to parse kubelet flag: unknown flag: --container-runtime"\nMay 01 11:40:33 ip-10-42-2-88 systemd[1]: kubelet.service: Failed with result \'exit-code\'.\n'
    )
    return "kubelet-down", f"node/{node}"


@incident
def containerd_hangs(site: Site) -> tuple[str, str]:
    """The runtime of a node does not answer; the kubelet says so, and new pods hang there."""
    node = NODES[2]
    _lost(
        site,
        node,
        "KubeletNotReady",
        "[container runtime is down, PLEG is not healthy: pleg was last seen active 9m12.411s ago; threshold is 3m0s]",
        "False",
    )
    site.event(
        ("Node", f"/{node}"),
        "ContainerGCFailed",
        "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        count=9,
    )
    pod = site.roll(f"{VOD}/recommender", node=node, image="ghcr.io/tessera-tv/recommender:2.7.1")
    site.waits(pod, "ContainerCreating", "")
    site.event(
        ("Pod", pod),
        "FailedCreatePodSandBox",
        "Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        count=4,
    )
    for one in NODES:
        site.units |= {f"{one}/kubelet": unit("kubelet"), f"{one}/containerd": unit("containerd")}
    site.units[f"{node}/containerd"] = unit(
        "containerd", "deactivating (stop-sigterm) since Wed 2030-05-01 11:48:20 UTC; 11min ago"
    )
    return "container-runtime-down", f"node/{node}"


@incident
def batch_jobs_eat_the_memory_of_a_node(site: Site) -> tuple[str, str]:
    """Transcoders without a memory limit take all of a node's memory, and the kubelet evicts its neighbours."""
    node = NODES[0]
    conditions = [
        {
            **one,
            "status": "True",
            "reason": "KubeletHasInsufficientMemory",
            "message": "kubelet has insufficient memory available",
            "lastTransitionTime": SINCE,
        }
        if one["type"] == "MemoryPressure"
        else one
        for one in site.get("Node", f"/{node}")["status"]["conditions"]
    ]
    site.edit(
        "Node",
        f"/{node}",
        status={"conditions": conditions},
        spec={"taints": [{"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}]},
    )
    text = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 71348Ki. Container {} was using 1109212Ki, request is 384Mi, has larger consumption of memory. "
    for at, inside in ((f"{VOD}/playback", "playback"), (f"{VOD}/recommender", "api")):
        pod = site.pods(at)[0]
        found = site.get("Pod", pod)
        site.add(
            {
                **found,
                "spec": {**found["spec"], "nodeName": node},
                "status": {"phase": "Failed", "reason": "Evicted", "message": text.format(inside)},
            }
        )
        site.event(("Pod", pod), "Evicted", text.format(inside), count=1)
        site.reslice(at)
    site.event(("Node", f"/{node}"), "EvictionThresholdMet", "Attempting to reclaim memory", count=12)
    site.event(
        ("Node", f"/{node}"),
        "NodeHasInsufficientMemory",
        f"Node {node} status is now: NodeHasInsufficientMemory",
        type="Normal",
        count=1,
    )
    site.event(
        ("Node", f"/{node}"), "SystemOOM", "System OOM encountered, victim process: transcoder, pid: 88213", count=2
    )
    playback_errors(site, "identity:8080/introspect", "context deadline exceeded")
    return "node-memory-pressure", f"node/{node}"


@incident
def images_fill_the_disk_of_a_node(site: Site) -> tuple[str, str]:
    """The disk of a node is full of images and logs: eviction, and image collection that frees nothing."""
    node = NODES[1]
    conditions = [
        {
            **one,
            "status": "True",
            "reason": "KubeletHasDiskPressure",
            "message": "kubelet has disk pressure",
            "lastTransitionTime": SINCE,
        }
        if one["type"] == "DiskPressure"
        else one
        for one in site.get("Node", f"/{node}")["status"]["conditions"]
    ]
    site.edit(
        "Node",
        f"/{node}",
        status={"conditions": conditions},
        spec={"taints": [{"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}]},
    )
    text = "The node was low on resource: ephemeral-storage. Threshold quantity: 4722331712, available: 3911204Ki. "
    for at in (f"{BILLING}/fraud", f"{BILLING}/invoices"):
        pod = site.pods(at)[0]
        found = site.get("Pod", pod)
        site.add(
            {
                **found,
                "spec": {**found["spec"], "nodeName": node},
                "status": {"phase": "Failed", "reason": "Evicted", "message": text},
            }
        )
        site.event(("Pod", pod), "Evicted", text, count=1)
        site.reslice(at)
    site.event(
        ("Node", f"/{node}"),
        "FreeDiskSpaceFailed",
        "Failed to garbage collect required amount of images. Attempted to free 4188471296 bytes, but only found 0 bytes eligible to free.",
        count=8,
    )
    site.event(("Node", f"/{node}"), "EvictionThresholdMet", "Attempting to reclaim ephemeral-storage", count=21)
    return "node-disk-pressure", f"node/{node}"
