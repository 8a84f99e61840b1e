"""Diagnoses what a running cluster shows now."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Protocol, cast, runtime_checkable

import msgspec

from sre_orchestrator.api.mcp_servers import stand_in
from sre_orchestrator.api.wiring import Installation, diagnose_with, incident_id
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.gather import Observations
from sre_orchestrator.core.hookspecs import Source, Sources
from sre_orchestrator.core.models import Incident
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import nearest
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.sources.k8s import Cluster, open_cluster
from sre_orchestrator.plugins.sources.k8s.access import find_access
from sre_orchestrator.plugins.sources.ports import EVERYWHERE, ClusterObjects, Incomplete


@runtime_checkable
class Closable(Protocol):
    """A source that keeps connections."""

    def close(self) -> None:
        """Let go of them."""
        ...


async def diagnose_live(
    installation: Installation,
    question: str,
    *,
    namespace: str = "",
    context: str = "",
    at: datetime | None = None,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Bundle:
    """Diagnose a running cluster; the report is in the bundle.

    ``context`` names one of the kubeconfig, and is then the cluster of incident and facts. ``namespace`` defaults
    to that of the settings, then of the context, then all; ``at`` to now.

    Raises:
        InputError: there is no question, the cluster cannot be reached, or the namespace does not exist.

    """
    description = question.encode("utf-8", "replace").decode().strip()
    if not description:
        raise InputError("there is no question; say what is wrong: sre-orchestrator diagnose 'checkout answers 500'")
    settings = settings_for(installation.settings, namespace, context)
    moment = at or datetime.now(UTC)
    with attached(installation, settings) as (cluster, sources):
        incident = Incident(
            id=incident_id(description, moment),
            description=description,
            at=moment,
            namespace=",".join(cluster.namespaces),
            cluster=sources.cluster,
        )
        bundle = await diagnose_with(installation, incident, sources, progress=progress, clock=clock)
        return with_late_gaps(bundle, sources.all)


def check_access(settings: Settings) -> None:
    """Refuse a kubeconfig that cannot be used, before anything is asked; where an MCP server stands in, none is needed.

    Raises:
        InputError: no cluster is configured, or not well.

    """
    if stand_in(settings) is None:
        find_access(settings.cluster, os.environ)


def settings_for(settings: Settings, namespace: str, context: str) -> Settings:
    """Return the settings of one investigation."""
    return msgspec.structs.replace(
        settings,
        namespace=namespace or settings.namespace,
        cluster=msgspec.structs.replace(settings.cluster, context=context or settings.cluster.context),
    )


async def known_namespaces(cluster: Cluster, wanted: Sequence[str]) -> list[str]:
    """Return the namespaces that may be listed, sorted.

    Raises:
        InputError: one that is ``wanted`` does not exist.

    """
    listed = await cluster.list(Namespace)
    known = sorted(one.metadata.name for one in listed.items)
    for name in wanted:
        if EVERYWHERE in listed.complete_in and name not in known:
            raise InputError(f"--namespace: there is no namespace {name!r}{nearest(name, known)}")
    return known


@contextmanager
def attached(
    installation: Installation, settings: Settings, objects: ClusterObjects | None = None
) -> Iterator[tuple[Cluster, Sources]]:
    """Yield a running cluster, and with it all that plugins know of it; close them afterwards.

    ``objects`` stand in for the cluster's lists.

    Raises:
        InputError: the cluster cannot be reached.

    """
    with ExitStack() as closing:
        cluster = _opened(settings, objects)
        closing.callback(cluster.close)
        added = cast(
            "Sequence[Source]", installation.plugins.collect("register_sources", settings=settings, cluster=cluster)
        )
        for source in added:
            if isinstance(source, Closable):
                closing.callback(source.close)
        # what a plugin adds comes first: Loki completes the logs that the cluster gives
        yield cluster, Sources([*added, cluster], settings.cluster.context)


def _opened(settings: Settings, objects: ClusterObjects | None) -> Cluster:
    """Return the cluster by its API, or by the MCP server that stands in for that."""
    server = stand_in(settings)
    if server is None:
        return open_cluster(settings, objects=objects)
    from sre_orchestrator.plugins.mcp.cluster import open_mcp_cluster  # noqa: PLC0415 - nobody else pays for it

    return open_mcp_cluster(settings, server, objects)


def with_late_gaps(bundle: Bundle, sources: Sequence[Source]) -> Bundle:
    """Return the bundle with what sources found missing while agents asked them (``Incomplete``); nothing else changes."""
    late = {gap for source in sources if isinstance(source, Incomplete) for gap in source.gaps()}
    if late <= set(bundle.seen.gaps):
        return bundle
    of_the_inference = bundle.report.gaps[len(bundle.seen.gaps) :]
    seen = bundle.seen.plus(Observations(gaps=tuple(late)))
    report = msgspec.structs.replace(bundle.report, gaps=(*seen.gaps, *of_the_inference))
    return msgspec.structs.replace(bundle, seen=seen, report=report)
