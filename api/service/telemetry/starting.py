"""Starts what tells of a service, and ends it in good order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from sre_orchestrator.api.health import Health
from sre_orchestrator.api.mcp_servers import stand_in
from sre_orchestrator.api.service.telemetry.reach import Reach
from sre_orchestrator.api.service.telemetry.together import Telemetry
from sre_orchestrator.api.service.telemetry.tracing import traces_of
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings


@contextmanager
def telling(installation: Installation, environment: Mapping[str, str] = os.environ) -> Iterator[Telemetry]:
    """Yield the telemetry of a service; at the end, the traces that are left are sent."""
    traces = traces_of(environment)
    try:
        yield Telemetry.of(installation, traces)
    finally:
        if traces:
            traces.close()


def heed(watch: Health, telemetry: Telemetry) -> None:
    """Tell of a watch, too; a service whose watch does not see is ready, but degraded."""
    telemetry.figures.registry.register(watch.registry)
    telemetry.health.check("watch", lambda: watch.readiness().why, needed=False)


def reach_of(installation: Installation, telemetry: Telemetry) -> Reach:
    """Return what asks whether the live cluster answers; a service whose cluster does not is ready, but degraded."""
    reach = Reach(_asking(installation.settings))
    telemetry.health.check("cluster", reach.why, needed=False)
    return reach


def _asking(settings: Settings) -> Callable[[], object]:
    if server := stand_in(settings):
        from sre_orchestrator.plugins.mcp.cluster import prove_cluster  # noqa: PLC0415 - nobody else pays for it

        return partial(prove_cluster, server)
    from sre_orchestrator.plugins.sources.k8s.reach import ClusterReach  # noqa: PLC0415 - needs clients of clusters

    return ClusterReach(settings.cluster).ask
