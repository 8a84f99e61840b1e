"""Looks at mesh sidecars: pods whose namespace or labels ask for one, and whether they have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.network.parts import Observe, key_of
from sre_orchestrator.plugins.agents.network.view import View
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.pods import Pod

SIDECARS = frozenset({"istio-proxy", "linkerd-proxy", "kuma-sidecar"})
_ASKING = (("istio-injection", "enabled"), ("linkerd.io/inject", "enabled"), ("kuma.io/sidecar-injection", "enabled"))
_OWN = ("sidecar.istio.io/inject", "linkerd.io/inject", "kuma.io/sidecar-injection")


def look_at_sidecars(view: View, observe: Observe) -> Iterator[Fact]:
    """Yield, for namespaces with a mesh, which pods want a sidecar and which have one."""
    asking = {
        one.metadata.name: _asks({**one.metadata.labels, **one.metadata.annotations}) for one in view.items(Namespace)
    }
    for namespace in sorted(view.scope.namespaces):
        pods = view.pods.get(namespace, ())
        if not asking.get(namespace) and not any(map(_injected, pods)):
            continue
        for pod in pods:
            yield observe(
                "mesh.sidecar",
                component_id("pod", *key_of(pod)),
                query=kubectl_get("pod", *key_of(pod)),
                injected=_injected(pod),
                wanted=_wanted(pod, asked=asking.get(namespace, False)),
            )


def _asks(marks: Mapping[str, str]) -> bool:
    return "istio.io/rev" in marks or any(marks.get(key) == value for key, value in _ASKING)


def _injected(pod: Pod) -> bool:
    return any(one.name in SIDECARS for one in (*pod.spec.containers, *pod.spec.init_containers))


def _wanted(pod: Pod, *, asked: bool) -> bool:
    """Say whether a sidecar should be there: the pod's own mark before its namespace's, never on the host network."""
    marks = {**pod.metadata.annotations, **pod.metadata.labels}
    own = next((marks[key] for key in _OWN if key in marks), None)
    return not pod.spec.host_network and (asked if own is None else own in {"true", "enabled"})
