"""Connects to services and ingresses from the pod that this runs in: names, ports, certificates, answers."""

from __future__ import annotations

from collections.abc import Sequence

from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.ports import ClusterObjects


@hookimpl
def register_sources(settings: Settings, cluster: Source) -> Sequence[Source]:
    """Return the source of active checks, none where ``probes.enabled`` is false."""
    from sre_orchestrator.plugins.sources.probes.source import Prober, here  # noqa: PLC0415 - its doors open slowly

    if settings.probes.enabled is False or not isinstance(cluster, ClusterObjects):
        return []
    return [Prober(cluster, settings.probes, here())]
