"""The metrics agent: each series against its own normal part, saturation, latency, node against node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.identity import namespace_of
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.metrics.alerts import alerted
from sre_orchestrator.plugins.agents.metrics.changes import Change, from_shifts, merged
from sre_orchestrator.plugins.agents.metrics.climbs import climbing
from sre_orchestrator.plugins.agents.metrics.curves import curves
from sre_orchestrator.plugins.agents.metrics.patterns import called
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.agents.metrics.report import Picture, facts
from sre_orchestrator.plugins.agents.metrics.shifts import shifts
from sre_orchestrator.plugins.agents.metrics.silence import unmeasured
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import (
    CronJob,
    DaemonSet,
    Deployment,
    ReplicaSet,
    StatefulSet,
    Workload,
)
from sre_orchestrator.plugins.sources.alert_rules import with_kept_rules
from sre_orchestrator.plugins.sources.calls import Calls
from sre_orchestrator.plugins.sources.ports import (
    Alert,
    Alerts,
    ClusterObjects,
    Incomplete,
    Metrics,
    Series,
    Topology,
)

READ: tuple[type[Object], ...] = (
    Pod,
    Node,
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    Service,
    ConfigMap,
    CronJob,
)
WORKLOADS: tuple[type[Workload], ...] = (Deployment, StatefulSet, DaemonSet, ReplicaSet)
KINDS = frozenset(
    {
        "metric.changed",
        "metric.steady",
        "metric.saturated",
        "latency.raised",
        "node.retransmissions",
        "latency.pattern",
        "node.unmeasured",
        "memory.climbing",
    }
)


class MetricsAgent:
    """Compares series with their own past; never diagnoses."""

    name = "metrics"
    description = "metrics: latency, errors, traffic, cpu, memory, throttling, network, saturation, anomalies"
    examples = (
        "latency and response times rise, requests are slow",
        "cpu is saturated or throttled, memory usage grows",
        "traffic or error rates are unusual since an hour",
    )
    kinds = KINDS

    def __init__(self, state_dir: str = "") -> None:
        self._state_dir = state_dir

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what changed against its own normal part, what held, and how nodes compare."""
        series, firing, gaps = await _told(scope, sources)
        firing = with_kept_rules(firing, self._state_dir)
        for gap in gaps:
            yield gap
        if not series and not firing:
            return
        cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]
        read: dict[type[Object], tuple[Object, ...]] = {kind: (await cluster.list(kind)).items for kind in READ}
        places = _places(read)
        told = from_shifts(shifts(curves(series, places))) if series else []
        changes = [one for one in merged(told, alerted(firing, places)) if _in_scope(one, scope)]
        observe = Observer(self.name, sources.cluster)
        picture = Picture(observe=observe, places=places, changes=changes)
        for fact in facts(picture, await _calls(read, sources) if picture.of("latency", "up") else {}):
            yield fact
        for fact in (*unmeasured(series, places, observe), *climbing(series, places, scope.namespaces, observe)):
            yield fact
        if picture.of("retransmissions"):
            yield Coverage(kind="node.retransmissions", scope="*")
        yield Coverage(kind="latency.pattern", scope="*")
        if series:
            for kind, signal in (("latency.raised", "latency"), ("metric.changed", "cpu"), ("metric.saturated", "cpu")):
                for component in sorted({one.component for one in told if one.signal == signal}):
                    yield Coverage(kind=kind, scope=component)


async def _told(scope: Scope, sources: Sources) -> tuple[Sequence[Series], Sequence[Alert], Sequence[Gap]]:
    """Return series and alerts, and what they lack; one of them is enough to go on."""
    measured, alerts = sources.find(Metrics), sources.find(Alerts)  # type: ignore[type-abstract]  # a port is asked for by its protocol
    series: Sequence[Series] = ()
    firing: Sequence[Alert] = ()
    gaps: list[Gap] = []
    try:
        series = await measured.series(scope.since, scope.until, scope.namespaces) if measured else ()
        gaps += measured.gaps() if isinstance(measured, Incomplete) else ()
    except SourceMissing as missing:
        gaps.append(Gap(agent=MetricsAgent.name, what="series of metrics", why=str(missing)))
    with suppress(SourceMissing):  # of which the alerts agent tells
        firing = await alerts.alerts() if alerts else ()
    return series, firing, gaps


def _places(read: Mapping[type[Object], tuple[Object, ...]]) -> Places:
    return Places(
        [one for one in read[Pod] if isinstance(one, Pod)],
        [one for one in read[Node] if isinstance(one, Node)],
        [one for kind in WORKLOADS for one in read[kind] if isinstance(one, Workload)],
        [one for one in read[Service] if isinstance(one, Service)],
    )


async def _calls(read: Mapping[type[Object], tuple[Object, ...]], sources: Sources) -> dict[str, set[str]]:
    topology = sources.find(Topology)  # type: ignore[type-abstract]
    declared = await topology.dependencies() if topology else ()
    return called(Calls(read).edges(declared))


def _in_scope(change: Change, scope: Scope) -> bool:
    namespace = namespace_of(change.component)
    return not namespace or namespace in scope.namespaces


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the metrics agent."""
    return [MetricsAgent(settings.state_dir)]
