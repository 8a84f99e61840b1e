"""Reads an object into its component: the id, and the attributes in which its changes show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import overload

import msgspec

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Component, Scalar
from sre_orchestrator.plugins.objects.config import ConfigMap, Namespace, ResourceQuota, Secret, ServiceAccount
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import HTTPRoute, Ingress, NetworkPolicy, Service, VirtualService
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Container, Pod, PodTemplate
from sre_orchestrator.plugins.objects.registry import KINDS
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

COMPONENTS: tuple[type[Object], ...] = (
    Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, CronJob, Job, Service, Ingress, HTTPRoute, VirtualService,
    NetworkPolicy, ConfigMap, Secret, ServiceAccount, ResourceQuota, PersistentVolumeClaim, PersistentVolume,
    StorageClass, HorizontalPodAutoscaler, Namespace, Node,
)  # fmt: skip
MANY = 20  # keys of a ConfigMap up to which each has an attribute of its own


def identity(item: Object) -> str:
    """Return the component id of an object."""
    return component_id(KINDS[type(item)].kind, item.metadata.namespace or None, item.metadata.name)


def component(item: Object) -> Component:
    """Return the component of an object of one of ``COMPONENTS``."""
    return Component(id=identity(item), attributes=dict(_attributes(item)), since=item.metadata.creation_timestamp)


@overload
def template_of(item: Workload | CronJob) -> PodTemplate: ...
@overload
def template_of(item: Object | None) -> PodTemplate | None: ...
def template_of(item: Object | None) -> PodTemplate | None:
    """Return the pod template of a workload that others call or that calls, ``None`` for anything else."""
    if isinstance(item, CronJob):
        return item.spec.job_template.spec.template
    return item.spec.template if isinstance(item, Workload) else None


def _attributes(item: Object) -> Iterator[tuple[str, Scalar]]:
    """Yield what a change of the object shows in: flat, small, never a secret's value.

    Of what is long or may be confidential there is a digest: the twin words a change of ``x_digest`` as ``x differs``.
    """
    if item.metadata.generation:
        yield "generation", item.metadata.generation
    if item.metadata.labels:
        yield "labels_digest", _digest(item.metadata.labels)
    if isinstance(item, Workload):
        yield "replicas", item.desired
        yield from _template(item.spec.template)
    elif isinstance(item, CronJob):
        yield "schedule", item.spec.schedule
        yield "suspended", item.spec.suspend
        yield from _template(template_of(item))
    elif isinstance(item, Pod):
        yield "node", item.spec.node_name
        yield "phase", item.status.phase
    elif isinstance(item, Node):
        yield "unschedulable", item.spec.unschedulable
        yield "taints", " ".join(sorted(map(str, item.spec.taints)))
    elif isinstance(item, ConfigMap):
        yield from _data(item)
    else:
        yield from _bounds(item)


def _bounds(item: Object) -> Iterator[tuple[str, Scalar]]:
    """Yield the attributes of what routes, bounds and stores."""
    if isinstance(item, Service):
        yield "selector", ",".join(f"{key}={value}" for key, value in sorted(item.spec.selector.items()))
        yield "ports", " ".join(f"{one.port}:{one.target}/{one.protocol}" for one in item.spec.ports)
    elif isinstance(item, HorizontalPodAutoscaler):
        yield "min_replicas", item.spec.min_replicas
        yield "max_replicas", item.spec.max_replicas
    elif isinstance(item, ResourceQuota):
        yield "hard", " ".join(f"{name}={amount}" for name, amount in sorted(item.spec.hard.items()))
    elif isinstance(item, PersistentVolumeClaim | PersistentVolume):
        yield "phase", item.status.phase
    elif isinstance(item, Ingress | HTTPRoute | VirtualService | NetworkPolicy):
        yield "rules_digest", _digest(item.spec)


def _template(template: PodTemplate) -> Iterator[tuple[str, Scalar]]:
    """Yield the images, and digests of the other parts of a template that a rollout changes."""
    containers = (*template.spec.init_containers, *template.spec.containers)
    yield "images", " ".join(one.image for one in template.spec.containers)
    for name, parts in _parts(containers):
        if any(parts):
            yield f"{name}_digest", _digest(parts)
    yield "template_digest", _digest(template)


def _parts(containers: Iterable[Container]) -> Iterator[tuple[str, list[object]]]:
    each = list(containers)
    yield "environment", [(one.name, one.env, one.env_from) for one in each if one.env or one.env_from]
    yield "commands", [(one.name, one.command, one.args) for one in each if one.command or one.args]
    yield "resources", [(one.name, one.resources) for one in each if one.resources.requests or one.resources.limits]
    yield (
        "probes",
        [
            (one.name, one.liveness_probe, one.readiness_probe, one.startup_probe)
            for one in each
            if one.liveness_probe or one.readiness_probe or one.startup_probe
        ],
    )


def _data(item: ConfigMap) -> Iterator[tuple[str, Scalar]]:
    if len(item.data) > MANY:
        yield "data_digest", _digest(item.data)
    else:
        yield from ((f"data {key}_digest", _digest(value)) for key, value in item.data.items())


def _digest(value: object) -> str:
    return blake2b(msgspec.json.encode(value, order="sorted"), digest_size=6).hexdigest()
