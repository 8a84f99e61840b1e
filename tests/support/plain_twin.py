"""Reads whole lists of objects into the relations of a twin in the plainest way, to compare the incremental one with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Component, Edge
from sre_orchestrator.plugins.objects.addresses import service_of
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Endpoints, NetworkPolicy, Service
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.selectors import labels_match
from sre_orchestrator.plugins.objects.workloads import CronJob, DaemonSet, Deployment, StatefulSet
from sre_orchestrator.plugins.sources.components import COMPONENTS, component, identity, template_of
from sre_orchestrator.plugins.sources.configuration import Configuration
from sre_orchestrator.plugins.sources.ports import Dependency
from sre_orchestrator.plugins.sources.telling import RELEASE, told_by


def plain_components(objects: Iterable[Object]) -> tuple[Component, ...]:
    """Return the components of ``objects`` and of the releases that their annotations name, sorted by id."""
    read = [one for one in objects if isinstance(one, (*COMPONENTS, Endpoints))]
    found = [component(one) for one in read if isinstance(one, COMPONENTS)]
    releases = {
        component_id("release", one.metadata.namespace, name)
        for one in read
        if (name := one.metadata.annotations.get(RELEASE))
    }
    return tuple(sorted([*found, *(Component(id=one) for one in releases)], key=lambda one: one.id))


def plain_edges(objects: Sequence[Object], dependencies: Iterable[Dependency] = ()) -> tuple[Edge, ...]:
    """Return the relations of ``objects``, each with all its provenances, sorted by source, kind and target."""
    provenances: dict[tuple[str, str, str], set[str]] = {}
    for one in _edges(objects, dependencies):
        provenances.setdefault((one.source, one.kind, one.target), set()).add(one.provenance)
    return tuple(
        Edge(source=source, kind=kind, target=target, provenance="; ".join(sorted(texts)))  # type: ignore[arg-type]
        for (source, kind, target), texts in sorted(provenances.items())
    )


def _edges(objects: Sequence[Object], dependencies: Iterable[Dependency]) -> Iterator[Edge]:
    for one in objects:
        if isinstance(one, (*COMPONENTS, Endpoints)):
            yield from told_by(one)
    for one in objects:
        for other in objects:
            if one.metadata.namespace == other.metadata.namespace:
                yield from _of_two(one, other)
    yield from _configured(objects)
    for dependency in dependencies:
        yield from _declared(objects, dependency)


def _of_two(one: Object, other: Object) -> Iterator[Edge]:
    template = template_of(other) if isinstance(other, Deployment | StatefulSet | DaemonSet | CronJob) else None
    if isinstance(one, Service) and isinstance(other, Pod) and labels_match(one.spec.selector, other.metadata.labels):
        yield Edge(source=identity(one), kind="selects", target=identity(other), provenance="spec.selector")
    if isinstance(one, Service) and template and labels_match(one.spec.selector, template.metadata.labels):
        yield Edge(source=identity(one), kind="depends_on", target=identity(other), provenance="spec.selector")
    if (
        isinstance(one, NetworkPolicy)
        and template
        and not isinstance(other, CronJob)
        and one.spec.pod_selector.matches(template.metadata.labels)
    ):
        yield Edge(source=identity(one), kind="limits", target=identity(other), provenance="spec.podSelector")


def _configured(objects: Sequence[Object]) -> Iterator[Edge]:
    services = {(one.metadata.namespace, one.metadata.name) for one in objects if isinstance(one, Service)}
    maps = {(one.metadata.namespace, one.metadata.name): one for one in objects if isinstance(one, ConfigMap)}
    for one in objects:
        if isinstance(one, Deployment | StatefulSet | DaemonSet | CronJob):
            home = one.metadata.namespace
            for reference in Configuration(maps).references(home, template_of(one).spec):
                target = service_of(reference.address.host, home)
                if target in services:
                    yield Edge(
                        source=identity(one),
                        kind="depends_on",
                        target=component_id("service", *target),
                        provenance=reference.origin,
                    )


def _declared(objects: Sequence[Object], dependency: Dependency) -> Iterator[Edge]:
    workloads = [one for one in objects if isinstance(one, Deployment | StatefulSet | DaemonSet | CronJob)]
    called = [*workloads, *(one for one in objects if isinstance(one, Service))]
    for caller in workloads:
        for callee in called:
            names = (caller.metadata.name, callee.metadata.name)
            places = {caller.metadata.namespace, callee.metadata.namespace}
            if names == (dependency.caller, dependency.callee) and (
                not dependency.namespace or places == {dependency.namespace}
            ):
                yield Edge(
                    source=identity(caller),
                    kind="depends_on",
                    target=identity(callee),
                    provenance=dependency.provenance,
                )
