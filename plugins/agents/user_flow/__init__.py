"""Looks at user flows: 4xx, 5xx and latency by route, from lines of access logs and from metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.identity import component_id, name_of, namespace_of
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scalar, Scope
from sre_orchestrator.core.settings import Objective, Settings, UserFlow
from sre_orchestrator.plugins.agents.logs.times import stamp_in, stamp_of
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.agents.user_flow.answered import Named, tallies
from sre_orchestrator.plugins.agents.user_flow.declared import (
    DeclaredFlow,
    DeclaredFlows,
    from_annotations,
    from_settings,
)
from sre_orchestrator.plugins.agents.user_flow.flows import TARGET, Flow, flows_of
from sre_orchestrator.plugins.agents.user_flow.measured import Measured, MeasuredSlow, measured_in
from sre_orchestrator.plugins.agents.user_flow.requests import Request, likely, request_in
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.naming import ServiceNames
from sre_orchestrator.plugins.objects.network import HTTPRoute, Ingress, Service
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import DaemonSet, Deployment, ReplicaSet, StatefulSet, Workload
from sre_orchestrator.plugins.sources.ports import ClusterObjects, LogStream, Metrics, PodLogs

K = TypeVar("K", bound=Object)
Read = Mapping[type[Object], tuple[Object, ...]]
WORKLOADS: tuple[type[Workload], ...] = (Deployment, StatefulSet, DaemonSet, ReplicaSet)
ANNOTATED: tuple[type[Object], ...] = (HTTPRoute, Ingress, Service, Deployment, StatefulSet, DaemonSet)
READ: tuple[type[Object], ...] = (Pod, Node, Service, Ingress, HTTPRoute, *WORKLOADS)
SERVER = "5xx"
ALL_BYTES, LEAST_BYTES, MOST_BYTES = 4 * 1024 * 1024, 32 * 1024, 512 * 1024
TASTED = 200


@dataclass(frozen=True, kw_only=True)
class View:
    """The objects of a cluster, what runs where, and the flows that owners declare."""

    read: Read
    places: Places
    flows: DeclaredFlows


class UserFlowAgent:
    """Tells which routes answer with errors or slowly; never why."""

    name = "user-flow"
    description = "user flows: 4xx and 5xx answers and latency by route and service, from access logs and metrics"
    examples = (
        "users see errors 500 when they check out",
        "customers cannot pay, orders or logins fail with 5xx",
        "requests of a route or page are answered 404 or slowly",
    )
    kinds = frozenset({"flow.errors", "flow.slow"})

    def __init__(self, flows: Sequence[UserFlow] = ()) -> None:
        self._flows = tuple(flows)

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what access logs show, then what metrics show, then which declared flows nobody saw."""
        read = await _read(sources)
        places = _places(read)
        declared: list[DeclaredFlow] = []
        for one in (
            *from_settings(self._flows, _of(read, Service), places),
            *from_annotations((item for kind in ANNOTATED for item in read[kind]), places, self.name),
        ):
            if isinstance(one, Gap):
                yield one
            else:
                declared.append(one)
        view = View(read=read, places=places, flows=DeclaredFlows(declared))
        observe = Observer(self.name, sources.cluster)
        async for logged in _from_logs(scope, sources, view, observe):
            yield logged
        async for counted in _from_metrics(scope, sources, view, observe):
            yield counted
        for gap in view.flows.unseen(self.name, scope.namespaces):
            yield gap


async def _from_logs(
    scope: Scope, sources: Sources, view: View, observe: Observer
) -> AsyncIterator[Fact | Coverage | Gap]:
    logs = sources.find(PodLogs)  # type: ignore[type-abstract]  # a port is asked for by its protocol
    if logs is None:
        return
    try:
        streams = [one for space in scope.namespaces for one in await logs.streams(space) if not one.previous]
    except SourceMissing as missing:
        yield Gap(agent=observe.agent, what="requests that access logs tell of", why=str(missing))
        return
    names = _names(scope, view.read)
    most = min(MOST_BYTES, max(LEAST_BYTES, ALL_BYTES // max(len(streams), 1)))
    for component, requests in _by_component(logs, streams, most, view.places, scope).items():
        for flow in flows_of(requests):
            for fact in _facts(flow, component, names, view.flows, observe):
                yield fact
        for kind in sorted(UserFlowAgent.kinds):
            yield Coverage(kind=kind, scope=component)


async def _from_metrics(
    scope: Scope, sources: Sources, view: View, observe: Observer
) -> AsyncIterator[Fact | Coverage | Gap]:
    metrics = sources.find(Metrics)  # type: ignore[type-abstract]
    if metrics is None:
        return
    try:
        series = await metrics.series(scope.since, scope.until, scope.namespaces)
    except SourceMissing as missing:
        yield Gap(agent=observe.agent, what="requests that metrics count", why=str(missing))
        return
    counted = tallies(series, view.places, Named(_keys(view.read[Service]), _keys(view.read[Ingress])))
    for one in measured_in(series, view.places, counted, view.flows):
        if namespace_of(one.at.component) in scope.namespaces:
            yield _measured(one, observe) if isinstance(one, Measured) else _measured_slow(one, observe)
    for component in sorted({at.component for at, tally in counted.items() if tally.counters}):
        yield Coverage(kind="flow.errors", scope=component)
    for component in sorted({at.component for at, tally in counted.items() if tally.buckets or tally.sums}):
        yield Coverage(kind="flow.slow", scope=component)


async def _read(sources: Sources) -> Read:
    cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]
    return {kind: (await cluster.list(kind)).items for kind in READ}


def _of(read: Read, kind: type[K]) -> list[K]:
    return [one for one in read[kind] if isinstance(one, kind)]


def _keys(items: Iterable[Object]) -> Iterator[tuple[str, str]]:
    return ((one.metadata.namespace, one.metadata.name) for one in items)


def _places(read: Read) -> Places:
    workloads = [one for kind in WORKLOADS for one in _of(read, kind)]
    return Places(_of(read, Pod), _of(read, Node), workloads, _of(read, Service))


def _names(scope: Scope, read: Read) -> dict[str, ServiceNames]:
    return {
        space: ServiceNames([name for home, name in _keys(read[Service]) if home == space])
        for space in scope.namespaces
    }


def _by_component(
    logs: PodLogs, streams: Sequence[LogStream], most: int, places: Places, scope: Scope
) -> dict[str, list[tuple[Request, datetime | None]]]:
    """Return the requests of the window by the workload whose pods logged them; workloads that keep an access log.

    That is a log of which at least one of the newest lines looks like a request.
    """
    found: dict[str, list[tuple[Request, datetime | None]]] = {}
    for stream in streams:
        component = places.of("", {"namespace": stream.namespace, "pod": stream.pod})
        if component:
            lines = list(logs.lines(stream, newest_bytes=most))
            if any(map(request_in, filter(likely, lines[-TASTED:]))):
                found.setdefault(component, []).extend(_requests(lines, scope))
    return found


def _requests(lines: Sequence[str], scope: Scope) -> Iterator[tuple[Request, datetime | None]]:
    """Yield the requests of the window."""
    for line in lines:
        request = request_in(line) if likely(line) else None
        if request:
            stamp = (request.time and stamp_of(request.time, scope.until)) or stamp_in(line, scope.until)
            at = stamp.at if stamp else None
            if at is None or scope.since <= at <= scope.until or not (stamp and stamp.zoned):
                yield request, at


def _facts(
    flow: Flow, component: str, names: Mapping[str, ServiceNames], flows: DeclaredFlows, observe: Observer
) -> Iterator[Fact]:
    space = namespace_of(component)
    named = names[space].of_path(flow.route.partition(" ")[2])
    callee = component_id("service", space, named) if named else ""
    declared = flows.of(component, callee=callee, route=flow.route)
    objective = declared.objective if declared else Objective()
    query = f"kubectl logs -n {space} {component.partition('/')[0]}/{name_of(component)}"
    for one in flow.errors(objective.allowed):
        ratio = round(one.count / one.total, 4)
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
            ratio=ratio,
            first_at=_text(one.first),
            last_at=_text(one.last),
            callee=callee or None,
            origin="access-log",
            **_promised(declared, ratio if one.status_class == SERVER else None),
        )
    slow = flow.slow(objective.latency_seconds)
    if slow:
        yield observe(
            "flow.slow",
            component,
            query=query,
            at=slow.last,
            route=slow.route,
            before_seconds=slow.before,
            after_seconds=slow.after,
            quantile=slow.quantile,
            count=slow.count,
            callee=callee or None,
            origin="access-log",
            **_within(declared, slow.after, slow.quantile),
        )


def _measured(one: Measured, observe: Observer) -> Fact:
    first = datetime.fromtimestamp(one.first, UTC)
    return observe(
        "flow.errors",
        one.at.component,
        query=one.at.metric,
        at=first,
        route=one.at.route or None,
        host=one.at.host or None,
        status_class=one.status_class,
        status_code=one.status_code or None,
        count=one.count or None,
        total=one.total or None,
        ratio=one.ratio,
        first_at=_text(first),
        callee=one.at.callee or None,
        origin="metrics",
        **_promised(one.flow, one.ratio if one.status_class == SERVER else None),
    )


def _measured_slow(one: MeasuredSlow, observe: Observer) -> Fact:
    return observe(
        "flow.slow",
        one.at.component,
        query=one.at.metric,
        at=datetime.fromtimestamp(one.last, UTC),
        route=one.at.route or None,
        host=one.at.host or None,
        before_seconds=one.before,
        after_seconds=one.after,
        quantile=one.quantile,
        count=one.count,
        callee=one.at.callee or None,
        origin="metrics",
        **_within(one.flow, one.after, one.quantile),
    )


def _promised(flow: DeclaredFlow | None, failing: float | None) -> dict[str, Scalar | None]:
    """Return the flow's name, its objective and whether the share of 5xx violates it (not said of 4xx)."""
    if flow is None:
        return {}
    allowed = flow.objective.allowed if failing is not None else None
    return {
        "flow": flow.name,
        "allowed_ratio": allowed,
        "violated": None if allowed is None or failing is None else failing > allowed,
    }


def _within(flow: DeclaredFlow | None, seconds: float, quantile: float | None) -> dict[str, Scalar | None]:
    """Return the flow's name, its objective and whether a time of the right quantile violates it."""
    if flow is None:
        return {}
    most = flow.objective.latency_seconds if quantile == TARGET else None
    return {"flow": flow.name, "allowed_seconds": most, "violated": None if most is None else seconds > most}


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the user-flow agent."""
    return [UserFlowAgent(settings.user_flows)]
