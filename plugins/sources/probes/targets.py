"""Chooses what to connect to: ports of services and hosts of ingresses that the cluster declares, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.network import Ingress, NetworkPolicy, Service, ServicePort
from sre_orchestrator.plugins.objects.pods import Container, Pod
from sre_orchestrator.plugins.objects.policies import Connection, End, Policies
from sre_orchestrator.plugins.objects.selectors import labels_match
from sre_orchestrator.plugins.sources.probes.dial import Request

HTTPS, HTTP = 443, 80
TLS_PORTS = frozenset({443, 6443, 8443})
LOOK = Request(method="HEAD", path="/")
_HOST = re.compile(r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")
_TLS_NAME = re.compile(r"^(?:https|tls)(?:-|$)|-(?:https|tls)$")
_HTTP_NAME = re.compile(r"^(?:http|https|web)(?:-|$)|-https?$")


@dataclass(frozen=True, kw_only=True)
class Target:
    """One place to connect to; ``dial`` is the port number there, ``shielded`` says that a policy drops what we send."""

    component: str
    namespace: str
    name: str
    host: str
    port: int
    dial: int
    service: bool = True
    headless: bool = False
    tls: bool = False
    request: Request | None = None
    shielded: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """The pod that this runs in."""

    namespace: str
    pod: str


@dataclass(frozen=True, kw_only=True)
class Known:
    """The objects that targets are chosen from."""

    services: Sequence[Service]
    ingresses: Sequence[Ingress]
    pods: Sequence[Pod]
    policies: Sequence[NetworkPolicy]
    namespaces: Sequence[Namespace]


def targets_of(known: Known, namespaces: Sequence[str], place: Place | None) -> tuple[Target, ...]:
    """Return the targets in ``namespaces``, services first, in the order of their names."""
    policies, me = Policies(known.policies, known.namespaces), _me(known, place)
    found = [
        target
        for one in known.services
        if one.metadata.namespace in namespaces and one.spec.type != "ExternalName"
        for target in _of_service(one, known.pods, policies, me)
    ]
    found += [target for one in known.ingresses if one.metadata.namespace in namespaces for target in _of_ingress(one)]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (not one.service, one.component, one.host, one.port)))


def _of_service(service: Service, every: Sequence[Pod], policies: Policies, me: End) -> Iterator[Target]:
    namespace, name = service.metadata.namespace, service.metadata.name
    pods = [
        one
        for one in every
        if one.metadata.namespace == namespace and labels_match(service.spec.selector, one.metadata.labels)
    ]
    headless = service.spec.cluster_ip == "None"
    containers = [container for one in pods for container in one.spec.containers]
    for port in service.spec.ports:
        number = _number(port, containers)
        if port.protocol != "TCP" or not number:
            continue
        tls, request = _spoken(port, number, containers)
        yield Target(
            component=component_id("service", namespace, name),
            namespace=namespace,
            name=name,
            host=f"{name}.{namespace}.svc",
            port=port.port,
            dial=number if headless else port.port,
            headless=headless,
            tls=tls,
            request=request,
            shielded=_shielded(port, pods, policies, me),
        )


def _of_ingress(ingress: Ingress) -> Iterator[Target]:
    namespace, name = ingress.metadata.namespace, ingress.metadata.name
    secured = {host for one in ingress.spec.tls for host in one.hosts}
    for host in dict.fromkeys(rule.host for rule in ingress.spec.rules):
        tls = host in secured or f"*.{host.partition('.')[2]}" in secured
        if _HOST.match(host):
            yield Target(
                component=component_id("ingress", namespace, name),
                namespace=namespace,
                name=name,
                host=host,
                port=HTTPS if tls else HTTP,
                dial=HTTPS if tls else HTTP,
                service=False,
                tls=tls,
                request=LOOK,
            )


def _number(port: ServicePort, containers: Iterable[Container]) -> int:
    """Return the number of the port that a service's port leads to, the service's own when nobody says."""
    if isinstance(port.target, int):
        return port.target
    named = (one.container_port for container in containers for one in container.ports if one.name == port.target)
    return next(named, port.port)


def _spoken(port: ServicePort, number: int, containers: Iterable[Container]) -> tuple[bool, Request | None]:
    """Return whether TLS is spoken, and the request to try where HTTP is: the path that the kubelet asks, else the root."""
    names = {port.name.lower(), port.app_protocol.lower()}
    tls = port.port in TLS_PORTS or any(_TLS_NAME.search(one) for one in names)
    for container in containers:
        check = container.readiness_probe and container.readiness_probe.http_get
        if check and number in (check.port, _named(container, check.port)):
            path = quote("/" + check.path.lstrip("/"), safe="/?&=%:@!$'()*+,;~-._")
            return tls or check.scheme == "HTTPS", Request(method="GET", path=path)
    return tls, LOOK if any(_HTTP_NAME.search(one) for one in names) else None


def _named(container: Container, name: int | str) -> int:
    return next((one.container_port for one in container.ports if one.name == name), 0)


def _shielded(port: ServicePort, pods: Iterable[Pod], policies: Policies, me: End) -> bool:
    """Say whether a policy keeps us from one of the pods."""
    ends = (_end(one) for one in pods if policies.some)
    return any(
        True
        for end in ends
        for _ in policies.denying(Connection(caller=me, callee=end, target=port.target, protocol=port.protocol))
    )


def _me(known: Known, place: Place | None) -> End:
    """Return the pod that this runs in as policies see it; of any other place no selector knows anything."""
    mine = (
        one
        for one in known.pods
        if place and (one.metadata.namespace, one.metadata.name) == (place.namespace, place.pod)
    )
    return next(map(_end, mine), End(namespace=place.namespace if place else "", labels={}))


def _end(pod: Pod) -> End:
    return End(
        namespace=pod.metadata.namespace,
        labels=pod.metadata.labels,
        addresses=(pod.status.pod_ip,) if pod.status.pod_ip else (),
        ports={port.name: port.container_port for one in pod.spec.containers for port in one.ports if port.name},
    )
