"""Name resolution: DNS settings of pods, host aliases, the cluster's DNS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import container, deployment, patch, service, thing, workload

from sre_orchestrator.plugins.agents.network import NetworkAgent

KINDS = ("Service", "Namespace", "Deployment", "DaemonSet", "ConfigMap")
CART = service("cart", port=80, spec={"clusterIP": "10.96.4.2"})


def network(folder: Path, *objects: dict[str, Any]) -> Seen:
    return look(NetworkAgent(), folder, CART, *objects, kinds=KINDS)


def caller(address: str = "cart:80", **spec: Any) -> dict[str, Any]:
    env = [{"name": "CART_ADDR", "value": address}]
    return deployment("web", containers=[container(env=env)], spec={"template": {"spec": spec}})


def dns(*nameservers: str, **more: Any) -> dict[str, Any]:
    return {"dnsPolicy": "None", "dnsConfig": {"nameservers": list(nameservers), **more}}


def test_usual_settings_are_not_told(tmp_path: Path) -> None:
    seen = network(tmp_path, caller(dnsPolicy="ClusterFirst"))

    assert seen.of("dns.config") == []


def test_unusual_settings_without_cluster_names_are_not_told(tmp_path: Path) -> None:
    seen = network(tmp_path, caller("https://api.example.com", dnsPolicy="Default"))

    assert seen.of("dns.config") == []


@pytest.mark.parametrize(
    "spec",
    [
        {"dnsPolicy": "Default"},
        {"hostNetwork": True},
        dns("8.8.8.8"),
        dns("10.200.0.53"),
        dns("not an address"),
        dns(),
        dns("10.96.0.10"),
        dns("8.8.8.8", "10.96.0.10"),
    ],
)
def test_settings_with_which_cluster_names_do_not_resolve(tmp_path: Path, spec: dict[str, Any]) -> None:
    assert network(tmp_path, caller(**spec)).only("dns.config").attributes["cluster_names_resolve"] is False


@pytest.mark.parametrize(
    ("address", "spec"),
    [
        ("cart:80", {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}),
        ("cart:80", {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}}),
        ("cart:80", dns("10.96.0.10", searches=["shop.svc.cluster.local"])),
        ("cart.shop.svc:80", dns("169.254.20.10")),
        ("cart.shop.svc.cluster.local:80", dns("10.96.4.2")),
    ],
)
def test_settings_with_which_cluster_names_resolve(tmp_path: Path, address: str, spec: dict[str, Any]) -> None:
    assert network(tmp_path, caller(address, **spec)).only("dns.config").attributes["cluster_names_resolve"] is True


def test_settings_are_told_as_they_are(tmp_path: Path) -> None:
    options = [{"name": "ndots", "value": "1"}]
    seen = network(tmp_path, caller(**dns("1.1.1.1", "9.9.9.9", searches=["example.com"], options=options)))

    assert seen.only("dns.config").attributes == {
        "policy": "None", "nameservers": "1.1.1.1 9.9.9.9", "searches": "example.com", "ndots": 1, "host_network": False,
        "cluster_names_resolve": False,
    }  # fmt: skip


def test_the_known_address_of_the_cluster_dns_decides(tmp_path: Path) -> None:
    known = service("kube-dns", port=53, namespace="kube-system", spec={"clusterIP": "10.96.0.10"})
    seen = network(tmp_path, known, caller("cart.shop.svc:80", **dns("10.96.0.53")))

    assert seen.only("dns.config").attributes["cluster_names_resolve"] is False


def test_a_host_alias_that_hides_a_service_is_told(tmp_path: Path) -> None:
    aliases = [{"ip": "10.9.9.9", "hostnames": ["cart", "legacy"]}, {"ip": "10.96.4.2", "hostnames": ["cart.shop"]}]
    seen = network(tmp_path, caller(hostAliases=aliases))

    override = seen.only("dns.override")
    assert override.component == "deployment/shop/web"
    assert override.attributes == {
        "host": "cart", "address": "10.9.9.9", "service": "service/shop/cart", "origin": "hostAliases",
    }  # fmt: skip


def server(corefile: str = "", *, ready: int = 2) -> list[dict[str, Any]]:
    made = [
        deployment("coredns", namespace="kube-system", labels={"k8s-app": "kube-dns"}, replicas=2, ready=ready),
        deployment("metrics-server", namespace="kube-system"),
        workload("DaemonSet", "node-local-dns", namespace="kube-system"),
    ]
    if corefile:
        made.append(thing("ConfigMap", "coredns", namespace="kube-system", data={"Corefile": corefile}))
    return made


def test_the_cluster_dns_is_told(tmp_path: Path) -> None:
    space = [workload("DaemonSet", "other", namespace="kube-system")]
    seen = network(tmp_path, *server(".:53 {\n  kubernetes cluster.local\n}", ready=1), *space, caller())

    assert seen.only("dns.server").component == "deployment/kube-system/coredns"
    assert seen.only("dns.server").attributes == {"ready": 1, "desired": 2, "zone_served": True}
    assert seen.of("dns.override") == []


def test_a_configuration_without_the_clusters_zone_is_told(tmp_path: Path) -> None:
    local = thing("ConfigMap", "node-local-dns", namespace="kube-system", data={"Corefile": "kubernetes"})
    seen = network(tmp_path, *server(".:53 {\n  # kubernetes cluster.local\n  forward . 8.8.8.8\n}"), local)

    assert seen.only("dns.server").attributes["zone_served"] is False


def test_a_configuration_that_answers_for_a_service_is_told(tmp_path: Path) -> None:
    corefile = ".:53 {\n  kubernetes cluster.local\n  template ANY ANY cart\\.shop\\.svc\\.cluster\\.local { rcode NXDOMAIN }\n  rewrite name old.shop.svc.cluster.local x\n}"
    seen = network(tmp_path, *server(corefile))

    assert seen.only("dns.override").attributes == {
        "host": "cart.shop.svc", "service": "service/shop/cart", "origin": "Corefile",
    }  # fmt: skip


def test_a_dns_that_was_not_listed_is_not_judged(tmp_path: Path) -> None:
    partial = patch(server()[0], metadata={"annotations": {"snapshot/partial": "seen in a table only"}})
    seen = network(tmp_path, partial)

    assert seen.of("dns.server") == []
