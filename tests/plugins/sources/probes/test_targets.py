"""Which ports and hosts are connected to, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from shop import container, endpoints, pod, service, thing, write_snapshot

from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.network import Endpoints, EndpointSlice, Ingress, NetworkPolicy, Service
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.probes.behind import Known, Place
from sre_orchestrator.plugins.sources.probes.dial import Request
from sre_orchestrator.plugins.sources.probes.targets import Target, targets_of
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

ME = Place(namespace="sre", pod="me-0")
SRE = {"kubernetes.io/metadata.name": "sre"}


def chosen(folder: Path, *objects: dict[str, Any], place: Place | None = ME) -> tuple[Target, ...]:
    with open_snapshot(
        write_snapshot(folder, *objects, namespaces=["shop", "sre", "other"]), SnapshotLimits()
    ) as source:
        known = Known(
            services=anyio.run(source.list, Service).items,
            ingresses=anyio.run(source.list, Ingress).items,
            pods=anyio.run(source.list, Pod).items,
            endpoints=anyio.run(source.list, Endpoints).items,
            slices=anyio.run(source.list, EndpointSlice).items,
            policies=anyio.run(source.list, NetworkPolicy).items,
            namespaces=anyio.run(source.list, Namespace).items,
        )
    return targets_of(known, ["shop"], place)


def ports(*of: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"ports": list(of), "clusterIP": "10.96.0.4", **spec}}


def policy(name: str, namespace: str = "shop", labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return thing(
        "NetworkPolicy", name, namespace=namespace, spec={"podSelector": {"matchLabels": labels or {}}, **spec}
    )


def test_the_ports_of_services_in_the_scope_are_targets(tmp_path: Path) -> None:
    found = chosen(
        tmp_path,
        service("web", port=8080),
        service("cart", **ports({"port": 80, "targetPort": 8080}, {"port": 53, "protocol": "UDP"})),
        service("elsewhere", namespace="other"),
        service("outside", **ports({"port": 80}, type="ExternalName", externalName="metadata.example")),
    )

    assert [(one.component, one.host, one.port, one.dial) for one in found] == [
        ("service/shop/cart", "cart.shop.svc", 80, 80),
        ("service/shop/web", "web.shop.svc", 8080, 8080),
    ]


@pytest.mark.parametrize(("target", "dial"), [(8080, 8080), ("http", 9090), ("nobody", 80), (None, 80)])
def test_behind_a_headless_service_the_pods_port_is_dialled(
    tmp_path: Path, target: int | str | None, dial: int
) -> None:
    db = pod("db-0", labels={"app": "db"}, containers=[container(ports=[{"name": "http", "containerPort": 9090}])])
    port = {"port": 80} | ({} if target is None else {"targetPort": target})
    (found,) = chosen(tmp_path, db, service("db", **ports(port, clusterIP="None")))

    assert (found.headless, found.port, found.dial) == (True, 80, dial)


def slice_of(name: str, *ready: bool | None) -> dict[str, Any]:
    ends = [{"addresses": ["10.0.0.1"], "conditions": {} if one is None else {"ready": one}} for one in ready]
    return thing("EndpointSlice", f"{name}-abc", labels={"kubernetes.io/service-name": name}, endpoints=ends)


@pytest.mark.parametrize(
    ("known", "left_out"),
    [
        ([], False),
        ([endpoints("cart", ["cart-1"])], False),
        ([endpoints("cart")], True),
        ([endpoints("cart", not_ready=["cart-1"])], True),
        ([slice_of("cart", False)], True),
        ([slice_of("cart", False, None)], False),
        ([slice_of("cart", True)], False),
        ([slice_of("cart", True), endpoints("cart")], True),
        ([slice_of("web", False)], False),
    ],
)
def test_a_service_without_a_ready_endpoint_is_left_out(
    tmp_path: Path, known: list[dict[str, Any]], left_out: bool
) -> None:
    assert (chosen(tmp_path, service("cart"), *known) == ()) is left_out


@pytest.mark.parametrize(
    "odd",
    [
        service("cart", port=0),
        service("cart", port=65_536),
        service("cart", spec={"clusterIP": "None", "ports": [{"port": 80, "targetPort": 99_999}]}),
        service("cart\r\nHost: evil"),
        service("cart\n"),
        service("a" * 300),
        service(""),
    ],
)
def test_what_can_be_no_target_is_left_out(tmp_path: Path, odd: dict[str, Any]) -> None:
    assert chosen(tmp_path, odd) == ()


@pytest.mark.parametrize(
    ("port", "tls", "request_"),
    [
        ({"port": 80}, False, None),
        ({"port": 443}, True, None),
        ({"port": 80, "name": "http-web"}, False, "HEAD"),
        ({"port": 80, "name": "http2"}, False, None),
        ({"port": 80, "name": "grpc"}, False, None),
        ({"port": 9443, "name": "https"}, True, "HEAD"),
        ({"port": 9443, "name": "tls-metrics"}, True, None),
        ({"port": 9443, "appProtocol": "https"}, True, "HEAD"),
    ],
)
def test_what_is_spoken_is_told_by_names_and_numbers(
    tmp_path: Path, port: dict[str, Any], tls: bool, request_: str | None
) -> None:
    (found,) = chosen(tmp_path, service("cart", **ports(port)))

    assert (found.tls, found.request and found.request.method) == (tls, request_)


@pytest.mark.parametrize(
    ("check", "request_", "tls"),
    [
        ({"path": "/ready?deep=1", "port": 8080}, Request(method="GET", path="/ready?deep=1"), False),
        ({"path": "ready", "port": "main", "scheme": "HTTPS"}, Request(method="GET", path="/ready"), True),
        ({"path": "/a b\r\nHost: evil", "port": 8080}, Request(method="GET", path="/a%20b%0D%0AHost:%20evil"), False),
        ({"path": "/ready", "port": 9999}, None, False),
        ({"path": "/ready", "port": "nobody"}, None, False),
    ],
)
def test_the_path_that_the_kubelet_asks_is_asked(
    tmp_path: Path, check: dict[str, Any], request_: Request | None, tls: bool
) -> None:
    inside = container(ports=[{"name": "main", "containerPort": 8080}], readinessProbe={"httpGet": check})
    (found,) = chosen(
        tmp_path,
        pod("cart-1", labels={"app": "cart"}, containers=[container("side"), inside]),
        service("cart", **ports({"port": 80, "targetPort": 8080})),
    )

    assert (found.request, found.tls) == (request_, tls)


def test_hosts_of_ingresses_are_targets(tmp_path: Path) -> None:
    rules = [
        {"host": host}
        for host in ("shop.example", "api.shop.example", "plain.example", "*.wild.example", "", "shop.example")
    ]
    rules += [{"host": "evil.example/path"}]
    tls = [{"hosts": ["shop.example", "*.shop.example"], "secretName": "web"}]
    found = chosen(
        tmp_path,
        thing("Ingress", "web", spec={"rules": rules, "tls": tls}),
        thing("Ingress", "web", namespace="other", spec={"rules": rules}),
    )

    assert [(one.component, one.host, one.port, one.tls, one.service) for one in found] == [
        ("ingress/shop/web", "api.shop.example", 443, True, False),
        ("ingress/shop/web", "plain.example", 80, False, False),
        ("ingress/shop/web", "shop.example", 443, True, False),
    ]


@pytest.mark.parametrize(
    ("extra", "shielded"),
    [
        ([], False),
        ([policy("all")], True),
        ([policy("all", policyTypes=["Egress"])], False),
        ([policy("others", labels={"app": "web"})], False),
        ([policy("elsewhere", namespace="other")], False),
        ([policy("all", ingress=[{}])], False),
        ([policy("all", ingress=[{"from": [{"namespaceSelector": {"matchLabels": SRE}}]}])], False),
        ([policy("all", ingress=[{"from": [{"podSelector": {}}]}])], True),
        ([policy("all", ingress=[{"ports": [{"port": 9999}]}])], True),
        ([policy("mine", namespace="sre", egress=[{}])], False),
        ([policy("mine", namespace="sre", egress=[{"to": [{"namespaceSelector": {}}]}])], False),
        ([policy("mine", namespace="sre", egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}])], True),
        ([policy("mine", namespace="sre", policyTypes=["Egress"])], True),
        ([policy("mine", namespace="sre", policyTypes=["Ingress"])], False),
    ],
)
def test_policies_that_drop_our_packets_are_known(tmp_path: Path, extra: list[dict[str, Any]], shielded: bool) -> None:
    cart = pod("cart-1", labels={"app": "cart"})
    me = pod("me-0", namespace="sre")
    (found,) = chosen(tmp_path, cart, me, service("cart"), *extra)

    assert found.shielded is shielded


@pytest.mark.parametrize(
    ("extra", "shielded"),
    [
        (policy("mine", "sre", policyTypes=["Egress"]), False),
        (policy("all"), True),
        (policy("all", ingress=[{"from": [{"namespaceSelector": {"matchLabels": SRE}}]}]), True),
    ],
)
def test_outside_of_a_pod_no_selector_knows_us(tmp_path: Path, extra: dict[str, Any], shielded: bool) -> None:
    cart = pod("cart-1", labels={"app": "cart"})
    (found,) = chosen(tmp_path, cart, pod("me-0", namespace="sre"), service("cart"), extra, place=None)

    assert found.shielded is shielded
