"""Looks at network policies: which configured calls none of them admits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.network.parts import Key, Observe, Template, key_of, service_id
from sre_orchestrator.plugins.agents.network.resolved import DNS_LABELS, DNS_NAMESPACE, DNS_SERVICE
from sre_orchestrator.plugins.agents.network.view import View
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.network import NetworkPolicy, Service
from sre_orchestrator.plugins.objects.policies import Connection, End, Policies

ELSEWHERE = "openshift-dns"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One configured call: who, to which service, at which container port and protocol."""

    caller: Template
    callee: Key
    port: int
    protocol: str
    target: int | str
    end: End


def look_at_policies(view: View, observe: Observe) -> Iterator[Fact]:
    """Yield the policies that keep configured callers from their callees, or from the cluster's DNS."""
    policies = Policies(
        (one for one in view.items(NetworkPolicy) if isinstance(one, NetworkPolicy)),
        (one for one in view.items(Namespace) if isinstance(one, Namespace)),
    )
    if policies.some:
        for call in _calls(view):
            wanted = Connection(
                caller=_end(view, call.caller), callee=call.end, target=call.target, protocol=call.protocol
            )
            for direction, policy in policies.denying(wanted):
                yield observe(
                    "policy.denies",
                    component_id("networkpolicy", *key_of(policy)),
                    query=kubectl_get("networkpolicy", *key_of(policy)),
                    at=policy.metadata.creation_timestamp,
                    direction=direction,
                    caller=call.caller.id,
                    callee=service_id(call.callee),
                    port=call.port,
                )


def _calls(view: View) -> Iterator[Call]:
    """Yield each call that the scope's workloads are configured or declared to make, and the DNS they need for it."""
    for template in view.templates:
        if template.namespace in view.scope.namespaces:
            wanted = sorted(set(_wanted(view, template)))
            for callee, port in wanted:
                yield from _resolved(view, template, callee, port)
            if wanted and ELSEWHERE not in view.namespaces:
                end = End(namespace=DNS_NAMESPACE, labels=DNS_LABELS)
                callee = (DNS_NAMESPACE, DNS_SERVICE)
                yield Call(caller=template, callee=callee, port=53, protocol="UDP", target=53, end=end)


def _wanted(view: View, template: Template) -> Iterator[tuple[Key, int]]:
    for reference in view.references[template.id]:
        found = view.find(reference.address.host, template.namespace)
        if found:
            yield found, reference.address.port
    for one in view.dependencies:
        key = (template.namespace, one.callee)
        if one.caller == template.name and one.namespace in ("", template.namespace) and key in view.services:
            yield key, 0


def _resolved(view: View, template: Template, callee: Key, port: int) -> Iterator[Call]:
    """Yield the call for the service port that is meant (the first when none is given), to each workload behind it."""
    service: Service = view.services[callee]
    meant = next((one for one in service.spec.ports if port in (0, one.port)), None)
    if meant:
        for behind in view.behind(service):
            yield Call(
                caller=template,
                callee=callee,
                port=meant.port,
                protocol=meant.protocol,
                target=meant.target,
                end=_end(view, behind),
            )


def _end(view: View, template: Template) -> End:
    pods = view.pods.get(template.namespace, ())
    carried = [pod for pod in pods if template.labels and template.labels.items() <= pod.metadata.labels.items()]
    return End(
        namespace=template.namespace,
        labels=template.labels,
        addresses=tuple(pod.status.pod_ip for pod in carried if pod.status.pod_ip),
        ports={port.name: port.container_port for one in template.listeners for port in one.ports if port.name},
    )
