"""Who calls whom: ``depends_on`` edges from configuration and from declared topology."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

from sre_orchestrator.core.identity import component_id, kind_of, namespace_of
from sre_orchestrator.core.models import Edge, Struct
from sre_orchestrator.plugins.objects.addresses import service_of
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.workloads import CronJob, DaemonSet, Deployment, StatefulSet
from sre_orchestrator.plugins.sources.components import identity, template_of
from sre_orchestrator.plugins.sources.configuration import Configuration, Key
from sre_orchestrator.plugins.sources.joins import Join, Pair, labels_of, selector_of
from sre_orchestrator.plugins.sources.ports import Dependency
from sre_orchestrator.plugins.sources.tally import Tally
from sre_orchestrator.plugins.sources.telling import uses

H = TypeVar("H", bound=Hashable)
Read = Mapping[type[Object], tuple[Object, ...]]
CALLERS = (Deployment, StatefulSet, DaemonSet, CronJob)
Caller = Deployment | StatefulSet | DaemonSet | CronJob


class Calls(Configuration):
    """The call relations that the objects of a cluster show."""

    def __init__(self, read: Read) -> None:
        self._read = read
        super().__init__({_key(one): one for one in read[ConfigMap] if isinstance(one, ConfigMap)})

    def edges(self, dependencies: Iterable[Dependency]) -> Iterator[Edge]:
        """Yield caller → service for each configured address, service → backing workload, and declared calls.

        A host that names no service gives no edge; the network agent reports it.
        """
        tally = Tally()
        graph = CallGraph(tally)
        for kind in (ConfigMap, Service, *CALLERS):
            for one in self._read[kind]:
                graph.change(None, one)
        graph.declare(dependencies)
        return tally.edges()


class _Target(Struct, frozen=True, kw_only=True):
    """A service that a caller is configured with, whether it exists or not."""

    service: Key
    origin: str


class CallGraph:
    """Keeps the ``depends_on`` edges of a tally current as ConfigMaps, services and workloads change."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._config_maps: dict[Key, ConfigMap] = {}
        self._configuration = Configuration(self._config_maps)
        self._callers: dict[str, Caller] = {}
        self._targets: dict[str, frozenset[_Target]] = {}
        self._naming: dict[Key, set[str]] = {}  # a service → the callers that name it
        self._using: dict[Key, set[str]] = {}  # a ConfigMap → the callers that are configured with it
        self._backing = Join()
        self._declared = DeclaredCalls(tally)
        self._services: set[Key] = set()

    def change(self, old: Object | None, new: Object | None) -> None:
        """Take note that ``old`` became ``new``; ``None`` is an object that is not there."""
        item = new or old
        if isinstance(item, ConfigMap):
            self._change_config_map(_key(item), new)
        elif isinstance(item, Service):
            self._change_service(_key(item), old, new)
        elif isinstance(item, Caller):
            self._change_caller(identity(item), old, new)

    def declare(self, dependencies: Iterable[Dependency]) -> None:
        """Let ``dependencies`` be all the declared calls."""
        self._declared.declare(dependencies)

    def _change_config_map(self, key: Key, new: Object | None) -> None:
        self._config_maps.pop(key, None)
        if isinstance(new, ConfigMap):
            self._config_maps[key] = new
        for caller in tuple(self._using.get(key, ())):
            self._configure(caller, self._callers[caller])

    def _change_service(self, key: Key, old: Object | None, new: Object | None) -> None:
        here = component_id("service", *key)
        pairs = self._backing.select(here, key[0], selector_of(old), selector_of(new))
        self._tally.change(_backed(pairs.gone), _backed(pairs.made))
        if old is None or new is None:
            named = [
                _depends(caller, here, target.origin)
                for caller in self._naming.get(key, ())
                for target in self._targets[caller]
                if target.service == key
            ]
            self._tally.change(() if old is None else named, () if new is None else named)
            (self._services.discard if new is None else self._services.add)(key)
            self._declared.exist(here, exists=new is not None)

    def _change_caller(self, here: str, old: Object | None, new: Object | None) -> None:
        if old and new and template_of(old) == template_of(new):
            return
        pairs = self._backing.label(here, namespace_of(here), labels_of(old), labels_of(new))
        self._tally.change(_backed(pairs.gone), _backed(pairs.made))
        self._configure(here, new if isinstance(new, Caller) else None)
        if old is None or new is None:
            self._declared.exist(here, exists=new is not None)

    def _configure(self, caller: str, item: Caller | None) -> None:
        """Find out what ``caller`` is configured with, now that it or its configuration is ``item``."""
        before = list(self._configured(caller))
        known = self._callers.pop(caller, None)
        for service in {target.service for target in self._targets.pop(caller, ())}:
            _unlink(self._naming, service, caller)
        for used in _used(known):
            _unlink(self._using, used, caller)
        if item:
            self._callers[caller], self._targets[caller] = item, self._named(item)
            for target in self._targets[caller]:
                self._naming.setdefault(target.service, set()).add(caller)
            for used in _used(item):
                self._using.setdefault(used, set()).add(caller)
        self._tally.change(before, self._configured(caller))

    def _named(self, item: Caller) -> frozenset[_Target]:
        home = item.metadata.namespace
        references = self._configuration.references(home, template_of(item).spec)
        found = ((service_of(one.address.host, home), one.origin) for one in references)
        return frozenset(_Target(service=service, origin=origin) for service, origin in found if service)

    def _configured(self, caller: str) -> Iterator[Edge]:
        for target in self._targets.get(caller, ()):
            if target.service in self._services:
                yield _depends(caller, component_id("service", *target.service), target.origin)


class DeclaredCalls:
    """Keeps the edges of declared calls current as their ends come and go."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._ends: dict[str, set[str]] = {}  # name → ids of the workloads and services that are called so
        self._mentioning: dict[str, set[Dependency]] = {}
        self._all: frozenset[Dependency] = frozenset()

    def declare(self, dependencies: Iterable[Dependency]) -> None:
        """Let ``dependencies`` be all the declared calls."""
        before, self._all, self._mentioning = self._all, frozenset(dependencies), {}
        for one in self._all:
            for name in (one.caller, one.callee):
                self._mentioning.setdefault(name, set()).add(one)
        self._tally.change(self._edges(before - self._all), self._edges(self._all - before))

    def exist(self, component: str, *, exists: bool) -> None:
        """Take note that a workload or service came to be or went."""
        name = component.rpartition("/")[2]
        affected = self._mentioning.get(name, ())
        before = list(self._edges(affected))
        if exists:
            self._ends.setdefault(name, set()).add(component)
        else:
            _unlink(self._ends, name, component)
        self._tally.change(before, self._edges(affected))

    def _edges(self, dependencies: Iterable[Dependency]) -> Iterator[Edge]:
        """Yield the declared calls between the workloads of those names and to the callee's service."""
        for one in dependencies:
            for caller in self._found(one.caller, one.namespace):
                if kind_of(caller) != "service":
                    for callee in self._found(one.callee, one.namespace):
                        yield _depends(caller, callee, one.provenance)

    def _found(self, name: str, namespace: str) -> Iterator[str]:
        return (one for one in self._ends.get(name, ()) if namespace in ("", namespace_of(one)))


def _used(item: Caller | None) -> Iterator[Key]:
    if item:
        names = {one.name for one in uses(template_of(item).spec) if one.kind == "configmap"}
        yield from ((item.metadata.namespace, name) for name in names)


def _key(item: Object) -> Key:
    return (item.metadata.namespace, item.metadata.name)


def _unlink(index: dict[H, set[str]], key: H, name: str) -> None:
    index[key].discard(name)
    if not index[key]:
        del index[key]


def _backed(pairs: Iterable[Pair]) -> Iterator[Edge]:
    return (_depends(service, workload, "spec.selector") for service, workload in pairs)


def _depends(source: str, target: str, provenance: str) -> Edge:
    return Edge(source=source, kind="depends_on", target=target, provenance=provenance)
