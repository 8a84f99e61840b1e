"""What workloads count on and is not there: accounts, claims, services; and what quotas still admit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.admission.messages import family_of
from sre_orchestrator.plugins.agents.admission.view import View, is_serving, template_of
from sre_orchestrator.plugins.agents.reading import in_scope, kubectl_get
from sre_orchestrator.plugins.agents.similar import similar
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.quantity import amount
from sre_orchestrator.plugins.objects.selectors import labels_match
from sre_orchestrator.plugins.objects.workloads import StatefulSet
from sre_orchestrator.plugins.sources.ports import Listing

APP_LABELS = ("app", "app.kubernetes.io/name", "k8s-app")
MOST = 0.6
FEW = 2


def headroom(view: View) -> Iterator[Fact]:
    """Yield what each quota still admits of each of its resources."""
    for quota in in_scope(view.quotas.items, view.scope):
        namespace = quota.metadata.namespace
        hard_amounts = quota.status.hard or quota.spec.hard
        for resource in hard_amounts:
            hard, used = amount(hard_amounts, resource), amount(quota.status.used, resource)
            yield view.observe(
                "quota.headroom",
                component_id("namespace", None, namespace),
                query=kubectl_get("resourcequota", namespace, quota.metadata.name),
                at=quota.metadata.creation_timestamp,
                quota=quota.metadata.name,
                resource=resource,
                family=family_of(resource),
                used=used,
                hard=hard,
                free=hard - used,
                used_ratio=round(used / hard, 4) if hard else 1.0,
            )


def accounts(view: View) -> Iterator[Fact]:
    """Yield the workloads whose service account does not exist."""
    for component, item in view.tops():
        namespace, name = item.metadata.namespace, template_of(item).spec.service_account_name
        known = _names(view.accounts, namespace)
        if name and known is not None and name not in known:
            yield view.observe(
                "account.missing",
                component,
                query=kubectl_get("serviceaccount", namespace, name),
                account=name,
                nearest=similar(name, known) or None,
            )


def claims(view: View) -> Iterator[Fact]:
    """Yield the claims that workloads mount, or that a StatefulSet makes for its pods, and that do not exist."""
    for component, item in view.tops():
        known = _names(view.claims, item.metadata.namespace)
        if known is None:
            continue
        for claim, volume in _claims(item):
            if claim not in known:
                yield view.observe(
                    "claim.lacking",
                    component,
                    query=kubectl_get("persistentvolumeclaim", item.metadata.namespace, claim),
                    claim=claim,
                    volume=volume,
                )


def services(view: View) -> Iterator[Fact]:
    """Yield the services that are expected and do not exist.

    Expected is what others are configured to call under the workload's name, what a StatefulSet
    names, and, where most other workloads with ports have a service, one of the workload's name.
    """
    serving = {key: item for key, item in view.tops() if is_serving(item)}
    selected = _selected(view, serving)
    lonely = [(key, item) for key, item in serving.items() if key not in selected]
    called = frozenset(view.called()) if lonely else frozenset()
    usual = _usual(serving, selected)
    for component, item in lonely:
        known = _names(view.services, item.metadata.namespace)
        service, evidence = _expected(item, called, usual)
        if service and known is not None and service not in known:
            yield view.observe(
                "service.lacking",
                component,
                query=kubectl_get("service", item.metadata.namespace, service),
                service=service,
                evidence=evidence,
            )


def _names(listing: Listing[Object], namespace: str) -> frozenset[str] | None:
    """Return the names in a namespace, or ``None`` where it was not read completely."""
    if not {namespace, "*"} & listing.complete_in:
        return None
    return frozenset(one.metadata.name for one in listing.items if one.metadata.namespace == namespace)


def _claims(item: Object) -> Iterator[tuple[str, str]]:
    for volume in template_of(item).spec.volumes:
        if volume.persistent_volume_claim:
            yield volume.persistent_volume_claim.claim_name, volume.name
    if isinstance(item, StatefulSet):
        for template in item.spec.volume_claim_templates:
            for number in range(item.desired):
                volume_name = template.metadata.name
                yield f"{volume_name}-{item.metadata.name}-{number}", volume_name


def _selected(view: View, serving: Mapping[str, Object]) -> frozenset[str]:
    """Return the workloads whose pods a service selects."""
    selectors: dict[tuple[str, str, str], list[dict[str, str]]] = defaultdict(list)
    for service in view.services.items:
        for pair in list(service.spec.selector.items())[:1]:
            selectors[service.metadata.namespace, *pair].append(service.spec.selector)
    return frozenset(
        key
        for key, item in serving.items()
        for labels in [template_of(item).metadata.labels]
        if any(
            labels_match(selector, labels)
            for pair in labels.items()
            for selector in selectors.get((item.metadata.namespace, *pair), ())
        )
    )


def _usual(serving: Mapping[str, Object], selected: frozenset[str]) -> frozenset[str]:
    """Return the namespaces where most workloads that declare ports have a service."""
    with_ports: dict[str, list[bool]] = defaultdict(list)
    for key, item in serving.items():
        if _has_ports(item):
            with_ports[item.metadata.namespace].append(key in selected)
    return frozenset(place for place, have in with_ports.items() if sum(have) >= max(FEW, MOST * len(have)))


def _expected(item: Object, called: frozenset[tuple[str, str]], usual: frozenset[str]) -> tuple[str, str]:
    labels, namespace = template_of(item).metadata.labels, item.metadata.namespace
    names = dict.fromkeys((item.metadata.name, *(labels[key] for key in APP_LABELS if key in labels)))
    for name in names:
        if (namespace, name) in called:
            return name, "callers"
    if isinstance(item, StatefulSet) and item.spec.service_name:
        return item.spec.service_name, "service-name"
    return (item.metadata.name, "siblings") if namespace in usual and _has_ports(item) else ("", "")


def _has_ports(item: Object) -> bool:
    return any(container.ports for container in template_of(item).spec.containers)
