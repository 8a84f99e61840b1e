"""The application: puts the service's routes, errors and limits together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from importlib.metadata import version

import anyio.to_thread
from litestar import Litestar, Response, Router, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.params import FromPath

from sre_orchestrator.api.service.intake.routes import Doors
from sre_orchestrator.api.service.intake.routes import routes as intake_routes
from sre_orchestrator.api.service.mcp.mounted import Endpoint
from sre_orchestrator.api.service.models import Query
from sre_orchestrator.api.service.rest import catalogue, problems
from sre_orchestrator.api.service.rest.components import Components
from sre_orchestrator.api.service.rest.document import Described
from sre_orchestrator.api.service.rest.graph import graph
from sre_orchestrator.api.service.rest.heads import Heads
from sre_orchestrator.api.service.rest.incidents import Incidents
from sre_orchestrator.api.service.rest.replays import replays
from sre_orchestrator.api.service.rest.runbooks import Runbooks
from sre_orchestrator.api.service.security.door import OPEN
from sre_orchestrator.api.service.security.gate import Gate
from sre_orchestrator.api.service.security.mounted import door_before, shield_before
from sre_orchestrator.api.service.security.scoped import ScopedStore
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.web import pages
from sre_orchestrator.core.boundary import Failure, guarded


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


@get("/readyz", operation_id="isReady", opt={OPEN: True}, tags=["health"], summary="Whether incidents can be accepted")
async def readyz(state: State) -> Response[dict[str, str]]:
    """Answer 200 while the store answers, else 503 and why."""
    service: Service = state.service
    outcome = await anyio.to_thread.run_sync(guarded, lambda: service.store.list(Query(limit=1)))
    if isinstance(outcome, Failure):
        return Response({"status": "not ready", "why": outcome.why}, status_code=503)
    return Response({"status": "ready"})


@get("/problems/{name:str}", opt={OPEN: True}, media_type="text/plain", include_in_schema=False, sync_to_thread=False)
def problem(name: FromPath[str]) -> str:
    """Explain a kind of problem."""
    if name not in problems.KINDS:
        raise NotFoundException(f"there is no problem {name[:40]!r}; known: {', '.join(sorted(problems.KINDS))}")
    return problems.KINDS[name] + "\n"


def application(service: Service, gate: Gate | None = None) -> Litestar:
    """Return the application of a service; it investigates while the application runs.

    Without a ``gate`` everybody may do everything.
    """
    gate = gate or Gate()
    limits = service.installation.settings.service.requests
    asked = replace(service, store=ScopedStore(service.store))
    assistants = Endpoint(asked)

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
            problem,
            Router("/api/v1", route_handlers=[Incidents, graph, Components, Runbooks, replays, *catalogue.ROUTES]),
            intake_routes(service),
            *pages.ROUTES,
            assistants.route(),
        ],
        middleware=[door_before(gate, limits)],
        state=State({"service": asked, "doors": Doors(service)}),
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
    app.asgi_handler = shield_before(Heads(app.asgi_handler), gate, limits)
    return app
