"""The nodes as the scheduler sees them: labels, what is free, who runs there, what closes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.plugins.agents.scheduling.needs import amounts, host_ports, requests_of
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod, PodAffinityTerm, PodSpec
from sre_orchestrator.plugins.objects.selectors import Taint, Toleration, tolerated
from sre_orchestrator.plugins.sources.ports import Listing

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
HOSTNAME = "kubernetes.io/hostname"
CLOSING = frozenset({"NoSchedule", "NoExecute"})
SYSTEM_TAINTS = ("node-role.kubernetes.io/", "CriticalAddonsOnly")
_CONTROL = ("control-plane", "controlplane", "master")
_ENDED = frozenset({"Succeeded", "Failed"})
_CORDON = Taint(key=UNSCHEDULABLE, effect="NoSchedule")


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """A node with what is left of it."""

    node: Node
    id: str
    labels: Mapping[str, str]
    free: Mapping[str, float]
    allocatable: Mapping[str, float]
    ports: frozenset[tuple[int, str]]
    pods: Sequence[Pod]

    @property
    def taints(self) -> list[Taint]:
        """Return the taints that keep pods away, that of a cordon left out."""
        return [one for one in self.node.spec.taints if one.effect in CLOSING and one.key != UNSCHEDULABLE]

    @property
    def cordoned(self) -> bool:
        """Say whether the node is marked unschedulable."""
        return self.node.spec.unschedulable or any(one.key == UNSCHEDULABLE for one in self.node.spec.taints)

    def cordon_keeps_out(self, tolerations: Sequence[Toleration]) -> bool:
        """Say whether it is cordoned against a pod with ``tolerations``."""
        return self.cordoned and not tolerated(_CORDON, tolerations)

    @property
    def control_plane(self) -> bool:
        """Say whether labels or taints give the node to the control plane."""
        keys = {*self.labels, *(one.key for one in self.node.spec.taints)}
        named = any(key == f"node-role.kubernetes.io/{role}" for key in keys for role in _CONTROL)
        return named or self.labels.get("kubernetes.io/role") in _CONTROL

    def reserved(self, spec: PodSpec, namespaces: Iterable[str]) -> bool:
        """Say whether it is kept for system pods: by a system taint, or a cordoned control-plane node without others."""
        if any(is_system(one) and not tolerated(one, spec.tolerations) for one in self.taints):
            return True
        if not self.control_plane or not self.cordon_keeps_out(spec.tolerations):
            return False
        return not any(pod.metadata.namespace in namespaces for pod in self.applications())

    def applications(self) -> Iterable[Pod]:
        """Return the pods that could run elsewhere: those of no DaemonSet and no node."""
        return (pod for pod in self.pods if owner_kind(pod) not in {"DaemonSet", "Node"})


def is_system(taint: Taint) -> bool:
    """Say whether a taint keeps a node for the system, as the control plane's does in every cluster."""
    return taint.key.startswith(SYSTEM_TAINTS)


def owner_kind(pod: Pod) -> str:
    """Return the kind of the pod's controller, or ``""``."""
    return next((one.kind for one in pod.metadata.owner_references), "")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """All places, and which pods hold which topology; ``whole`` when every node of the cluster was read."""

    places: Sequence[Place]
    whole: bool
    namespaces: Mapping[str, Mapping[str, str]]

    def holding(self, term: PodAffinityTerm, own: str) -> frozenset[str]:
        """Return the values of the term's topology where a pod runs that the term selects."""
        wanted = self.named(term, own)
        selector = term.label_selector
        if selector is None:
            return frozenset()
        return frozenset(
            value
            for place in self.places
            if (value := place.labels.get(term.topology_key))
            and any(pod.metadata.namespace in wanted and selector.matches(pod.metadata.labels) for pod in place.pods)
        )

    def named(self, term: PodAffinityTerm, own: str) -> frozenset[str]:
        """Return the namespaces that a term looks at."""
        chosen = set(term.namespaces)
        if term.namespace_selector is not None:
            chosen |= {name for name, labels in self.namespaces.items() if term.namespace_selector.matches(labels)}
            if not term.namespace_selector.match_labels and not term.namespace_selector.match_expressions:
                chosen.add(own)
        elif not chosen:
            chosen.add(own)
        return frozenset(chosen)

    def refusing(self, pod: Pod) -> dict[str, frozenset[str]]:
        """Return topology key → values where a running pod's own anti-affinity keeps ``pod`` away."""
        found: dict[str, set[str]] = defaultdict(set)
        for place in self.places:
            for other in place.pods:
                for term in anti_terms(other.spec):
                    value = place.labels.get(term.topology_key)
                    if value and value not in found[term.topology_key] and self._selects(term, other, pod):
                        found[term.topology_key].add(value)
        return {key: frozenset(values) for key, values in found.items() if values}

    def _selects(self, term: PodAffinityTerm, holder: Pod, pod: Pod) -> bool:
        if term.label_selector is None or not term.label_selector.matches(pod.metadata.labels):
            return False
        return pod.metadata.namespace in self.named(term, holder.metadata.namespace)


def anti_terms(spec: PodSpec) -> tuple[PodAffinityTerm, ...]:
    """Return the required anti-affinity terms."""
    return spec.affinity.pod_anti_affinity.required if spec.affinity and spec.affinity.pod_anti_affinity else ()


def affinity_terms(spec: PodSpec) -> tuple[PodAffinityTerm, ...]:
    """Return the required affinity terms."""
    return spec.affinity.pod_affinity.required if spec.affinity and spec.affinity.pod_affinity else ()


def cluster_of(nodes: Listing[Node], pods: Iterable[Pod], namespaces: Iterable[Namespace]) -> Cluster:
    """Return the cluster with every pod on its node; pods that have ended hold nothing."""
    running: dict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        if pod.spec.node_name and pod.status.phase not in _ENDED:
            running[pod.spec.node_name].append(pod)
    return Cluster(
        places=[
            _place(node, running.get(node.metadata.name, ()))
            for node in sorted(nodes.items, key=lambda node: node.metadata.name)
        ],
        whole=bool(nodes.complete_in),
        namespaces={one.metadata.name: one.metadata.labels for one in namespaces},
    )


def _place(node: Node, pods: Sequence[Pod]) -> Place:
    allocatable = amounts(node.status.allocatable or node.status.capacity)
    free = dict(allocatable)
    ports: set[tuple[int, str]] = set()
    for pod in pods:
        for name, wanted in requests_of(pod.spec).items():
            free[name] = free.get(name, 0.0) - wanted
        ports |= host_ports(pod.spec)
    return Place(
        node=node,
        id=component_id("node", None, node.metadata.name),
        # The kubelet sets the host name again when it starts: a node that lacks it is still meant by it.
        labels={HOSTNAME: node.metadata.name, **node.metadata.labels},
        free=free,
        allocatable=allocatable,
        ports=frozenset(ports),
        pods=pods,
    )
