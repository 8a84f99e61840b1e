"""The whole program on faults of routing: each cause beside its look-alikes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from clusters import Cluster, shop
from faults import callers_fail, crash, probe_fails
from shop import NAMESPACE, endpoints, thing

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

Case = Callable[[Cluster], tuple[str, str]]
CASES: dict[str, Case] = {}
QUIET: dict[str, Case] = {}
DENY = {"podSelector": {"matchLabels": {"app": "cart"}}, "policyTypes": ["Ingress"]}


def case(make: Case) -> Case:
    CASES[make.__name__] = make
    return make


def ports(cluster: Cluster, service: str, **port: Any) -> None:
    cluster.edit("Service", service, spec={"ports": [{"port": 7070, "protocol": "TCP", **port}]})


def env(cluster: Cluster, app: str, **variables: str) -> None:
    cluster.containers(app, env=[{"name": key, "value": value} for key, value in variables.items()])


def logs(cluster: Cluster, app: str, *lines: str) -> None:
    for name in cluster.pods_of(app):
        cluster.logs[f"{NAMESPACE}/{name}/{app}"] += "".join(
            f"2030-05-01T11:5{at}:10Z {line}\n" for at, line in enumerate(lines)
        )


@case
def selector_with_another_key(cluster: Cluster) -> tuple[str, str]:
    """The selector asks for a key that no pod has; nothing else is there to see."""
    cluster.get("Service", "cart")["spec"]["selector"] = {"application": "cart"}
    cluster.add(endpoints("cart"))
    return "service-selector-mismatch", "service/shop/cart"


@case
def selector_with_one_label_more(cluster: Cluster) -> tuple[str, str]:
    cluster.edit("Service", "orders", spec={"selector": {"app": "orders", "stage": "production"}})
    cluster.add(endpoints("orders"))
    return "service-selector-mismatch", "service/shop/orders"


@case
def selector_of_another_workload(cluster: Cluster) -> tuple[str, str]:
    cluster.get("Service", "cart")["spec"]["selector"] = {"app": "orders"}
    cluster.add(endpoints("cart", ready=cluster.pods_of("orders"), port=7070))
    callers_fail(cluster, "web", "cart", 7070)
    return "service-selector-mismatch", "service/shop/cart"


@case
def target_port_by_name(cluster: Cluster) -> tuple[str, str]:
    ports(cluster, "cart", targetPort="grpc-api")
    cluster.add(endpoints("cart"))
    probe_fails(cluster, "cart")
    return "service-port-mismatch", "service/shop/cart"


@case
def target_port_that_no_container_declares(cluster: Cluster) -> tuple[str, str]:
    """The containers declare no port; the process says where it listens, and the probe fails."""
    cluster.containers("cart", ports=[], env=[{"name": "REDIS_ADDR", "value": "cart-cache:6379"}])
    ports(cluster, "cart", targetPort=7071)
    cluster.containers("cart", readinessProbe={"tcpSocket": {"port": 7070}})
    probe_fails(cluster, "cart", "Connection Failed")
    return "service-port-mismatch", "service/shop/cart"


@case
def port_that_all_callers_use_is_gone(cluster: Cluster) -> tuple[str, str]:
    cluster.edit("Service", "cart", spec={"ports": [{"port": 7071, "targetPort": 7070, "protocol": "TCP"}]})
    callers_fail(cluster, "web", "cart", 7070, "i/o timeout")
    return "service-port-mismatch", "service/shop/cart"


@case
def port_of_the_service_changed_under_its_only_caller(cluster: Cluster) -> tuple[str, str]:
    cluster.edit("Service", "checkout", spec={"ports": [{"port": 5051, "targetPort": 5050, "protocol": "TCP"}]})
    callers_fail(cluster, "web", "checkout", 5050, "i/o timeout")
    return "service-port-mismatch", "service/shop/checkout"


@case
def address_of_nobody(cluster: Cluster) -> tuple[str, str]:
    cluster.edit("Service", "cart", spec={"clusterIP": "10.96.4.2"})
    env(cluster, "web", CHECKOUT_ADDR="checkout:5050", CART_ADDR="10.9.9.9:7070")
    logs(cluster, "web", *["ERROR call failed: dial tcp 10.9.9.9:7070: i/o timeout"] * 5)
    return "dependency-address-wrong", "deployment/shop/web"


@case
def udp_in_front_of_tcp(cluster: Cluster) -> tuple[str, str]:
    ports(cluster, "cart", protocol="UDP")
    probe_fails(cluster, "cart", "Connection Failed")
    return "service-protocol-mismatch", "service/shop/cart"


@case
def host_misspelt_without_a_word_in_the_log(cluster: Cluster) -> tuple[str, str]:
    env(cluster, "web", CHECKOUT_ADDR="checkuot:5050", CART_ADDR="cart:7070")
    return "dependency-address-wrong", "deployment/shop/web"


@case
def host_misspelt_in_a_mounted_file(cluster: Cluster) -> tuple[str, str]:
    """Spring configuration in a ConfigMap, and Java's exception for an unknown host."""
    text = "shop:\n  orders:\n    url: http://order:8080\n  cart:\n    url: http://cart:7070\n"
    cluster.add(thing("ConfigMap", "checkout", data={"application.yml": text}))
    cluster.spec_of_pods("checkout", volumes=[{"name": "config", "configMap": {"name": "checkout"}}])
    cluster.containers("checkout", env=[], volumeMounts=[{"name": "config", "mountPath": "/config"}])
    logs(
        cluster,
        "checkout",
        'ERROR 1 --- [nio-5050-exec-1] c.s.OrdersClient : I/O error on GET request for "http://order:8080/orders": order; nested exception is java.net.UnknownHostException: order',
    )
    return "dependency-address-wrong", "deployment/shop/checkout"


@case
def port_of_one_caller_is_wrong(cluster: Cluster) -> tuple[str, str]:
    env(cluster, "web", CHECKOUT_ADDR="checkout:5050", CART_ADDR="cart:7071")
    return "dependency-address-wrong", "deployment/shop/web"


@case
def port_of_the_only_caller_is_wrong(cluster: Cluster) -> tuple[str, str]:
    env(cluster, "web", CHECKOUT_ADDR="checkout:5051", CART_ADDR="cart:7070")
    callers_fail(cluster, "web", "checkout", 5051, "i/o timeout")
    return "dependency-address-wrong", "deployment/shop/web"


@case
def namespace_is_wrong(cluster: Cluster) -> tuple[str, str]:
    env(cluster, "web", CHECKOUT_ADDR="checkout.stage.svc.cluster.local:5050", CART_ADDR="cart:7070")
    return "dependency-address-wrong", "deployment/shop/web"


@case
def variable_leads_to_another_service(cluster: Cluster) -> tuple[str, str]:
    env(cluster, "web", CHECKOUT_ADDR="checkout:5050", CART_ADDR="orders:8080")
    logs(cluster, "web", *["ERROR call failed: POST http://orders:8080/cart: 404 Not Found"] * 5)
    return "dependency-address-wrong", "deployment/shop/web"


@case
def dns_policy_of_the_node(cluster: Cluster) -> tuple[str, str]:
    cluster.spec_of_pods("checkout", dnsPolicy="Default")
    callers_fail(cluster, "checkout", "orders", 8080, "lookup orders on 192.168.0.1:53: no such host")
    return "dns-resolution-failure", "deployment/shop/checkout"


@case
def dns_of_the_world(cluster: Cluster) -> tuple[str, str]:
    """A foreign nameserver, and a log that says nothing of it."""
    cluster.spec_of_pods("checkout", dnsPolicy="None", dnsConfig={"nameservers": ["8.8.8.8"]})
    return "dns-resolution-failure", "deployment/shop/checkout"


@case
def host_alias_hides_a_service(cluster: Cluster) -> tuple[str, str]:
    cluster.edit("Service", "cart", spec={"clusterIP": "10.96.4.2"})
    cluster.spec_of_pods("web", hostAliases=[{"ip": "10.9.9.9", "hostnames": ["cart"]}])
    callers_fail(cluster, "web", "cart", 7070, "i/o timeout")
    return "dns-resolution-failure", "deployment/shop/web"


@case
def cluster_dns_at_zero(cluster: Cluster) -> tuple[str, str]:
    cluster.edit(
        "Deployment",
        "coredns",
        "kube-system",
        spec={"replicas": 0},
        status={"replicas": 0, "readyReplicas": 0, "availableReplicas": 0},
    )
    for app, callee in (("web", "cart"), ("checkout", "orders"), ("cart", "cart-cache")):
        callers_fail(cluster, app, callee, 7070, f"lookup {callee} on 10.96.0.10:53: read udp: i/o timeout")
    return "cluster-dns-down", "deployment/kube-system/coredns"


@case
def policy_for_a_caller(cluster: Cluster) -> tuple[str, str]:
    admitted = [{"from": [{"podSelector": {"matchLabels": {"app": "checkout"}}}]}]
    cluster.add(thing("NetworkPolicy", "cart-callers", spec={**DENY, "ingress": admitted}))
    callers_fail(cluster, "web", "cart", 7070, "i/o timeout")
    return "network-policy-denies", "networkpolicy/shop/cart-callers"


@case
def policy_without_dns(cluster: Cluster) -> tuple[str, str]:
    to = [
        {"to": [{"podSelector": {"matchLabels": {"app": "orders"}}}]},
        {"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}]},
    ]
    spec = {"podSelector": {"matchLabels": {"app": "checkout"}}, "policyTypes": ["Egress"], "egress": to}
    cluster.add(thing("NetworkPolicy", "checkout-out", spec=spec))
    callers_fail(cluster, "checkout", "orders", 8080, "lookup orders: Temporary failure in name resolution")
    return "network-policy-denies", "networkpolicy/shop/checkout-out"


def ingress(cluster: Cluster, *paths: tuple[str, str, int], **spec: Any) -> None:
    backends = [
        {"path": path, "backend": {"service": {"name": name, "port": {"number": port}}}} for path, name, port in paths
    ]
    cluster.add(thing("Ingress", "shop", spec={"rules": [{"http": {"paths": backends}}], **spec}))


@case
def ingress_without_backend(cluster: Cluster) -> tuple[str, str]:
    ingress(cluster, ("/", "wbe", 8000))
    return "route-backend-missing", "ingress/shop/shop"


@case
def ingress_with_another_port(cluster: Cluster) -> tuple[str, str]:
    ingress(cluster, ("/", "web", 8001))
    return "route-backend-missing", "ingress/shop/shop"


@case
def ingress_of_a_class_that_is_gone(cluster: Cluster) -> tuple[str, str]:
    cluster.add(thing("IngressClass", "nginx", namespace=""))
    ingress(cluster, ("/", "web", 8000), ingressClassName="traefik")
    return "ingress-class-missing", "ingress/shop/shop"


@case
def ingress_to_anothers_service(cluster: Cluster) -> tuple[str, str]:
    ingress(cluster, ("/", "web", 8000), ("/cart", "cart", 7070), ("/orders", "cart", 7070))
    return "gateway-misroute", "ingress/shop/shop"


def gateway(cluster: Cluster, *routes: tuple[str, str]) -> None:
    """Put a Spring Cloud Gateway in front, with its routes in a mounted ConfigMap."""
    lines = [
        f"        - id: {name}\n          uri: {uri}\n          predicates: ['Path=/api/v1/{name}/**']\n"
        for name, uri in routes
    ]
    text = "spring:\n  cloud:\n    gateway:\n      routes:\n" + "".join(lines)
    cluster.app("gateway", 8888)
    cluster.add(thing("ConfigMap", "gateway-routes", data={"application.yml": text}))
    cluster.spec_of_pods("gateway", volumes=[{"name": "config", "configMap": {"name": "gateway-routes"}}])
    cluster.containers("gateway", volumeMounts=[{"name": "config", "mountPath": "/config"}])


@case
def gateway_to_anothers_service(cluster: Cluster) -> tuple[str, str]:
    gateway(cluster, ("cart", "http://cart:7070"), ("orders", "http://cart:7070"), ("checkout", "http://checkout:5050"))
    return "gateway-misroute", "deployment/shop/gateway"


@case
def gateway_to_no_service(cluster: Cluster) -> tuple[str, str]:
    gateway(cluster, ("cart", "http://crat:7070"), ("orders", "http://orders:8080"))
    logs(
        cluster,
        "gateway",
        *["WARN 1 --- [or-http-epoll-2] o.s.c.g : java.net.UnknownHostException: Failed to resolve 'crat'"] * 4,
    )
    return "gateway-misroute", "deployment/shop/gateway"


@case
def gateway_whose_routes_are_in_its_image(cluster: Cluster) -> tuple[str, str]:
    cluster.app("gateway", 8888)
    logs(
        cluster,
        "gateway",
        *['10.0.0.1 "GET /api/v1/orders/7 HTTP/1.1" 404 99', '10.0.0.1 "GET /api/v1/cart HTTP/1.1" 200 99'] * 4,
    )
    return "gateway-misroute", "deployment/shop/gateway"


@case
def gateway_to_another_port(cluster: Cluster) -> tuple[str, str]:
    gateway(cluster, ("cart", "http://cart:7071"), ("orders", "http://orders:8080"))
    return "gateway-misroute", "deployment/shop/gateway"


@case
def service_is_gone(cluster: Cluster) -> tuple[str, str]:
    cluster.drop("Service", "cart")
    cluster.drop("Endpoints", "cart")
    callers_fail(cluster, "web", "cart", 7070, "lookup cart on 10.96.0.10:53: no such host")
    return "service-missing", "service/shop/cart"


def fails_to_start(cluster: Cluster, app: str, why: str) -> None:
    """Let a Spring application end while it starts, with an exception of ``java.net`` as its cause."""
    crash(
        cluster,
        app,
        "Error",
        1,
        "2030-05-01 11:57:18.000 ERROR 1 --- [main] o.s.boot.SpringApplication : Application run failed\n"
        "org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'client'\n"
        f"Caused by: java.net.{why}\n",
    )


@case
def wrong_host_and_no_start(cluster: Cluster) -> tuple[str, str]:
    env(cluster, "checkout", ORDERS_URL="http://order:8080", CART_ADDR="cart:7070")
    fails_to_start(cluster, "checkout", "UnknownHostException: order")
    return "dependency-address-wrong", "deployment/shop/checkout"


@case
def wrong_port_and_no_start(cluster: Cluster) -> tuple[str, str]:
    """The exception does not say what was called."""
    env(cluster, "checkout", ORDERS_URL="http://orders:8081", CART_ADDR="cart:7070")
    fails_to_start(cluster, "checkout", "ConnectException: Connection refused")
    return "dependency-address-wrong", "deployment/shop/checkout"


@case
def foreign_resolver_and_no_start(cluster: Cluster) -> tuple[str, str]:
    cluster.spec_of_pods("checkout", dnsPolicy="Default")
    fails_to_start(cluster, "checkout", "UnknownHostException: orders: Name or service not known")
    return "dns-resolution-failure", "deployment/shop/checkout"


@case
def selector_and_a_caller_that_does_not_start(cluster: Cluster) -> tuple[str, str]:
    cluster.get("Service", "orders")["spec"]["selector"] = {"app": "order"}
    cluster.add(endpoints("orders"))
    probe_fails(cluster, "orders")
    fails_to_start(cluster, "checkout", "ConnectException: Connection refused")
    return "service-selector-mismatch", "service/shop/orders"


@case
def target_port_of_a_database(cluster: Cluster) -> tuple[str, str]:
    cluster.edit("Service", "orders-db", spec={"ports": [{"port": 3306, "targetPort": 3307, "protocol": "TCP"}]})
    probe_fails(cluster, "orders-db", "Connection Failed")
    fails_to_start(cluster, "orders", "ConnectException: Connection refused")
    return "service-port-mismatch", "service/shop/orders-db"


@case
def policy_around_a_database(cluster: Cluster) -> tuple[str, str]:
    admitted = [{"from": [{"podSelector": {"matchLabels": {"role": "backup"}}}]}]
    spec = {"podSelector": {"matchLabels": {"app": "orders-db"}}, "policyTypes": ["Ingress"], "ingress": admitted}
    cluster.add(thing("NetworkPolicy", "db", spec=spec))
    probe_fails(cluster, "orders-db", "nc: connect to orders-db port 3306 (tcp) timed out")
    fails_to_start(cluster, "orders", "SocketTimeoutException: connect timed out")
    return "network-policy-denies", "networkpolicy/shop/db"


@case
def corefile_without_the_clusters_zone(cluster: Cluster) -> tuple[str, str]:
    corefile = ".:53 {\n  errors\n  forward . /etc/resolv.conf\n  cache 30\n}\n"
    cluster.add(thing("ConfigMap", "coredns", namespace="kube-system", data={"Corefile": corefile}))
    for app, callee in (("web", "cart"), ("checkout", "orders"), ("cart", "cart-cache")):
        callers_fail(cluster, app, callee, 7070, f"lookup {callee} on 10.96.0.10:53: no such host")
    return "cluster-dns-down", "deployment/kube-system/coredns"


def quiet(make: Case) -> Case:
    QUIET[make.__name__] = make
    return make


@quiet
def an_optional_dependency_that_is_not_installed(cluster: Cluster) -> tuple[str, str]:
    env(cluster, "web", CHECKOUT_ADDR="checkout:5050", CART_ADDR="cart:7070", ASSISTANT_ADDR="assistant:80")
    return "", ""


@quiet
def a_service_that_nobody_calls_without_pods(cluster: Cluster) -> tuple[str, str]:
    cluster.add(
        thing("Service", "legacy", spec={"selector": {"app": "legacy"}, "ports": [{"port": 80}]}), endpoints("legacy")
    )
    return "", ""


@quiet
def right_routes_and_policies(cluster: Cluster) -> tuple[str, str]:
    gateway(cluster, ("cart", "http://cart:7070"), ("orders", "http://orders:8080"))
    admitted = [{"from": [{"podSelector": {}}]}]
    cluster.add(thing("NetworkPolicy", "cart", spec={**DENY, "ingress": admitted}))
    return "", ""


@quiet
def an_undeclared_port_that_answers(cluster: Cluster) -> tuple[str, str]:
    ports(cluster, "cart", targetPort=7071)
    return "", ""


@quiet
def dns_settings_that_resolve(cluster: Cluster) -> tuple[str, str]:
    cluster.spec_of_pods("checkout", dnsConfig={"options": [{"name": "ndots", "value": "2"}]})
    return "", ""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def report_of(installation: Installation, folder: Path, make: Case) -> tuple[Report, tuple[str, str]]:
    cluster = shop()
    expected = make(cluster)
    return anyio.run(diagnose_snapshot, installation, cluster.write(folder)).report, expected


@pytest.mark.parametrize("name", CASES)
def test_a_fault_of_routing_is_named_first(installation: Installation, tmp_path: Path, name: str) -> None:
    report, expected = report_of(installation, tmp_path, CASES[name])

    assert [(one.cause, one.component) for one in report.hypotheses[:1]] == [expected], [
        (one.cause, one.component, one.confidence, one.because, one.terms) for one in report.hypotheses[:4]
    ]


@pytest.mark.parametrize("name", QUIET)
def test_what_is_no_fault_is_unresolved(installation: Installation, tmp_path: Path, name: str) -> None:
    report, _ = report_of(installation, tmp_path, QUIET[name])

    assert report.verdict == "unresolved", [(one.cause, one.component, one.because) for one in report.hypotheses[:3]]


def test_a_policy_explains_what_callers_of_what_it_selects_show(installation: Installation, tmp_path: Path) -> None:
    report, _ = report_of(installation, tmp_path, CASES["policy_for_a_caller"])

    assert report.symptoms
    assert report.hypotheses[0].explains == tuple(sorted(report.symptoms))
