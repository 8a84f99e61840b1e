"""Looks at network policies: which configured calls none of them admits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Literal

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.network.parts import Key, Observe, Template, key_of, service_id
from sre_orchestrator.plugins.agents.network.resolved import DNS_LABELS, DNS_NAMESPACE, DNS_SERVICE
from sre_orchestrator.plugins.agents.network.view import View
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.network import IpBlock, NetworkPolicy, Peer, PolicyPort, PolicyRule, Service

Direction = Literal["ingress", "egress"]
NAME_LABEL = "kubernetes.io/metadata.name"
ELSEWHERE = "openshift-dns"
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of a call as policies see it; ``addresses`` is empty when nobody knows its pods' IPs."""

    namespace: str
    labels: Mapping[str, str]
    addresses: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)


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
    policies = Policies(view)
    if policies.some:
        for call in _calls(view):
            caller = _end(view, call.caller)
            for direction, policy in policies.denying(caller, call):
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


class Policies:
    """The network policies of the cluster, by Kubernetes' own rules (kubernetes.io/docs/concepts/services-networking/network-policies)."""

    def __init__(self, view: View) -> None:
        self.some = [one for one in view.items(NetworkPolicy) if isinstance(one, NetworkPolicy)]
        self._labels = {
            one.metadata.name: {NAME_LABEL: one.metadata.name, **one.metadata.labels} for one in view.items(Namespace)
        }

    def denying(self, caller: End, call: Call) -> Iterator[tuple[Direction, NetworkPolicy]]:
        """Yield, for each direction in which no rule admits the call, the newest policy that selects the pods."""
        into = self._selecting(call.end, "Ingress")
        if into and not any(
            self._admits(rule.peers_from, rule, caller, call) for one in into for rule in one.spec.ingress
        ):
            yield "ingress", _newest(into)
        out = self._selecting(caller, "Egress")
        if out and not any(
            self._admits(rule.peers_to, rule, call.end, call) for one in out for rule in one.spec.egress
        ):
            yield "egress", _newest(out)

    def _selecting(self, end: End, kind: str) -> list[NetworkPolicy]:
        return [
            one
            for one in self.some
            if one.metadata.namespace == end.namespace
            and kind in _types(one)
            and one.spec.pod_selector.matches(end.labels)
        ]

    def _admits(self, peers: Sequence[Peer], rule: PolicyRule, other: End, call: Call) -> bool:
        return _port_fits(rule.ports, call) and (not peers or any(self._is(peer, rule, other, call) for peer in peers))

    def _is(self, peer: Peer, rule: PolicyRule, other: End, call: Call) -> bool:
        """Say whether ``other`` is the peer; a peer without namespace selector means the policy's own namespace."""
        if peer.ip_block:
            return _in_block(peer.ip_block, other.addresses)
        own = call.end.namespace if peer in rule.peers_from else call.caller.namespace
        if peer.namespace_selector is None:
            there = other.namespace == own
        else:
            there = peer.namespace_selector.matches(self._labels.get(other.namespace, {NAME_LABEL: other.namespace}))
        return there and (peer.pod_selector is None or peer.pod_selector.matches(other.labels))


def _types(policy: NetworkPolicy) -> Iterable[str]:
    """Return the types as Kubernetes defaults them: Ingress, and Egress when there are egress rules."""
    return policy.spec.policy_types or (("Ingress", "Egress") if policy.spec.egress else ("Ingress",))


def _newest(policies: Sequence[NetworkPolicy]) -> NetworkPolicy:
    return max(policies, key=lambda one: (one.metadata.creation_timestamp or LONG_AGO, one.metadata.name))


def _port_fits(ports: Sequence[PolicyPort], call: Call) -> bool:
    number = call.end.ports.get(call.target, 0) if isinstance(call.target, str) else call.target
    for one in ports:
        if one.protocol != call.protocol:
            continue
        wanted = call.end.ports.get(one.port, -1) if isinstance(one.port, str) else one.port
        if wanted is None or wanted <= number <= (one.end_port or wanted):
            return True
    return not ports


def _in_block(block: IpBlock, addresses: Sequence[str]) -> bool:
    """Say whether the block holds the addresses; without known addresses it may, so nothing is claimed."""
    try:
        inside = ip_network(block.cidr, strict=False)
        outside = [ip_network(one, strict=False) for one in block.excepted]
        return not addresses or any(
            ip in inside and not any(ip in one for one in outside) for ip in map(ip_address, addresses)
        )
    except ValueError:
        return True
