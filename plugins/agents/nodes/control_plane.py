"""The control plane and each node's part of the cluster network, by their pods and leases."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.nodes.leases import duration, node_leases
from sre_orchestrator.plugins.agents.nodes.view import View, node_id
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.pods import Pod

NAMESPACE = "kube-system"
NAMESPACES = frozenset(
    {NAMESPACE, "calico-system", "kube-flannel", "tigera-operator", "cilium", "openshift-kube-scheduler"}
)
ROLES = (
    ("scheduler", re.compile(r"^(?:openshift-)?kube-scheduler\b")),
    ("controller-manager", re.compile(r"^kube-controller-manager\b")),
    ("api-server", re.compile(r"^kube-apiserver\b")),
    ("etcd", re.compile(r"^etcd\b(?!-(?:operator|backup|druid))")),
    ("kube-proxy", re.compile(r"^kube-proxy\b")),
    ("dns", re.compile(r"^(?:coredns|kube-dns|node-local-dns|nodelocaldns|rke2-coredns)\b(?!-autoscaler)")),
    (
        "cni",
        re.compile(
            r"^(?:calico-node|canal|cilium(?!-operator|-envoy)|kube-flannel|weave-net|aws-node|kube-router|antrea-agent|ovnkube-node"
            r"|azure-cni|kindnet|anetd|kube-ovn-cni|terway|istio-cni-node)\b"
        ),
    ),
)
# Static pods and DaemonSets: one pod a node.
ONE_A_NODE = frozenset({"kube-proxy", "cni"})
LEASED = {"kube-scheduler": "scheduler", "kube-controller-manager": "controller-manager"}
STARTING = timedelta(minutes=2)


def control_plane(view: View) -> Iterator[Fact]:
    """Yield each part that can be seen: its pods, the nodes that lack one, and its leader's lease."""
    pods = [(role, pod) for pod in view.pods if (role := role_of(pod))]
    for role, pod in pods:
        if pod.spec.node_name and not _starting(view, pod):
            yield view.observe(
                "control_plane.state",
                node_id(pod.spec.node_name),
                query=kubectl_get("pod", pod.metadata.namespace, pod.metadata.name),
                at=_since(pod),
                role=role,
                healthy=_works(pod),
                evidence="pod",
                name=pod.metadata.name,
                node=node_id(pod.spec.node_name),
            )
    yield from _absent(view, pods)
    yield from _leases(view)


def role_of(pod: Pod) -> str:
    """Return which part of the control plane a pod is, or nothing."""
    if pod.metadata.namespace not in NAMESPACES or pod.metadata.deletion_timestamp:
        return ""
    return next((role for role, pattern in ROLES if pattern.match(pod.metadata.name)), "")


def _starting(view: View, pod: Pod) -> bool:
    created = pod.metadata.creation_timestamp
    return created is not None and view.scope.until - created < STARTING


def _works(pod: Pod) -> bool:
    """Say whether its containers run and are ready, as the kubelet said last.

    The pod's Ready condition would also be False because the node controller sets it when the node is silent.
    """
    statuses = pod.status.container_statuses
    return pod.status.phase == "Running" and all(one.ready and not one.state.waiting for one in statuses)


def _since(pod: Pod) -> datetime | None:
    ready = pod.condition("Ready")
    return ready.last_transition_time if ready else None


def _absent(view: View, pods: list[tuple[str, Pod]]) -> Iterator[Fact]:
    """Yield nodes without a pod that most nodes have one of; a node that is new or has taints may be meant to lack it."""
    having: dict[str, set[str]] = defaultdict(set)
    for role, pod in pods:
        having[role].add(pod.spec.node_name)
    known = [node for node in view.nodes if not view.recent(node.metadata.creation_timestamp) and not node.spec.taints]
    for role in sorted(ONE_A_NODE & having.keys()):
        lacking = [node.metadata.name for node in known if node.metadata.name not in having[role]]
        if len(lacking) * 2 >= len(view.nodes):
            continue
        for name in lacking:
            yield view.observe(
                "control_plane.state",
                node_id(name),
                query=f"kubectl get pods -A -o wide --field-selector spec.nodeName={name}",
                role=role,
                healthy=False,
                evidence="absent",
                node=node_id(name),
            )


def _leases(view: View) -> Iterator[Fact]:
    newest = max((at for _, at in node_leases(view)), default=None)
    nodes = {node.metadata.name for node in view.nodes}
    for lease in view.leases:
        role = LEASED.get(lease.metadata.name) if lease.metadata.namespace == NAMESPACE else None
        renewed = lease.spec.renew_time
        if role is None or renewed is None or newest is None:
            continue
        holder = lease.spec.holder_identity.partition("_")[0]
        node = node_id(holder) if holder in nodes else None
        yield view.observe(
            "control_plane.state",
            node or component_id("namespace", None, NAMESPACE),
            query=kubectl_get("lease", NAMESPACE, lease.metadata.name),
            at=renewed,
            role=role,
            healthy=newest - renewed <= duration(lease),
            evidence="lease",
            name=lease.metadata.name,
            node=node,
        )
