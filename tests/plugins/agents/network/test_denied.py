"""Network policies: which configured calls none admits, by Kubernetes' own rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import container, deployment, patch, pod, service, thing

from sre_orchestrator.plugins.agents.network import NetworkAgent

KINDS = ("Service", "Namespace", "Deployment", "Pod", "NetworkPolicy")
DNS = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
SPACES = [thing("Namespace", name, namespace="", labels={"team": name}) for name in ("shop", "tools", "kube-system")]


def policy(
    name: str, selects: str | None = "cart", *, created: str = "2030-05-01T11:50:00Z", **spec: Any
) -> dict[str, Any]:
    pods = {"matchLabels": {"app": selects}} if selects else {}
    made = thing("NetworkPolicy", name, spec={"podSelector": pods, **spec})
    return patch(made, metadata={"creationTimestamp": created})


def shop() -> list[dict[str, Any]]:
    """Return a web that calls a cart by a named container port, and a bystander."""
    env = [{"name": "CART_ADDR", "value": "cart:80"}, {"name": "API", "value": "https://api.example.com"}]
    serving = container(ports=[{"name": "http", "containerPort": 8080}])
    return [
        deployment("web", containers=[container(env=env)]),
        deployment("cart", containers=[serving]),
        pod("cart-1", labels={"app": "cart"}, status={"podIP": "10.1.0.7"}),
        pod("web-1", labels={"app": "web"}, status={"podIP": "10.1.0.8"}),
        service("cart", spec={"ports": [{"port": 80, "targetPort": "http", "protocol": "TCP"}]}),
        deployment("bystander"),
        *SPACES,
    ]


def network(folder: Path, *policies: dict[str, Any], **more: Any) -> Seen:
    return look(NetworkAgent(), folder, *shop(), *policies, kinds=KINDS, **more)


def denied(seen: Seen) -> list[tuple[object, object, object]]:
    return [(one.component, one.attributes["direction"], one.attributes["callee"]) for one in seen.of("policy.denies")]


def test_a_policy_without_rules_denies_the_caller(tmp_path: Path) -> None:
    seen = network(tmp_path, policy("closed", policyTypes=["Ingress"]), policy("other", "bystander"))

    denies = seen.only("policy.denies")
    assert denies.component == "networkpolicy/shop/closed"
    assert denies.attributes == {
        "direction": "ingress", "caller": "deployment/shop/web", "callee": "service/shop/cart", "port": 80,
    }  # fmt: skip
    assert denies.observed_at is not None
    assert denies.observed_at.isoformat() == "2030-05-01T11:50:00+00:00"
    assert ("policy.denies", "namespace/shop") not in seen.coverage


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]},
        {"from": [{"podSelector": {}}]},
        {"from": [{"namespaceSelector": {"matchLabels": {"team": "shop"}}}]},
        {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}]},
        {"from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]},
        {"from": [{"ipBlock": {"cidr": "no block"}}]},
        {"ports": [{"port": 8080}]},
        {"ports": [{"port": "http"}]},
        {"ports": [{"port": 8000, "endPort": 8100}]},
        {"ports": [{"protocol": "UDP"}, {"protocol": "TCP"}]},
    ],
)
def test_a_rule_that_fits_admits_the_caller(tmp_path: Path, rule: dict[str, Any]) -> None:
    assert denied(network(tmp_path, policy("open", ingress=[rule]))) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"from": [{"podSelector": {"matchLabels": {"app": "admin"}}}]},
        {"from": [{"namespaceSelector": {"matchLabels": {"team": "tools"}}}]},
        {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "admin"}}}]},
        {"from": [{"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.0.8/32"]}}]},
        {"from": [{"ipBlock": {"cidr": "192.168.0.0/16"}}]},
        {"ports": [{"port": 80}]},
        {"ports": [{"port": "grpc"}]},
        {"ports": [{"port": 8080, "protocol": "UDP"}]},
    ],
)
def test_a_rule_that_does_not_fit_admits_nobody(tmp_path: Path, rule: dict[str, Any]) -> None:
    assert len(denied(network(tmp_path, policy("narrow", ingress=[rule])))) == 1


def test_one_policy_that_admits_is_enough_and_the_newest_is_told(tmp_path: Path) -> None:
    everything = policy("default-deny", None, created="2030-01-01T00:00:00Z", policyTypes=["Ingress"])
    opening = policy("web-may", ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}])
    newer = policy("closed", policyTypes=["Ingress"])

    assert denied(network(tmp_path / "a", everything, opening)) == []
    assert denied(network(tmp_path / "b", everything, newer)) == [
        ("networkpolicy/shop/closed", "ingress", "service/shop/cart")
    ]


def test_a_policy_without_types_that_has_egress_rules_is_both(tmp_path: Path) -> None:
    out = policy("out", "web", egress=[{"to": [{"podSelector": {"matchLabels": {"app": "admin"}}}]}, {"to": [DNS]}])

    assert denied(network(tmp_path, out)) == [("networkpolicy/shop/out", "egress", "service/shop/cart")]


def test_egress_without_dns_denies_the_names(tmp_path: Path) -> None:
    to_cart = {"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}]}
    closed = policy("out", "web", policyTypes=["Egress"], egress=[to_cart])

    (denies,) = network(tmp_path / "a", closed).of("policy.denies")
    assert (denies.attributes["callee"], denies.attributes["port"]) == ("service/kube-system/kube-dns", 53)
    openshift = thing("Namespace", "openshift-dns", namespace="")
    assert denied(network(tmp_path / "b", closed, openshift)) == []


@pytest.mark.parametrize(
    "rule",
    [{"to": [DNS]}, {"ports": [{"port": 53, "protocol": "UDP"}]}, {"to": [{"ipBlock": {"cidr": "10.96.0.10/32"}}]}],
)
def test_dns_may_be_admitted_in_several_ways(tmp_path: Path, rule: dict[str, Any]) -> None:
    to_cart = {"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}]}

    assert denied(network(tmp_path, policy("out", "web", policyTypes=["Egress"], egress=[to_cart, rule]))) == []


def test_declared_calls_count_and_calls_at_absent_ports_do_not(tmp_path: Path) -> None:
    env = [{"name": "CART_ADDR", "value": "cart:9999"}]
    wrong = deployment("admin", containers=[container(env=env)])
    seen = network(
        tmp_path, policy("closed", policyTypes=["Ingress"]), wrong, topology={"bystander": ["cart"], "web": ["gone"]}
    )

    assert {one.attributes["caller"] for one in seen.of("policy.denies")} == {
        "deployment/shop/web",
        "deployment/shop/bystander",
    }


def test_a_policy_in_the_callees_namespace_denies_callers_of_others(tmp_path: Path) -> None:
    env = [{"name": "MAIL", "value": "mail.tools:25"}]
    mail = [deployment("mail", namespace="tools"), service("mail", port=25, namespace="tools")]
    closed = patch(policy("closed", "mail", policyTypes=["Ingress"]), metadata={"namespace": "tools"})
    seen = network(tmp_path, *mail, closed, deployment("writer", containers=[container(env=env)]))

    assert denied(seen) == [("networkpolicy/tools/closed", "ingress", "service/tools/mail")]
