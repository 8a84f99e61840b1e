"""Reads the logs of the pods in scope, troubled pods first, within bounds on bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.plugins.agents.logs.callees import Cast, identity
from sre_orchestrator.plugins.agents.logs.servers import look_at_servers
from sre_orchestrator.plugins.agents.logs.sightings import START_LINES, read_log, read_start
from sre_orchestrator.plugins.agents.logs.summary import Source, Summary
from sre_orchestrator.plugins.agents.logs.table import load_table
from sre_orchestrator.plugins.agents.reading import covered, in_scope
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.pods import ContainerStatus, Pod
from sre_orchestrator.plugins.objects.workloads import CronJob, DaemonSet, Deployment, Job, ReplicaSet, StatefulSet
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Listing, LogStream, PodLogs, Topology

TROUBLED_BYTES = 1024 * 1024
HEALTHY_BYTES, LEAST_BYTES = 4 * 1024 * 1024, 64 * 1024
ASKED_BYTES = 16 * 1024 * 1024
MAX_PORT = 65535
KINDS_READ: tuple[type[Object], ...] = (
    Pod, ReplicaSet, Service, Deployment, StatefulSet, DaemonSet, CronJob, Job, ConfigMap
)  # fmt: skip


class LogsAgent:
    """Says what containers log about themselves and about those they call."""

    name = "logs"
    description = (
        "container logs: errors by class, failing calls, last words before an exit, listening ports, start times"
    )
    examples = (
        "the log is full of errors, exceptions and stack traces",
        "the application writes that it cannot log in to its database",
        "log lines say that calls of another service fail",
    )
    kinds = frozenset(
        {"log.line", "log.failing_calls", "log.listening", "log.started", "database.server", "database.setting"}
    )
    answers = frozenset({"log.line", "log.failing_calls", "log.listening", "log.started"})

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what the logs of the pods in scope say.

        A log's end is read: up to ``TROUBLED_BYTES`` where the pod is in trouble; the logs of
        healthy pods share ``HEALTHY_BYTES``, each at least ``LEAST_BYTES``. Where questions are asked, only the
        logs of the components that they are about are read, up to ``ASKED_BYTES`` together.
        """
        cluster, logs = sources.need(ClusterObjects), sources.need(PodLogs)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        listings: dict[type[Object], Listing[Object]] = {kind: await cluster.list(kind) for kind in KINDS_READ}
        topology = sources.find(Topology)  # type: ignore[type-abstract]
        items = {kind: listing.items for kind, listing in listings.items()}
        cast = Cast(items, await topology.dependencies() if topology else ())
        observe = Observer(self.name, sources.cluster)
        for fact in look_at_servers(cast, items, observe):
            yield fact
        for coverage in covered(["database.server", "database.setting"], *listings.values()):
            yield coverage
        pods = in_scope((await cluster.list(Pod)).items, scope)
        streams = [stream for namespace in scope.namespaces for stream in await logs.streams(namespace)]
        if scope.questions:
            wanted = {question.component for question in scope.questions}
            pods = [one for one in pods if not wanted.isdisjoint({identity(one), cast.workload(one)})]
        read = list(_sources_of(streams, pods, scope))
        whole: list[Source] = []
        for source, most in _shares(read, asked=bool(scope.questions)):
            lines = list(logs.lines(source.stream, newest_bytes=most))
            cut = sum(map(len, lines)) > most // 2
            first = list(islice(logs.lines(source.stream), START_LINES)) if cut else lines
            whole += [] if cut else [source]
            for fact in _facts(source, lines, first, cast, scope, observe):
                yield fact
        for coverage in _coverage(pods, whole, some=bool(scope.questions)):
            yield coverage


def _shares(read: Sequence[Source], *, asked: bool) -> Iterator[tuple[Source, int]]:
    """Yield how many bytes of each log are read."""
    if asked:
        yield from ((source, max(TROUBLED_BYTES, ASKED_BYTES // len(read))) for source in read)
        return
    share = max(LEAST_BYTES, HEALTHY_BYTES // max(sum(one.settled for one in read), 1))
    for source in read:
        yield source, min(TROUBLED_BYTES, share) if source.settled else TROUBLED_BYTES


def _sources_of(streams: Iterable[LogStream], pods: Sequence[Pod], scope: Scope) -> Iterator[Source]:
    """Yield the logs of containers that are there; a run that ended before the window is history."""
    known = {(one.metadata.namespace, one.metadata.name): one for one in pods}
    for stream in streams:
        pod = known.get((stream.namespace, stream.pod))
        if pod is None or pod.status.phase == "Succeeded":
            continue
        containers = {one.name for one in (*pod.spec.containers, *pod.spec.init_containers)}
        status = _status(pod, stream.container)
        if stream.container in containers and not (stream.previous and _ended_before(status, scope.since)):
            yield Source(stream=stream, pod=pod, status=status)


def _status(pod: Pod, container: str) -> ContainerStatus | None:
    every = (*pod.status.container_statuses, *pod.status.init_container_statuses)
    return next((one for one in every if one.name == container), None)


def _ended_before(status: ContainerStatus | None, since: datetime) -> bool:
    ended = status.last_state.terminated if status else None
    return bool(ended and ended.finished_at and ended.finished_at < since)


def _facts(
    source: Source, lines: Sequence[str], first: Sequence[str], cast: Cast, scope: Scope, observe: Observer
) -> Iterator[Fact]:
    table = load_table()
    yield from Summary(source, cast, table, scope, observe).facts(read_log(lines, table, scope.until), lines)
    yield from _start(source, first, cast, scope, observe)


def _start(source: Source, lines: Sequence[str], cast: Cast, scope: Scope, observe: Observer) -> Iterator[Fact]:
    found = {}
    for match in read_start(lines, load_table(), scope.until):
        captures = match.captures
        port = int(captures.get("port", 0))
        fact = observe(
            f"log.{match.name}",
            identity(source.pod),
            query=source.command,
            container=source.stream.container,
            workload=cast.workload(source.pod),
            port=port or None,
            protocol=captures["protocol"].lower() if "protocol" in captures else None,
            took_seconds=_took(captures),
            planned="planned" in captures if match.name == "listening" else None,
        )
        if port <= MAX_PORT:
            found[fact.id] = fact
    yield from found.values()


def _took(captures: Mapping[str, str]) -> float | None:
    if "milliseconds" in captures:
        return int(captures["milliseconds"]) / 1000
    return float(captures["seconds"]) if "seconds" in captures else None


def _coverage(pods: Sequence[Pod], read: Sequence[Source], *, some: bool) -> Iterator[Coverage]:
    """Yield that lines are complete where the whole log of each container that ran is there, by namespace or, of ``some`` pods, by pod."""
    whole = {
        (one.pod.metadata.namespace, one.pod.metadata.name, one.stream.container) for one in read if one.stream.complete
    }
    places: dict[str, list[str]] = {}
    broken: set[str] = set()
    for pod in pods:
        here, name = pod.metadata.namespace, pod.metadata.name
        ran = [one.name for one in pod.status.container_statuses if one.state.waiting is None or one.restart_count]
        if all((here, name, container) in whole for container in ran):
            places.setdefault(here, []).append(identity(pod))
        else:
            broken.add(here)
    for namespace, complete in sorted(places.items()):
        for place in complete if some or namespace in broken else [f"namespace/{namespace}"]:
            for kind in ("log.line", "log.failing_calls", "log.listening", "log.started"):
                yield Coverage(kind=kind, scope=place)
