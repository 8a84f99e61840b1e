"""Finds who is meant: the service that a host or address names, the workload behind it, the servers of a family."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.logs.families import family_of_container
from sre_orchestrator.plugins.objects.addresses import Address, addresses_in, service_of
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Service
from sre_orchestrator.plugins.objects.pods import Container, Pod
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.selectors import labels_match
from sre_orchestrator.plugins.objects.workloads import (
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    StatefulSet,
    Workload,
)
from sre_orchestrator.plugins.sources.calls import Calls
from sre_orchestrator.plugins.sources.ports import Dependency

Read = Mapping[type[Object], tuple[Object, ...]]
MAX_CLIMB = 4
_NUMBERED = re.compile(r"\b(\d{1,3}(?:\.\d{1,3}){3}):(\d{2,5})\b(?!-)")
_SOURCE_FILES = (
    ".go",
    ".py",
    ".java",
    ".js",
    ".ts",
    ".rb",
    ".cs",
    ".kt",
    ".rs",
    ".php",
    ".c",
    ".cc",
    ".cpp",
    ".scala",
    ".log",
)


class Server(Struct, frozen=True, kw_only=True):
    """A workload that runs a server of a family, with the services that lead to it."""

    family: str
    workload: str
    namespace: str
    services: tuple[str, ...] = ()
    ready: int = 0


class Template(Struct, frozen=True, kw_only=True):
    """A workload as declared: where it lives, what its pods carry and run."""

    workload: str
    namespace: str
    labels: dict[str, str]
    containers: tuple[Container, ...]


class Cast:
    """Who is who in a cluster, as far as logs name it."""

    def __init__(self, read: Read, dependencies: Iterable[Dependency] = ()) -> None:
        self._read = read
        self._dependencies = tuple(dependencies)
        self._pods = [one for one in read[Pod] if isinstance(one, Pod)]
        self._services = {
            (one.metadata.namespace, one.metadata.name): one for one in read[Service] if isinstance(one, Service)
        }
        self._service_by_ip = {one.spec.cluster_ip: key for key, one in self._services.items() if one.spec.cluster_ip}
        self._pod_by_ip = {one.status.pod_ip: one for one in self._pods if one.status.pod_ip}
        self._owners = _owners(read)
        self._templates = [*_declared(read), *self._running()]
        self._backing = {component_id("service", *key): self._behind(*key) for key in sorted(self._services)}
        self.servers = tuple(self._servers())

    def workload(self, pod: Pod) -> str:
        """Return the top owner of a pod, itself when nothing owns it."""
        owners = [owner for owner in pod.metadata.owner_references if owner.kind != "Node"]
        here = component_id(owners[0].kind, pod.metadata.namespace, owners[0].name) if owners else identity(pod)
        for _ in range(MAX_CLIMB):
            here = self._owners.get(here, here)
        return here

    def peer(self, address: str) -> str:
        """Return the workload whose pod has an address, or ``""``."""
        pod = self._pod_by_ip.get(address)
        return self.workload(pod) if pod else ""

    def service(self, host: str, namespace: str) -> str:
        """Return the id of the service that a host name or an address leads to, or ``""``."""
        host = host.lower().strip("[].")
        key = self._service_by_ip.get(host) or service_of(host, namespace)
        if key in self._services:
            return component_id("service", *key)
        below = (namespace, host.partition(".")[2])
        if below in self._services:
            return component_id("service", *below)
        pod = self._pod_by_ip.get(host)
        return self._selecting(pod) if pod else ""

    def backing(self, service: str) -> str:
        """Return the workload behind a service, or ``""``."""
        return self._backing.get(service, "")

    def family(self, service: str) -> str:
        """Return the family of the server behind a service, or ``""``."""
        workload = self.backing(service)
        return next((one.family for one in self.servers if one.workload == workload), "")

    def servers_for(self, workload: str, namespace: str, family: str) -> tuple[Server, ...]:
        """Return the servers of ``family`` that ``workload`` can mean.

        What it is configured or declared to call comes first, else the servers of its namespace,
        less those that are accounted for: others are configured with them while this workload is
        not (its settings are in secrets, which are never read).
        """
        fitting = [one for one in self.servers if one.family == family and one.services]
        called = {self.backing(one) for one in self._calls.get(workload, ())}
        near = [one for one in fitting if one.workload in called]
        near = near or [one for one in fitting if one.namespace == namespace]
        if len(near) > 1:
            known = {self.backing(one) for calls in self._calls.values() for one in calls}
            near = [one for one in near if one.workload not in known] or near
        return tuple(near)

    def clients(self, workload: str) -> int:
        """Return how many workloads are configured or declared to call one."""
        return sum(any(self.backing(one) == workload for one in called) for called in self._calls.values())

    def address(self, text: str, namespace: str) -> Address | None:
        """Return the first address in a text that leads to a known service, else the first with a scheme."""
        found = [one for one in addresses_in(text) if not one.host.endswith(_SOURCE_FILES)]
        found += [Address(host=host, port=int(port)) for host, port in _NUMBERED.findall(text)]
        known = [one for one in found if self.service(one.host, namespace)]
        return next(iter([*known, *(one for one in found if one.scheme)]), None)

    @cached_property
    def _calls(self) -> Mapping[str, list[str]]:
        """Read the configured and declared calls; only asked for when a log does not name its callee."""
        calls: dict[str, list[str]] = defaultdict(list)
        for edge in Calls(self._read).edges(self._dependencies):
            if edge.target.startswith("service/"):
                calls[edge.source].append(edge.target)
        return calls

    def _selecting(self, pod: Pod) -> str:
        for (namespace, name), service in sorted(self._services.items()):
            if namespace == pod.metadata.namespace and labels_match(service.spec.selector, pod.metadata.labels):
                return component_id("service", namespace, name)
        return ""

    def _running(self) -> Iterator[Template]:
        """Yield what runs, for pods of owners that are no built-in workload (an operator's, or none)."""
        for pod in self._pods:
            yield Template(
                workload=self.workload(pod),
                namespace=pod.metadata.namespace,
                labels=pod.metadata.labels,
                containers=pod.spec.containers,
            )

    def _behind(self, namespace: str, name: str) -> str:
        selector = self._services[namespace, name].spec.selector
        return next(
            (
                one.workload
                for one in self._templates
                if one.namespace == namespace and labels_match(selector, one.labels)
            ),
            "",
        )

    def _servers(self) -> Iterator[Server]:
        seen: set[str] = set()
        for template in self._templates:
            family = next(filter(None, map(family_of_container, template.containers)), "")
            if family and template.workload not in seen:
                seen.add(template.workload)
                yield Server(
                    family=family,
                    workload=template.workload,
                    namespace=template.namespace,
                    services=tuple(one for one, behind in self._backing.items() if behind == template.workload),
                    ready=sum(pod.ready for pod in self._pods if self.workload(pod) == template.workload),
                )


def identity(one: Object) -> str:
    """Return the component id of an object."""
    return component_id(KINDS[type(one)].kind, one.metadata.namespace or None, one.metadata.name)


def _owners(read: Read) -> dict[str, str]:
    """Return who owns what owns pods: a ReplicaSet's Deployment, a Job's CronJob, an operator's resource."""
    return {
        identity(one): component_id(owner.kind, one.metadata.namespace, owner.name)
        for kind in (ReplicaSet, Job, Deployment, StatefulSet, DaemonSet)
        for one in read[kind]
        for owner in one.metadata.owner_references[:1]
    }


def _declared(read: Read) -> Iterator[Template]:
    for kind in (Deployment, StatefulSet, DaemonSet):
        for one in read[kind]:
            if isinstance(one, Workload):
                template = one.spec.template
                yield Template(
                    workload=identity(one),
                    namespace=one.metadata.namespace,
                    labels=template.metadata.labels,
                    containers=template.spec.containers,
                )
