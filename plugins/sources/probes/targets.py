"""Chooses what to connect to: ports of services and hosts of ingresses that the cluster declares, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.plugins.objects.network import Ingress, NetworkPolicy, Service, ServicePort
from sre_orchestrator.plugins.objects.pods import Container, Pod
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
    """One place to connect to; ``dial`` is the port number there, ``shielded`` says that a policy may drop what we send."""

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


def targets_of(known: Known, namespaces: Sequence[str], place: Place | None) -> tuple[Target, ...]:
    """Return the targets in ``namespaces``, services first, in the order of their names."""
    caged = _caged(known, place)
    found = [
        target
        for one in known.services
        if one.metadata.namespace in namespaces and one.spec.type != "ExternalName"
        for target in _of_service(one, known, caged)
    ]
    found += [
        target
        for one in known.ingresses
        if one.metadata.namespace in namespaces
        for target in _of_ingress(one, shielded=caged)
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (not one.service, one.component, one.host, one.port)))


def _of_service(service: Service, known: Known, caged: bool) -> Iterator[Target]:
    namespace, name = service.metadata.namespace, service.metadata.name
    pods = [
        one
        for one in known.pods
        if one.metadata.namespace == namespace and labels_match(service.spec.selector, one.metadata.labels)
    ]
    headless = service.spec.cluster_ip == "None"
    shielded = caged or any(_selects(policy, one, "Ingress") for policy in known.policies for one in pods)
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
            shielded=shielded,
        )


def _of_ingress(ingress: Ingress, *, shielded: bool) -> Iterator[Target]:
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
                shielded=shielded,
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


def _caged(known: Known, place: Place | None) -> bool:
    """Say whether a policy limits what the pod that this runs in may reach."""
    return place is not None and any(
        _selects(policy, one, "Egress")
        for one in known.pods
        if (one.metadata.namespace, one.metadata.name) == (place.namespace, place.pod)
        for policy in known.policies
    )


def _selects(policy: NetworkPolicy, pod: Pod, direction: str) -> bool:
    types = policy.spec.policy_types or (("Ingress", "Egress") if policy.spec.egress else ("Ingress",))
    return (
        direction in types
        and policy.metadata.namespace == pod.metadata.namespace
        and policy.spec.pod_selector.matches(pod.metadata.labels)
    )
