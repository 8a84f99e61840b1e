"""The Helm releases of a cluster behind their port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.helm.history import (
    compared,
    labelled,
    read_releases,
    told_by_objects,
    unlisted,
    with_charts,
)
from sre_orchestrator.plugins.sources.ports import ClusterObjects, ReleaseHistory, ReleaseRecordList, ReleaseRecords


class HelmReleases:
    """Releases of the cluster behind ``cluster``: whole where it gives contents, else by labels, else by objects."""

    name = "helm"

    def __init__(self, cluster: ClusterObjects, *, contents: bool) -> None:
        self._cluster = cluster
        self._contents = contents

    async def releases(self, namespaces: Sequence[str]) -> ReleaseHistory:
        """Return the revisions of the releases in ``namespaces``."""
        if self._contents and isinstance(self._cluster, ReleaseRecords):
            records = await self._cluster.release_records(namespaces)
        else:
            records = await labelled(self._cluster, namespaces)
        found = read_releases(records)
        if all(one.payload is not None for one in compared(records.items)) and _covered(records, namespaces):
            return found
        told = await told_by_objects(self._cluster, namespaces)
        blind = {one.namespace for one in told} - {one for one in namespaces if _covered(records, [one])}
        return ReleaseHistory(
            items=with_charts(found.items, told),
            complete_in=found.complete_in,
            gaps=(*found.gaps, *map(unlisted, sorted(blind))),
        )

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing: objects say themselves which release they belong to (``plugins.sources.twin_feed``)."""
        nothing: tuple[Component | Edge | Gap, ...] = ()
        for one in nothing:
            yield one


def _covered(records: ReleaseRecordList, namespaces: Sequence[str]) -> bool:
    return "*" in records.complete_in or records.complete_in >= set(namespaces)


@hookimpl
def register_sources(settings: Settings, cluster: Source) -> Sequence[Source]:
    """Return the releases of a cluster whose objects can be listed."""
    if not isinstance(cluster, ClusterObjects):
        return []
    return [HelmReleases(cluster, contents=settings.helm_history)]
