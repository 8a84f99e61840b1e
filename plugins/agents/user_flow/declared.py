"""User flows that owners declare: in the settings, or by annotations on what serves them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import msgspec

from sre_orchestrator.core.identity import component_id, namespace_of
from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.core.settings import Objective, UserFlow
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import HTTPRoute, Service
from sre_orchestrator.plugins.objects.registry import KINDS

NAME, OBJECTIVE = "sre-orchestrator.io/user-flow", "sre-orchestrator.io/objective"
WRITE = 'write "availability=99.9%, latency=500ms"'
_PART = re.compile(r"(?P<key>availability|latency)\s*[=:]\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|ms|s)?")
_SCALES = {"availability": {"%": 0.01, "": 1.0}, "latency": {"ms": 1e-3, "s": 1.0, "": 1.0}}


class DeclaredFlow(Struct, frozen=True, kw_only=True):
    """A user flow with the components that serve it; what is empty is not compared."""

    name: str
    host: str = ""
    route: str = ""
    namespace: str = ""
    components: frozenset[str] = frozenset()
    objective: Objective = Objective()

    def serves(self, *, component: str, callee: str, route: str, host: str) -> bool:
        """Say whether requests like these are of this flow; where nobody knows the host, the rest decides."""
        path = route.rpartition(" ")[2]
        return (
            bool(self.host or self.route or self.components)
            and (not self.components or bool(self.components & {component, callee}))
            and (not self.namespace or namespace_of(component) == self.namespace)
            and (not self.host or host == self.host or (not host and bool(self.components or self.route)))
            and (not self.route or self.route in (path, route) or fnmatchcase(path, self.route.rpartition(" ")[2]))
        )


class DeclaredFlows:
    """All user flows of a cluster, the more exact ones first, and which of them were seen to be asked."""

    def __init__(self, flows: Iterable[DeclaredFlow] = ()) -> None:
        self.flows = sorted(flows, key=lambda one: (not one.route, not one.host, len(one.components), one.name))
        self._seen: set[str] = set()

    def of(self, component: str, *, callee: str = "", route: str = "", host: str = "") -> DeclaredFlow | None:
        """Return the flow that requests belong to."""
        for flow in self.flows:
            if flow.serves(component=component, callee=callee, route=route, host=host):
                self._seen.add(flow.name)
                return flow
        return None

    def unseen(self, agent: str, namespaces: Iterable[str]) -> Iterator[Gap]:
        """Yield a gap for each flow of ``namespaces`` of which no request could be seen."""
        for name in sorted({one.name for one in self.flows if _within(one, set(namespaces))} - self._seen):
            yield Gap(
                agent=agent,
                what=f"the requests of user flow {name}",
                why="no series and no access log tells of its host, route or services",
                remedy="let Prometheus scrape what serves it (docs/how-to/declare-user-flows.md lists the series), or correct its host, route or services",
            )


def _within(flow: DeclaredFlow, namespaces: set[str]) -> bool:
    spaces = {flow.namespace, *map(namespace_of, flow.components)} - {""}
    return not spaces or bool(spaces & namespaces)


def from_settings(flows: Iterable[UserFlow], services: Iterable[Service], places: Places) -> Iterator[DeclaredFlow]:
    """Yield the flows of the settings, with the services and workloads that their names mean."""
    spaces = {(one.metadata.name, one.metadata.namespace) for one in services}
    for flow in flows:
        found: set[str] = set()
        for name in flow.services:
            for space in {space for known, space in spaces if known == name and flow.namespace in ("", space)}:
                found |= _behind(space, name, places)
            workload = places.of("", {"namespace": flow.namespace, "workload": name})
            found |= {workload} if workload else set()
        yield DeclaredFlow(
            name=flow.name,
            host=flow.host,
            route=flow.route,
            namespace=flow.namespace,
            components=frozenset(found or (component_id("service", flow.namespace, one) for one in flow.services)),
            objective=flow.objective,
        )


def from_annotations(objects: Iterable[Object], places: Places, agent: str) -> Iterator[DeclaredFlow | Gap]:
    """Yield the flows that annotations declare; an objective that cannot be read is a gap that names the object."""
    for one in objects:
        name = one.metadata.annotations.get(NAME, "").strip()
        if not name:
            continue
        where = component_id(KINDS[type(one)].kind, one.metadata.namespace, one.metadata.name)
        text = one.metadata.annotations.get(OBJECTIVE, "")
        objective = objective_of(text)
        if objective is None:
            yield Gap(
                agent=agent,
                what=f"the objective of user flow {name}",
                why=f"{where}: annotation {OBJECTIVE} is {text!r}",
                remedy=WRITE,
            )
        for host in _hosts(one):
            yield DeclaredFlow(
                name=name,
                host=host,
                namespace=one.metadata.namespace,
                components=frozenset({where, *_served(one, places)}),
                objective=objective or Objective(),
            )


def objective_of(text: str) -> Objective | None:
    """Return the objective that a text declares; ``None`` when it cannot be read.

    >>> objective_of("availability=99.9%, latency=500ms")
    Objective(availability=0.999, latency_seconds=0.5)
    >>> objective_of("availability=5 nines") is None
    True
    """
    found: dict[str, float] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        match = _PART.fullmatch(part)
        scale = _SCALES[match["key"]].get(match["unit"] or "") if match else None
        if match is None or scale is None:
            return None
        found["availability" if match["key"] == "availability" else "latency_seconds"] = round(
            float(match["number"]) * scale, 9
        )
    try:
        return msgspec.convert(found, Objective)
    except msgspec.ValidationError:
        return None


def _served(one: Object, places: Places) -> set[str]:
    space, name = one.metadata.namespace, one.metadata.name
    if isinstance(one, Service):
        return _behind(space, name, places)
    if isinstance(one, HTTPRoute):
        backends = {(ref.namespace or space, ref.name) for rule in one.spec.rules for ref in rule.backend_refs}
        return {component for backend in backends for component in _behind(*backend, places)}
    return set()


def _hosts(one: Object) -> tuple[str, ...]:
    return tuple(one.spec.hostnames) or ("",) if isinstance(one, HTTPRoute) else ("",)


def _behind(space: str, name: str, places: Places) -> set[str]:
    workload = places.of("", {"namespace": space, "service": name})
    return (
        {component_id("service", space, name), workload} - {None}
        if workload
        else {component_id("service", space, name)}
    )
