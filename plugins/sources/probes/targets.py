"""Chooses what to connect to: ports of services and hosts of ingresses that the cluster declares, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.plugins.objects.network import Ingress, Service, ServicePort
from sre_orchestrator.plugins.objects.pods import Container
from sre_orchestrator.plugins.sources.probes.behind import Behind, Known, Place
from sre_orchestrator.plugins.sources.probes.dial import Request

HTTPS, HTTP = 443, 80
TLS_PORTS = frozenset({443, 6443, 8443})
LOOK = Request(method="HEAD", path="/")
PORTS = range(1, 65536)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
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


def targets_of(known: Known, namespaces: Sequence[str], place: Place | None) -> tuple[Target, ...]:
    """Return the targets in ``namespaces``, services first, in the order of their names.

    Services without a ready endpoint are left out: that they cannot be reached is no news.
    """
    behind = Behind(known, place)
    found = [
        target
        for one in known.services
        if one.metadata.namespace in namespaces and one.spec.type != "ExternalName" and not behind.idle(one)
        for target in _of_service(one, behind)
    ]
    found += [target for one in known.ingresses if one.metadata.namespace in namespaces for target in _of_ingress(one)]
    possible = (
        one for one in dict.fromkeys(found) if _HOST.fullmatch(one.host) and one.port in PORTS and one.dial in PORTS
    )
    return tuple(sorted(possible, key=lambda one: (not one.service, one.component, one.host, one.port)))


def _of_service(service: Service, behind: Behind) -> Iterator[Target]:
    namespace, name, pods = service.metadata.namespace, service.metadata.name, behind.pods(service)
    headless = service.spec.cluster_ip == "None"
    containers = [container for one in pods for container in one.spec.containers]
    for port in service.spec.ports:
        number = _number(port, containers)
        if port.protocol != "TCP":
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
            shielded=behind.shielded(port, pods),
        )


def _of_ingress(ingress: Ingress) -> Iterator[Target]:
    namespace, name = ingress.metadata.namespace, ingress.metadata.name
    secured = {host for one in ingress.spec.tls for host in one.hosts}
    for host in dict.fromkeys(rule.host for rule in ingress.spec.rules):
        tls = host in secured or f"*.{host.partition('.')[2]}" in secured
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
