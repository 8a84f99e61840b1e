"""Starts what tells of a service, and ends it in good order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sre_orchestrator.api.health import Health
from sre_orchestrator.api.service.telemetry.reach import Reach
from sre_orchestrator.api.service.telemetry.together import Telemetry
from sre_orchestrator.api.service.telemetry.tracing import traces_of
from sre_orchestrator.api.wiring import Installation


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
    from sre_orchestrator.plugins.sources.k8s.reach import ClusterReach  # noqa: PLC0415 - needs clients of clusters

    reach = Reach(ClusterReach(installation.settings.cluster).ask)
    telemetry.health.check("cluster", reach.why, needed=False)
    return reach
