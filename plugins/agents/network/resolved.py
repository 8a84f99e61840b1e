"""Looks at name resolution: pods' DNS settings, host aliases, the cluster's DNS and its configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from sre_orchestrator.core.identity import name_of
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.network.parts import Observe, Template, service_id
from sre_orchestrator.plugins.agents.network.view import View
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.config import ConfigMap
from sre_orchestrator.plugins.objects.pods import DnsConfig
from sre_orchestrator.plugins.objects.workloads import DaemonSet, Deployment

DNS_NAMESPACE = "kube-system"
DNS_SERVICE = "kube-dns"
DNS_LABELS = {"k8s-app": "kube-dns"}
_SERVER = re.compile(r"^(?:[\w-]+-)?(?:coredns|kube-dns)$")
_ZONE = re.compile(r"^\s*kubernetes\b", re.MULTILINE)
_ANSWERED = re.compile(r"\b(?P<service>[a-z0-9-]+)\\?\.(?P<namespace>[a-z0-9-]+)\\?\.svc\b")


def look_at_names(view: View, observe: Observe) -> Iterator[Fact]:
    """Yield DNS settings that differ from the default where cluster names are needed, and the cluster's DNS."""
    for template in view.templates:
        if template.namespace in view.scope.namespaces:
            yield from _settings(view, template, observe)
            yield from _aliases(view, template, observe)
    yield from _servers(view, observe)


def _settings(view: View, template: Template, observe: Observe) -> Iterator[Fact]:
    spec, config = template.spec, template.spec.dns_config or DnsConfig()
    hosts = [
        one.address.host for one in view.references[template.id] if view.find(one.address.host, template.namespace)
    ]
    usual = spec.dns_policy in ("", "ClusterFirst") and not spec.host_network and not spec.dns_config
    if usual or not hosts:
        return
    ndots = next((one.value for one in config.options if one.name == "ndots" and one.value), "")
    yield observe(
        "dns.config",
        template.id,
        query=kubectl_get(template.id.partition("/")[0], template.namespace, template.name),
        policy=spec.dns_policy or "ClusterFirst",
        nameservers=" ".join(config.nameservers) or None,
        searches=" ".join(config.searches) or None,
        ndots=int(ndots) if ndots.isdigit() else None,
        host_network=spec.host_network,
        cluster_names_resolve=_resolves(view, template, config, hosts),
    )


def _resolves(view: View, template: Template, config: DnsConfig, hosts: list[str]) -> bool:
    """Say whether the names of ``hosts`` resolve, by kubernetes.io/docs/concepts/services-networking/dns-pod-service."""
    policy = template.spec.dns_policy or "ClusterFirst"
    if policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not template.spec.host_network):
        return True
    if policy != "None" or not config.nameservers or not _inside(view, config.nameservers[0]):
        return False
    needed = max((2 - host.count(".") for host in hosts), default=0)
    return needed <= 0 or any(one.startswith((f"{template.namespace}.svc.", "svc.")) for one in config.searches)


def _inside(view: View, nameserver: str) -> bool:
    """Say whether a nameserver can be the cluster's: a service's address, one beside those, or a node-local cache."""
    addresses = [one.spec.cluster_ip for one in view.services.values() if one.spec.cluster_ip not in ("", "None")]
    try:
        ip = ip_address(nameserver)
    except ValueError:
        return False
    if nameserver in addresses or ip.is_link_local or not addresses:
        return not ip.is_global
    known = view.services.get((DNS_NAMESPACE, DNS_SERVICE))
    beside = any(
        one.rpartition(".")[0].rpartition(".")[0] == nameserver.rpartition(".")[0].rpartition(".")[0]
        for one in addresses
    )
    return beside and known is None


def _aliases(view: View, template: Template, observe: Observe) -> Iterator[Fact]:
    """Yield host aliases that give the name of a service another address."""
    for alias in template.spec.host_aliases:
        for name in alias.hostnames:
            key = view.find(name.lower(), template.namespace)
            address = view.services[key].spec.cluster_ip if key else ""
            if key and address not in ("", "None", alias.ip):
                yield observe(
                    "dns.override",
                    template.id,
                    query=kubectl_get(template.id.partition("/")[0], template.namespace, template.name),
                    host=name,
                    address=alias.ip,
                    service=service_id(key),
                    origin="hostAliases",
                )


def _servers(view: View, observe: Observe) -> Iterator[Fact]:
    """Yield the state of the cluster's DNS where its workload could be read."""
    corefiles = [
        one.data["Corefile"]
        for one in view.items(ConfigMap)
        if isinstance(one, ConfigMap)
        and one.metadata.namespace == DNS_NAMESPACE
        and "Corefile" in one.data
        and "local" not in one.metadata.name
    ]
    known = view.complete(DNS_NAMESPACE, Deployment, DaemonSet)
    for template in view.templates:
        named = template.labels.items() >= DNS_LABELS.items() or _SERVER.match(name_of(template.id))
        if template.namespace != DNS_NAMESPACE or not known or not named:
            continue
        yield observe(
            "dns.server",
            template.id,
            query=kubectl_get(template.id.partition("/")[0], template.namespace, template.name),
            ready=template.ready,
            desired=template.desired,
            zone_served=any(map(_ZONE.search, map(_bare, corefiles))) if corefiles else None,
        )
        for corefile in corefiles:
            for match in _ANSWERED.finditer(_bare(corefile)):
                key = (match["namespace"], match["service"])
                if key in view.services:
                    yield observe(
                        "dns.override",
                        template.id,
                        query=kubectl_get("configmap", DNS_NAMESPACE, "coredns"),
                        host=f"{key[1]}.{key[0]}.svc",
                        service=service_id(key),
                        origin="Corefile",
                    )


def _bare(corefile: str) -> str:
    """Return a Corefile without its comments."""
    return re.sub(r"#.*", "", corefile)
