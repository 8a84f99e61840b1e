"""Alertmanager as a source of alerts; without one, the alerts that Prometheus itself tells."""

from __future__ import annotations

from collections.abc import Sequence

from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.ports import ClusterObjects


@hookimpl
def register_sources(settings: Settings, cluster: Source) -> Sequence[Source]:
    """Return the alerts of the cluster."""
    from sre_orchestrator.plugins.sources.alertmanager.source import Alertmanager  # noqa: PLC0415 - httpx is slow to import

    objects = cluster if isinstance(cluster, ClusterObjects) else None
    return [Alertmanager(settings.alertmanager, settings.prometheus, objects)]
