"""What the agent read: objects of the scope's namespaces, indexed the way facts need them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, TypeVar

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Coverage, Scope
from sre_orchestrator.plugins.agents.reading import covered, current, in_scope
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.custom import Middleware
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import CUSTOM, KINDS
from sre_orchestrator.plugins.objects.selectors import labels_match
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
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Listing

# A middleware has no state of its own.
WITH_STATE = tuple(kind for kind in CUSTOM if kind is not Middleware)
K = TypeVar("K", bound=Object)
PARTIAL = "snapshot/partial"
STARTING = timedelta(seconds=30)
FROM_PODS = [
    "pod.phase",
    "pod.unready",
    "pod.evicted",
    "pod.drained",
    "container.waiting",
    "container.terminated",
    "container.restarted",
    "container.running",
    "container.limit",
    "container.probe",
]
FROM_EVENTS = ["probe.failed", "container.killed", "event"]
FROM_WORKLOADS = ["workload.replicas", "workload.unavailable", "workload.condition"]
READ: tuple[type[Object], ...] = (
    Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, HorizontalPodAutoscaler, Service, Event,
    ConfigMap, Secret, *WITH_STATE,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class View:
    """The objects in scope.

    ``events`` are those about objects that still exist, by component id; ``owners`` maps ReplicaSets
    and Jobs to what controls them. ``custom_resources`` are those of every namespace, since they deliver to others.
    """

    scope: Scope
    observe: Observer
    pods: Sequence[Pod]
    workloads: Sequence[Workload]
    replica_sets: Sequence[ReplicaSet]
    jobs: Sequence[Job]
    cron_jobs: Sequence[CronJob]
    autoscalers: Sequence[HorizontalPodAutoscaler]
    services: Sequence[Service]
    configuration: Sequence[ConfigMap | Secret]
    custom_resources: Sequence[Object]
    events: Mapping[str, Sequence[Event]]
    owners: Mapping[str, str]
    coverage: Sequence[Coverage]

    def in_window(self, at: datetime | None) -> bool:
        """Say whether a time is known and lies in the window of the incident."""
        return at is not None and self.scope.since <= at <= self.scope.until

    def age(self, at: datetime | None) -> float | None:
        """Return the seconds from ``at`` to the incident, never negative; ``None`` when it is unknown."""
        return None if at is None else max((self.scope.until - at).total_seconds(), 0.0)

    def starting(self, pod: Pod) -> bool:
        """Say whether a pod is so young that it cannot be expected to be up."""
        created = pod.metadata.creation_timestamp
        return created is not None and self.scope.until - created < STARTING

    def owner(self, item: Object) -> str:
        """Return the component id of what controls ``item`` at the top, or its own."""
        here = _controller(item) or identity(item)
        return self.owners.get(here, here)

    def services_of(self, namespace: str, labels: Mapping[str, str]) -> list[Service]:
        """Return the services whose selector matches ``labels``."""
        return [
            one
            for one in self.services
            if one.metadata.namespace == namespace and labels_match(one.spec.selector, labels)
        ]


async def read_view(scope: Scope, sources: Sources, agent: str) -> View:
    """List what the agent looks at, once."""
    cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract] # a port is found by its protocol
    lists: dict[type[Object], Listing[Any]] = {kind: await cluster.list(kind) for kind in READ}

    def here(kind: type[K]) -> list[K]:
        return in_scope(lists[kind].items, scope)

    workloads: list[Workload] = [*here(Deployment), *here(StatefulSet), *here(DaemonSet)]
    present = list(chain.from_iterable(here(kind) for kind in READ if kind is not Event))
    return View(
        scope=scope,
        observe=Observer(agent, sources.cluster),
        pods=here(Pod),
        workloads=workloads,
        replica_sets=here(ReplicaSet),
        jobs=here(Job),
        cron_jobs=here(CronJob),
        autoscalers=here(HorizontalPodAutoscaler),
        services=here(Service),
        configuration=[*here(ConfigMap), *here(Secret)],
        custom_resources=[one for kind in WITH_STATE for one in lists[kind].items],
        owners={identity(one): above for one in [*here(ReplicaSet), *here(Job)] if (above := _controller(one))},
        events=_by_object(lists[Event].items, present, scope),
        coverage=tuple(_coverage(lists)),
    )


def identity(item: Object) -> str:
    """Return the component id of an object."""
    return component_id(KINDS[type(item)].kind, item.metadata.namespace or None, item.metadata.name)


def partial(pod: Pod) -> bool:
    """Say whether a pod is known from one row of a table only."""
    return PARTIAL in pod.metadata.annotations


def node_of(pod: Pod) -> str | None:
    """Return the component id of a pod's node."""
    return component_id("node", None, pod.spec.node_name) if pod.spec.node_name else None


def _by_object(events: Iterable[Event], present: Iterable[Object], scope: Scope) -> Mapping[str, Sequence[Event]]:
    """Return the current events by the component they are about; kinds share names, so uids decide within a kind."""
    known: dict[str, list[Object]] = defaultdict(list)
    for one in present:
        known[KINDS[type(one)].kind].append(one)
    found: dict[str, list[Event]] = defaultdict(list)
    by_kind: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_kind[event.about.kind].append(event)
    for kind, some in by_kind.items():
        for event in current(some, known[kind], scope):
            found[component_id(kind, event.about.namespace or None, event.about.name)].append(event)
    return found


def _controller(item: Object) -> str | None:
    owners = item.metadata.owner_references
    owner = next((one for one in owners if one.controller), owners[0] if owners else None)
    return component_id(owner.kind, item.metadata.namespace, owner.name) if owner else None


def _coverage(lists: Mapping[type[Object], Listing[Any]]) -> Iterable[Coverage]:
    yield from covered(FROM_PODS, lists[Pod])
    yield from covered(FROM_EVENTS, lists[Pod], lists[Event])
    yield from covered(FROM_WORKLOADS, lists[Deployment], lists[StatefulSet], lists[DaemonSet])
    yield from covered(["container.changed"], lists[Deployment], lists[ReplicaSet])
    yield from covered(["workload.scaled"], lists[Deployment], lists[Event])
    yield from covered(["autoscaler.condition"], lists[HorizontalPodAutoscaler])
    yield from covered(["job.state"], lists[Job], lists[CronJob])
    yield from covered(["resource.state"], *(lists[kind] for kind in WITH_STATE))
