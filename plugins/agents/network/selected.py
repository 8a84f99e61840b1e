"""Looks at what services select: how many endpoints, which label differs, whose pods they are."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.network.parts import Backends, Key, Observe, Template, service_id
from sre_orchestrator.plugins.agents.network.view import View
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.network import Endpoints, EndpointSlice, Service
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import DaemonSet, Deployment, StatefulSet

NEARLY = 0.8
FROM_OUTSIDE = frozenset({"LoadBalancer", "NodePort"})


def look_at_selected(view: View, observe: Observe) -> Iterator[Fact]:
    """Yield endpoints and selectors of the scope's services."""
    for key, service in view.mine:
        counts = _counts(view, key, service)
        callers = len(view.callers.get(key, ()))
        if counts is None:
            continue
        query = kubectl_get("endpoints", *key)
        component = service_id(key)
        numbers = {"not_ready": counts.not_ready, "callers": callers}
        yield observe("service.endpoints", component, query=query, ready=counts.ready, **numbers)
        if counts.ready == 0 and (callers or service.spec.type in FROM_OUTSIDE):
            yield observe("service.without_endpoints", component, query=query, at=counts.changed, **numbers)
        if counts.ready + counts.not_ready == 0:
            yield from _mismatch(view, key, service, observe)
        yield from _stray(view, key, service, observe)


def _counts(view: View, key: Key, service: Service) -> Backends | None:
    """Return the endpoints: as listed, else by the readiness of the selected pods; ``None`` when nobody can know."""
    if key in view.backends:
        return view.backends[key]
    if view.complete(key[0], Endpoints) or view.complete(key[0], EndpointSlice):
        return Backends()
    if not service.spec.selector or not view.complete(key[0], Pod):
        return None
    ready = sum(pod.ready for pod in view.selected(service))
    return Backends(ready=ready, not_ready=len(view.selected(service)) - ready)


def _mismatch(view: View, key: Key, service: Service, observe: Observe) -> Iterator[Fact]:
    if not service.spec.selector or view.behind(service) or view.selected(service):
        return
    if not view.complete(key[0], Deployment, StatefulSet, DaemonSet, Pod):
        return
    near = _nearest(view, service)
    labels = near.labels if near else {}
    differing = sorted(name for name, value in service.spec.selector.items() if labels.get(name) != value)
    wanted = service.spec.selector[differing[0]]
    yield observe(
        "selector.mismatch",
        service_id(key),
        query=kubectl_get("service", *key),
        key=differing[0],
        wanted=wanted,
        found=_found(labels, differing[0], wanted),
        workload=near.id if near else None,
        differing=len(differing),
    )


def _found(labels: object, key: str, wanted: str) -> str | None:
    """Return what the workload has instead: another value, or the same value under another key."""
    if not isinstance(labels, dict):
        return None
    if key in labels:
        return str(labels[key])
    return next((f"{name}={value}" for name, value in sorted(labels.items()) if value == wanted), None)


def _nearest(view: View, service: Service) -> Template | None:
    """Return the workload that the service must have been meant for, if one stands out."""
    scored = [
        (_nearness(service, one), one.name, one)
        for one in view.templates
        if one.namespace == service.metadata.namespace
    ]
    best = max(scored, key=lambda one: one[:2], default=None)
    return best[2] if best and best[0] >= NEARLY else None


def _nearness(service: Service, template: Template) -> float:
    """Score how near a workload is: its name, its labels' values and how many labels fit."""
    selector = service.spec.selector
    fitting = sum(template.labels.get(name) == value for name, value in selector.items()) / len(selector)
    values = max(
        (_alike(value, template.labels[name]) for name, value in selector.items() if name in template.labels),
        default=0.0,
    )
    return fitting + max(_alike(service.metadata.name, template.name), values)


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _stray(view: View, key: Key, service: Service, observe: Observe) -> Iterator[Fact]:
    """Yield that a service selects another workload's pods, while the one of its name is selected by nobody."""
    behind = view.behind(service)
    named = next((one for one in view.templates if (one.namespace, one.name) == key), None)
    if named is None or not behind or named in behind:
        return
    other = behind[0]
    selected_by = [one for _, one in view.mine if one.metadata.namespace == key[0] and named in view.behind(one)]
    if selected_by or (key[0], other.name) not in view.services:
        return
    yield observe(
        "selector.stray",
        service_id(key),
        query=kubectl_get("service", *key),
        workload=other.id,
        expected=named.id,
    )
