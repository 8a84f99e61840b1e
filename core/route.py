"""Finds where to look: namespaces, components named by the incident, time window, agents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.identity import kind_of, name_of, namespace_of
from sre_orchestrator.core.models import Component, Edge, Incident, Scope
from sre_orchestrator.core.ports import Twin
from sre_orchestrator.core.reach import needed
from sre_orchestrator.core.reading.names import NAMEABLE, named
from sre_orchestrator.core.reading.order import AgentOrder
from sre_orchestrator.core.reading.times import ago
from sre_orchestrator.core.reading.words import symptoms
from sre_orchestrator.core.settings import Settings, UserFlow
from sre_orchestrator.core.vocabulary import nearest


def route(
    incident: Incident,
    twin: Twin,
    agents: Sequence[Agent],
    settings: Settings,
    *,
    edges: Sequence[Edge] = (),
    order: AgentOrder | None = None,
) -> Scope:
    """Return the scope of ``incident``.

    Namespaces: the incident's, else those of the components that it names and of what these depend on
    (``edges``), else all of the cluster. The window reaches back ``settings.window_minutes`` before the time that the text
    gives ("since ten minutes", ``core.reading``), or before the incident. All agents are asked, in
    ``order`` (default: by words).

    Raises:
        InputError: the incident's namespace does not exist.

    """
    components = twin.components()
    namespaces = _namespaces(incident, components)
    found = named(incident.description, components, namespaces)
    found = tuple(sorted({*found, *_flows(incident.description, components, namespaces, settings.user_flows)}))
    if not incident.namespace and found:
        within = {namespace_of(component) for component in needed(found, edges)} - {""}
        namespaces = tuple(sorted(within)) or namespaces
    return Scope(
        incident=incident,
        namespaces=namespaces,
        components=found,
        symptoms=symptoms(incident.description),
        since=_before(incident.at, ago(incident.description, incident.at) + timedelta(minutes=settings.window_minutes)),
        until=incident.at,
        agents=(order or AgentOrder())(incident.description, agents),
    )


def _namespaces(incident: Incident, components: Iterable[Component]) -> tuple[str, ...]:
    known = {namespace_of(component.id) for component in components} - {""}
    if not incident.namespace:
        return tuple(sorted(known))
    wanted = [name.strip() for name in incident.namespace.split(",")]
    for name in wanted:
        if known and name not in known:
            raise InputError(
                f"namespace {name!r} does not exist{nearest(name, known)}; known: {', '.join(sorted(known))}"
            )
    return tuple(wanted)


def _flows(
    description: str, components: Iterable[Component], namespaces: tuple[str, ...], flows: Iterable[UserFlow]
) -> Iterator[str]:
    """Yield the components of the user flows that the text names: what is called as one of their services."""
    told = [one for one in flows if re.search(rf"(?<!\w){re.escape(one.name)}(?!\w)", description, re.IGNORECASE)]
    meant = {(one.namespace, service) for one in told for service in one.services}
    for component in components:
        space, name = namespace_of(component.id), name_of(component.id)
        if (
            not meant.isdisjoint({(space, name), ("", name)})
            and space in namespaces
            and kind_of(component.id) in NAMEABLE
        ):
            yield component.id


def _before(at: datetime, ago: timedelta) -> datetime:
    earliest = datetime.min.replace(tzinfo=at.tzinfo)
    return at - ago if at - earliest > ago else earliest
