"""What the readers of this agent share: pods, the workloads that own them, the accounts that they run as."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Scope
from sre_orchestrator.plugins.agents.reading import in_scope
from sre_orchestrator.plugins.objects.config import ServiceAccount
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.workloads import Deployment, Job, ReplicaSet
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Listing

OWNED: tuple[type[Object], ...] = (ReplicaSet, Job, Deployment)
MAX_CLIMB = 4
DEFAULT = "default"


@dataclass(frozen=True, kw_only=True)
class View:
    """What one gathering looks at; ``pods`` are those of the scope, by the workload on top of each."""

    observe: Observer
    scope: Scope
    pods: Mapping[str, Sequence[Pod]]
    pods_listed: Listing[Pod]
    accounts: Listing[ServiceAccount]
    events: Listing[Event]

    def running_as(self, namespace: str, account: str) -> Iterator[str]:
        """Yield the workloads whose pods run as an account."""
        for workload, pods in self.pods.items():
            if (pods[0].metadata.namespace, account_of(pods[0])) == (namespace, account):
                yield workload


async def look(observe: Observer, scope: Scope, cluster: ClusterObjects) -> View:
    """Return what is there to look at."""
    pods = await cluster.list(Pod)
    owners: dict[str, str] = {}
    for kind in OWNED:
        owners |= _owners((await cluster.list(kind)).items)
    events = await cluster.list(Event)
    return View(
        observe=observe,
        scope=scope,
        pods=_by_workload(in_scope(pods.items, scope), owners),
        pods_listed=pods,
        accounts=await cluster.list(ServiceAccount),
        events=events,
    )


def account_of(pod: Pod) -> str:
    """Return the name of the service account that a pod runs as."""
    return pod.spec.service_account_name or DEFAULT


def identity(item: Object) -> str:
    """Return the component id of an object."""
    return component_id(KINDS[type(item)].kind, item.metadata.namespace or None, item.metadata.name)


def _owners(items: Iterable[Object]) -> dict[str, str]:
    return {
        identity(one): component_id(owner.kind, one.metadata.namespace, owner.name)
        for one in items
        for owner in one.metadata.owner_references[:1]
    }


def _by_workload(pods: Iterable[Pod], owners: Mapping[str, str]) -> dict[str, list[Pod]]:
    found: dict[str, list[Pod]] = {}
    for pod in pods:
        here = identity(pod)
        for owner in pod.metadata.owner_references[:1]:
            if owner.kind != "Node":
                here = component_id(owner.kind, pod.metadata.namespace, owner.name)
        for _ in range(MAX_CLIMB):
            here = owners.get(here, here)
        found.setdefault(here, []).append(pod)
    return found
