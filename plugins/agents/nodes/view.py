"""Everything that the parts of the nodes agent look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Scope
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.nodes import Lease, Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.ports import Unit


@dataclass(frozen=True, kw_only=True)
class View:
    """What was read of a cluster at the time of the incident."""

    scope: Scope
    observe: Observer
    nodes: tuple[Node, ...]
    pods: tuple[Pod, ...]
    leases: tuple[Lease, ...]
    events: tuple[Event, ...]
    units: tuple[Unit, ...]

    def recent(self, at: datetime | None) -> bool:
        """Say whether ``at`` lies within the window; a time that nobody knows does not."""
        return at is not None and self.scope.since <= at <= self.scope.until


def node_id(name: str) -> str:
    """Return the component id of a node."""
    return component_id("node", None, name)
