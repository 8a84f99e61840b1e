"""Which connections network policies admit."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from shop import thing

from sre_orchestrator.plugins.objects.network import NetworkPolicy
from sre_orchestrator.plugins.objects.policies import Connection, End, Policies

WEB = End(namespace="shop", labels={"app": "web"}, addresses=("10.1.0.7",))
CART = End(namespace="shop", labels={"app": "cart"}, ports={"http": 8080})
OTHER = End(namespace="other", labels={"app": "web"})


def denied(caller: End = WEB, target: int | str = 8080, protocol: str = "TCP", **spec: Any) -> list[str]:
    """Return the directions in which a policy for the cart's pods, the only one, keeps the caller from them."""
    made = thing("NetworkPolicy", "cart", spec={"podSelector": {"matchLabels": {"app": "cart"}}, **spec})
    policies = Policies([msgspec.convert(made, NetworkPolicy)], [])
    wanted = Connection(caller=caller, callee=CART, target=target, protocol=protocol)
    return [direction for direction, _ in policies.denying(wanted)]


def test_a_policy_without_rules_admits_nobody() -> None:
    assert denied() == ["ingress"]


def test_without_a_policy_everybody_is_admitted() -> None:
    assert list(Policies([], []).denying(Connection(caller=WEB, callee=CART, target=80))) == []


def test_a_policy_of_the_caller_may_keep_it_from_calling() -> None:
    made = thing("NetworkPolicy", "web", spec={"podSelector": {}, "policyTypes": ["Egress"]})
    policies = Policies([msgspec.convert(made, NetworkPolicy)], [])

    assert [one for one, _ in policies.denying(Connection(caller=WEB, callee=CART, target=80))] == ["egress"]


@pytest.mark.parametrize(
    ("peers", "caller", "admitted"),
    [
        ([{"podSelector": {"matchLabels": {"app": "web"}}}], WEB, True),
        ([{"podSelector": {"matchLabels": {"app": "web"}}}], OTHER, False),
        ([{"namespaceSelector": {}}], OTHER, True),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}], OTHER, True),
        ([{"namespaceSelector": {"matchLabels": {"team": "a"}}}], OTHER, False),
        ([{"ipBlock": {"cidr": "10.1.0.0/16"}}], WEB, True),
        ([{"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.0.0/24"]}}], WEB, False),
        ([{"ipBlock": {"cidr": "192.0.2.0/24"}}], OTHER, True),
        ([{"ipBlock": {"cidr": "nonsense"}}], WEB, True),
    ],
)
def test_peers_are_told_by_labels_namespaces_and_addresses(
    peers: list[dict[str, Any]], caller: End, admitted: bool
) -> None:
    assert (denied(caller, ingress=[{"from": peers}]) == []) is admitted


@pytest.mark.parametrize(
    ("port", "target", "admitted"),
    [
        ({"port": 8080}, 8080, True),
        ({"port": "http"}, 8080, True),
        ({"port": 8080}, "http", True),
        ({"port": 8000, "endPort": 8100}, 8080, True),
        ({"protocol": "TCP"}, 9999, True),
        ({"port": 80}, 8080, False),
        ({"port": "nobody"}, 8080, False),
        ({"port": 8080, "protocol": "UDP"}, 8080, False),
    ],
)
def test_ports_are_those_of_containers(port: dict[str, Any], target: int | str, admitted: bool) -> None:
    assert (denied(target=target, ingress=[{"ports": [port]}]) == []) is admitted
