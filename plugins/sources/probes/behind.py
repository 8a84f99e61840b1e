"""What stands behind services: pods, whether one of them is ready, whether policies admit us to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.network import (
    Endpoints,
    EndpointSlice,
    Ingress,
    NetworkPolicy,
    Service,
    ServicePort,
)
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.policies import Connection, End, Policies
from sre_orchestrator.plugins.objects.selectors import labels_match

SERVICE_OF = "kubernetes.io/service-name"
SAMPLED = 10
Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Place:
    """The pod that this runs in."""

    namespace: str
    pod: str


@dataclass(frozen=True, kw_only=True)
class Known:
    """The objects that targets are chosen from."""

    services: Sequence[Service] = ()
    ingresses: Sequence[Ingress] = ()
    pods: Sequence[Pod] = ()
    endpoints: Sequence[Endpoints] = ()
    slices: Sequence[EndpointSlice] = ()
    policies: Sequence[NetworkPolicy] = ()
    namespaces: Sequence[Namespace] = ()


class Behind:
    """Finds what stands behind services."""

    def __init__(self, known: Known, place: Place | None) -> None:
        self._labelled: dict[tuple[str, str, str], list[Pod]] = defaultdict(list)
        for pod in known.pods:
            for key, value in pod.metadata.labels.items():
                self._labelled[pod.metadata.namespace, key, value].append(pod)
        self._ready = _ready(known.endpoints, known.slices)
        self._policies = Policies(known.policies, known.namespaces)
        self._me = _me(known.pods, place)

    def pods(self, service: Service) -> list[Pod]:
        """Return some of the pods that a service selects; those of one service are much alike."""
        namespace, selector = service.metadata.namespace, service.spec.selector
        by_label = [self._labelled.get((namespace, *pair), []) for pair in selector.items()]
        fewest = min(by_label, key=len, default=[])
        return [one for one in fewest if labels_match(selector, one.metadata.labels)][:SAMPLED]

    def idle(self, service: Service) -> bool:
        """Say whether nobody is there to connect to: its endpoints are known, and none is ready."""
        return not self._ready.get((service.metadata.namespace, service.metadata.name), True)

    def shielded(self, port: ServicePort, pods: Iterable[Pod]) -> bool:
        """Say whether a policy keeps us from one of the pods."""
        return bool(self._policies.some) and any(
            True
            for one in pods
            for _ in self._policies.denying(
                Connection(caller=self._me, callee=_end(one), target=port.target, protocol=port.protocol)
            )
        )


def _ready(endpoints: Iterable[Endpoints], slices: Iterable[EndpointSlice]) -> dict[Key, bool]:
    """Return which services have a ready endpoint: as Endpoints say, else as slices do."""
    found: dict[Key, bool] = {}
    for part in slices:
        key = (part.metadata.namespace, part.metadata.labels.get(SERVICE_OF, ""))
        ready = any(endpoint.conditions.ready is not False for endpoint in part.endpoints)
        found[key] = found.get(key, False) or ready
    return found | {
        (one.metadata.namespace, one.metadata.name): any(subset.addresses for subset in one.subsets)
        for one in endpoints
    }


def _me(pods: Iterable[Pod], place: Place | None) -> End:
    """Return the pod that this runs in as policies see it; of any other place no selector knows anything."""
    mine = (
        one for one in pods if place and (one.metadata.namespace, one.metadata.name) == (place.namespace, place.pod)
    )
    return next(map(_end, mine), End(namespace=place.namespace if place else "", labels={}))


def _end(pod: Pod) -> End:
    return End(
        namespace=pod.metadata.namespace,
        labels=pod.metadata.labels,
        addresses=(pod.status.pod_ip,) if pod.status.pod_ip else (),
        ports={port.name: port.container_port for one in pod.spec.containers for port in one.ports if port.name},
    )
