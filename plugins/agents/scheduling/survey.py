"""Adds up what keeps a pod from all nodes: each obstacle, and how many nodes lifting it alone would free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.scheduling.fit import (
    SELECTIONS,
    Fit,
    Obstacle,
    asked_for,
    selection_in_words,
    taint_kind,
)
from sre_orchestrator.plugins.agents.scheduling.messages import Clause, Refusal
from sre_orchestrator.plugins.agents.scheduling.needs import PLAIN, most
from sre_orchestrator.plugins.agents.scheduling.places import SYSTEM_TAINTS, Place, affinity_terms, anti_terms
from sre_orchestrator.plugins.objects.pods import PodSpec
from sre_orchestrator.plugins.objects.selectors import tolerated

NAMED = 3
_OF_REASON = {
    "insufficient-cpu": "cpu",
    "insufficient-memory": "memory",
    "insufficient-ephemeral-storage": "ephemeral-storage",
    "insufficient-extended": "extended",
    "too-many-pods": "pods",
    "unschedulable": "cordoned",
    "pod-affinity": "pod-affinity",
    "pod-anti-affinity": "pod-anti-affinity",
    "topology-spread": "topology-spread",
    "port-conflict": "host-port",
    "volume-node-affinity": "volume-node",
}


_FILTERS = (
    {"cordoned"},
    {"taint", "not-ready", "pressure"},
    {"node-selector", "node-affinity"},
    {"host-port"},
    {"cpu", "memory", "ephemeral-storage", "extended", "pods"},
    {"volume-node"},
    {"topology-spread"},
    {"pod-affinity", "pod-anti-affinity"},
)


class Found(Struct, frozen=True, kw_only=True):
    """An obstacle over the nodes that a pod may use.

    ``frees`` is how many nodes would take the pod if it were lifted, ``occupied`` how many of
    those run pods that it would keep out today, so that it came after them.
    """

    kind: str
    source: str
    nodes: int
    frees: int
    occupied: int | None = None
    detail: str = ""
    claim: str = ""
    request_share: float | None = None
    larger_than_any: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What one pod meets on every place; ``usable`` are the places that are not kept for the system."""

    fit: Fit
    met: Mapping[str, tuple[Obstacle, ...]]
    usable: Sequence[Place]
    selected: Sequence[Place]

    @property
    def fitting(self) -> int:
        """Return how many usable places would take the pod."""
        return sum(not self.met[place.id] for place in self.usable)

    def kinds(self, place: Place) -> frozenset[str]:
        """Return the kinds of obstacles at ``place``."""
        return frozenset(one.kind for one in self.met[place.id])

    def having(self, kind: str) -> list[Place]:
        """Return every place that has an obstacle of ``kind``."""
        return [place for place in self.fit.cluster.places if kind in self.kinds(place)]

    def counted(self, kind: str) -> int:
        """Return how many nodes the scheduler would count for ``kind``: it stops at the first filter that refuses."""
        return sum(kind in _first_refusal(self.kinds(place)) for place in self.fit.cluster.places)

    def alone(self, kind: str) -> list[Place]:
        """Return the usable places that have obstacles of ``kind`` only."""
        return [place for place in self.usable if self.kinds(place) == {kind}]


def survey(fit: Fit, namespaces: Collection[str]) -> Survey:
    """Compare the pod with every place.

    A node that is kept for the system counts only when the pod asks for it by what no other node
    has, or when there is nothing else.
    """
    places = fit.cluster.places
    met = {place.id: fit.obstacles(place) for place in places}
    selected = [place for place in places if not SELECTIONS & {one.kind for one in met[place.id]}]
    usable = [place for place in places if not place.reserved(fit.pod.spec, namespaces)] or list(places)
    open_to_all = set(usable)
    chosen = [place for place in selected if place in open_to_all]
    meant = [place for place in selected if asked_for(fit.pod.spec, place, usable)]
    if not chosen and meant:
        usable, chosen = meant, meant
    return Survey(fit=fit, met=met, usable=usable, selected=chosen)


def from_specs(seen: Survey) -> Iterator[Found]:
    """Yield the obstacles each of which, lifted alone, would let a node take the pod.

    When none would, all that the nearest nodes have is yielded. A selector that some usable node
    satisfies is no obstacle: what keeps the pod from that node is.
    """
    candidates = seen.selected or seen.usable
    alone = {kind for place in candidates if len(kinds := seen.kinds(place)) == 1 for kind in kinds}
    least = min((len(seen.kinds(place)) for place in candidates), default=0)
    together = {kind for place in candidates if len(kinds := seen.kinds(place)) == least for kind in kinds}
    for kind in sorted(alone or together):
        yield _found(seen, kind)


def from_message(refusal: Refusal, spec: PodSpec, seen: Survey | None) -> Iterator[Found]:
    """Yield what the scheduler counts beyond the specs.

    That is all of it when no node could be read, and nothing when the specs show every obstacle.
    """
    if seen and not seen.fitting:
        return
    counted: dict[str, list[Clause]] = defaultdict(list)
    for clause in refusal.clauses:
        for kind in _kinds_of(clause, spec):
            counted[kind].append(clause)
    for kind in sorted(counted):
        nodes = sum(clause.nodes for clause in counted[kind])
        excess = nodes - (seen.counted(kind) if seen else 0)
        if excess > 0:
            words = dict.fromkeys(clause.detail or clause.text for clause in counted[kind])
            yield Found(kind=kind, source="message", nodes=nodes, frees=excess, detail=", ".join(words))


def _first_refusal(kinds: Set[str]) -> Set[str]:
    return next((here for refused in _FILTERS if (here := refused & kinds)), frozenset())


def _found(seen: Survey, kind: str) -> Found:
    having, freed, usable = seen.having(kind), seen.alone(kind), set(seen.usable)
    resource = _resource(seen, kind)
    return Found(
        kind=kind,
        source="spec",
        nodes=len(having),
        frees=len(freed),
        occupied=sum(_came_after(seen, kind, place) for place in freed),
        detail=_detail(seen, kind, freed or [place for place in having if place in usable]),
        claim=_claim(seen, kind),
        request_share=_share(seen, resource),
        larger_than_any=_larger(seen, resource),
    )


def _kinds_of(clause: Clause, spec: PodSpec) -> tuple[str, ...]:
    """Return the obstacles that a clause may mean, read beside the pod's spec."""
    if clause.reason == "taint":
        key = clause.detail.partition("=")[0]
        return () if key.startswith(SYSTEM_TAINTS) else (taint_kind(key),)
    if clause.reason == "selector-or-affinity":
        named = {"node-selector": spec.node_selector, "node-affinity": spec.affinity and spec.affinity.node_affinity}
        return tuple(kind for kind, there in named.items() if there)
    if clause.reason == "pod-anti-affinity" and affinity_terms(spec) and not anti_terms(spec):
        return ("pod-affinity",)
    kind = _OF_REASON.get(clause.reason)
    return (kind,) if kind else ()


def _came_after(seen: Survey, kind: str, place: Place) -> bool:
    """Say whether ``place`` runs applications that a cordon or taint would keep out today."""
    if kind == "cordoned":
        return any(True for _ in place.applications())
    closing = [taint for taint in place.taints if kind == "taint" and taint_kind(taint.key) == kind]
    names = {one.detail for one in seen.met[place.id]}
    return any(
        not tolerated(taint, pod.spec.tolerations)
        for taint in closing
        if str(taint) in names
        for pod in place.applications()
    )


def _resource(seen: Survey, kind: str) -> str:
    if kind in PLAIN:
        return kind
    return next((o.detail for place in seen.usable for o in seen.met[place.id] if o.kind == kind == "extended"), "")


def _largest(seen: Survey, resource: str) -> float:
    return most(place.allocatable.get(resource, 0.0) for place in seen.usable)


def _share(seen: Survey, resource: str) -> float | None:
    largest = _largest(seen, resource) if resource else 0.0
    return round(seen.fit.wanted[resource] / largest, 3) if largest else None


def _larger(seen: Survey, resource: str) -> bool | None:
    return seen.fit.wanted[resource] > _largest(seen, resource) if resource else None


def _claim(seen: Survey, kind: str) -> str:
    if kind != "volume-node":
        return ""
    return next(one.claim for place in seen.usable for one in seen.met[place.id] if one.kind == kind)


def _detail(seen: Survey, kind: str, places: Sequence[Place]) -> str:
    if kind in {"node-selector", "node-affinity"}:
        return selection_in_words(seen.fit.pod.spec, kind, seen.usable)
    if resource := _resource(seen, kind):
        return seen.fit.shortage(resource, places)
    details = sorted({one.detail for place in places for one in seen.met[place.id] if one.kind == kind} - {""})
    if details:
        return ", ".join(details[:NAMED])
    return ", ".join(place.node.metadata.name for place in places[:NAMED])
