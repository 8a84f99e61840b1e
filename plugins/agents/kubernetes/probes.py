"""Probes as declared, also where a mesh has rewritten them, and what a container and its services say of their ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from sre_orchestrator.core.models import Fact, Struct
from sre_orchestrator.plugins.agents.kubernetes.view import View, identity
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.pods import Container, IntOrString, Pod, Probe

REWRITTEN = "/app-health/"
MESH_PROBES = "ISTIO_KUBE_APP_PROBERS"
_OTHER = {
    "liveness": ("readiness", "startup"),
    "readiness": ("liveness", "startup"),
    "startup": ("readiness", "liveness"),
}


class Declared(Struct, frozen=True, kw_only=True):
    """A probe of a container; ``rewritten`` says that a mesh's agent asks in its place."""

    container: Container
    name: str
    probe: Probe
    rewritten: bool = False

    @property
    def port(self) -> int | None:
        """Return the number of the probed port; ``None`` for a command that names none and for a name that nothing declares."""
        return port_number(self.probe.port, self.container)

    @property
    def grace_seconds(self) -> int:
        """Return how long a container may fail before the probe has failed: initial delay + period x threshold."""
        return self.probe.initial_delay_seconds + self.probe.period_seconds * self.probe.failure_threshold


def declared(pod: Pod) -> Sequence[Declared]:
    """Return the probes of a pod's containers (sidecars among the init containers too)."""
    kept = _kept_by_mesh(pod)
    found = []
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        for name, probe in (
            ("liveness", container.liveness_probe),
            ("readiness", container.readiness_probe),
            ("startup", container.startup_probe),
        ):
            if probe:
                path = probe.http_get.path if probe.http_get else ""
                original = kept.get(path)
                found.append(
                    Declared(
                        container=container,
                        name=name,
                        probe=_restored(probe, original) if original else probe,
                        rewritten=path.startswith(REWRITTEN),
                    )
                )
    return found


def port_number(port: IntOrString, container: Container) -> int | None:
    """Return the number of a port given by number or by the name of a declared port."""
    if isinstance(port, int) or port.isdigit():
        return int(port) or None
    return next((one.container_port for one in container.ports if one.name == port), None)


def probe_facts(view: View, pod: Pod) -> Iterator[Fact]:
    """Yield the probes of a pod, each beside the ports that its container declares and its services send to."""
    every = declared(pod)
    served = _served(view, pod)
    for one in every:
        port, other = one.port, _other(one, every)
        ports = sorted({port.container_port for port in one.container.ports})
        asks_port = one.probe.port != 0
        yield view.observe(
            "container.probe",
            identity(pod),
            query=kubectl_get("pod", pod.metadata.namespace, pod.metadata.name),
            container=one.container.name,
            probe=one.name,
            protocol=one.probe.protocol,
            port=port,
            port_declared=port in ports if ports and asks_port else None,
            declared_ports=" ".join(map(str, ports)),
            port_served=port in served if asks_port and served.intersection(ports) else None,
            port_known=_known(port, ports, served, other) if asks_port else None,
            other_port=other.port if other else None,
            other_protocol=other.probe.protocol if other else None,
            path=one.probe.http_get.path if one.probe.http_get else None,
            initial_delay_seconds=one.probe.initial_delay_seconds,
            timeout_seconds=one.probe.timeout_seconds,
            period_seconds=one.probe.period_seconds,
            failure_threshold=one.probe.failure_threshold,
            grace_seconds=one.grace_seconds,
        )


def _other(one: Declared, every: Sequence[Declared]) -> Declared | None:
    """Return the container's other probe that asks a port."""
    same = {each.name: each for each in every if each.container is one.container and each.probe.port != 0}
    return next((same[name] for name in _OTHER[one.name] if name in same), None)


def _known(port: int | None, ports: Sequence[int], served: frozenset[int], other: Declared | None) -> bool:
    """Say whether the container declares a port, a service sends to it, or the other probe asks it."""
    return port is not None and (port in ports or port in served or (other is not None and other.port == port))


def _served(view: View, pod: Pod) -> frozenset[int]:
    """Return the ports of the pod that services send to."""
    targets = [
        port.target
        for service in view.services_of(pod.metadata.namespace, pod.metadata.labels)
        for port in service.spec.ports
    ]
    found = {port_number(target, container) for target in targets for container in pod.spec.containers}
    return frozenset(port for port in found if port)


def _kept_by_mesh(pod: Pod) -> Mapping[str, Probe]:
    """Return the probes that Istio keeps for its agent, by the path that the kubelet now asks."""
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        for env in container.env:
            if env.name == MESH_PROBES:
                try:
                    return msgspec.json.decode(env.value, type=dict[str, Probe])
                except msgspec.DecodeError:
                    return {}
    return {}


def _restored(rewritten: Probe, original: Probe) -> Probe:
    """Return what was declared: the handler that the mesh kept, with the timing that the kubelet still has."""
    return msgspec.structs.replace(
        rewritten, http_get=original.http_get, tcp_socket=original.tcp_socket, grpc=original.grpc
    )
