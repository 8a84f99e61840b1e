"""Who calls whom: ``depends_on`` edges from configuration and from declared topology."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Edge
from sre_orchestrator.plugins.objects.addresses import Reference, references_in, service_of
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.pods import Container, PodSpec
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.selectors import labels_match
from sre_orchestrator.plugins.objects.workloads import CronJob, DaemonSet, Deployment, StatefulSet
from sre_orchestrator.plugins.sources.ports import Dependency

Read = Mapping[type[Object], tuple[Object, ...]]


class Calls:
    """The call relations that the objects of a cluster show."""

    def __init__(self, read: Read) -> None:
        self._services = {
            (one.metadata.namespace, one.metadata.name): one for one in read[Service] if isinstance(one, Service)
        }
        self._config = {
            (one.metadata.namespace, one.metadata.name): one for one in read[ConfigMap] if isinstance(one, ConfigMap)
        }
        self._specs = [
            (
                component_id(KINDS[type(one)].kind, one.metadata.namespace, one.metadata.name),
                one.metadata.namespace,
                spec,
                labels,
            )
            for kind in (Deployment, StatefulSet, DaemonSet, CronJob)
            for one in read[kind]
            for spec, labels in [_template(one)]
        ]

    def edges(self, dependencies: Iterable[Dependency]) -> Iterator[Edge]:
        """Yield caller → service for each configured address, service → backing workload, and declared calls.

        A host that names no service gives no edge; the network agent reports it.
        """
        for caller, namespace, spec, _ in self._specs:
            for reference in self.references(namespace, spec):
                target = service_of(reference.address.host, namespace)
                if target in self._services:
                    yield _depends(caller, component_id("service", *target), reference.origin)
        for (namespace, name), service in self._services.items():
            for workload, home, _, labels in self._specs:
                if home == namespace and labels_match(service.spec.selector, labels):
                    yield _depends(component_id("service", namespace, name), workload, "spec.selector")
        for dependency in dependencies:
            yield from self._declared(dependency)

    def references(self, namespace: str, spec: PodSpec) -> Iterator[Reference]:
        """Yield the addresses that the containers of a pod are configured with, mounted files included."""
        for container in (*spec.init_containers, *spec.containers):
            yield from references_in(
                container,
                self._from_config(namespace, container),
                dict(self.files(namespace, spec, container)),
            )

    def files(self, namespace: str, spec: PodSpec, container: Container) -> Iterator[tuple[str, str]]:
        """Yield origin and text of the ConfigMap keys that ``container`` has mounted as files."""
        mounted = {mount.name for mount in container.volume_mounts}
        for volume in spec.volumes:
            parts = volume.projected.sources if volume.projected else ()
            for source in filter(None, (volume.config_map, *(part.config_map for part in parts))):
                config = self._config.get((namespace, source.name))
                if config and volume.name in mounted:
                    chosen = {item.key for item in source.items} or config.data.keys()
                    for key in sorted(chosen & config.data.keys()):
                        yield f"{key} in configmap {config.metadata.name}", config.data[key]

    def texts(self, namespace: str, spec: PodSpec) -> Iterator[tuple[str, str | dict[str, str]]]:
        """Yield the configuration of a pod as it is written: mounted files and JSON variables as text, variables flat."""
        for container in (*spec.init_containers, *spec.containers):
            yield from self.files(namespace, spec, container)
            values = {name: value for name, (value, _) in self._from_config(namespace, container).items()}
            values |= {one.name: one.value for one in container.env if one.value}
            if values:
                yield f"env of container {container.name}", values
            for name, value in values.items():
                if value.lstrip().startswith("{"):
                    yield f"env {name} of container {container.name}", value

    def _from_config(self, namespace: str, container: Container) -> dict[str, tuple[str, str]]:
        values: dict[str, tuple[str, str]] = {}
        for one in container.env_from:
            config = self._config.get((namespace, one.config_map_ref.name)) if one.config_map_ref else None
            if config:
                origin = f"configmap {config.metadata.name} of container {container.name}"
                values |= {key: (value, f"{key} in {origin}") for key, value in config.data.items()}
        for env in container.env:
            ref = env.value_from.config_map_key_ref if env.value_from else None
            config = self._config.get((namespace, ref.name)) if ref else None
            if ref and config and ref.key in config.data:
                values[env.name] = (config.data[ref.key], f"env {env.name} from configmap {ref.name}")
        return values

    def _declared(self, dependency: Dependency) -> Iterator[Edge]:
        """Yield a declared call between the workloads of those names and to the callee's service."""
        callers = [one for one, home, _, _ in self._specs if _is(one, dependency.caller) and _in(home, dependency)]
        callees = [one for one, home, _, _ in self._specs if _is(one, dependency.callee) and _in(home, dependency)]
        callees += [
            component_id("service", *key)
            for key in self._services
            if key[1] == dependency.callee and _in(key[0], dependency)
        ]
        for caller in callers:
            for callee in callees:
                yield _depends(caller, callee, dependency.provenance)


def _template(one: Object) -> tuple[PodSpec, dict[str, str]]:
    if isinstance(one, CronJob):
        template = one.spec.job_template.spec.template
    elif isinstance(one, Deployment | StatefulSet | DaemonSet):
        template = one.spec.template
    else:  # pragma: no cover - the caller lists only these
        raise TypeError(type(one).__name__)
    return template.spec, template.metadata.labels


def _is(component: str, name: str) -> bool:
    return component.rpartition("/")[2] == name


def _in(namespace: str, dependency: Dependency) -> bool:
    return dependency.namespace in ("", namespace)


def _depends(source: str, target: str, provenance: str) -> Edge:
    return Edge(source=source, kind="depends_on", target=target, provenance=provenance)
