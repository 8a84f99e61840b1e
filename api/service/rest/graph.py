"""The components that are involved in an incident, as a small graph: the cause, what shows it, and what is between."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import anyio.to_thread
from litestar import get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException

from sre_orchestrator.api.service.rest.parameters import Id
from sre_orchestrator.core.bundle import bundle_from
from sre_orchestrator.core.identity import kind_of
from sre_orchestrator.core.models import Edge, EdgeKind, Hypothesis, Report, Struct
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.reach import Graph

MOST = 40
SUSPECTS = 3
PARTS = frozenset({"pod", "replicaset", "job"})  # shown as the workload that owns them
SHARED: frozenset[EdgeKind] = frozenset({"runs_on", "uses_config", "uses_secret", "uses_account"})  # no way to go
Role = Literal["cause", "suspect", "symptom", "changed", "between"]


class Involved(Struct, frozen=True, kw_only=True):
    """One component and its part in the incident; ``stands_for`` are the pods and such that it owns."""

    id: str
    role: Role
    stands_for: tuple[str, ...] = ()


class Link(Struct, frozen=True, kw_only=True):
    """A relation of two components, read ``source kind target``."""

    source: str
    target: str
    kinds: tuple[EdgeKind, ...]


class IncidentGraph(Struct, frozen=True, kw_only=True):
    """What is involved, the nearest to the cause first; ``left_out`` counts what is too much for one picture."""

    components: tuple[Involved, ...]
    links: tuple[Link, ...]
    left_out: int = 0


@get(
    "/incidents/{incident_id:str}/graph",
    operation_id="getIncidentGraph",
    tags=["incidents"],
    summary="See how the involved components hang together",
)
async def graph(incident_id: Id, state: State) -> IncidentGraph:
    """Return the cause, the components that show symptoms, and what connects them; pods as the workload that owns them."""
    kept = await anyio.to_thread.run_sync(state.service.store.bundle, incident_id)
    if kept is None:
        raise NotFoundException(f"there is no incident {incident_id[:40]!r}, or it has no investigation yet")
    return await anyio.to_thread.run_sync(lambda: graph_of(bundle_from(kept, incident_id)))


def graph_of(bundle: Bundle) -> IncidentGraph:
    """Return the graph of an investigation."""
    edges = Graph(bundle.edges)

    def shown(component: str) -> str:
        return edges.workload(component) if kind_of(component) in PARTS else component

    named = _named(bundle.report)
    roles: dict[str, Role] = {}
    parts: dict[str, set[str]] = defaultdict(set)
    for component, role in named:
        roles.setdefault(shown(component), role)
        if shown(component) != component:
            parts[shown(component)].add(component)
    links = _links(bundle.edges, shown)
    nearest = _nearest(links, list(roles))
    kept = frozenset(nearest[:MOST])
    return IncidentGraph(
        components=tuple(
            Involved(id=one, role=roles.get(one, "between"), stands_for=tuple(sorted(parts[one])))
            for one in nearest[:MOST]
        ),
        links=_without_detours([one for one in links if {one.source, one.target} <= kept]),
        left_out=len(nearest) - len(kept),
    )


def _named(report: Report) -> list[tuple[str, Role]]:
    """Return the components that the report names, the most telling role of each first."""
    causes: Sequence[Hypothesis] = report.hypotheses[:SUSPECTS]
    facts = report.facts
    found: list[tuple[str, Role]] = [(one.component, "cause") for one in causes[:1]]
    found += [(facts[one].component, "symptom") for one in report.symptoms if one in facts]
    found += [(one.component, "suspect") for one in causes[1:]]
    found += [(facts[one].component, "changed") for cause in causes for one in cause.changes if one in facts]
    return found


def _links(edges: Iterable[Edge], shown: Callable[[str], str]) -> list[Link]:
    kinds: dict[tuple[str, str], list[EdgeKind]] = defaultdict(list)
    for edge in edges:
        source, target = shown(edge.source), shown(edge.target)
        if source != target and edge.kind not in kinds[source, target]:
            kinds[source, target].append(edge.kind)
    return [Link(source=pair[0], target=pair[1], kinds=tuple(found)) for pair, found in kinds.items() if found]


def _nearest(links: Iterable[Link], named: Sequence[str]) -> list[str]:
    """Return what is named and what lies on the shortest ways to the first of it, the nearest first."""
    came = _ways_to(named[0], links) if named else {}
    wanted: set[str] = set()
    for here in named:
        while here and here not in wanted:
            wanted.add(here)
            here = came.get(here, "")  # noqa: PLW2901 - one step on the way
    order = {one: number for number, one in enumerate(came)}
    return sorted(wanted, key=lambda one: (order.get(one, len(order)), one))


def _ways_to(first: str, links: Iterable[Link]) -> dict[str, str]:
    """Return for every component that hangs together with ``first``, nearest first, the next one on the way to it."""
    beside: dict[str, set[str]] = defaultdict(set)
    for one in links:
        if not SHARED.issuperset(one.kinds):
            beside[one.source].add(one.target)
            beside[one.target].add(one.source)
    came = {first: ""}
    waiting = deque(came)
    while waiting:
        here = waiting.popleft()
        for there in sorted(beside[here] - came.keys()):
            came[there] = here
            waiting.append(there)
    return came


def _without_detours(links: Sequence[Link]) -> tuple[Link, ...]:
    """Leave out that a caller depends on what is behind a service, where the service is there to say so."""
    pairs = {(one.source, one.target) for one in links}
    targets: dict[str, set[str]] = defaultdict(set)
    for source, target in pairs:
        targets[source].add(target)
    return tuple(
        one
        for one in links
        if one.kinds != ("depends_on",)
        or not any(kind_of(via) == "service" and (via, one.target) in pairs for via in targets[one.source])
    )
