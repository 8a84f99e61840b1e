"""Replays: conclude again from an investigation that somebody kept."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from litestar import Request, Router, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from sre_orchestrator.api.service.service import Service
from sre_orchestrator.core.bundle import bundle_from, replay
from sre_orchestrator.core.compare import differences
from sre_orchestrator.core.models import Report, Struct

MOST_UNPACKED = 64 * 1024**2
AT_A_TIME = 2  # bundles that are read and replayed, each unpacked MOST_UNPACKED at most
Without = Annotated[list[str] | None, QueryParameter(max_items=100, description="Facts to leave out, by id.")]


class Replayed(Struct, frozen=True, kw_only=True):
    """The report that today's rules give, and in what it differs from the stored one."""

    report: Report
    differences: tuple[str, ...] = ()


@post("/replay", operation_id="replay", tags=["incidents"], status_code=200, summary="Conclude again from a bundle")
async def replays(request: Request[object, object, State], state: State, without: Without = None) -> Replayed:
    """Return what today's rules conclude from a bundle, as ``GET …/bundle`` gave it, less the facts ``without``."""
    service: Service = state.service
    async with state.replaying:
        content = await request.body()
        return await anyio.to_thread.run_sync(_again, service, content, tuple(without or ()))


def routes(service: Service) -> Router:
    """Return the route; the application keeps ``anyio.CapacityLimiter(AT_A_TIME)`` as ``state.replaying``."""
    limit = service.installation.settings.service.bundle_bytes
    return Router("/", route_handlers=[replays], request_max_body_size=limit)


def _again(service: Service, content: bytes, without: tuple[str, ...]) -> Replayed:
    stored = bundle_from(content, "the body", MOST_UNPACKED)
    report = replay(stored, service.installation.reasoning(), without=without).report
    return Replayed(report=report, differences=tuple(differences(stored.report, report)))
