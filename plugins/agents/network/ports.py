"""Looks at ports: where a service's port leads, its protocol, and containers that claim one port."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.network.parts import Key, Observe, Template, key_of, service_id
from sre_orchestrator.plugins.agents.network.view import View
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.network import Service, ServicePort
from sre_orchestrator.plugins.objects.pods import Container, Probe

_OWN_PORT = re.compile(r"^(?:(?:SERVER|HTTP|HTTPS|GRPC|APP|APPLICATION|LISTEN|LISTENING|CONTAINER|BIND)_)?PORT$")
# A port in arguments to listen on: a number of its own, or behind a colon with no host but "any" before it.
_TO_LISTEN = re.compile(r"(?:^|[\s='\"]|(?<![\w.\]])(?:0\.0\.0\.0|\[::\]|\*)?:)(\d{2,5})(?![\w.:])")
# The words in a port's name or appProtocol that a mesh or an ingress takes for the one or the other.
_FAMILY = {
    "http": "http", "https": "http", "http1": "http", "kubernetes.io/ws": "http",
    "grpc": "grpc", "h2c": "grpc", "http2": "grpc", "kubernetes.io/h2c": "grpc",
    "mysql": "mysql", "redis": "redis", "mongo": "mongo", "postgres": "postgres",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports of the containers behind a service: (number, name, protocol) as declared, and what else shows them."""

    declared: tuple[tuple[int, str, str], ...]
    asked: frozenset[int]
    spoken: Mapping[int, str]

    @property
    def numbers(self) -> frozenset[int]:
        """Return every number on which a container may listen."""
        return frozenset(number for number, _, _ in self.declared) | self.asked

    def protocols(self, target: int | str) -> frozenset[str]:
        """Return the declared protocols of a port, by number or name."""
        return frozenset(protocol for number, name, protocol in self.declared if target in (number, name))


def look_at_ports(view: View, observe: Observe) -> Iterator[Fact]:
    """Yield where the ports of the scope's services lead, and ports that two containers of a pod claim."""
    for key, service in view.mine:
        behind = view.behind(service)
        if behind:
            for port in service.spec.ports:
                yield from _led(key, service, port, behind, observe)
    yield from _conflicts(view, observe)


def _led(
    key: Key, service: Service, port: ServicePort, behind: tuple[Template, ...], observe: Observe
) -> Iterator[Fact]:
    ports = ports_of(container for one in behind for container in one.listeners)
    query, component = kubectl_get("service", *key), service_id(key)
    declared = " ".join(str(number) for number in sorted({number for number, _, _ in ports.declared}))
    yield observe(
        "service.port",
        component,
        query=query,
        port=port.port,
        target_port=port.target if isinstance(port.target, int) else None,
        protocol=port.protocol,
        workload=behind[0].id,
    )
    protocols = ports.protocols(port.target)
    named = isinstance(port.target, str)
    if (named or ports.numbers) and not protocols and port.target not in ports.asked:
        yield observe(
            "port.mismatch",
            component,
            query=query,
            port=port.port,
            target_port=str(port.target),
            declared_ports=declared or None,
            listening_port=min(ports.asked, default=None),
            named=named,
            workload=behind[0].id,
        )
    yield from _protocol(service, port, ports, protocols, behind[0], observe)


def _protocol(
    service: Service,
    port: ServicePort,
    ports: Ports,
    protocols: frozenset[str],
    workload: Template,
    observe: Observe,
) -> Iterator[Fact]:
    others = {one.protocol for one in service.spec.ports if one.target == port.target}
    transport = bool(protocols) and port.protocol not in protocols and not (protocols & others)
    spoken = (port.app_protocol or port.name.partition("-")[0]).lower()
    target = next((number for number, name, _ in ports.declared if port.target in (number, name)), port.target)
    speaks = ports.spoken.get(target, "") if isinstance(target, int) else ""
    application = bool(speaks) and _FAMILY.get(spoken, speaks) != speaks
    if transport or application:
        yield observe(
            "protocol.mismatch",
            service_id(key_of(service)),
            query=kubectl_get("service", *key_of(service)),
            port=port.port,
            layer="transport" if transport else "application",
            service_protocol=port.protocol if transport else spoken,
            container_protocol=min(protocols) if transport else speaks,
            name=port.name or None,
            app_protocol=port.app_protocol or None,
            workload=workload.id,
        )


def ports_of(containers: Iterable[Container]) -> Ports:
    """Return the ports of some containers: declared, probed, and told to the process by a ``PORT`` variable."""
    declared: dict[tuple[int, str, str], None] = {}
    asked: set[int] = set()
    spoken: dict[int, str] = {}
    for container in containers:
        for one in container.ports:
            declared[one.container_port, one.name, one.protocol] = None
        probes = [one for one in (container.liveness_probe, container.readiness_probe, container.startup_probe) if one]
        asked |= {one.port for one in probes if isinstance(one.port, int) and one.port}
        asked |= {int(one.value) for one in container.env if _OWN_PORT.match(one.name) and one.value.isdigit()}
        spoken |= _spoken(container, probes)
    return Ports(declared=tuple(declared), asked=frozenset(asked), spoken=spoken)


def _spoken(container: Container, probes: list[Probe]) -> dict[int, str]:
    """Return what a container speaks at its ports: as their names say, else gRPC where every probe of a port does.

    One probe of another protocol than the next is a probe's fault, not a port's.
    """
    named = {one.container_port: one.name.partition("-")[0] for one in container.ports}
    asked = {one.grpc.port for one in probes if one.grpc} - {one.port for one in probes if not one.grpc}
    return dict.fromkeys(asked, "grpc") | {port: _FAMILY[word] for port, word in named.items() if word in _FAMILY}


def _conflicts(view: View, observe: Observe) -> Iterator[Fact]:
    """Yield the ports that two containers of one pod declare or are told to listen on."""
    for template in view.templates:
        if template.namespace not in view.scope.namespaces:
            continue
        for port, first, second in _claimed_twice(template.listeners):
            pods = [pod for pod in view.pods.get(template.namespace, ()) if _carries(pod.metadata.labels, template)]
            for component in [component_id("pod", *key_of(pod)) for pod in pods] or [template.id]:
                yield observe(
                    "listener.conflict",
                    component,
                    query=kubectl_get(template.id.partition("/")[0], template.namespace, template.name),
                    port=port,
                    first=first,
                    second=second,
                )


def _carries(labels: dict[str, str], template: Template) -> bool:
    return bool(template.labels) and template.labels.items() <= labels.items()


def _claimed_twice(containers: tuple[Container, ...]) -> Iterator[tuple[int, str, str]]:
    """Yield each port with the container that declares it and another one that claims it too."""
    claims: dict[tuple[int, str], str] = {}
    for container in containers:
        own = {(one.container_port, one.protocol) for one in container.ports}
        own |= {(int(one.value), "TCP") for one in container.env if _OWN_PORT.match(one.name) and one.value.isdigit()}
        for claim in sorted(own):
            if claim in claims:
                yield claim[0], claims[claim], container.name
            else:
                claims[claim] = container.name
    for container in containers:
        for port in sorted(
            {int(one) for text in (*container.command, *container.args) for one in _TO_LISTEN.findall(text)}
        ):
            holder = claims.get((port, "TCP"))
            if holder not in (None, container.name):
                yield port, str(holder), container.name
