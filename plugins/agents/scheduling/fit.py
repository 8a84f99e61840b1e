"""Compares one pod's spec with each node, as the scheduler's filters do, and names what is in the way.

Source: kubernetes.io/docs/concepts/scheduling-eviction (kube-scheduler, taints, topology spread)
and /concepts/scheduling-eviction/assign-pod-node.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.scheduling.needs import PLAIN, host_ports, most, requests_of, worded
from sre_orchestrator.plugins.agents.scheduling.places import Cluster, Place, affinity_terms, anti_terms
from sre_orchestrator.plugins.objects.pods import Pod, PodSpec, TopologySpread
from sre_orchestrator.plugins.objects.selectors import (
    LabelSelector,
    NodeSelector,
    NodeSelectorTerm,
    Requirement,
    tolerated,
)

SELECTIONS = frozenset({"node-selector", "node-affinity", "volume-node"})
_TROUBLE = {
    "node.kubernetes.io/not-ready": "not-ready",
    "node.kubernetes.io/unreachable": "not-ready",
    "node.kubernetes.io/network-unavailable": "not-ready",
    "node.kubernetes.io/memory-pressure": "pressure",
    "node.kubernetes.io/disk-pressure": "pressure",
    "node.kubernetes.io/pid-pressure": "pressure",
}
_ROUNDING = 1e-9


class Obstacle(Struct, frozen=True, kw_only=True):
    """What keeps a pod from one node; ``claim`` is set where a volume does."""

    kind: str
    detail: str = ""
    claim: str = ""


class VolumePlace(Struct, frozen=True, kw_only=True):
    """Where the volume of a claim can be used."""

    claim: str
    volume: str
    where: NodeSelector


class Fit:
    """One pod against all places."""

    def __init__(self, pod: Pod, cluster: Cluster, volumes: Sequence[VolumePlace] = ()) -> None:
        self.pod = pod
        self.cluster = cluster
        self.wanted = requests_of(pod.spec)
        self._volumes = volumes
        self._ports = host_ports(pod.spec)
        self._refused = _refused(pod, cluster)
        self._required = _required(pod, cluster)
        self._spread = [_Spread(one, pod, cluster) for one in pod.spec.topology_spread_constraints]

    def obstacles(self, place: Place) -> tuple[Obstacle, ...]:
        """Return everything that keeps the pod from ``place``."""
        return (
            *self._selection(place),
            *self._closed(place),
            *self._lacking(place),
            *self._neighbours(place),
        )

    def _selection(self, place: Place) -> Iterator[Obstacle]:
        if not selector_matches(self.pod.spec, place):
            yield Obstacle(kind="node-selector")
        if not affinity_matches(self.pod.spec, place):
            yield Obstacle(kind="node-affinity")
        for volume in self._volumes:
            if not volume.where.matches(place.labels, place.node.metadata.name):
                yield Obstacle(kind="volume-node", detail=volume.volume, claim=volume.claim)

    def _closed(self, place: Place) -> Iterator[Obstacle]:
        tolerations = self.pod.spec.tolerations
        if place.cordon_keeps_out(tolerations):
            yield Obstacle(kind="cordoned")
        for taint in place.taints:
            if not tolerated(taint, tolerations):
                yield Obstacle(kind=taint_kind(taint.key), detail=str(taint))

    def _lacking(self, place: Place) -> Iterator[Obstacle]:
        for name, wanted in self.wanted.items() if place.allocatable else ():
            if wanted > place.free.get(name, 0.0) + _ROUNDING:
                yield Obstacle(kind=name if name in PLAIN else "extended", detail=name)
        if "pods" in place.allocatable and len(place.pods) >= place.allocatable["pods"]:
            yield Obstacle(kind="pods")
        if taken := self._ports & place.ports:
            yield Obstacle(kind="host-port", detail=" ".join(f"{port}/{protocol}" for port, protocol in sorted(taken)))

    def _neighbours(self, place: Place) -> Iterator[Obstacle]:
        if key := next((key for key, held in self._refused if place.labels.get(key) in held), ""):
            yield Obstacle(kind="pod-anti-affinity", detail=key)
        if key := next((key for key, held in self._required if place.labels.get(key) not in held), ""):
            yield Obstacle(kind="pod-affinity", detail=key)
        if key := next((one.key for one in self._spread if one.refuses(place)), ""):
            yield Obstacle(kind="topology-spread", detail=key)

    def shortage(self, resource: str, places: Sequence[Place]) -> str:
        """Word what is asked for and what is there."""
        free = most(place.free.get(resource, 0.0) for place in places)
        whole = most(place.allocatable.get(resource, 0.0) for place in places)
        asked = worded(resource, self.wanted[resource])
        return f"asks for {asked}; the largest node has {worded(resource, whole)}, at most {worded(resource, max(free, 0.0))} is free on one"


def taint_kind(key: str) -> str:
    """Return the obstacle that a taint is: ``not-ready`` and ``pressure`` are set by Kubernetes itself."""
    return _TROUBLE.get(key, "taint")


def selector_matches(spec: PodSpec, place: Place) -> bool:
    """Say whether the node carries every label of ``nodeSelector``."""
    return all(place.labels.get(key) == value for key, value in spec.node_selector.items())


def affinity_matches(spec: PodSpec, place: Place) -> bool:
    """Say whether the node satisfies the required node affinity."""
    required = node_affinity(spec)
    return required is None or required.matches(place.labels, place.node.metadata.name)


def node_affinity(spec: PodSpec) -> NodeSelector | None:
    """Return the required node affinity, if there is one."""
    return spec.affinity.node_affinity.required if spec.affinity and spec.affinity.node_affinity else None


def asked_for(spec: PodSpec, place: Place, others: Sequence[Place]) -> bool:
    """Say whether the pod asks for ``place`` by a label or name that none of ``others`` has; to be spared is not to be meant."""
    required = node_affinity(spec)
    positive = [
        NodeSelectorTerm(match_expressions=(Requirement(key=key, operator="In", values=(value,)),))
        for key, value in spec.node_selector.items()
    ]
    for term in required.node_selector_terms if required else ():
        positive += [NodeSelectorTerm(match_expressions=(one,)) for one in term.match_expressions if _positive(one)]
        positive += [NodeSelectorTerm(match_fields=(one,)) for one in term.match_fields if _positive(one)]
    return any(
        one.matches(place.labels, place.node.metadata.name)
        and not any(one.matches(other.labels, other.node.metadata.name) for other in others)
        for one in positive
    )


def _positive(requirement: Requirement) -> bool:
    return requirement.operator not in {"NotIn", "DoesNotExist"}


def selection_in_words(spec: PodSpec, kind: str, places: Sequence[Place]) -> str:
    """Word what a selector or affinity asks for, and what the nodes carry that comes nearest."""
    if kind == "node-selector":
        wanted = [f"{key}={value}" for key, value in sorted(spec.node_selector.items())]
        keys = sorted(spec.node_selector)
        text = ", ".join(wanted)
    else:
        required = node_affinity(spec)
        terms = required.node_selector_terms if required else ()
        parts = [[*term.match_expressions, *term.match_fields] for term in terms]
        keys = sorted({one.key for part in parts for one in part})
        text = " or ".join(" and ".join(map(str, part)) for part in parts)
    near = _nearest(keys, places)
    return f"{text} (no node has all of it; there is {near})" if near else text


def _nearest(keys: Sequence[str], places: Sequence[Place]) -> str:
    known: dict[str, Counter[str]] = {}
    for place in places:
        for key, value in place.labels.items():
            known.setdefault(key, Counter())[value] += 1
    found = []
    for key in keys:
        close = [key] if key in known else difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.8)
        found += [f"{one}={value}" for one in close for value, _ in sorted(known[one].most_common(2))]
    return ", ".join(found)


def _refused(pod: Pod, cluster: Cluster) -> list[tuple[str, frozenset[str]]]:
    """Return topology key and the values where anti-affinity, the pod's or a neighbour's, refuses it."""
    own = [(term.topology_key, cluster.holding(term, pod.metadata.namespace)) for term in anti_terms(pod.spec)]
    return [*own, *sorted(cluster.refusing(pod).items())]


def _required(pod: Pod, cluster: Cluster) -> list[tuple[str, frozenset[str]]]:
    """Return topology key and the values that pod affinity allows; the first of its own kind may go anywhere."""
    terms = affinity_terms(pod.spec)
    held = [(term.topology_key, cluster.holding(term, pod.metadata.namespace)) for term in terms]
    first = not any(values for _, values in held) and all(
        term.label_selector is not None
        and term.label_selector.matches(pod.metadata.labels)
        and pod.metadata.namespace in cluster.named(term, pod.metadata.namespace)
        for term in terms
    )
    return [] if first else held


class _Spread:
    """One hard topology spread constraint with the pods counted in each domain."""

    def __init__(self, constraint: TopologySpread, pod: Pod, cluster: Cluster) -> None:
        self.key = constraint.topology_key
        self._hard = constraint.when_unsatisfiable == "DoNotSchedule"
        self._skew = constraint.max_skew
        selector = constraint.label_selector
        self._itself = int(selector is not None and selector.matches(pod.metadata.labels))
        self._counts: dict[str, int] = {}
        for place in cluster.places if self._hard else ():
            domain = place.labels.get(self.key)
            if domain and selector_matches(pod.spec, place) and affinity_matches(pod.spec, place):
                here = _matching(place, selector, pod.metadata.namespace)
                self._counts[domain] = self._counts.get(domain, 0) + here
        self._least = min(self._counts.values(), default=0)

    def refuses(self, place: Place) -> bool:
        """Say whether one more pod at ``place`` would make the domains too uneven, or it has no domain."""
        if not self._hard:
            return False
        domain = place.labels.get(self.key)
        if domain is None:
            return True
        return self._counts.get(domain, 0) + self._itself - self._least > self._skew


def _matching(place: Place, selector: LabelSelector | None, namespace: str) -> int:
    if selector is None:
        return 0
    return sum(one.metadata.namespace == namespace and selector.matches(one.metadata.labels) for one in place.pods)
