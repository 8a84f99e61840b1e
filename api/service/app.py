"""The application: puts the service's routes, errors and limits together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from importlib.metadata import version

import anyio
from litestar import Litestar, Router, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.params import FromPath

from sre_orchestrator.api.service.intake.handshake import welcome_at
from sre_orchestrator.api.service.intake.routes import Doors
from sre_orchestrator.api.service.intake.routes import routes as intake_routes
from sre_orchestrator.api.service.mcp.mounted import Endpoint
from sre_orchestrator.api.service.rest import catalogue, problems
from sre_orchestrator.api.service.rest.components import Components
from sre_orchestrator.api.service.rest.document import Described
from sre_orchestrator.api.service.rest.graph import graph
from sre_orchestrator.api.service.rest.heads import Heads
from sre_orchestrator.api.service.rest.incidents import Incidents
from sre_orchestrator.api.service.rest.replays import AT_A_TIME
from sre_orchestrator.api.service.rest.replays import routes as replay_routes
from sre_orchestrator.api.service.rest.runbooks import Runbooks
from sre_orchestrator.api.service.rest.said import said
from sre_orchestrator.api.service.security.door import OPEN
from sre_orchestrator.api.service.security.gate import Gate
from sre_orchestrator.api.service.security.mounted import door_before, shield_before
from sre_orchestrator.api.service.security.scoped import ScopedStore
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.telemetry import Telemetry
from sre_orchestrator.api.service.telemetry.requests import Counted, Routed
from sre_orchestrator.api.service.telemetry.routes import metrics_route, readyz
from sre_orchestrator.api.service.web import pages


@get(
    "/healthz",
    operation_id="isAlive",
    opt={OPEN: True},
    tags=["health"],
    sync_to_thread=False,
    summary="Whether the process lives",
)
def healthz() -> dict[str, str]:
    """Answer."""
    return {"status": "alive"}


@get("/problems/{name:str}", opt={OPEN: True}, media_type="text/plain", include_in_schema=False, sync_to_thread=False)
def problem(name: FromPath[str]) -> str:
    """Explain a kind of problem."""
    if name not in problems.KINDS:
        raise NotFoundException(f"there is no problem {name[:40]!r}; known: {', '.join(sorted(problems.KINDS))}")
    return problems.KINDS[name] + "\n"


def application(service: Service, gate: Gate | None = None, telemetry: Telemetry | None = None) -> Litestar:
    """Return the application of a service; it investigates while the application runs.

    Without a ``gate`` everybody may do everything.
    """
    gate, telemetry = gate or Gate(), telemetry or Telemetry.of(service.installation)
    limits = service.installation.settings.service.requests
    asked = replace(service, store=ScopedStore(service.store))
    assistants = Endpoint(asked)
    doors = Doors(service)
    telemetry.attach(service, doors)

    @asynccontextmanager
    async def working(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for one in (*service.background, assistants, service.dispatcher):
                await stack.enter_async_context(one.running())
            yield

    app = Litestar(
        [
            healthz,
            readyz,
            metrics_route(opened=service.installation.settings.service.open_metrics),
            problem,
            Router(
                "/api/v1",
                route_handlers=[
                    Incidents,
                    graph,
                    Components,
                    Runbooks,
                    replay_routes(service),
                    said,
                    *catalogue.ROUTES,
                ],
            ),
            intake_routes(service),
            *pages.ROUTES,
            assistants.route(),
        ],
        middleware=[Routed(), door_before(gate, limits)],
        state=State(
            {
                "service": asked,
                "doors": doors,
                "telemetry": telemetry,
                "replaying": anyio.CapacityLimiter(AT_A_TIME),
            }
        ),
        lifespan=[working],
        exception_handlers=problems.HANDLERS,
        request_max_body_size=service.installation.settings.service.body_bytes,
        openapi_config=OpenAPIConfig(
            title="SRE-Orchestrator",
            version=version("sre-orchestrator"),
            description="Report incidents, read ranked hypotheses with their proof.",
            render_plugins=[Described()],
            path="/api/v1/openapi",
            use_handler_docstrings=True,
        ),
        logging_config=None,
    )
    heads = Heads(app.asgi_handler, welcome_at(limits.per_caller))
    app.asgi_handler = Counted(shield_before(heads, gate, limits), telemetry)
    return app
