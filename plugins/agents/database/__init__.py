"""The database agent: how databases, caches and brokers are, by connections that settings name and by exporters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.identity import kind_of, namespace_of
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.database.measured import exported, measured
from sre_orchestrator.plugins.agents.database.told import Told, facts
from sre_orchestrator.plugins.agents.logs.callees import Cast
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import (
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    StatefulSet,
    Workload,
)
from sre_orchestrator.plugins.sources.database_reading import DatabaseReading
from sre_orchestrator.plugins.sources.ports import ClusterObjects, DatabaseServer, Metrics, Series

READ: tuple[type[Object], ...] = (
    Pod, Service, ReplicaSet, Job, Deployment, StatefulSet, DaemonSet, CronJob, ConfigMap,
)  # fmt: skip
WORKLOADS: tuple[type[Workload], ...] = (Deployment, StatefulSet, DaemonSet, ReplicaSet)
AT_ONCE = 4
# The facts that each part of a reading gives completely; of clients, sessions, statements and queues only those that
# matter most are told.
GIVEN = {
    "mode": ("database.mode",),
    "connections": ("database.connections",),
    "locks": ("database.blocking",),
    "replication": ("database.replication",),
    "deadlocks": ("database.deadlocks",),
    "space": ("database.space", "database.alarm"),
    "memory": ("database.memory",),
}
PARTLY = ("database.client", "database.session", "database.slow_statement", "database.queue")


class DatabaseAgent:
    """Asks databases how they are; never diagnoses."""

    name = "database"
    description = "databases, caches, brokers: connections, locks, replication, queries, memory, queues, space"
    examples = (
        "the database is slow, queries wait for locks",
        "too many connections to PostgreSQL or MySQL, the replica lags, it is read-only",
        "Redis is out of memory, messages pile up in a RabbitMQ queue",
    )
    kinds = frozenset({"database.connection", *PARTLY, *(kind for kinds in GIVEN.values() for kind in kinds)})

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what the databases of the namespaces in ``scope`` tell, each asked once and some at a time."""
        servers = [one for one in sources.all if isinstance(one, DatabaseServer) and _in_scope(one.component, scope)]
        series = exported(await _series(scope, sources))
        if not servers and not series:
            return
        read = await _read(sources)
        cast, observe = Cast(read), Observer(self.name, sources.cluster)
        known: set[str] = set()
        for reading in _readings(servers):
            component = _workload(reading.component, cast)
            told = Told(reading=reading, component=component, scope=scope, observe=observe, workload_at=cast.peer)
            for one in _said(told):
                yield one
            if reading.outcome == "accepted":
                known.add(component)
        for fact in measured(series, cast, _places(read), observe, known) if series else ():
            if _in_scope(fact.component, scope):
                yield fact


def _said(told: Told) -> Iterator[Fact | Coverage | Gap]:
    """Yield what one database tells; facts need a component that they are about."""
    yield from told.reading.gaps
    if told.reading.outcome == "unknown":
        return
    if not told.component:
        yield _homeless(told.reading)
        return
    yield from facts(told)
    yield from _coverage(told.reading, told.component)


def _homeless(reading: DatabaseReading) -> Gap:
    return Gap(
        agent=DatabaseAgent.name,
        what=f"what database {reading.name} tells",
        why="no component of the cluster is known to be this database",
        remedy=f"set component of databases {reading.name}, such as statefulset/shop/db",
    )


def _readings(servers: Sequence[DatabaseServer]) -> Iterator[DatabaseReading]:
    """Yield what the servers tell, in their order; some are asked at a time."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="database") as workers:
        yield from workers.map(lambda one: one.look(), servers)


async def _read(sources: Sources) -> dict[type[Object], tuple[Object, ...]]:
    cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]  # a port is asked for by its protocol
    return {kind: (await cluster.list(kind)).items for kind in READ}


async def _series(scope: Scope, sources: Sources) -> Sequence[Series]:
    """Return what the metrics agent reads too, of which it tells what is missing."""
    metrics = sources.find(Metrics)  # type: ignore[type-abstract]  # a port is asked for by its protocol
    with suppress(SourceMissing):
        return await metrics.series(scope.since, scope.until, scope.namespaces) if metrics else ()
    return ()


def _places(read: Mapping[type[Object], tuple[Object, ...]]) -> Places:
    return Places(
        [one for one in read[Pod] if isinstance(one, Pod)],
        (),
        [one for kind in WORKLOADS for one in read[kind] if isinstance(one, Workload)],
        [one for one in read[Service] if isinstance(one, Service)],
    )


def _in_scope(component: str, scope: Scope) -> bool:
    namespace = namespace_of(component)
    return not namespace or namespace in scope.namespaces


def _workload(component: str, cast: Cast) -> str:
    """Return the workload that is this database; a service without one, such as of a server outside, stands for itself."""
    return cast.backing(component) or component if kind_of(component) == "service" else component


def _coverage(reading: DatabaseReading, component: str) -> Iterator[Coverage]:
    """Yield what was read completely."""
    for part in sorted(reading.read):
        for kind in GIVEN.get(part, ()):
            yield Coverage(kind=kind, scope=component)
    yield Coverage(kind="database.connection", scope=component)


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the agent."""
    del settings
    return [DatabaseAgent()]
