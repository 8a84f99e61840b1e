"""Reads the relations that one object tells by itself: owners, nodes, volumes, configuration, backends."""

from __future__ import annotations

from collections.abc import Iterator

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Edge, EdgeKind, Struct
from sre_orchestrator.plugins.objects.addresses import service_of
from sre_orchestrator.plugins.objects.config import ResourceQuota
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Endpoints, HTTPRoute, Ingress, VirtualService
from sre_orchestrator.plugins.objects.pods import Container, KeyRef, Pod, PodSpec, Volume
from sre_orchestrator.plugins.objects.storage import PersistentVolumeClaim
from sre_orchestrator.plugins.objects.workloads import DaemonSet, Deployment, HorizontalPodAutoscaler, StatefulSet
from sre_orchestrator.plugins.sources.components import identity

RELEASE = "meta.helm.sh/release-name"


class Use(Struct, frozen=True, kw_only=True):
    """What a pod uses: an object of its namespace, and where it says so."""

    edge: EdgeKind
    kind: str
    name: str
    provenance: str


def told_by(item: Object) -> Iterator[Edge]:
    """Yield the relations that ``item`` tells; one that it tells in several places comes once for each."""
    if isinstance(item, Endpoints):
        yield from _of_endpoints(item)
        return
    yield from _general(item)
    if isinstance(item, Pod):
        if item.spec.node_name:
            yield _edge(identity(item), "runs_on", component_id("node", None, item.spec.node_name), "spec.nodeName")
        yield from _uses(identity(item), item.metadata.namespace, item.spec)
    elif isinstance(item, Deployment | StatefulSet | DaemonSet):  # without pods it still uses its template's
        yield from _uses(identity(item), item.metadata.namespace, item.spec.template.spec)
    elif isinstance(item, Ingress | HTTPRoute | VirtualService):
        yield from _routes(item)
    else:
        yield from _bounds(item)


def _general(item: Object) -> Iterator[Edge]:
    """Yield ownership and release membership, which any object can have."""
    here, meta = identity(item), item.metadata
    for owner in meta.owner_references:
        yield _edge(
            component_id(owner.kind, None if owner.kind == "Node" else meta.namespace, owner.name),
            "owns",
            here,
            "ownerReferences",
        )
    release = meta.annotations.get(RELEASE)
    if release:
        yield _edge(
            here, "belongs_to_release", component_id("release", meta.namespace, release), f"annotation {RELEASE}"
        )


def _bounds(item: Object) -> Iterator[Edge]:
    here, namespace = identity(item), item.metadata.namespace
    if isinstance(item, HorizontalPodAutoscaler):
        target = item.spec.scale_target_ref
        yield _edge(here, "scales", component_id(target.kind, namespace, target.name), "spec.scaleTargetRef")
    elif isinstance(item, ResourceQuota):
        yield _edge(here, "limits", component_id("namespace", None, namespace), "metadata.namespace")
    elif isinstance(item, PersistentVolumeClaim) and item.spec.volume_name:
        volume = component_id("persistentvolume", None, item.spec.volume_name)
        yield _edge(here, "binds", volume, "spec.volumeName")


def uses(spec: PodSpec) -> Iterator[Use]:
    """Yield what a pod of ``spec`` uses: volumes, configuration, pull secrets, its account."""
    yield from (one for volume in spec.volumes for one in _of_volume(volume))
    yield from (one for part in (*spec.init_containers, *spec.containers) for one in _of_environment(part))
    yield from (_secret(pull.name, "imagePullSecrets") for pull in spec.image_pull_secrets)
    if spec.service_account_name:
        account = spec.service_account_name
        yield Use(edge="uses_account", kind="serviceaccount", name=account, provenance="spec.serviceAccountName")


def _uses(here: str, namespace: str, spec: PodSpec) -> Iterator[Edge]:
    for one in uses(spec):
        yield _edge(here, one.edge, component_id(one.kind, namespace, one.name), one.provenance)


def _config(name: str, provenance: str) -> Use:
    return Use(edge="uses_config", kind="configmap", name=name, provenance=provenance)


def _secret(name: str, provenance: str) -> Use:
    return Use(edge="uses_secret", kind="secret", name=name, provenance=provenance)


def _of_volume(volume: Volume) -> Iterator[Use]:
    where = f"volume {volume.name}"
    parts = volume.projected.sources if volume.projected else ()
    if volume.persistent_volume_claim:
        claim = volume.persistent_volume_claim.claim_name
        yield Use(edge="mounts", kind="persistentvolumeclaim", name=claim, provenance=where)
    for config in filter(None, (volume.config_map, *(part.config_map for part in parts))):
        yield _config(config.name, where)
    for secret in filter(None, (volume.secret, *(part.secret for part in parts))):
        yield _secret(secret.secret_name or secret.name, where)


def _of_environment(container: Container) -> Iterator[Use]:
    for one in container.env_from:
        yield from _referred(one.config_map_ref, one.secret_ref, f"envFrom of {container.name}")
    for env in container.env:
        if env.value_from:
            source = env.value_from
            yield from _referred(source.config_map_key_ref, source.secret_key_ref, f"env {env.name}")


def _referred(config: KeyRef | None, secret: KeyRef | None, where: str) -> Iterator[Use]:
    if config:
        yield _config(config.name, where)
    if secret:
        yield _secret(secret.name, where)


def _of_endpoints(endpoints: Endpoints) -> Iterator[Edge]:
    namespace = endpoints.metadata.namespace
    service = component_id("service", namespace, endpoints.metadata.name)
    addresses = [one for subset in endpoints.subsets for one in (*subset.addresses, *subset.not_ready_addresses)]
    for address in addresses:
        if address.target_ref and address.target_ref.kind == "Pod":
            yield _edge(service, "selects", component_id("pod", namespace, address.target_ref.name), "endpoints")


def _routes(item: Ingress | HTTPRoute | VirtualService) -> Iterator[Edge]:
    for namespace, service in _backends(item):
        yield _edge(identity(item), "routes_to", component_id("service", namespace, service), "spec.rules")


def _backends(item: Ingress | HTTPRoute | VirtualService) -> Iterator[tuple[str, str]]:
    """Yield namespace and name of the services behind a route."""
    home = item.metadata.namespace
    if isinstance(item, Ingress):
        yield from ((home, name) for name in sorted(item.backends))
    elif isinstance(item, HTTPRoute):
        references = (one for rule in item.spec.rules for one in rule.backend_refs)
        yield from ((one.namespace or home, one.name) for one in references if one.kind == "Service")
    else:
        hosts = (to.destination.host for route in item.spec.http for to in route.route)
        yield from filter(None, (service_of(host, home) for host in hosts))


def _edge(source: str, kind: EdgeKind, target: str, provenance: str) -> Edge:
    return Edge(source=source, kind=kind, target=target, provenance=provenance)
