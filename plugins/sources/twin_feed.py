"""Reads a cluster's objects into the components and relations of the twin."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.nodes import Lease
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Topology
from sre_orchestrator.plugins.sources.relations import OPTIONAL, READ, Relations

WATCHED: tuple[type[Object], ...] = (Event, Lease)  # what agents read beside: nobody else tells their gaps


async def feed(cluster: ClusterObjects) -> AsyncIterator[Component | Edge | Gap]:
    """Yield every component, every relation with its provenances, and the gaps of what could not be read."""
    relations = Relations()
    for kind in (*READ, *WATCHED):
        listing = await cluster.list(kind)
        for item in listing.items if kind in READ else ():
            relations.change(None, item)
        for gap in () if kind in OPTIONAL else listing.gaps:
            yield gap
    relations.declare(await cluster.dependencies() if isinstance(cluster, Topology) else ())
    delta = relations.take()
    for component in delta.components:
        yield component
    for edge in delta.edges:
        yield edge
