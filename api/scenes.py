"""What can be watched, as each round finds it: a recorded snapshot, a cluster listed once, a cluster that is followed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import anyio
from anyio import to_thread

from sre_orchestrator.api.keeping import identity_of, keep, kept_twin, others_of, twin_path
from sre_orchestrator.api.live import attached, with_late_gaps
from sre_orchestrator.api.logs import warn
from sre_orchestrator.api.watching import Scene
from sre_orchestrator.api.wiring import Installation, sources_of, twin_of
from sre_orchestrator.core.errors import InputError, SourceMissing, SreError
from sre_orchestrator.core.gather import Observations
from sre_orchestrator.core.hookspecs import Source, Sources
from sre_orchestrator.core.language.assistant import Nobody
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.pipeline import Bundle, Parts
from sre_orchestrator.core.ports import Twin
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.components import identity
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.k8s.logs import streams_of
from sre_orchestrator.plugins.sources.mirror import Batch, Mirror
from sre_orchestrator.plugins.sources.ports import Changed, LogStream, Metrics, Reached, Relisted
from sre_orchestrator.plugins.sources.snapshot import open_snapshot
from sre_orchestrator.twin.store import TwinStore

FIRST_LIST_SECONDS = 60.0
COUNTED = "flow.errors"
FEW = 50


class Recorded:
    """A snapshot: each round finds what the folder or archive then holds, as of when it was taken."""

    def __init__(self, installation: Installation, path: Path) -> None:
        self._installation = installation
        self._path = path

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Scene]:
        """Yield the snapshot; ``InputError`` when it cannot be used."""
        with open_snapshot(self._path, self._installation.settings.snapshot_limits) as snapshot:
            sources = sources_of(self._installation, snapshot)
            seconds = self._installation.settings.agent_timeout_seconds
            async with twin_of(sources.all, snapshot.captured_at, seconds) as (twin, gaps):
                parts = parts_of(self._installation, sources, twin, gaps)
                yield Scene(parts=parts, at=snapshot.captured_at)

    def noted(self, seen: Observations) -> None:
        """Learn nothing: a snapshot stays as it is."""


class Listed:
    """A running cluster that is listed anew for each look, which suits a single one."""

    def __init__(self, installation: Installation, settings: Settings) -> None:
        self._installation = installation
        self._settings = settings

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Scene]:
        """Yield the cluster as it is now; ``InputError`` when it cannot be reached."""
        now = datetime.now(UTC)
        with attached(self._installation, self._settings) as (cluster, sources):
            async with twin_of(sources.all, now, self._settings.agent_timeout_seconds) as (twin, gaps):
                parts = parts_of(self._installation, sources, twin, gaps)
                yield Scene(
                    parts=parts,
                    at=now,
                    requests=lambda: cluster.requests,
                    completed=_completed(sources),
                )

    def noted(self, seen: Observations) -> None:
        """Learn nothing: there is no next look."""


class Followed:
    """A running cluster whose objects a thread follows (``api.keeping``); a round lists nothing.

    Rounds leave container logs alone as long as metrics count the requests, else they read a few: one look at
    all access logs can cost hundreds of requests. An investigation reads them.
    """

    def __init__(
        self, installation: Installation, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._installation = installation
        self._settings = settings
        self._clock = clock
        self._keeping: _Keeping | None = None
        self._counted = True

    async def __aenter__(self) -> Followed:
        """Begin to follow."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End, with everything that was seen kept."""
        if self._keeping:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._keeping.end)

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Scene]:
        """Yield the cluster as it is now.

        Raises:
            SreError: it cannot be reached or followed; the next look tries again.

        """
        keeping = self._keeping = self._keeping or _Keeping(self._installation, self._settings, self._clock)
        try:
            await to_thread.run_sync(keeping.known)
        finally:
            if keeping.ended:
                await to_thread.run_sync(keeping.end)
                self._keeping = None
        gaps = [gap for kind in keeping.mirror.kinds for gap in (await keeping.mirror.list(kind)).gaps]
        gaps += keeping.mirror.missing
        twin = TwinStore(twin_path(self._settings), read_only=True)
        try:
            with attached(self._installation, self._settings, keeping.mirror) as (cluster, sources):
                yield Scene(
                    parts=parts_of(self._installation, sources, twin, gaps),
                    at=self._clock(),
                    sources=Sources(
                        [self._logs(keeping.mirror, twin, cluster, sources), *sources.all], sources.cluster
                    ),
                    twin_at=keeping.heard,
                    requests=lambda: cluster.requests + keeping.requests(),
                    changes=keeping.changes,
                    completed=_completed(sources),
                )
        finally:
            twin.close()

    def noted(self, seen: Observations) -> None:
        """Learn whether metrics count requests here."""
        self._counted = self._counted and any(one.kind == COUNTED for one in seen.coverage)

    def _logs(self, mirror: Mirror, twin: TwinStore, cluster: Cluster, sources: Sources) -> Source:
        measured = sources.find(Metrics)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        return NoLogs() if measured and self._counted else FewLogs(mirror, twin, cluster)


class NoLogs:
    """Stands before the logs in rounds that do without."""

    name = "no-logs"

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing."""
        nothing: tuple[Component, ...] = ()
        for one in nothing:
            yield one

    async def streams(self, namespace: str) -> Sequence[LogStream]:
        """Refuse."""
        raise SourceMissing(f"rounds do not read the access logs of {namespace} while metrics count its requests")

    def lines(self, stream: LogStream, *, newest_bytes: int = 0) -> Iterator[str]:
        """Yield nothing."""
        del stream, newest_bytes
        yield from ()


class FewLogs(NoLogs):
    """The logs of one pod behind each service, of ``FEW`` services at most: always the same, so that rounds compare."""

    name = "few-logs"

    def __init__(self, mirror: Mirror, twin: TwinStore, cluster: Cluster) -> None:
        self._mirror = mirror
        self._cluster = cluster
        first: dict[str, str] = {}
        for edge in twin.edges():
            if edge.kind == "selects":
                first[edge.source] = min(edge.target, first.get(edge.source, edge.target))
        self._pods = frozenset(pod for _, pod in sorted(first.items())[:FEW])

    async def streams(self, namespace: str) -> Sequence[LogStream]:
        """Return the logs of these pods in ``namespace``."""
        listed = (await self._mirror.list(Pod)).items
        pods = [one for one in listed if one.metadata.namespace == namespace and identity(one) in self._pods]
        return [one for one in streams_of(pods) if not one.previous]

    def lines(self, stream: LogStream, *, newest_bytes: int = 0) -> Iterator[str]:
        """Yield the lines."""
        return self._cluster.lines(stream, newest_bytes=newest_bytes)


class _Keeping:
    """A thread that keeps the twin of a cluster current, and a mirror of its objects."""

    def __init__(self, installation: Installation, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.mirror = Mirror()
        self.heard = clock()
        self._installation = installation
        self._settings = settings
        self._clock = clock
        self._cluster: Cluster | None = None
        self._stop, self._first = Event(), Event()
        self._problem: SreError | None = None
        self._asked = self._changes = self._told = 0
        self._thread = Thread(target=self._run, name="keeping", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Say whether nothing is followed any more."""
        return self._stop.is_set()

    def requests(self) -> int:
        """Return how often the API was asked since this was last called."""
        asked = self._cluster.requests if self._cluster else 0
        before, self._asked = self._asked, asked
        return asked - before

    def changes(self) -> int:
        """Return how many changes were told since this was last called."""
        told = self._changes
        before, self._told = self._told, told
        return told - before

    def known(self) -> None:
        """Wait until the cluster has been listed; raise what ended the thread."""
        there = self._first.wait(FIRST_LIST_SECONDS)
        if self._problem:
            raise self._problem
        if self.ended:
            raise InputError("the changes of the cluster have ended; the next round follows them again")
        if not there:
            raise InputError(f"the cluster was not listed within {FIRST_LIST_SECONDS:g} s; the listing goes on")

    def end(self) -> None:
        """Stop the thread and wait for it."""
        self._stop.set()
        self._thread.join()

    def kept(self, batch: Batch, at: datetime) -> None:
        """Note that a batch is committed."""
        del batch, at
        self._first.set()

    def failed(self, error: SreError) -> None:
        """Note that a batch could not be written; it is tried again, and an old twin shows in ``heard``."""
        del error

    def missing(self, gap: Gap) -> None:
        """Log it; the gaps of a round say it, too."""
        warn(f"{gap.agent}: {gap.what}: {gap.why}")

    def follow(
        self, kinds: Sequence[type[Object]], since: Mapping[type[Object], str], stop: Event
    ) -> Iterator[Relisted | Changed | Reached]:
        """Yield the changes of the cluster, and note when the last came."""
        if self._cluster:
            for news in self._cluster.follow(kinds, since, stop):
                self.heard = self._clock()
                self._changes += isinstance(news, Changed)
                yield news

    def _run(self) -> None:
        try:
            with (
                attached(self._installation, self._settings) as (cluster, sources),
                kept_twin(self._settings, identity_of(cluster)) as twin,
            ):
                self._cluster = cluster
                keep(
                    self,
                    self.mirror,
                    twin,
                    stop=self._stop,
                    listener=self,
                    settings=self._settings.twin,
                    others=others_of(sources, cluster, self._settings),
                )
        except SreError as error:
            self._problem = error
        finally:
            self._stop.set()
            self._first.set()


def parts_of(installation: Installation, sources: Sources, twin: Twin, gaps: Iterable[Gap]) -> Parts:
    """Return what an investigation of ``sources`` is made of."""
    return Parts(
        **vars(installation.reasoning()),
        assistant=Nobody(),  # a round of watching is no conversation
        twin=twin,
        sources=sources,
        agents=installation.agents,
        clock=time.perf_counter,
        gaps=(*installation.gaps(), *dict.fromkeys(gaps)),
    )


def _completed(sources: Sources) -> Callable[[Bundle], Bundle]:
    return lambda bundle: with_late_gaps(bundle, sources.all)
