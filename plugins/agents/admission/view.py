"""What the readers of this agent share: workloads, what owns what, what is still lacking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Scope
from sre_orchestrator.plugins.objects.addresses import service_of
from sre_orchestrator.plugins.objects.config import ResourceQuota, ServiceAccount
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.pods import Pod, PodTemplate
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.storage import PersistentVolumeClaim
from sre_orchestrator.plugins.objects.workloads import CronJob, Deployment, Job, ReplicaSet, Workload
from sre_orchestrator.plugins.sources.calls import Calls
from sre_orchestrator.plugins.sources.ports import Dependency, Listing

MAX_CLIMB = 4


@dataclass(frozen=True, kw_only=True)
class View:
    """The objects that one gathering looks at; ``owners`` are those that can own pods, by component id."""

    observe: Observer
    scope: Scope
    owners: Mapping[str, Object]
    workloads: Sequence[Listing[Object]]
    pods: Listing[Pod]
    events: Listing[Event]
    quotas: Listing[ResourceQuota]
    accounts: Listing[ServiceAccount]
    claims: Listing[PersistentVolumeClaim]
    services: Listing[Service]
    calls: Calls
    dependencies: Sequence[Dependency]
    owned: Counter[str] = field(default_factory=Counter)

    def top(self, component: str) -> str:
        """Return the top owner of a component: ReplicaSet → Deployment, Job → CronJob."""
        for _ in range(MAX_CLIMB):
            item = self.owners.get(component)
            owner = next(iter(item.metadata.owner_references), None) if item else None
            if item is None or owner is None:
                break
            component = component_id(owner.kind, item.metadata.namespace, owner.name)
        return component

    def tops(self) -> Iterator[tuple[str, Object]]:
        """Yield the workloads that nothing owns."""
        for component, item in self.owners.items():
            if not item.metadata.owner_references:
                yield component, item

    def lacks(self, component: str) -> bool:
        """Say whether an owner still has fewer pods than it wants; of other objects nobody knows better: yes."""
        item = self.owners.get(component)
        if isinstance(item, Workload):
            failing = any(one.type == "ReplicaFailure" and one.status == "True" for one in item.status.conditions)
            return failing or item.desired > self._existing(component, item)
        if isinstance(item, Job):
            done = any(one.type == "Complete" and one.status == "True" for one in item.status.conditions)
            return not done and not item.spec.suspend and not item.status.active
        return True

    def called(self) -> Iterator[tuple[str, str]]:
        """Yield the (namespace, service) that workloads are configured or declared to call."""
        for item in self.owners.values():
            namespace = item.metadata.namespace
            for reference in self.calls.references(namespace, template_of(item).spec):
                if place := service_of(reference.address.host, namespace):
                    yield place
        for dependency in self.dependencies:
            yield dependency.namespace, dependency.callee

    def _existing(self, component: str, item: Workload) -> int:
        """Return how many pods an owner has; a Deployment's are those of its ReplicaSets, and its status counts them."""
        if {item.metadata.namespace, "*"} & self.pods.complete_in and not isinstance(item, Deployment):
            return self.owned[component]
        return item.status.replicas


def identity(item: Object) -> str:
    """Return the component id of an object."""
    return component_id(KINDS[type(item)].kind, item.metadata.namespace or None, item.metadata.name)


def template_of(item: Object) -> PodTemplate:
    """Return the pod template of a workload, Job or CronJob."""
    if isinstance(item, CronJob):
        return item.spec.job_template.spec.template
    if isinstance(item, Workload | Job):
        return item.spec.template
    raise TypeError(f"{type(item).__name__} has no pod template")  # pragma: no cover - the agent lists only these


def owned(pods: Sequence[Pod]) -> Counter[str]:
    """Return how many pods each controller has."""
    return Counter(
        component_id(owner.kind, pod.metadata.namespace, owner.name)
        for pod in pods
        for owner in pod.metadata.owner_references
        if owner.controller and pod.metadata.deletion_timestamp is None
    )


def is_serving(item: Object) -> bool:
    """Say whether a workload is one that runs all the time (a ReplicaSet stands for a Deployment only when on its own)."""
    return isinstance(item, Workload) and not (isinstance(item, ReplicaSet) and item.metadata.owner_references)
