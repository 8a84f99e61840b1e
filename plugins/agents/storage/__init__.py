"""Claims that are not bound: who waits for them, and what keeps each from the nearest volume."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.reading import covered, current, in_scope, kubectl_events, kubectl_get
from sre_orchestrator.plugins.agents.similar import similar
from sre_orchestrator.plugins.agents.storage.matching import nearest, selector_in_words
from sre_orchestrator.plugins.agents.storage.messages import claim_failure
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.pods import Pod, PodSpec
from sre_orchestrator.plugins.objects.quantity import amount
from sre_orchestrator.plugins.objects.storage import PersistentVolume, PersistentVolumeClaim, StorageClass
from sre_orchestrator.plugins.objects.workloads import Deployment, StatefulSet, Workload
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Listing

BY_HAND = "kubernetes.io/no-provisioner"
DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
LATE = "WaitForFirstConsumer"
UNBOUND = frozenset({"Pending", "Lost"})
CLAIM = "persistentvolumeclaim"
PATIENCE_SECONDS = 10.0
SHOWN_BYTES = 400


class StorageAgent:
    """Looks at claims, volumes and classes."""

    name = "storage"
    description = "persistent volume claims that are pending, volumes, storage classes, provisioning, binding"
    examples = (
        "a persistent volume claim stays pending and is not bound",
        "the storage class does not exist, provisioning of a volume fails",
        "the disk that a database asks for is not created",
    )
    kinds = frozenset({"claim.pending", "claim.event", "claim.mismatch", "claim.waits_for"})

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what is wrong with each claim that is mounted and not bound, and the pods that wait for it."""
        objects = sources.need(ClusterObjects)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        pods, claims = await objects.list(Pod), await objects.list(PersistentVolumeClaim)
        volumes, classes = await objects.list(PersistentVolume), await objects.list(StorageClass)
        events = await objects.list(Event)
        for one in covered(("claim.pending", "claim.waits_for"), pods, claims):
            yield one
        for one in covered(("claim.mismatch",), claims, volumes, classes):
            yield one
        for one in covered(("claim.event",), claims, events):
            yield one
        workloads: list[Workload] = [*(await objects.list(Deployment)).items, *(await objects.list(StatefulSet)).items]
        view = _View(
            observe=Observer(self.name, sources.cluster),
            scope=scope,
            pods=in_scope(pods.items, scope),
            claims=claims,
            volumes=volumes,
            classes=classes,
            events=list(current(events.items, claims.items, scope)),
        )
        for fact in _waiting(view):
            yield fact
        mounted = _mounted(view, in_scope(workloads, scope))
        for claim in in_scope(claims.items, scope):
            if (claim.metadata.namespace, claim.metadata.name) in mounted:
                for fact in _unbound(view, claim):
                    yield fact


@dataclass(frozen=True, kw_only=True)
class _View:
    """What the agent read."""

    observe: Observer
    scope: Scope
    pods: Sequence[Pod]
    claims: Listing[PersistentVolumeClaim]
    volumes: Listing[PersistentVolume]
    classes: Listing[StorageClass]
    events: Sequence[Event]

    def class_of(self, claim: PersistentVolumeClaim) -> StorageClass | None:
        """Return the class of a claim; one that names none gets the default class, if there is one."""
        wanted = claim.spec.storage_class_name
        if wanted is None:
            return next((one for one in self.classes.items if _is_default(one)), None)
        return next((one for one in self.classes.items if one.metadata.name == wanted), None)

    def age_seconds(self, claim: PersistentVolumeClaim) -> float:
        """Return how long ago a claim was made; long ago when nobody knows."""
        created = claim.metadata.creation_timestamp
        return (self.scope.until - created).total_seconds() if created else PATIENCE_SECONDS + 1


def claims_of(spec: PodSpec) -> Iterator[str]:
    """Yield the names of the claims that a pod mounts."""
    for volume in spec.volumes:
        if volume.persistent_volume_claim:
            yield volume.persistent_volume_claim.claim_name


def _is_default(one: StorageClass) -> bool:
    return any(one.metadata.annotations.get(key) == "true" for key in DEFAULT)


def _mounted(view: _View, workloads: Iterable[Workload]) -> set[tuple[str, str]]:
    """Return (namespace, name) of the claims that a pod or a workload's template mounts."""
    mounted = {(pod.metadata.namespace, name) for pod in view.pods for name in claims_of(pod.spec)}
    for workload in workloads:
        namespace = workload.metadata.namespace
        mounted |= {(namespace, name) for name in claims_of(workload.spec.template.spec)}
        for template in workload.spec.volume_claim_templates:
            stem = f"{template.metadata.name}-{workload.metadata.name}-"
            mounted |= {(namespace, f"{stem}{number}") for number in range(workload.desired)}
    return mounted


def _waiting(view: _View) -> Iterator[Fact]:
    """Yield the pods without a node whose claims are absent or not bound."""
    known = {(one.metadata.namespace, one.metadata.name): one for one in view.claims.items}
    for pod in view.pods:
        if pod.spec.node_name or pod.status.phase not in {"Pending", ""}:
            continue
        namespace = pod.metadata.namespace
        whole = namespace in view.claims.complete_in or "*" in view.claims.complete_in
        names = [name for space, name in known if space == namespace]
        for name in claims_of(pod.spec):
            claim = known.get((namespace, name))
            if claim is None or claim.status.phase in UNBOUND:
                yield view.observe(
                    "claim.waits_for",
                    component_id("pod", namespace, pod.metadata.name),
                    query=kubectl_get(CLAIM, namespace, name),
                    at=pod.metadata.creation_timestamp,
                    claim=component_id(CLAIM, namespace, name),
                    exists=True if claim else False if whole else None,
                    phase=claim.status.phase if claim else None,
                    nearest=None if claim else similar(name, names) or None,
                )


def _unbound(view: _View, claim: PersistentVolumeClaim) -> Iterator[Fact]:
    if claim.status.phase not in UNBOUND or view.age_seconds(claim) < PATIENCE_SECONDS:
        return
    found = view.class_of(claim)
    if found and found.volume_binding_mode == LATE and not _consumer_tried(view, claim):
        return
    yield _pending(view, claim, found)
    yield from _events(view, claim)
    yield from _mismatches(view, claim, found)


def _consumer_tried(view: _View, claim: PersistentVolumeClaim) -> bool:
    """Say whether a claim that waits for its first consumer has one whose volume the scheduler or a provisioner refused."""
    words = ("persistent volume", "persistentvolumeclaim", "volume")
    conditions = (
        pod.condition("PodScheduled")
        for pod in view.pods
        if pod.metadata.namespace == claim.metadata.namespace and claim.metadata.name in claims_of(pod.spec)
    )
    refused = any(one and one.status == "False" and any(word in one.message for word in words) for one in conditions)
    return refused or any(one == "provisioning" for one, _ in _said(view, claim))


def _pending(view: _View, claim: PersistentVolumeClaim, found: StorageClass | None) -> Fact:
    spec, meta = claim.spec, claim.metadata
    named = spec.storage_class_name
    known = [one.metadata.name for one in view.classes.items]
    absent = bool(named) and found is None and bool(view.classes.complete_in)
    return view.observe(
        "claim.pending",
        component_id(CLAIM, meta.namespace, meta.name),
        query=kubectl_get(CLAIM, meta.namespace, meta.name),
        at=meta.creation_timestamp,
        phase=claim.status.phase,
        age_seconds=view.age_seconds(claim),
        lingers=meta.creation_timestamp is not None and meta.creation_timestamp < view.scope.since,
        storage_class=named,
        class_exists=True if named and found else False if absent else None,
        nearest_class=similar(named or "", known) or None if absent else None,
        provisioner=found.provisioner if found and found.provisioner != BY_HAND else None,
        binding_mode=found.volume_binding_mode if found else None,
        access_modes=" ".join(spec.access_modes),
        requested_bytes=amount(spec.resources.requests, "storage"),
        volume_name=spec.volume_name or None,
        selector=selector_in_words(claim) or None,
    )


def _events(view: _View, claim: PersistentVolumeClaim) -> Iterator[Fact]:
    """Yield the last event of each class about a claim."""
    meta = claim.metadata
    last = dict(sorted(_said(view, claim), key=lambda one: str(one[1].last or "")))
    for failure, event in sorted(last.items()):
        yield view.observe(
            "claim.event",
            component_id(CLAIM, meta.namespace, meta.name),
            query=kubectl_events(CLAIM, meta.namespace, meta.name),
            at=event.first,
            failure=failure,
            message=event.text[:SHOWN_BYTES],
            count=event.times,
        )


def _said(view: _View, claim: PersistentVolumeClaim) -> list[tuple[str, Event]]:
    meta = claim.metadata
    return [
        (failure, event)
        for event in view.events
        if (event.about.kind, event.about.namespace, event.about.name)
        == ("PersistentVolumeClaim", meta.namespace, meta.name)
        and (failure := claim_failure(event.reason, event.text))
    ]


def _mismatches(view: _View, claim: PersistentVolumeClaim, found: StorageClass | None) -> Iterator[Fact]:
    """Yield what keeps a claim from the nearest volume; a class that makes volumes needs none unless one is named."""
    spec, meta = claim.spec, claim.metadata
    here = component_id(CLAIM, meta.namespace, meta.name)
    volumes = list(view.volumes.items)
    if spec.volume_name:
        volumes = [one for one in volumes if one.metadata.name == spec.volume_name]
        if not volumes and view.volumes.complete_in:
            yield view.observe(
                "claim.mismatch",
                here,
                query="kubectl get persistentvolumes",
                at=meta.creation_timestamp,
                field="absent",
                volume=component_id("persistentvolume", None, spec.volume_name),
                wanted=spec.volume_name,
                found="no volume of that name",
                only=True,
            )
    elif found and found.provisioner != BY_HAND and spec.selector is None:
        return
    wanted = spec.storage_class_name
    if wanted is None:
        wanted = found.metadata.name if found else ""
    for volume, fields in nearest(claim, volumes, wanted):
        for one in fields:
            yield view.observe(
                "claim.mismatch",
                here,
                query=kubectl_get("persistentvolume", "", volume.metadata.name),
                at=meta.creation_timestamp,
                field=one.field,
                volume=component_id("persistentvolume", None, volume.metadata.name),
                wanted=one.wanted,
                found=one.found,
                only=len(fields) == 1,
            )


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the agent."""
    del settings
    return [StorageAgent()]
