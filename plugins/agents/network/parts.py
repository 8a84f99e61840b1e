"""The parts of the network agent's view: templates, backends, declared routes, what a name can mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Endpoints
from sre_orchestrator.plugins.objects.pods import Container, PodSpec
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.routes import Route
from sre_orchestrator.plugins.objects.workloads import CronJob, DaemonSet, Deployment, StatefulSet

Key = tuple[str, str]
Observe = Callable[..., Fact]
CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"


@dataclass(frozen=True, kw_only=True)
class Template:
    """A workload as its pod template describes it."""

    id: str
    namespace: str
    name: str
    spec: PodSpec
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    desired: int
    ready: int

    @property
    def listeners(self) -> tuple[Container, ...]:
        """Return the containers that can serve: sidecars that are declared as init containers too."""
        return (*self.spec.containers, *(one for one in self.spec.init_containers if one.restart_policy == "Always"))


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A route and where it was found."""

    route: Route
    origin: str


@dataclass(frozen=True, kw_only=True)
class Backends:
    """How many endpoints a service has, and when that last changed."""

    ready: int = 0
    not_ready: int = 0
    changed: datetime | None = None


def key_of(item: Object) -> Key:
    """Return namespace and name."""
    return item.metadata.namespace, item.metadata.name


def service_id(key: Key) -> str:
    """Return the component id of a service."""
    return component_id("service", *key)


def meanings(host: str, namespace: str) -> tuple[Key, ...]:
    """Return the services that a name resolves to where they exist (service, service.namespace, pod.service, …)."""
    labels = host.split(".")
    if len(labels) == 1:
        return ((namespace, labels[0]),)
    if len(labels) == 2:  # noqa: PLR2004
        return (labels[1], labels[0]), (namespace, labels[1])
    if labels[2] == "svc":
        return ((labels[1], labels[0]),)
    if len(labels) == 3 or labels[3] == "svc":  # noqa: PLR2004
        return ((labels[2], labels[1]),)
    return ()


def backends_of(one: Endpoints) -> Backends:
    """Return how many endpoints an object lists; a time of change that is none is left out."""
    text = one.metadata.annotations.get(CHANGED, "")
    try:
        changed = datetime.fromisoformat(text) if text else None
    except ValueError:
        changed = None
    return Backends(
        ready=sum(len(subset.addresses) for subset in one.subsets),
        not_ready=sum(len(subset.not_ready_addresses) for subset in one.subsets),
        changed=changed if changed and changed.tzinfo else None,
    )


def template_of(one: Object) -> Template:
    """Return the pod template of a workload."""
    namespace, name = key_of(one)
    if isinstance(one, CronJob):
        template, desired, ready = one.spec.job_template.spec.template, 0, 0
    elif isinstance(one, Deployment | StatefulSet | DaemonSet):
        template, desired, ready = one.spec.template, one.desired, one.ready
    else:  # pragma: no cover - WORKLOADS lists only these
        raise TypeError(type(one).__name__)
    return Template(
        id=component_id(KINDS[type(one)].kind, namespace, name),
        namespace=namespace,
        name=name,
        spec=template.spec,
        labels=template.metadata.labels,
        annotations=template.metadata.annotations,
        desired=desired,
        ready=ready,
    )
