"""What a snapshot holds beside the Kubernetes API, as the further sources of a running cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.ports import Alert, Dependency, Probes, ReleaseHistory, Series, Unit
from sre_orchestrator.plugins.sources.snapshot import Snapshot

TOPOLOGY = "topology/"


class Recorded:
    """Metrics, alerts, probes, releases, system units and call relations of a snapshot; no objects and no logs."""

    name = "recorded"

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.closed = False
        self.missing: tuple[Gap, ...] = ()

    def gaps(self) -> Sequence[Gap]:
        """Return what a test says to be missing."""
        return self.missing

    def close(self) -> None:
        """Note that nobody needs it any more."""
        self.closed = True

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield the relations that the snapshot declares."""
        async for one in self._snapshot.sync():
            declared = isinstance(one, Edge) and [part for part in one.provenance.split("; ") if TOPOLOGY in part]
            if declared:
                yield msgspec.structs.replace(one, provenance=declared[0])

    async def series(self, since: datetime, until: datetime, namespaces: Sequence[str] = ()) -> Sequence[Series]:
        """Return the recorded series."""
        return await self._snapshot.series(since, until, namespaces)

    async def alerts(self) -> Sequence[Alert]:
        """Return the recorded alerts."""
        return await self._snapshot.alerts()

    async def probes(self, namespaces: Sequence[str]) -> Probes:
        """Return the recorded probes."""
        return await self._snapshot.probes(namespaces)

    async def releases(self, namespaces: Sequence[str]) -> ReleaseHistory:
        """Return the recorded releases."""
        return await self._snapshot.releases(namespaces)

    async def units(self) -> Sequence[Unit]:
        """Return the recorded units."""
        return await self._snapshot.units()

    async def dependencies(self) -> Sequence[Dependency]:
        """Return the recorded call relations."""
        return await self._snapshot.dependencies()


class Recordings:
    """A plugin that adds ``Recorded`` to every cluster; ``clusters`` are those it was asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.source = Recorded(snapshot)
        self.clusters: list[Source] = []

    @hookimpl
    def register_sources(self, settings: Settings, cluster: Source) -> Sequence[Source]:
        """Return what was recorded."""
        del settings
        self.clusters.append(cluster)
        return [self.source]
