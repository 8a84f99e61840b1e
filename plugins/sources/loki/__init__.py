"""Loki as a source of logs that the pods no longer have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.ports import ClusterObjects, PodLogs


@hookimpl
def register_sources(settings: Settings, cluster: Source) -> Sequence[Source]:
    """Return the logs of the cluster, completed by Loki; nothing where the cluster itself gives no logs."""
    if not isinstance(cluster, ClusterObjects) or not isinstance(cluster, PodLogs):
        return []
    from sre_orchestrator.plugins.sources.loki.source import ClusterLogs, Logs  # noqa: PLC0415 - httpx is slow to import

    return [Logs(settings.loki, cast("ClusterLogs", cluster))]
