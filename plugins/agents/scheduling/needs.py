"""What a pod asks for: resources and host ports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

from sre_orchestrator.plugins.objects.pods import Container, PodSpec
from sre_orchestrator.plugins.objects.quantity import parse_quantity

PLAIN = ("cpu", "memory", "ephemeral-storage")
_GIB, _MIB = 1024**3, 1024**2


def requests_of(spec: PodSpec) -> dict[str, float]:
    """Return what the scheduler counts for a pod, in cores, bytes and pieces.

    The larger of all containers together and of each init container with the sidecars before
    it, plus overhead (kubernetes.io/docs/concepts/workloads/pods/init-containers, "Resource sharing").
    """
    total: dict[str, float] = defaultdict(float)
    peak: dict[str, float] = defaultdict(float)
    for container in spec.init_containers:
        sidecar = container.restart_policy == "Always"
        for name, wanted in _requests(container).items():
            peak[name] = max(peak[name], total[name] + wanted)
            total[name] += wanted if sidecar else 0.0
    for container in spec.containers:
        for name, wanted in _requests(container).items():
            total[name] += wanted
    for name, extra in spec.overhead.items():
        total[name] += number(extra)
        peak[name] += number(extra)
    return {name: wanted for name in {*total, *peak} if (wanted := max(total[name], peak[name])) > 0}


def host_ports(spec: PodSpec) -> frozenset[tuple[int, str]]:
    """Return the ports of the node that a pod takes."""
    return frozenset(
        (port.host_port or (port.container_port if spec.host_network else 0), port.protocol)
        for container in spec.containers
        for port in container.ports
        if port.host_port or spec.host_network
    )


def amounts(quantities: Mapping[str, int | str | float]) -> dict[str, float]:
    """Return quantities as numbers."""
    return {name: number(text) for name, text in quantities.items()}


@lru_cache(maxsize=4096)
def number(text: int | str | float) -> float:
    """Return a quantity as a number; what is no quantity counts as nothing."""
    try:
        return float(parse_quantity(text))
    except ValueError:
        return 0.0


def worded(resource: str, amount: float) -> str:
    """Return an amount with its unit.

    >>> worded("cpu", 0.25), worded("memory", 2 * 1024**3), worded("nvidia.com/gpu", 1)
    ('0.25 cores', '2 GiB', '1 nvidia.com/gpu')
    """
    if resource == "cpu":
        return f"{amount:.3g} cores"
    if resource in PLAIN:
        return f"{amount / _GIB:.3g} GiB" if amount >= _GIB else f"{amount / _MIB:.4g} MiB"
    return f"{amount:g} {resource}"


def _requests(container: Container) -> dict[str, float]:
    """Return a container's requests; a limit without a request counts as one (the API server's default)."""
    return amounts({**container.resources.limits, **container.resources.requests})


def most(values: Iterable[float]) -> float:
    """Return the largest of ``values``, 0 when there are none."""
    return max(values, default=0.0)
