"""Looks at user flows: 4xx, 5xx and latency by route, from lines of access logs and from metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.identity import component_id, name_of, namespace_of
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.logs.times import stamp_in, stamp_of
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.agents.user_flow.flows import Flow, flows_of
from sre_orchestrator.plugins.agents.user_flow.measured import Measured, measured_in
from sre_orchestrator.plugins.agents.user_flow.requests import Request, likely, request_in
from sre_orchestrator.plugins.objects.naming import ServiceNames
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import DaemonSet, Deployment, ReplicaSet, StatefulSet
from sre_orchestrator.plugins.sources.ports import ClusterObjects, LogStream, Metrics, PodLogs

ALL_BYTES, LEAST_BYTES, MOST_BYTES = 4 * 1024 * 1024, 32 * 1024, 512 * 1024
TASTED = 200


class UserFlowAgent:
    """Tells which routes answer with errors or slowly; never why."""

    name = "user-flow"
    description = "user flows: 4xx and 5xx answers and latency by route and service, from access logs and metrics"
    kinds = frozenset({"flow.errors", "flow.slow"})

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what access logs show, then what metrics show."""
        places = await _places(sources)
        observe = Observer(self.name, sources.cluster)
        logs, metrics = sources.find(PodLogs), sources.find(Metrics)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        if logs:
            names = await _names(scope, sources)
            streams = [one for space in scope.namespaces for one in await logs.streams(space) if not one.previous]
            most = min(MOST_BYTES, max(LEAST_BYTES, ALL_BYTES // max(len(streams), 1)))
            for component, requests in _by_component(logs, streams, most, places, scope).items():
                for flow in flows_of(requests):
                    for fact in _facts(flow, component, names, observe):
                        yield fact
                for kind in sorted(self.kinds):
                    yield Coverage(kind=kind, scope=component)
        series = await metrics.series(scope.since, scope.until) if metrics else ()
        for one in measured_in(series, places):
            if namespace_of(one.component) in scope.namespaces:
                yield _measured(one, observe)


async def _places(sources: Sources) -> Places:
    cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]
    workloads = [
        one for kind in (Deployment, StatefulSet, DaemonSet, ReplicaSet) for one in (await cluster.list(kind)).items
    ]
    return Places(
        (await cluster.list(Pod)).items,
        (await cluster.list(Node)).items,
        workloads,
        (await cluster.list(Service)).items,
    )


async def _names(scope: Scope, sources: Sources) -> dict[str, ServiceNames]:
    services = (await sources.need(ClusterObjects).list(Service)).items  # type: ignore[type-abstract]
    return {
        space: ServiceNames([one.metadata.name for one in services if one.metadata.namespace == space])
        for space in scope.namespaces
    }


def _by_component(
    logs: PodLogs, streams: Sequence[LogStream], most: int, places: Places, scope: Scope
) -> dict[str, list[tuple[Request, datetime | None]]]:
    """Return the requests of the window by the workload whose pods logged them."""
    found: dict[str, list[tuple[Request, datetime | None]]] = {}
    for stream in streams:
        component = places.of("", {"namespace": stream.namespace, "pod": stream.pod})
        if component:
            requests = list(_requests(list(logs.lines(stream, newest_bytes=most)), scope))
            if requests:
                found.setdefault(component, []).extend(requests)
    return found


def _requests(lines: Sequence[str], scope: Scope) -> Iterator[tuple[Request, datetime | None]]:
    """Yield the requests in a log of which at least one of the newest lines looks like a request."""
    if not any(map(request_in, filter(likely, lines[-TASTED:]))):
        return
    for line in lines:
        request = request_in(line) if likely(line) else None
        if request:
            stamp = (request.time and stamp_of(request.time, scope.until)) or stamp_in(line, scope.until)
            at = stamp.at if stamp else None
            if at is None or scope.since <= at <= scope.until or not (stamp and stamp.zoned):
                yield request, at


def _facts(flow: Flow, component: str, names: dict[str, ServiceNames], observe: Observer) -> Iterator[Fact]:
    space = namespace_of(component)
    named = names[space].of_path(flow.route.partition(" ")[2])
    callee = component_id("service", space, named) if named else None
    query = f"kubectl logs -n {space} {component.partition('/')[0]}/{name_of(component)}"
    for one in flow.errors():
        yield observe(
            "flow.errors",
            component,
            query=query,
            at=one.first,
            route=one.route,
            status_class=one.status_class,
            status_code=one.status_code,
            count=one.count,
            total=one.total,
            ratio=round(one.count / one.total, 4),
            first_at=_text(one.first),
            last_at=_text(one.last),
            callee=callee,
            origin="access-log",
        )
    slow = flow.slow()
    if slow:
        yield observe(
            "flow.slow",
            component,
            query=query,
            at=slow.last,
            route=slow.route,
            before_seconds=slow.before,
            after_seconds=slow.after,
            count=slow.count,
            callee=callee,
            origin="access-log",
        )


def _measured(one: Measured, observe: Observer) -> Fact:
    first = datetime.fromtimestamp(one.first, UTC)
    return observe(
        "flow.errors",
        one.component,
        query=one.metric,
        at=first,
        route=one.route or None,
        status_class=one.status_class,
        count=one.count or None,
        total=one.total or None,
        ratio=one.ratio,
        first_at=_text(first),
        origin="metrics",
    )


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the user-flow agent."""
    del settings
    return [UserFlowAgent()]
