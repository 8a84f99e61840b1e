"""Pods that wait for a node: what the scheduler said, and their spec against every node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.identity import component_id, kind_of, name_of
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.reading import covered, current, kubectl_describe, kubectl_get
from sre_orchestrator.plugins.agents.scheduling.fit import Fit, VolumePlace
from sre_orchestrator.plugins.agents.scheduling.pending import (
    Waiting,
    alike,
    last_placed,
    templates_without_pods,
    waiting_pods,
)
from sre_orchestrator.plugins.agents.scheduling.places import UNSCHEDULABLE, Cluster, Place, cluster_of
from sre_orchestrator.plugins.agents.scheduling.survey import Found, Survey, from_message, from_specs, survey
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.storage import PersistentVolume, PersistentVolumeClaim
from sre_orchestrator.plugins.objects.workloads import Deployment, StatefulSet, Workload
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Listing

GROUPS = 40
NODES_SHOWN = 10
DEFAULT_SCHEDULER = "default-scheduler"


class SchedulingAgent:
    """Looks at pods without a node."""

    name = "scheduling"
    description = (
        "pending pods: FailedScheduling, node selectors, affinity, taints, cordons, free capacity, the scheduler"
    )
    examples = (
        "pods stay pending because no node has enough free cpu or memory for them",
        "pods cannot be placed: untolerated taint, affinity or node selector matches no node",
        "FailedScheduling, 0/3 nodes are available",
    )
    kinds = frozenset(
        {
            "pod.unscheduled",
            "scheduling.clause",
            "scheduling.obstacle",
            "scheduling.node_fit",
            "node.cordoned",
        }
    )

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what keeps each pending pod from the nodes, and the nodes that are closed by hand."""
        observe = Observer(self.name, sources.cluster)
        objects = sources.need(ClusterObjects)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        pods, nodes = await objects.list(Pod), await objects.list(Node)
        for coverage in _coverage(pods, nodes):
            yield coverage
        for node in nodes.items:
            for fact in _closed(node, observe):
                yield fact
        events = current((await objects.list(Event)).items, pods.items, scope)
        waiting = waiting_pods(pods.items, events, scope)
        workloads: list[Workload] = [*(await objects.list(Deployment)).items, *(await objects.list(StatefulSet)).items]
        lacking = list(templates_without_pods(workloads, pods.items, scope)) if pods.items else []
        if not waiting and not lacking:
            return
        cluster = cluster_of(nodes, pods.items, (await objects.list(Namespace)).items)
        claims, volumes = await objects.list(PersistentVolumeClaim), await objects.list(PersistentVolume)
        used = {pod.spec.scheduler_name for pod in pods.items if pod.spec.node_name}
        for fact in _unscheduled(waiting, cluster, used, observe):
            yield fact
        groups = [*alike(one for one in waiting if not one.gated), *lacking]
        for found in _compared(groups, cluster, _Volumes(claims.items, volumes.items), scope, observe):
            yield found


def _coverage(pods: Listing[Pod], nodes: Listing[Node]) -> Iterator[Coverage]:
    yield from covered(("pod.unscheduled", "scheduling.clause"), pods)
    yield from covered(("scheduling.obstacle", "scheduling.node_fit"), pods, nodes)
    yield from covered(("node.cordoned",), nodes)


def _compared(
    groups: Sequence[Waiting], cluster: Cluster, volumes: _Volumes, scope: Scope, observe: Observer
) -> Iterator[Fact | Gap]:
    for one in groups[:GROUPS]:
        yield from _obstacles(one, cluster, volumes, scope, observe)
    if len(groups) > GROUPS:
        yield Gap(
            agent=observe.agent,
            what=f"{len(groups) - GROUPS} of {len(groups)} groups of pending pods",
            why=f"only the first {GROUPS} are compared with the nodes",
            remedy="name a namespace or workload in the incident",
        )


class _Volumes:
    """Where the volumes behind claims can be used."""

    def __init__(self, claims: Sequence[PersistentVolumeClaim], volumes: Sequence[PersistentVolume]) -> None:
        self._volume_of = {(one.metadata.namespace, one.metadata.name): one.spec.volume_name for one in claims}
        self._by_name = {one.metadata.name: one for one in volumes}

    def of(self, pod: Pod) -> Iterator[VolumePlace]:
        """Yield the places of the pod's bound volumes that are not usable everywhere."""
        namespace = pod.metadata.namespace
        for part in pod.spec.volumes:
            name = part.persistent_volume_claim.claim_name if part.persistent_volume_claim else ""
            volume = self._by_name.get(self._volume_of.get((namespace, name), ""))
            where = volume.spec.node_affinity.required if volume and volume.spec.node_affinity else None
            if volume and where:
                claim = component_id("persistentvolumeclaim", namespace, name)
                yield VolumePlace(claim=claim, volume=volume.metadata.name, where=where)


def _closed(node: Node, observe: Observer) -> Iterator[Fact]:
    here = component_id("node", None, node.metadata.name)
    show = kubectl_describe("node", "", node.metadata.name)
    at = next((one.time_added for one in node.spec.taints if one.key == UNSCHEDULABLE), None)
    if node.spec.unschedulable:
        yield observe("node.cordoned", here, query=show, at=at)


def _unscheduled(waiting: Sequence[Waiting], cluster: Cluster, used: set[str], observe: Observer) -> Iterator[Fact]:
    masters = [place.id for place in cluster.places if place.control_plane]
    placed = last_placed(cluster).get(DEFAULT_SCHEDULER)
    for one in waiting:
        scheduler, created = one.pod.spec.scheduler_name, one.pod.metadata.creation_timestamp
        passed_over = bool(placed and created and created < placed)
        untried = one.answered is False and not one.gated
        silent = untried and scheduler == DEFAULT_SCHEDULER and not passed_over
        yield observe(
            "pod.unscheduled",
            one.component,
            query=kubectl_describe("pod", one.pod.metadata.namespace, one.pod.metadata.name),
            at=one.at,
            has_event=one.answered,
            age_seconds=one.age_seconds,
            lingers=one.lingers,
            gated=one.gated,
            scheduler=scheduler,
            scheduler_used=scheduler in used,
            awaits="scheduler" if silent else None,
            control_plane=masters[0] if silent and len(masters) == 1 else None,
        )


def _obstacles(one: Waiting, cluster: Cluster, volumes: _Volumes, scope: Scope, observe: Observer) -> Iterator[Fact]:
    refusal = one.refusal
    show = kubectl_describe(kind_of(one.component), one.pod.metadata.namespace, name_of(one.component))
    for clause in refusal.clauses:
        yield observe(
            "scheduling.clause",
            one.component,
            query=show,
            at=one.at,
            reason=clause.reason,
            nodes=clause.nodes,
            total=refusal.total or None,
            detail=clause.detail,
            message=clause.text,
        )
    seen: Survey | None = None
    known = len(cluster.places)
    if known and cluster.whole and refusal.total in {0, known}:
        seen = survey(Fit(one.pod, cluster, tuple(volumes.of(one.pod))), scope.namespaces)
    found = [*(from_specs(seen) if seen and not seen.fitting else ()), *from_message(refusal, one.pod.spec, seen)]
    for obstacle in found:
        yield _found(one, obstacle, observe)
    if seen and not seen.fitting:
        yield from _node_fits(one, seen, observe)


def _found(one: Waiting, found: Found, observe: Observer) -> Fact:
    spec = found.source == "spec"
    namespace, name = one.pod.metadata.namespace, name_of(one.component)
    return observe(
        "scheduling.obstacle",
        one.component,
        query=(kubectl_get if spec else kubectl_describe)(kind_of(one.component), namespace, name),
        at=one.at,
        obstacle=found.kind,
        source=found.source,
        nodes=found.nodes,
        frees=found.frees,
        occupied=found.occupied,
        detail=found.detail,
        claim=(found.claim or _first_claim(one.pod)) if found.kind == "volume-node" else None,
        request_share=found.request_share,
        larger_than_any=found.larger_than_any,
    )


def _first_claim(pod: Pod) -> str | None:
    names = (one.persistent_volume_claim.claim_name for one in pod.spec.volumes if one.persistent_volume_claim)
    return next((component_id("persistentvolumeclaim", pod.metadata.namespace, name) for name in names), None)


def _node_fits(one: Waiting, seen: Survey, observe: Observer) -> Iterator[Fact]:
    """Yield what keeps the pod from the nodes nearest to taking it."""
    nearest = sorted(seen.selected or seen.usable, key=lambda place: (len(seen.met[place.id]), place.id))
    for place in islice(nearest, NODES_SHOWN):
        yield from _node_fit(one, place, seen, observe)


def _node_fit(one: Waiting, place: Place, seen: Survey, observe: Observer) -> Iterator[Fact]:
    met = seen.met[place.id]
    for obstacle in met:
        yield observe(
            "scheduling.node_fit",
            one.component,
            query=kubectl_describe("node", "", place.node.metadata.name),
            at=one.at,
            node=place.id,
            obstacle=obstacle.kind,
            detail=obstacle.detail,
            only=len({other.kind for other in met}) == 1,
        )


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the agent."""
    del settings
    return [SchedulingAgent()]
