"""What people said of hypotheses, for calibration."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import anyio.to_thread
from litestar import get
from litestar.datastructures import State
from litestar.params import QueryParameter

from sre_orchestrator.api.service.models import Said
from sre_orchestrator.api.service.rest.parameters import NO_NUL
from sre_orchestrator.api.service.service import Service

Incident = Annotated[
    str, QueryParameter(max_length=40, pattern=NO_NUL, description="The id of an incident; empty: all.")
]
After = Annotated[int, QueryParameter(ge=0, le=2**31 - 1, description="The number of the last one that is known.")]


@get("/feedback", operation_id="listFeedback", tags=["incidents"], summary="Read what people said of hypotheses")
async def said(
    state: State,
    incident: Incident = "",
    after: After = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 200,
) -> list[Said]:
    """Return what people said, in that order; ask again `after` the last number for more."""
    service: Service = state.service
    ask = partial(service.store.said, incident, after=after, limit=limit)
    return list(await anyio.to_thread.run_sync(ask))
