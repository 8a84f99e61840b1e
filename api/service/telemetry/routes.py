"""Where Prometheus reads the figures and Kubernetes asks whether the service is ready."""

from __future__ import annotations

import anyio.to_thread
from litestar import Response, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler

from sre_orchestrator.api.service.security.callers import Forbidden, current
from sre_orchestrator.api.service.security.door import OPEN
from sre_orchestrator.api.service.telemetry.figures import CONTENT_TYPE
from sre_orchestrator.api.service.telemetry.health import Readiness
from sre_orchestrator.api.service.telemetry.together import Telemetry


@get("/readyz", operation_id="isReady", opt={OPEN: True}, tags=["health"], summary="Whether incidents can be accepted")
async def readyz(state: State) -> Response[Readiness]:
    """Answer 200 while incidents are accepted and investigated, else 503; every check says what is wrong."""
    telemetry: Telemetry = state.telemetry
    found = await anyio.to_thread.run_sync(telemetry.health.readiness)
    return Response(found, status_code=503 if found.status == "not ready" else 200)


def metrics_route(*, opened: bool) -> HTTPRouteHandler:
    """Return ``/metrics``: for everybody where it is ``opened``, else for those who may read and see everything."""

    @get(
        "/metrics",
        operation_id="readMetrics",
        opt={OPEN: opened},
        media_type="text/plain",
        tags=["health"],
        summary="Figures for Prometheus",
    )
    async def metrics(state: State) -> Response[bytes]:
        """Answer with the figures of this process, in Prometheus' text format."""
        if current().namespaces:
            raise Forbidden("the figures are of all namespaces; your key or token is for some of them")
        telemetry: Telemetry = state.telemetry
        text = await anyio.to_thread.run_sync(telemetry.figures.text)
        return Response(text, media_type=CONTENT_TYPE)

    return metrics
