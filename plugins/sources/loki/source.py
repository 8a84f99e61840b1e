"""Logs of pods, and from Loki what the pods no longer have or may not show."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.models import Component, Edge, Gap, Struct
from sre_orchestrator.core.settings import Endpoint
from sre_orchestrator.plugins.objects.pods import ContainerStatus, Pod
from sre_orchestrator.plugins.sources.discovery import Located, Mark, Wanted
from sre_orchestrator.plugins.sources.http import HttpService, ServiceProblem
from sre_orchestrator.plugins.sources.loki.api import MOST_LINES, LokiApi, Names, selector_of
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Found, LogStream, PodLogs

PORTS = ("http-metrics", "http", "3100", "80")
WANTED = Wanted(
    key="loki",
    others="canary|memberlist|headless|promtail|cache|grafana-agent|grpc",
    marks=(
        Mark(name="(?:.*-)?loki(?:-\\w+)?-gateway", ports=PORTS),
        Mark(name="(?:.*-)?loki(?:-\\w+)?-(?:query-frontend|read)", ports=PORTS),
        Mark(name="(?:.*-)?loki(?:-stack)?", ports=PORTS),
        Mark(label="app.kubernetes.io/name", value="loki", ports=PORTS),
    ),
)
LOOKBACK = timedelta(hours=24)
# Of pods in trouble the beginning is looked up, one request each.
MOST_LOOKED_UP = 50


class ClusterLogs(ClusterObjects, PodLogs, Protocol):
    """What the Kubernetes source offers."""


class Run(Struct, frozen=True, kw_only=True):
    """One life of a container, and the time in which its log was written."""

    stream: LogStream
    since: datetime
    until: datetime
    troubled: bool = False


Place = tuple[str, str, str, bool]


class Logs:
    """The cluster's logs; Loki's for containers whose log the cluster does not give, or of which it lost the beginning.

    Loki is asked about the last 24 hours. That there is none is no gap: pods keep their newest logs themselves.
    """

    name = "loki"

    def __init__(
        self, endpoint: Endpoint, cluster: ClusterLogs, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._located = Located(WANTED, endpoint, cluster, version_of)
        self._wanted = bool(endpoint.url)
        self._cluster = cluster
        self._clock = clock
        self._lock = threading.RLock()
        self._streams: dict[str, Sequence[LogStream]] = {}
        self._runs: dict[Place, Run] = {}
        self._from_loki: set[Place] = set()
        self._loki: LokiApi | None = None
        self._names: Names | None = None
        self._looked_up = 0
        self._gaps: dict[Gap, None] = {}

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing: it knows no components."""
        return
        yield  # pragma: no cover - makes this a generator

    async def describe(self) -> Found:
        """Return what was found."""
        return await self._located.describe()

    def gaps(self) -> Sequence[Gap]:
        """Return what Loki was asked for and did not give."""
        with self._lock:
            return tuple(self._gaps)

    async def streams(self, namespace: str) -> Sequence[LogStream]:
        """Return the cluster's logs, then those that only Loki has."""
        own = await self._cluster.streams(namespace)
        pods = (await self._cluster.list(Pod)).items
        with self._lock:
            if namespace not in self._streams:
                here = [one for one in pods if one.metadata.namespace == namespace]
                more = await self._more(namespace, own, here)
                self._from_loki.update(map(_place, more))
                self._streams[namespace] = [*own, *more]
            return self._streams[namespace]

    def lines(self, stream: LogStream, *, newest_bytes: int = 0) -> Iterator[str]:
        """Yield the cluster's lines; Loki's where the cluster has none, or no longer the beginning that it should have."""
        place = _place(stream)
        own = self._cluster.lines(stream, newest_bytes=newest_bytes) if place not in self._from_loki else iter(())
        run = self._runs.get(place)
        if run is None or self._loki is None or self._names is None:
            yield from own
            return
        told = list(own)
        selector = selector_of(self._names, stream.namespace, stream.pod, stream.container)
        try:
            if not told or self._rotated(self._loki, told, run, selector, newest_bytes):
                first = 0 if newest_bytes else MOST_LINES
                told = _newest(self._loki.lines(selector, run.since, run.until, oldest=first), newest_bytes) or told
        except ServiceProblem as problem:
            self._note(f"older logs of {stream.namespace}/{stream.pod}", problem)
        yield from told

    def _rotated(self, loki: LokiApi, own: Sequence[str], run: Run, selector: str, newest_bytes: int) -> bool:
        """Say whether the log, of which the cluster gave all that it has, lacks the line with which it began."""
        if not run.troubled or sum(map(len, own)) >= newest_bytes // 2:
            return False
        with self._lock:
            self._looked_up += 1
            if self._looked_up > MOST_LOOKED_UP:
                return False
        first = loki.lines(selector, run.since, run.until, oldest=1)
        return bool(first) and first[0].rstrip("\r\n") not in own

    async def _more(self, namespace: str, own: Sequence[LogStream], pods: Sequence[Pod]) -> list[LogStream]:
        """Return the runs of containers that only Loki can tell, those of pods that are gone last."""
        until = self._clock()
        since = until - LOOKBACK
        try:
            loki = LokiApi(await self._located.service())
            names = loki.names(since, until)
            there = loki.containers(names, namespace, since, until) if names else set()
        except SourceMissing as missing:
            if self._wanted or isinstance(missing, ServiceProblem):
                self._note(f"logs of namespace {namespace} that the pods no longer have", missing)
            return []
        self._loki, self._names = loki, names
        runs = {_place(one.stream): one for one in _runs(pods, since, until)}
        known = {one.metadata.name for one in pods}
        for pod, container in sorted(there):
            if pod and pod not in known:
                stream = LogStream(namespace=namespace, pod=pod, container=container, complete=False)
                runs[_place(stream)] = Run(stream=stream, since=since, until=until)
        self._runs |= runs
        have = {_place(one) for one in own}
        return [
            one.stream
            for place, one in runs.items()
            if place not in have and (one.stream.pod, one.stream.container) in there
        ]

    def _note(self, what: str, missing: SourceMissing) -> None:
        remedy = missing.remedy if isinstance(missing, ServiceProblem) else ""
        with self._lock:
            self._gaps[Gap(agent="loki", what=what, why=str(missing), remedy=remedy)] = None


def version_of(service: HttpService) -> str:
    """Return the version.

    Raises:
        ServiceProblem: it is no Loki.

    """
    return LokiApi(service).version()


def _runs(pods: Iterable[Pod], since: datetime, until: datetime) -> Iterator[Run]:
    """Yield the current and the previous life of each container, as far as they are in the window."""
    for pod in pods:
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
            for previous, begun, ended in _lives(status):
                first, last = max(begun or since, since), min(ended or until, until)
                if first < last:
                    stream = LogStream(
                        namespace=pod.metadata.namespace,
                        pod=pod.metadata.name,
                        container=status.name,
                        previous=previous,
                        complete=False,
                    )
                    troubled = not pod.ready or status.restart_count > 0
                    yield Run(stream=stream, since=first, until=last, troubled=troubled)


def _lives(status: ContainerStatus) -> Iterator[tuple[bool, datetime | None, datetime | None]]:
    """Yield whether it is the previous life, when it began and when it ended."""
    state, last = status.state, status.last_state.terminated
    if state.running:
        yield False, state.running.started_at, None
    elif state.terminated:
        yield False, state.terminated.started_at, state.terminated.finished_at
    if last:
        yield True, last.started_at, last.finished_at


def _newest(lines: Sequence[str], newest_bytes: int) -> list[str]:
    """Return the last lines, of about ``newest_bytes`` together; all without."""
    kept: list[str] = []
    size = 0
    for line in reversed(lines):
        size += len(line)
        if newest_bytes and size > newest_bytes:
            break
        kept.append(line.rstrip("\r\n"))
    return kept[::-1]


def _place(stream: LogStream) -> Place:
    return stream.namespace, stream.pod, stream.container, stream.previous
