"""Prometheus and those that answer like it (Thanos, Mimir, VictoriaMetrics) as a source of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.ports import ClusterObjects


@hookimpl
def register_sources(settings: Settings, cluster: Source) -> Sequence[Source]:
    """Return the metrics of the cluster, where no MCP server tells them."""
    if any(one.replaces == "prometheus" for one in settings.mcp_servers):
        return []
    from sre_orchestrator.plugins.sources.prometheus.source import Prometheus  # noqa: PLC0415 - numpy is slow to import
    from sre_orchestrator.plugins.sources.prometheus.table import load_table  # noqa: PLC0415

    table = load_table(map(Path, settings.signal_folders))
    objects = cluster if isinstance(cluster, ClusterObjects) else None
    return [Prometheus(settings.prometheus, objects, table, ours=settings.metrics_matchers)]
