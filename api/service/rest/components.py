"""Components: what there is, what a fault of one affects, what changed."""

from __future__ import annotations

from typing import Annotated, Literal

import anyio.to_thread
from litestar import Controller, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromQuery, PathParameter, QueryParameter

from sre_orchestrator.api.service.rest.parameters import EARLIEST, LATEST, NO_NUL, Moment, Name, Words, moment
from sre_orchestrator.api.service.security.callers import current
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.core.identity import component_id, namespace_of
from sre_orchestrator.core.models import Component, Struct
from sre_orchestrator.core.ports import Change
from sre_orchestrator.core.vocabulary import nearest
from sre_orchestrator.twin.store import TwinStore

Part = Annotated[
    str, PathParameter(max_length=253, pattern=NO_NUL, description="A part of the id KIND/NAMESPACE/NAME.")
]
Hops = Annotated[int, QueryParameter(ge=1, le=12, description="How far from the component.")]
Most = Annotated[int, QueryParameter(ge=1, le=1000, description="How many there are at most in the answer.")]
SHAPES = ("/{kind:str}/{name:str}", "/{kind:str}/{namespace:str}/{name:str}")


class ComponentPage(Struct, frozen=True, kw_only=True):
    """A page of components, by id; ``next_cursor`` is empty on the last one."""

    items: tuple[Component, ...]
    next_cursor: str = ""


class Impact(Struct, frozen=True, kw_only=True):
    """What a fault of a component affects (``up``), or what it depends on (``down``), nearest first."""

    component: str
    direction: Literal["up", "down"]
    hops: int
    components: tuple[str, ...]


class Changes(Struct, frozen=True, kw_only=True):
    """What changed of a component, oldest first."""

    component: str
    changes: tuple[Change, ...]


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
        found = await anyio.to_thread.run_sync(service.twins.ask, lambda twin: twin.components(kind, namespace))
        rest = [one for one in found if _visible(one.id) and one.id > cursor]
        more = len(rest) > limit
        return ComponentPage(items=tuple(rest[:limit]), next_cursor=rest[limit - 1].id if more else "")

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

        def ask(twin: TwinStore) -> tuple[str, ...]:
            _known(twin, component)
            return twin.impact(component, direction=direction, hops=hops)

        found = await anyio.to_thread.run_sync(service.twins.ask, ask)
        return Impact(component=component, direction=direction, hops=hops, components=tuple(filter(_visible, found)))

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
        begin, end = moment(since, "since") or EARLIEST, moment(until, "until") or LATEST

        def ask(twin: TwinStore) -> tuple[Change, ...]:
            found = tuple(one for one in twin.changes(begin, end) if one.component == component)
            if not found:
                _known(twin, component)
            return found

        if not _visible(component):
            raise _missing(component, ())
        found = await anyio.to_thread.run_sync(service.twins.ask, ask)
        return Changes(component=component, changes=found[-limit:])


def _known(twin: TwinStore, component: str) -> None:
    names = [one.id for one in twin.components() if _visible(one.id)]
    if component not in names:
        raise _missing(component, names)


def _missing(component: str, names: list[str] | tuple[()]) -> NotFoundException:
    return NotFoundException(f"there is no component {component[:200]!r}{nearest(component[:200], names)}")


def _visible(component: str) -> bool:
    """Say whether the caller may see a component: it is in one of their namespaces."""
    allowed = current().namespaces
    return not allowed or namespace_of(component) in allowed
