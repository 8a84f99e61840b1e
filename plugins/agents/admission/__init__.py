"""Looks at what the API server refuses and what is lacking for it: quotas, limit ranges, accounts, webhooks, pod security."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

import msgspec

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.admission.lacking import accounts, claims, headroom, services
from sre_orchestrator.plugins.agents.admission.refusals import refusals
from sre_orchestrator.plugins.agents.admission.view import View, identity, owned
from sre_orchestrator.plugins.agents.reading import covered, in_scope
from sre_orchestrator.plugins.objects.config import ConfigMap, ResourceQuota, ServiceAccount
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.storage import PersistentVolumeClaim
from sre_orchestrator.plugins.objects.workloads import CronJob, DaemonSet, Deployment, Job, ReplicaSet, StatefulSet
from sre_orchestrator.plugins.sources.calls import Calls
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Listing, Topology

OWNERS: tuple[type[Object], ...] = (Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob)


class AdmissionAgent:
    """What the API server refuses, by events and conditions, and what is not there by comparing names with objects."""

    name = "admission"
    description = "quotas, limit ranges, service accounts, admission webhooks, pod security, refused pods and claims"
    examples = (
        "creating pods is forbidden: the quota of the namespace is exceeded",
        "an admission webhook denied the request or cannot be called",
        "a pod violates pod security or limit ranges and is refused, the service account is missing",
    )
    kinds = frozenset(
        {
            "quota.exceeded",
            "quota.headroom",
            "create.refused",
            "account.missing",
            "claim.lacking",
            "service.lacking",
        }
    )

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what is refused and what is lacking in the namespaces of ``scope``."""
        cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        view = await _view(Observer(self.name, sources.cluster), scope, cluster)
        for reader in (headroom, accounts, claims, services, refusals):
            for fact in reader(view):
                yield fact
        for coverage in _coverage(view):
            yield coverage


async def _view(observe: Observer, scope: Scope, cluster: ClusterObjects) -> View:
    owners: dict[type[Object], Listing[Object]] = {kind: await cluster.list(kind) for kind in OWNERS}
    here = {identity(one): one for listing in owners.values() for one in in_scope(listing.items, scope)}
    service_list, config_maps = await cluster.list(Service), await cluster.list(ConfigMap)
    objects = {kind: listing.items for kind, listing in owners.items()}
    pods, events = await cluster.list(Pod), await cluster.list(Event)
    return View(
        observe=observe,
        scope=scope,
        owners=here,
        workloads=tuple(owners.values()),
        pods=pods,
        events=msgspec.structs.replace(events, items=tuple(_of_now(in_scope(events.items, scope), here, scope))),
        quotas=await cluster.list(ResourceQuota),
        accounts=await cluster.list(ServiceAccount),
        claims=await cluster.list(PersistentVolumeClaim),
        services=service_list,
        calls=Calls({**objects, Service: service_list.items, ConfigMap: config_maps.items}),
        dependencies=await cluster.dependencies() if isinstance(cluster, Topology) else (),
        owned=owned(pods.items),
    )


def _of_now(events: Iterable[Event], owners: Mapping[str, Object], scope: Scope) -> Iterator[Event]:
    """Yield the events up to the incident, without those of an owner that was replaced by another of its name."""
    for event in events:
        owner = owners.get(component_id(event.about.kind, event.about.namespace, event.about.name))
        replaced = owner and owner.metadata.uid and event.about.uid and owner.metadata.uid != event.about.uid
        if not replaced and (event.first is None or event.first <= scope.until):
            yield event


def _coverage(view: View) -> Iterator[Coverage]:
    yield from covered(("quota.headroom",), view.quotas)
    yield from covered(("account.missing",), view.accounts, *view.workloads)
    yield from covered(("claim.lacking",), view.claims, *view.workloads)
    yield from covered(("service.lacking",), view.services, *view.workloads)
    yield from covered(("quota.exceeded", "create.refused"), view.events, *view.workloads)


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Provide the admission agent."""
    del settings
    return [AdmissionAgent()]
