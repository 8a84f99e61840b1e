"""Which connections network policies admit, by Kubernetes' own rules.

Source: kubernetes.io/docs/concepts/services-networking/network-policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Literal

from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.network import IpBlock, NetworkPolicy, Peer, PolicyPort, PolicyRule

Direction = Literal["ingress", "egress"]
NAME_LABEL = "kubernetes.io/metadata.name"
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of a connection as policies see it; ``addresses`` is empty when nobody knows its pods' IPs."""

    namespace: str
    labels: Mapping[str, str]
    addresses: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Who connects to which container port (number or name) of whom."""

    caller: End
    callee: End
    target: int | str
    protocol: str = "TCP"


class Policies:
    """The network policies of a cluster."""

    def __init__(self, policies: Iterable[NetworkPolicy], namespaces: Iterable[Namespace]) -> None:
        self.some = tuple(policies)
        self._labels = {one.metadata.name: {NAME_LABEL: one.metadata.name, **one.metadata.labels} for one in namespaces}

    def denying(self, wanted: Connection) -> Iterator[tuple[Direction, NetworkPolicy]]:
        """Yield, for each direction in which no rule admits the connection, the newest policy that selects the pods."""
        caller, callee = wanted.caller, wanted.callee
        into = self._selecting(callee, "Ingress")
        if into and not any(
            self._admits(rule.peers_from, rule, caller, wanted) for one in into for rule in one.spec.ingress
        ):
            yield "ingress", _newest(into)
        out = self._selecting(caller, "Egress")
        if out and not any(
            self._admits(rule.peers_to, rule, callee, wanted) for one in out for rule in one.spec.egress
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

    def _admits(self, peers: Sequence[Peer], rule: PolicyRule, other: End, wanted: Connection) -> bool:
        return _port_fits(rule.ports, wanted) and (
            not peers or any(self._is(peer, rule, other, wanted) for peer in peers)
        )

    def _is(self, peer: Peer, rule: PolicyRule, other: End, wanted: Connection) -> bool:
        """Say whether ``other`` is the peer; a peer without namespace selector means the policy's own namespace."""
        if peer.ip_block:
            return _in_block(peer.ip_block, other.addresses)
        own = wanted.callee.namespace if peer in rule.peers_from else wanted.caller.namespace
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


def _port_fits(ports: Sequence[PolicyPort], wanted: Connection) -> bool:
    number = wanted.callee.ports.get(wanted.target, 0) if isinstance(wanted.target, str) else wanted.target
    for one in ports:
        if one.protocol != wanted.protocol:
            continue
        first = wanted.callee.ports.get(one.port, -1) if isinstance(one.port, str) else one.port
        if first is None or first <= number <= (one.end_port or first):
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
