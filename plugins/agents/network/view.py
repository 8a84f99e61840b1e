"""What the network agent reads, put together: services, what they select, who is configured to call them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Coverage, Scope
from sre_orchestrator.plugins.agents.network.parts import (
    Backends,
    Declared,
    Key,
    Template,
    backends_of,
    key_of,
    meanings,
    template_of,
)
from sre_orchestrator.plugins.agents.reading import covered
from sre_orchestrator.plugins.objects.addresses import Reference
from sre_orchestrator.plugins.objects.config import ConfigMap, Namespace, Secret
from sre_orchestrator.plugins.objects.custom import Middleware
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.naming import plain
from sre_orchestrator.plugins.objects.network import (
    Endpoints,
    EndpointSlice,
    HTTPRoute,
    Ingress,
    IngressClass,
    NetworkPolicy,
    Service,
    VirtualService,
)
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.routes import Route, routes_in, routes_of, routes_under
from sre_orchestrator.plugins.objects.selectors import labels_match
from sre_orchestrator.plugins.objects.workloads import CronJob, DaemonSet, Deployment, StatefulSet
from sre_orchestrator.plugins.sources.calls import Calls
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Dependency, Listing, Topology

SLICE_OF = "kubernetes.io/service-name"
FINISHED = frozenset({"Succeeded", "Failed"})
WORKLOADS: tuple[type[Object], ...] = (Deployment, StatefulSet, DaemonSet, CronJob)
READ: tuple[type[Object], ...] = (
    Service, Endpoints, EndpointSlice, Pod, *WORKLOADS, ConfigMap, Secret, Namespace, Ingress, IngressClass,
    NetworkPolicy, HTTPRoute, VirtualService, Middleware,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class View:
    """Everything that the looks of this agent compare."""

    scope: Scope
    listings: Mapping[type[Object], Listing[Object]]
    dependencies: tuple[Dependency, ...] = ()
    calls: Calls = field(init=False)

    def __post_init__(self) -> None:
        """Index the call relations."""
        object.__setattr__(self, "calls", Calls({kind: one.items for kind, one in self.listings.items()}))

    def items(self, kind: type[Object]) -> tuple[Object, ...]:
        """Return the objects of a kind, everywhere."""
        return self.listings[kind].items

    def complete(self, namespace: str, *kinds: type[Object]) -> bool:
        """Say whether all ``kinds`` were read completely in ``namespace``."""
        return all({"*", namespace} & self.listings[kind].complete_in for kind in kinds)

    def coverage(self, kinds: Iterable[str], *read: type[Object]) -> Iterator[Coverage]:
        """Yield that facts of ``kinds`` are complete where all of ``read`` were."""
        return covered(kinds, *(self.listings[one] for one in read))

    @cached_property
    def services(self) -> Mapping[Key, Service]:
        """Return every service by namespace and name."""
        return {key_of(one): one for one in self.items(Service) if isinstance(one, Service)}

    @cached_property
    def named(self) -> Mapping[Key, tuple[Key, ...]]:
        """Return the services by namespace and plain name."""
        found: dict[Key, tuple[Key, ...]] = {}
        for key in sorted(self.services):
            short = (key[0], plain(key[1]))
            found[short] = (*found.get(short, ()), key)
        return found

    @cached_property
    def mine(self) -> tuple[tuple[Key, Service], ...]:
        """Return the services of the scope's namespaces, those without cluster backends left out."""
        return tuple(
            (key, one)
            for key, one in sorted(self.services.items())
            if key[0] in self.scope.namespaces and one.spec.type != "ExternalName"
        )

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """Return the names of the namespaces that are known."""
        return frozenset(one.metadata.name for one in self.items(Namespace)) | {key[0] for key in self.services}

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """Return every workload's pod template."""
        return tuple(template_of(one) for kind in WORKLOADS for one in self.items(kind))

    @cached_property
    def pods(self) -> Mapping[str, tuple[Pod, ...]]:
        """Return the pods that have not finished, by namespace."""
        found: dict[str, tuple[Pod, ...]] = {}
        for one in self.items(Pod):
            if isinstance(one, Pod) and one.status.phase not in FINISHED:
                found[one.metadata.namespace] = (*found.get(one.metadata.namespace, ()), one)
        return found

    @cached_property
    def references(self) -> Mapping[str, tuple[Reference, ...]]:
        """Return the addresses that each workload is configured with, by workload."""
        return {one.id: tuple(dict.fromkeys(self.calls.references(one.namespace, one.spec))) for one in self.templates}

    @cached_property
    def routes(self) -> Mapping[str, tuple[Declared, ...]]:
        """Return the routes that workloads (or ConfigMaps that none mounts) declare in configuration, by component."""
        found: dict[str, list[Declared]] = {}
        used: set[str] = set()
        for template in self.templates:
            for origin, text in self.calls.texts(template.namespace, template.spec):
                used.add(origin)
                for one in self._declared(template, origin, text):
                    found.setdefault(template.id, []).append(Declared(route=one, origin=origin))
        for config in self.items(ConfigMap):
            for key, text in config.data.items() if isinstance(config, ConfigMap) else ():
                origin = f"{key} in configmap {config.metadata.name}"
                if origin not in used:
                    declared = [Declared(route=one, origin=origin) for one in routes_in(text)]
                    found.setdefault(self._reader(config), []).extend(declared)
        return {component: tuple(dict.fromkeys(routes)) for component, routes in found.items() if routes}

    def _declared(self, template: Template, origin: str, text: str | dict[str, str]) -> Iterable[Route]:
        """Return the routes of a text; variables go before files, and JSON in a variable before both."""
        if not isinstance(text, str):
            return routes_of(text)
        if origin.startswith("env "):
            return routes_in(text)
        texts = self.calls.texts(template.namespace, template.spec)
        variables = {key: value for _, one in texts if isinstance(one, dict) for key, value in one.items()}
        return routes_under(text, variables)

    def _reader(self, config: Object) -> str:
        """Return the workload that must read a ConfigMap which none mounts (through the API): by its name, else itself."""
        namespace, name = key_of(config)
        stem = name.removesuffix("-configmap").removesuffix("-config").removesuffix("-cm")
        readers = (one.id for one in self.templates if one.namespace == namespace and one.name in {name, stem})
        return next(readers, component_id("configmap", namespace, name))

    @cached_property
    def absentees(self) -> Mapping[Key, frozenset[str]]:
        """Return which workloads are configured with each service that does not exist."""
        found: dict[Key, set[str]] = {}
        for template in self.templates:
            for reference in self.references[template.id]:
                key = self.absent(reference.address.host, template.namespace)
                if key:
                    found.setdefault(key, set()).add(template.id)
        return {key: frozenset(names) for key, names in found.items()}

    @cached_property
    def given(self) -> Mapping[tuple[str, Key], frozenset[str]]:
        """Return which workloads give a variable (or setting) the address of which existing service."""
        found: dict[tuple[str, Key], set[str]] = {}
        for template in self.templates:
            for reference in self.references[template.id]:
                key = self.find(reference.address.host, template.namespace)
                if key and reference.variable:
                    found.setdefault((reference.variable, key), set()).add(template.id)
        return {pair: frozenset(names) for pair, names in found.items()}

    @cached_property
    def callers(self) -> Mapping[Key, frozenset[str]]:
        """Return what is configured, declared or routed to call each service."""
        found: dict[Key, set[str]] = {}
        for template in self.templates:
            for reference in self.references[template.id]:
                target = self.find(reference.address.host, template.namespace)
                if target:
                    found.setdefault(target, set()).add(template.id)
        for one in self.dependencies:
            callers = {template.id for template in self.templates if template.name == one.caller}
            found.setdefault((one.namespace, one.callee), set()).update(callers)
        for ingress in self.items(Ingress):
            if isinstance(ingress, Ingress):
                for name in ingress.backends:
                    target = (ingress.metadata.namespace, name)
                    found.setdefault(target, set()).add(component_id("ingress", *key_of(ingress)))
        return {key: frozenset(names) for key, names in found.items()}

    @cached_property
    def backends(self) -> Mapping[Key, Backends]:
        """Return how many endpoints each service has: from Endpoints, else from slices."""
        slices: dict[Key, Backends] = {}
        for one in self.items(EndpointSlice):
            if isinstance(one, EndpointSlice):
                key = (one.metadata.namespace, one.metadata.labels.get(SLICE_OF, ""))
                known = slices.get(key, Backends())
                ready = sum(endpoint.conditions.ready is not False for endpoint in one.endpoints)
                slices[key] = Backends(
                    ready=known.ready + ready, not_ready=known.not_ready + len(one.endpoints) - ready
                )
        whole = {key_of(one): backends_of(one) for one in self.items(Endpoints) if isinstance(one, Endpoints)}
        return {**slices, **whole}

    def behind(self, service: Service) -> tuple[Template, ...]:
        """Return the workloads whose pods the service selects."""
        return tuple(
            one
            for one in self.templates
            if one.namespace == service.metadata.namespace and labels_match(service.spec.selector, one.labels)
        )

    def selected(self, service: Service) -> tuple[Pod, ...]:
        """Return the pods that the service selects."""
        return tuple(
            one
            for one in self.pods.get(service.metadata.namespace, ())
            if labels_match(service.spec.selector, one.metadata.labels)
        )

    def find(self, host: str, namespace: str) -> Key | None:
        """Return the existing service that ``host`` names for a pod in ``namespace``."""
        return next((key for key in meanings(host, namespace) if key in self.services), None)

    def absent(self, host: str, namespace: str) -> Key | None:
        """Return the service that ``host`` must name but that is known not to exist; ``None`` for outside names."""
        if self.find(host, namespace):
            return None
        labels = host.split(".")
        spelt = (labels[1], labels[0]) if len(labels) > 2 and "svc" not in labels else None  # noqa: PLR2004
        target = spelt if spelt in self.services else next(iter(meanings(host, namespace)), None)
        if target is None or not self._inside(labels, target, namespace):
            return None
        known = self.complete(target[0], Service)
        gone = self.complete("", Namespace) and target[0] not in self.namespaces
        return target if known or gone else None

    def _inside(self, labels: list[str], target: Key, namespace: str) -> bool:
        """Say whether a name can only be meant for the cluster."""
        if len(labels) == 1 or "svc" in labels[2:4]:
            return True
        if len(labels) == 2:  # noqa: PLR2004 - service.namespace, or a domain of the world
            return target[0] in self.namespaces or (namespace, target[1]) in self.services
        return target in self.services and labels[-1] in {"local", "cluster", "internal"}


async def read_view(scope: Scope, sources: Sources) -> View:
    """Read everything once.

    Raises:
        SourceMissing: there is no source of Kubernetes objects.

    """
    cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]  # a port is asked for by its protocol
    topology = sources.find(Topology)  # type: ignore[type-abstract]
    return View(
        scope=scope,
        listings={kind: await cluster.list(kind) for kind in READ},
        dependencies=tuple(await topology.dependencies()) if topology else (),
    )
