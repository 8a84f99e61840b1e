"""What the agent read: releases with their revisions, and the live objects beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact, Scalar, Scope, Struct
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.workloads import (
    DaemonSet,
    Deployment,
    HorizontalPodAutoscaler,
    Job,
    StatefulSet,
    Workload,
)
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Listing, Release, ReleaseHistory
from sre_orchestrator.plugins.sources.telling import RELEASE

GOOD = frozenset({"deployed", "superseded"})
WORKLOADS: tuple[type[Object], ...] = (Deployment, StatefulSet, DaemonSet)
ALWAYS: tuple[type[Object], ...] = (*WORKLOADS, Job, HorizontalPodAutoscaler)


class Lineage(Struct, frozen=True, kw_only=True):
    """A release: its newest revision, the newest before it that went well, and all that are kept, newest first."""

    newest: Release
    previous: Release | None = None
    revisions: tuple[Release, ...]

    @property
    def component(self) -> str:
        """Return its component id."""
        return component_id("release", self.newest.namespace, self.newest.name)

    @property
    def whole(self) -> bool:
        """Say whether the contents of the two that are compared were read."""
        return self.newest.whole and (self.previous is None or self.previous.whole)

    @property
    def deployed_revision(self) -> int | None:
        """Return the revision that Helm holds for deployed, if any."""
        return next((one.revision for one in self.revisions if one.status == "deployed"), None)


@dataclass(frozen=True, kw_only=True)
class View:
    """Releases in scope, and live objects by kind and by (namespace, name)."""

    scope: Scope
    observe: Observer
    lineages: Sequence[Lineage]
    lists: Mapping[type[Object], Listing[Object]]
    live: Mapping[type[Object], Mapping[tuple[str, str], Object]]

    def in_window(self, at: datetime | None) -> bool:
        """Say whether a time is known and lies in the window of the incident."""
        return at is not None and self.scope.since <= at <= self.scope.until

    def seconds_since(self, at: datetime | None) -> float | None:
        """Return the seconds from ``at`` to the incident, never negative; ``None`` when it is unknown."""
        return None if at is None else max((self.scope.until - at).total_seconds(), 0.0)

    def matters(self, lineage: Lineage) -> bool:
        """Say whether the newest revision came in the window, or a workload of the release lacks pods now."""
        return self.in_window(lineage.newest.last_deployed) or any(map(_lacks, self.members(lineage)))

    def members(self, lineage: Lineage) -> Iterable[Workload]:
        """Yield the live workloads of a release."""
        for kind in WORKLOADS:
            for (namespace, _), item in self.live[kind].items():
                named = item.metadata.annotations.get(RELEASE) == lineage.newest.name
                if isinstance(item, Workload) and named and namespace == lineage.newest.namespace:
                    yield item

    def complete(self, kind: type[Object], namespace: str) -> bool:
        """Say whether all objects of ``kind`` in ``namespace`` are known."""
        return bool({namespace, "*"} & self.lists[kind].complete_in)

    def about(
        self,
        kind: str,
        lineage: Lineage,
        component: str = "",
        *,
        query: str = "",
        at: datetime | None = None,
        **more: Scalar | None,
    ) -> Fact:
        """Return a fact of the newest revision, about the release as of its begin unless it is said otherwise."""
        newest = lineage.newest
        return self.observe(
            kind,
            component or lineage.component,
            query=query or f"helm history {newest.name} -n {newest.namespace}",
            at=at or newest.last_deployed,
            revision=newest.revision or None,
            **more,
        )


async def read_view(scope: Scope, observe: Observer, cluster: ClusterObjects, history: ReleaseHistory) -> View:
    """List the live objects of all kinds that releases hold."""
    lineages = lineages_of(history)
    held = {type(item) for one in lineages for item in one.newest.objects}
    lists = {kind: await cluster.list(kind) for kind in dict.fromkeys((*ALWAYS, *sorted(held, key=_name)))}
    return View(scope=scope, observe=observe, lineages=lineages, lists=lists, live=_by_place(lists))


def lineages_of(history: ReleaseHistory) -> Sequence[Lineage]:
    """Return the releases of a history, in the order of their names."""
    found: dict[tuple[str, str], list[Release]] = defaultdict(list)
    for one in history.items:
        found[one.namespace, one.name].append(one)
    return [
        Lineage(
            newest=revisions[0],
            previous=next((one for one in revisions[1:] if one.status in GOOD), None),
            revisions=tuple(revisions),
        )
        for _, revisions in sorted(found.items())
    ]


def identity(item: Object) -> str:
    """Return the component id of an object."""
    return component_id(KINDS[type(item)].kind, item.metadata.namespace or None, item.metadata.name)


def _by_place(lists: Mapping[type[Object], Listing[Object]]) -> dict[type[Object], dict[tuple[str, str], Object]]:
    return {
        kind: {(item.metadata.namespace, item.metadata.name): item for item in listing.items}
        for kind, listing in lists.items()
    }


def _lacks(workload: Workload) -> bool:
    return workload.available < workload.desired


def _name(kind: type[Object]) -> str:
    return KINDS[kind].kind
