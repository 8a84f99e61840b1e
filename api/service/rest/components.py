"""Components: what there is, what a fault of one affects, what changed."""

from __future__ import annotations

from typing import Annotated, Literal

import anyio.to_thread
from litestar import Controller, get
from litestar.datastructures import State
from litestar.params import FromQuery, PathParameter, QueryParameter

from sre_orchestrator.api.service import components
from sre_orchestrator.api.service.components import Changes, ComponentPage, Impact
from sre_orchestrator.api.service.rest.parameters import NO_NUL, Moment, Name, Words, moment
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.core.identity import component_id

Part = Annotated[
    str, PathParameter(max_length=253, pattern=NO_NUL, description="A part of the id KIND/NAMESPACE/NAME.")
]
Hops = Annotated[int, QueryParameter(ge=1, le=12, description="How far from the component.")]
Most = Annotated[int, QueryParameter(ge=1, le=1000, description="How many there are at most in the answer.")]
SHAPES = ("/{kind:str}/{name:str}", "/{kind:str}/{namespace:str}/{name:str}")


class Components(Controller):
    """``/api/v1/components``."""

    path = "/components"
    tags = ("components",)

    @get(operation_id="listComponents", summary="List components")
    async def components(
        self, state: State, kind: Words = "", namespace: Name = "", cursor: Words = "", limit: Most = 200
    ) -> ComponentPage:
        """Return components of the twin: of the recorded incident, or of the cluster as it is now."""
        service: Service = state.service
        return await anyio.to_thread.run_sync(
            lambda: components.listed(service.twins, kind, namespace, cursor=cursor, limit=limit)
        )

    @get([f"{one}/impact" for one in SHAPES], summary="Ask what a fault affects")
    async def impact(
        self,
        state: State,
        kind: Part,
        name: Part,
        namespace: Part = "",
        direction: FromQuery[Literal["up", "down"]] = "up",
        hops: Hops = 4,
    ) -> Impact:
        """Return what a fault of the component affects (``up``) or what it depends on (``down``), nearest first."""
        service: Service = state.service
        component = component_id(kind, namespace, name)
        return await anyio.to_thread.run_sync(
            lambda: components.impact(service.twins, component, direction=direction, hops=hops)
        )

    @get([f"{one}/changes" for one in SHAPES], summary="Ask what changed of a component")
    async def changes(
        self,
        state: State,
        kind: Part,
        name: Part,
        namespace: Part = "",
        since: Moment = "",
        until: Moment = "",
        limit: Most = 200,
    ) -> Changes:
        """Return the latest changes of the component that the twin has seen, oldest first."""
        service: Service = state.service
        component = component_id(kind, namespace, name)
        begin, end = moment(since, "since"), moment(until, "until")
        return await anyio.to_thread.run_sync(
            lambda: components.changes(service.twins, component, since=begin, until=end, limit=limit)
        )
