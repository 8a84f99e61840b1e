"""Questions about the components of the cluster, as whoever calls may see them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sre_orchestrator.api.service.moments import EARLIEST, LATEST
from sre_orchestrator.api.service.security.callers import current
from sre_orchestrator.api.service.twins import Twins
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.identity import namespace_of
from sre_orchestrator.core.models import Component, Edge, Struct
from sre_orchestrator.core.ports import Change
from sre_orchestrator.core.vocabulary import nearest
from sre_orchestrator.twin.store import TwinStore

Direction = Literal["up", "down"]


class NoComponent(InputError):  # noqa: N818 - it is what happened
    """There is no such component, or the caller may not see it."""


class ComponentPage(Struct, frozen=True, kw_only=True):
    """A page of components, by id; ``next_cursor`` is empty on the last one."""

    items: tuple[Component, ...]
    next_cursor: str = ""


class Connected(Struct, frozen=True, kw_only=True):
    """A component and its relations."""

    component: Component
    edges: tuple[Edge, ...]


class Impact(Struct, frozen=True, kw_only=True):
    """What a fault of a component affects (``up``), or what it depends on (``down``), nearest first."""

    component: str
    direction: Direction
    hops: int
    components: tuple[str, ...]


class Changes(Struct, frozen=True, kw_only=True):
    """What changed of a component, oldest first."""

    component: str
    changes: tuple[Change, ...]


def listed(twins: Twins, kind: str = "", namespace: str = "", *, cursor: str = "", limit: int) -> ComponentPage:
    """Return the components after ``cursor``."""
    found = twins.ask(lambda twin: twin.components(kind, namespace))
    rest = [one for one in found if _visible(one.id) and one.id > cursor]
    return ComponentPage(items=tuple(rest[:limit]), next_cursor=rest[limit - 1].id if len(rest) > limit else "")


def connected(twins: Twins, component: str) -> Connected:
    """Return a component and its relations to others.

    Raises:
        NoComponent: there is none.

    """

    def ask(twin: TwinStore) -> Connected:
        found = _known(twin, component)
        edges = (one for one in twin.edges([component]) if _visible(one.source) and _visible(one.target))
        return Connected(component=found, edges=tuple(edges))

    return twins.ask(ask)


def impact(twins: Twins, component: str, *, direction: Direction, hops: int) -> Impact:
    """Return what a fault of a component affects (``up``) or what it depends on (``down``), nearest first.

    Raises:
        NoComponent: there is none.

    """

    def ask(twin: TwinStore) -> tuple[str, ...]:
        _known(twin, component)
        return twin.impact(component, direction=direction, hops=hops)

    found = tuple(filter(_visible, twins.ask(ask)))
    return Impact(component=component, direction=direction, hops=hops, components=found)


def changes(
    twins: Twins, component: str, *, since: datetime | None = None, until: datetime | None = None, limit: int
) -> Changes:
    """Return the latest changes of a component, which may be gone, oldest first.

    Raises:
        NoComponent: there is none, and never was.

    """

    def ask(twin: TwinStore) -> tuple[Change, ...]:
        happened = twin.changes(since or EARLIEST, until or LATEST)
        found = tuple(one for one in happened if one.component == component)
        if not found:
            _known(twin, component)
        return found

    if not _visible(component):
        raise _missing(component, ())
    return Changes(component=component, changes=twins.ask(ask)[-limit:])


def _known(twin: TwinStore, component: str) -> Component:
    visible = {one.id: one for one in twin.components() if _visible(one.id)}
    if component not in visible:
        raise _missing(component, list(visible))
    return visible[component]


def _missing(component: str, names: list[str] | tuple[()]) -> NoComponent:
    return NoComponent(f"there is no component {component[:200]!r}{nearest(component[:200], names)}")


def _visible(component: str) -> bool:
    """Say whether the caller may see a component: it is in one of their namespaces."""
    allowed = current().namespaces
    return not allowed or namespace_of(component) in allowed
