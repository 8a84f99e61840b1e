"""Looks at the certificates that Secrets and ConfigMaps hold for workloads and ingresses, as far as they can be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Coverage, Fact, Gap
from sre_orchestrator.plugins.agents.auth.view import View, identity
from sre_orchestrator.plugins.agents.reading import covered, kubectl_get
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.network import Ingress, Service
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.selectors import labels_match
from sre_orchestrator.plugins.sources.ports import Listing
from sre_orchestrator.plugins.sources.trust import Certificate

STORED = "certificate.stored"
BEGIN = "-----BEGIN CERTIFICATE-----"
OF_SERVERS = "kubernetes.io/tls"
# which every namespace has, put there and renewed by the control plane
OF_CLUSTERS = frozenset({"kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"})
MOST, SHOWN = 200, 200
Key = tuple[str, str, str]
_SPOKEN = re.compile(r"certificat|x509|\b(?:tls|ssl|https)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The objects that may hold certificates, and what names them."""

    secrets: Listing[Secret]
    config_maps: Listing[ConfigMap]
    ingresses: Listing[Ingress]
    services: Listing[Service]


@dataclass(frozen=True, kw_only=True)
class Use:
    """Who uses an object, and what is served with it."""

    user: str
    serves: str


def stored(view: View, kept: Kept) -> Iterator[Fact | Coverage]:
    """Yield the certificates that workloads and ingresses of the scope use."""
    uses = _uses(view, kept)
    for key, texts in _texts(kept, uses):
        component = component_id(*key)
        for name, text in texts.items():
            for one in _read(text):
                for use in uses[key][:MOST]:
                    yield _fact(view, component, name, one, use)
    yield from covered((STORED,), kept.secrets, kept.config_maps, view.pods_listed)


def withheld(view: View, kept: Kept) -> Iterator[Gap]:
    """Yield the secrets for TLS that are used and whose certificates nobody may read, where the incident speaks of such."""
    if not _SPOKEN.search(view.scope.incident.description):
        return
    uses = _uses(view, kept)
    for secret in kept.secrets.items:
        key = ("secret", secret.metadata.namespace, secret.metadata.name)
        if secret.type == OF_SERVERS and key in uses and not secret.certificates:
            yield Gap(
                agent="auth",
                what=f"the certificate in {component_id(*key)}",
                why="contents of Secrets are not read here, or were left out of the recording",
                remedy=f"kubectl get secret {key[2]} -n {key[1]} -o jsonpath='{{.data.tls\\.crt}}' | base64 -d | openssl x509 -noout -dates -subject -issuer",
            )


def _uses(view: View, kept: Kept) -> Mapping[Key, Sequence[Use]]:
    found: dict[Key, dict[Use, None]] = {}
    for ingress in kept.ingresses.items:
        namespace = ingress.metadata.namespace
        for tls in ingress.spec.tls if namespace in view.scope.namespaces else ():
            use = Use(user=identity(ingress), serves=identity(ingress))
            found.setdefault(("secret", namespace, tls.secret_name), {})[use] = None
    for workload, pods in view.pods.items():
        mounted = list(_mounted(pods[0]))
        serves = _in_front(pods[0], kept.services.items, workload) if mounted else ""
        for kind, name in mounted:
            use = Use(user=workload, serves=serves)
            found.setdefault((kind, pods[0].metadata.namespace, name), {})[use] = None
    return {key: tuple(uses) for key, uses in found.items()}


def _mounted(pod: Pod) -> Iterator[tuple[str, str]]:
    """Yield kind and name of the Secrets and ConfigMaps that a pod mounts."""
    for volume in pod.spec.volumes:
        parts = volume.projected.sources if volume.projected else ()
        secrets = [volume.secret, *(one.secret for one in parts)]
        yield from (("secret", one.secret_name or one.name) for one in secrets if one)
        maps = [volume.config_map, *(one.config_map for one in parts)]
        yield from (("configmap", one.name) for one in maps if one and one.name not in OF_CLUSTERS)


def _in_front(pod: Pod, services: Iterable[Service], workload: str) -> str:
    """Return the only service in front of a pod, else its workload."""
    here = [
        identity(one)
        for one in services
        if one.metadata.namespace == pod.metadata.namespace and labels_match(one.spec.selector, pod.metadata.labels)
    ]
    return here[0] if len(here) == 1 else workload


def _texts(kept: Kept, uses: Mapping[Key, object]) -> Iterator[tuple[Key, Mapping[str, str]]]:
    """Yield the objects that are used and hold certificates, with these by key."""
    for secret in kept.secrets.items:
        key = ("secret", secret.metadata.namespace, secret.metadata.name)
        if secret.certificates and key in uses:
            yield key, secret.certificates
    for one in kept.config_maps.items:
        key = ("configmap", one.metadata.namespace, one.metadata.name)
        if key in uses and any(BEGIN in text for text in one.data.values()):
            yield key, {name: text for name, text in one.data.items() if BEGIN in text}


def _read(text: str) -> Sequence[Certificate]:
    from sre_orchestrator.plugins.sources.tls.certificate import certificates_in  # noqa: PLC0415 - opens slowly

    return certificates_in(text.encode())


def _fact(view: View, component: str, key: str, one: Certificate, use: Use) -> Fact:
    kind, namespace, name = component.split("/", 2)
    now = view.scope.until
    return view.observe(
        STORED,
        component,
        query=kubectl_get(kind, namespace, name),
        key=key,
        role="authority" if one.authority else "server",
        validity="expired" if one.expires_at < now else "not-yet-valid" if one.starts_at > now else "current",
        starts_at=_written(one.starts_at),
        expires_at=_written(one.expires_at),
        subject=one.subject[:SHOWN],
        issuer=one.issuer[:SHOWN],
        names=" ".join(one.names)[:SHOWN],
        used_by=use.user,
        serves=use.serves,
    )


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
