"""Reads a cluster's objects into the components and relations of the twin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from hashlib import blake2b

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Component, Edge, EdgeKind, Gap, Scalar, Struct
from sre_orchestrator.plugins.objects.config import ConfigMap, Namespace, ResourceQuota, Secret, ServiceAccount
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Endpoints, Ingress, NetworkPolicy, Service
from sre_orchestrator.plugins.objects.nodes import Lease, Node
from sre_orchestrator.plugins.objects.pods import Container, KeyRef, Pod, PodSpec, Volume
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.selectors import labels_match
from sre_orchestrator.plugins.objects.storage import PersistentVolume, PersistentVolumeClaim, StorageClass
from sre_orchestrator.plugins.objects.workloads import (
    CronJob,
    DaemonSet,
    Deployment,
    HorizontalPodAutoscaler,
    Job,
    ReplicaSet,
    StatefulSet,
    Workload,
)
from sre_orchestrator.plugins.sources.calls import Calls
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Topology

WORKLOADS: tuple[type[Workload], ...] = (Deployment, StatefulSet, DaemonSet, ReplicaSet)
OTHERS: tuple[type[Object], ...] = (
    CronJob, Job, Service, Ingress, NetworkPolicy, ConfigMap, Secret, ServiceAccount, ResourceQuota,
    PersistentVolumeClaim, PersistentVolume, StorageClass, HorizontalPodAutoscaler, Namespace, Node,
)  # fmt: skip
WATCHED: tuple[type[Object], ...] = (Event, Lease)  # what agents read beside: nobody else tells their gaps
RELEASE = "meta.helm.sh/release-name"


class Use(Struct, frozen=True, kw_only=True):
    """What a pod uses: an object of its namespace, and where it says so."""

    edge: EdgeKind
    kind: str
    name: str
    provenance: str


async def feed(cluster: ClusterObjects) -> AsyncIterator[Component | Edge | Gap]:
    """Yield every component, every relation with its provenance, and the gaps of what could not be read."""
    read: dict[type[Object], tuple[Object, ...]] = {}
    kinds: tuple[type[Object], ...] = (Pod, *WORKLOADS, *OTHERS)
    every: tuple[type[Object], ...] = (*kinds, Endpoints, *WATCHED)
    for kind in every:
        listing = await cluster.list(kind)
        read[kind] = listing.items
        for gap in listing.gaps:
            yield gap
    for kind in kinds:
        for item in read[kind]:
            yield Component(
                id=identity(item), attributes=dict(_attributes(item)), since=item.metadata.creation_timestamp
            )
            for edge in _general(item):
                yield edge
    for edges in (_pods, _selected, _routed, _bound, _limited):
        for edge in edges(read):
            yield edge
    dependencies = await cluster.dependencies() if isinstance(cluster, Topology) else ()
    for edge in Calls(read).edges(dependencies):
        yield edge


def identity(item: Object) -> str:
    """Return the component id of an object."""
    return component_id(KINDS[type(item)].kind, item.metadata.namespace or None, item.metadata.name)


def _attributes(item: Object) -> Iterator[tuple[str, Scalar]]:
    """Yield what a change of the object shows in: flat, small, never a secret's value."""
    if item.metadata.generation:
        yield "generation", item.metadata.generation
    if item.metadata.labels:
        yield "labels", _digest(sorted(item.metadata.labels.items()))
    if isinstance(item, Workload):
        yield "replicas", item.desired
        yield "images", " ".join(one.image for one in item.spec.template.spec.containers)
    elif isinstance(item, Pod):
        yield "node", item.spec.node_name
        yield "phase", item.status.phase
    elif isinstance(item, Node):
        yield "unschedulable", item.spec.unschedulable
        yield "taints", " ".join(sorted(map(str, item.spec.taints)))
    elif isinstance(item, Service):
        yield "selector", ",".join(f"{key}={value}" for key, value in sorted(item.spec.selector.items()))
        yield "ports", " ".join(f"{one.port}:{one.target}/{one.protocol}" for one in item.spec.ports)
    elif isinstance(item, ConfigMap):
        yield "data", _digest(sorted(item.data.items()))


def _digest(value: object) -> str:
    return blake2b(repr(value).encode(), digest_size=6).hexdigest()


def _general(item: Object) -> Iterator[Edge]:
    """Yield ownership and release membership, which any object can have."""
    here, meta = identity(item), item.metadata
    for owner in meta.owner_references:
        yield _edge(
            component_id(owner.kind, None if owner.kind == "Node" else meta.namespace, owner.name),
            "owns",
            here,
            "ownerReferences",
        )
    release = meta.annotations.get(RELEASE)
    if release:
        yield _edge(
            here, "belongs_to_release", component_id("release", meta.namespace, release), f"annotation {RELEASE}"
        )
    if isinstance(item, HorizontalPodAutoscaler):
        target = item.spec.scale_target_ref
        yield _edge(here, "scales", component_id(target.kind, meta.namespace, target.name), "spec.scaleTargetRef")
    if isinstance(item, ResourceQuota):
        yield _edge(here, "limits", component_id("namespace", None, meta.namespace), "metadata.namespace")


def _pods(read: dict[type[Object], tuple[Object, ...]]) -> Iterator[Edge]:
    """Yield where pods run and what pods and templates use; a workload without pods still uses its template's."""
    for pod in read[Pod]:
        if isinstance(pod, Pod):
            if pod.spec.node_name:
                yield _edge(identity(pod), "runs_on", component_id("node", None, pod.spec.node_name), "spec.nodeName")
            yield from _uses(identity(pod), pod.metadata.namespace, pod.spec)
    for kind in (Deployment, StatefulSet, DaemonSet):
        for workload in read[kind]:
            if isinstance(workload, Workload):
                yield from _uses(identity(workload), workload.metadata.namespace, workload.spec.template.spec)


def _uses(here: str, namespace: str, spec: PodSpec) -> Iterator[Edge]:
    containers = (*spec.init_containers, *spec.containers)
    used = [one for volume in spec.volumes for one in _of_volume(volume)]
    used += [one for container in containers for one in _of_environment(container)]
    used += [_secret(pull.name, "imagePullSecrets") for pull in spec.image_pull_secrets]
    if spec.service_account_name:
        account = spec.service_account_name
        used.append(Use(edge="uses_account", kind="serviceaccount", name=account, provenance="spec.serviceAccountName"))
    for one in used:
        yield _edge(here, one.edge, component_id(one.kind, namespace, one.name), one.provenance)


def _config(name: str, provenance: str) -> Use:
    return Use(edge="uses_config", kind="configmap", name=name, provenance=provenance)


def _secret(name: str, provenance: str) -> Use:
    return Use(edge="uses_secret", kind="secret", name=name, provenance=provenance)


def _of_volume(volume: Volume) -> Iterator[Use]:
    where = f"volume {volume.name}"
    parts = volume.projected.sources if volume.projected else ()
    if volume.persistent_volume_claim:
        claim = volume.persistent_volume_claim.claim_name
        yield Use(edge="mounts", kind="persistentvolumeclaim", name=claim, provenance=where)
    for config in filter(None, (volume.config_map, *(part.config_map for part in parts))):
        yield _config(config.name, where)
    for secret in filter(None, (volume.secret, *(part.secret for part in parts))):
        yield _secret(secret.secret_name or secret.name, where)


def _of_environment(container: Container) -> Iterator[Use]:
    for one in container.env_from:
        yield from _referred(one.config_map_ref, one.secret_ref, f"envFrom of {container.name}")
    for env in container.env:
        if env.value_from:
            source = env.value_from
            yield from _referred(source.config_map_key_ref, source.secret_key_ref, f"env {env.name}")


def _referred(config: KeyRef | None, secret: KeyRef | None, where: str) -> Iterator[Use]:
    if config:
        yield _config(config.name, where)
    if secret:
        yield _secret(secret.name, where)


def _selected(read: dict[type[Object], tuple[Object, ...]]) -> Iterator[Edge]:
    """Yield which pods a service selects, by selector and by endpoints."""
    pods: dict[str, list[Pod]] = {}
    for pod in read[Pod]:
        if isinstance(pod, Pod):
            pods.setdefault(pod.metadata.namespace, []).append(pod)
    for service in read[Service]:
        if isinstance(service, Service):
            for pod in pods.get(service.metadata.namespace, ()):
                if labels_match(service.spec.selector, pod.metadata.labels):
                    yield _edge(identity(service), "selects", identity(pod), "spec.selector")
    for endpoints in read[Endpoints]:
        if isinstance(endpoints, Endpoints):
            yield from _of_endpoints(endpoints)


def _of_endpoints(endpoints: Endpoints) -> Iterator[Edge]:
    namespace = endpoints.metadata.namespace
    service = component_id("service", namespace, endpoints.metadata.name)
    addresses = [one for subset in endpoints.subsets for one in (*subset.addresses, *subset.not_ready_addresses)]
    for address in addresses:
        if address.target_ref and address.target_ref.kind == "Pod":
            yield _edge(service, "selects", component_id("pod", namespace, address.target_ref.name), "endpoints")


def _routed(read: dict[type[Object], tuple[Object, ...]]) -> Iterator[Edge]:
    for ingress in read[Ingress]:
        if isinstance(ingress, Ingress):
            paths = [path for rule in ingress.spec.rules if rule.http for path in rule.http.paths]
            for backend in (ingress.spec.default_backend, *(path.backend for path in paths)):
                if backend and backend.service:
                    service = component_id("service", ingress.metadata.namespace, backend.service.name)
                    yield _edge(identity(ingress), "routes_to", service, "spec.rules")


def _bound(read: dict[type[Object], tuple[Object, ...]]) -> Iterator[Edge]:
    for claim in read[PersistentVolumeClaim]:
        if isinstance(claim, PersistentVolumeClaim) and claim.spec.volume_name:
            yield _edge(
                identity(claim),
                "binds",
                component_id("persistentvolume", None, claim.spec.volume_name),
                "spec.volumeName",
            )


def _limited(read: dict[type[Object], tuple[Object, ...]]) -> Iterator[Edge]:
    """Yield whose traffic a network policy limits."""
    for policy in read[NetworkPolicy]:
        for workload in (one for kind in WORKLOADS[:3] for one in read[kind]):
            if isinstance(policy, NetworkPolicy) and isinstance(workload, Workload):
                same = policy.metadata.namespace == workload.metadata.namespace
                if same and policy.spec.pod_selector.matches(workload.spec.template.metadata.labels):
                    yield _edge(identity(policy), "limits", identity(workload), "spec.podSelector")


def _edge(source: str, kind: EdgeKind, target: str, provenance: str) -> Edge:
    return Edge(source=source, kind=kind, target=target, provenance=provenance)
