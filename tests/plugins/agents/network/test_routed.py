"""Routes of ingresses and of gateways' configuration: where they lead, and what they are named for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import container, deployment, service, thing

from sre_orchestrator.plugins.agents.network import NetworkAgent

KINDS = (
    "Service", "Namespace", "Deployment", "StatefulSet", "DaemonSet", "CronJob", "ConfigMap", "Ingress", "IngressClass",
    "Secret",
)  # fmt: skip
SERVICES = [
    service(name, port=8080) for name in ("shop-cart", "shop-orders-service", "shop-users", "shop-order-history")
]


def network(folder: Path, *objects: dict[str, Any]) -> Seen:
    return look(NetworkAgent(), folder, *SERVICES, *objects, kinds=KINDS)


def spring(*routes: tuple[str, str, str]) -> str:
    lines = [f"    - {{id: {name}, uri: '{uri}', predicates: ['Path={path}']}}" for name, uri, path in routes]
    return "\n".join(["spring:", " cloud:", "  gateway:", "   routes:", *lines])


def gateway(text: str, key: str = "application.yml") -> list[dict[str, Any]]:
    """Return a gateway that has its routes in a mounted ConfigMap."""
    volume = {"name": "config", "configMap": {"name": "gateway-routes"}}
    inside = container(volumeMounts=[{"name": "config", "mountPath": "/config"}])
    spec = {"template": {"spec": {"volumes": [volume]}}}
    return [
        thing("ConfigMap", "gateway-routes", data={key: text}),
        deployment("gateway", containers=[inside], spec=spec),
    ]


def suspects(seen: Seen) -> list[dict[str, Any]]:
    return [dict(one.attributes) for one in seen.of("route.suspect")]


def test_right_routes_are_told_and_not_suspected(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        *gateway(
            spring(
                ("cart", "http://shop-cart:8080", "/api/v1/cart/**"),
                ("order", "lb://SHOP-ORDERS-SERVICE", "/api/v1/orderservice/**"),
                ("history", "http://shop-order-history:8080", "/api/v1/order-history/**"),
                ("pages", "http://shop-cart:8080", "/**"),
            )
        ),
    )

    assert {(one.component, one.attributes["path"], one.attributes["service"]) for one in seen.of("route")} == {
        ("deployment/shop/gateway", "/api/v1/cart/**", "service/shop/shop-cart"),
        ("deployment/shop/gateway", "/api/v1/orderservice/**", "service/shop/shop-orders-service"),
        ("deployment/shop/gateway", "/api/v1/order-history/**", "service/shop/shop-order-history"),
        ("deployment/shop/gateway", "/**", "service/shop/shop-cart"),
    }
    assert all(one.attributes["service_exists"] for one in seen.of("route"))
    assert suspects(seen) == []
    assert ("route.suspect", "namespace/shop") in seen.coverage


def test_a_route_to_the_service_of_another_is_suspected(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        *gateway(
            spring(
                ("cart", "http://shop-cart:8080", "/api/v1/cart/**"),
                ("orders", "http://shop-cart:8080", "/api/v1/orders/**"),
            )
        ),
    )

    suspect = seen.only("route.suspect")
    assert suspect.component == "deployment/shop/gateway"
    assert suspect.query == "kubectl get configmap gateway-routes -n shop -o yaml"
    assert suspect.attributes == {
        "path": "/api/v1/orders/**", "id": "orders", "service": "service/shop/shop-cart", "exists": True,
        "expected": "service/shop/shop-orders-service", "by": "id+path", "taken": True, "reached": False,
        "origin": "application.yml in configmap gateway-routes",
    }  # fmt: skip


def test_two_routes_that_were_swapped_are_both_suspected(tmp_path: Path) -> None:
    text = (
        "location /cart/ { proxy_pass http://shop-users:8080; }\nlocation /users/ { proxy_pass http://shop-cart:8080; }"
    )
    seen = network(tmp_path, *gateway(text, "nginx.conf"))

    assert [(one["taken"], one["reached"]) for one in suspects(seen)] == [(True, False), (True, False)]


def test_a_route_to_no_service_is_told_with_what_its_path_names(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        *gateway(spring(("c", "http://shop-crat:8080", "/api/v1/cart/**"), ("x", "http://gone:1234", "/gone/**"))),
    )

    assert {(one.attributes["path"], one.attributes["service_exists"]) for one in seen.of("route")} == {
        ("/api/v1/cart/**", False),
        ("/gone/**", False),
    }
    (suspect,) = suspects(seen)
    assert (suspect["exists"], suspect["expected"], suspect["by"]) == (False, "service/shop/shop-cart", "path")
    assert seen.of("address.mismatch") == []


def test_names_of_a_registry_are_services_only_where_one_of_them_is(tmp_path: Path) -> None:
    foreign = spring(("cart", "lb://CART-APP", "/cart/**"), ("users", "lb://USERS-APP", "/users/**"))
    same = spring(("cart", "lb://shop-cartt", "/cart/**"), ("users", "lb://shop-users", "/users/**"))

    assert network(tmp_path / "a", *gateway(foreign)).of("route") == []
    assert suspects(network(tmp_path / "b", *gateway(same)))[0]["exists"] is False


def test_a_route_to_a_port_that_the_service_lacks_is_told(tmp_path: Path) -> None:
    seen = network(tmp_path, *gateway(spring(("cart", "http://shop-cart:9999", "/cart/**"))))

    assert seen.only("route").attributes["port_exists"] is False


def test_terms_that_name_different_services_decide_nothing(tmp_path: Path) -> None:
    seen = network(tmp_path, *gateway(spring(("users", "http://shop-order-history:8080", "/cart/**"))))

    assert suspects(seen) == []


def test_routes_in_variables_and_json_count(tmp_path: Path) -> None:
    json = '{"spring": {"cloud": {"gateway": {"routes": [{"id": "users", "uri": "http://shop-cart:8080"}]}}}}'
    env = [
        {"name": "SPRING_CLOUD_GATEWAY_ROUTES_0_ID", "value": "orders"},
        {"name": "SPRING_CLOUD_GATEWAY_ROUTES_0_URI", "value": "http://shop-users:8080"},
        {"name": "SPRING_APPLICATION_JSON", "value": json},
    ]
    seen = network(tmp_path, deployment("gateway", containers=[container(env=env)]))

    assert {(one["id"], one["expected"]) for one in suspects(seen)} == {
        ("orders", "service/shop/shop-orders-service"),
        ("users", "service/shop/shop-users"),
    }


@pytest.mark.parametrize(
    ("name", "component"), [("gateway-config", "deployment/shop/gateway"), ("routes", "configmap/shop/routes")]
)
def test_a_config_map_that_none_mounts_is_the_workloads_of_its_name(tmp_path: Path, name: str, component: str) -> None:
    text = spring(("cart", "http://shop-users:8080", "/cart/**"))
    seen = network(tmp_path, thing("ConfigMap", name, data={"gateway.yaml": text}), deployment("gateway"))

    assert seen.only("route.suspect").component == component


def ingress(name: str, *paths: tuple[str, str], host: str = "", **spec: Any) -> dict[str, Any]:
    backends = [
        {"path": path, "backend": {"service": {"name": backend, "port": {"number": 8080}}}} for path, backend in paths
    ]
    return thing("Ingress", name, spec={"rules": [{"host": host, "http": {"paths": backends}}], **spec})


def test_an_ingress_is_compared_with_its_paths_host_and_name(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        ingress("all", ("/cart", "shop-cart"), ("/users", "shop-order-history"), ("/", "shop-cart")),
        ingress("one", ("/", "shop-order-history"), host="users.shop.example.com"),
        ingress("shop-users", ("/", "shop-cart")),
        ingress("world", ("/", "shop-cart"), host="shop.example.com"),
    )

    assert {(one.component, one.attributes["by"]) for one in seen.of("route.suspect")} == {
        ("ingress/shop/all", "path"),
        ("ingress/shop/one", "host"),
        ("ingress/shop/shop-users", "id"),
    }


def test_an_ingress_without_backend_is_told(tmp_path: Path) -> None:
    named = {"service": {"name": "shop-cart", "port": {"name": "web"}}}
    resource = {"resource": {"kind": "Bucket", "name": "static"}}
    rules = [{"http": {"paths": [{"path": "/static", "backend": resource}]}}, {"host": "empty.example.com"}]
    seen = network(
        tmp_path,
        ingress("shop", ("/checkout", "checkout"), ("/cart", "shop-cart")),
        thing("Ingress", "named", spec={"defaultBackend": named, "rules": rules}),
    )

    found = {str(one.attributes.get("path")): one.attributes for one in seen.of("route")}
    assert (found["/checkout"]["service_exists"], found["/cart"]["port_exists"]) == (False, True)
    assert found["None"]["port_exists"] is False


def test_headless_and_outside_backends_take_any_port(tmp_path: Path) -> None:
    headless = service("mq", port=80, spec={"clusterIP": "None"})
    seen = network(tmp_path, headless, ingress("mq", ("/mq", "mq")))

    assert seen.only("route").attributes["port_exists"] is True


def test_classes_and_secrets_that_are_absent_are_told(tmp_path: Path) -> None:
    seen = network(
        tmp_path,
        thing("IngressClass", "nginx", namespace=""),
        thing("Secret", "shop-tls"),
        ingress(
            "right",
            ("/cart", "shop-cart"),
            ingressClassName="nginx",
            tls=[{"secretName": "shop-tls"}, {"hosts": ["a"]}],
        ),
        ingress("wrong", ("/cart", "shop-cart"), ingressClassName="ngnix", tls=[{"secretName": "shop-tsl"}]),
    )

    assert {
        (one.component, one.attributes["via"], one.attributes["name"]) for one in seen.of("reference.unresolved")
    } == {
        ("ingress/shop/wrong", "class", "ngnix"),
        ("ingress/shop/wrong", "tls", "shop-tsl"),
    }


def test_nothing_is_absent_that_nobody_listed(tmp_path: Path) -> None:
    one = ingress("shop", ("/checkout", "checkout"), ingressClassName="nginx", tls=[{"secretName": "shop-tls"}])
    seen = look(NetworkAgent(), tmp_path, one)

    assert seen.of("reference.unresolved") == []
    assert "service_exists" not in seen.only("route").attributes


def test_routes_outside_the_scope_are_left_out(tmp_path: Path) -> None:
    text = spring(("cart", "http://shop-users:8080", "/cart/**"))
    seen = network(tmp_path, thing("ConfigMap", "gateway", namespace="other", data={"a.yaml": text}))

    assert seen.of("route") == []


def test_routes_of_the_gateway_api_are_compared(tmp_path: Path) -> None:
    def rule(path: str, name: str, **more: Any) -> dict[str, Any]:
        return {"matches": [{"path": {"value": path}}], "backendRefs": [{"name": name, "port": 8080, **more}]}

    rules = [
        rule("/cart", "shop-cart"),
        rule("/users", "shop-cart"),
        rule("/x", "bucket", kind="Bucket"),
        {"matches": [{}]},
    ]
    seen = network(
        tmp_path,
        thing("HTTPRoute", "shop", spec={"hostnames": ["shop.example.com"], "rules": rules}),
        thing("HTTPRoute", "other", namespace="other", spec={"rules": rules}),
    )

    assert seen.only("route.suspect").component == "httproute/shop/shop"
    assert {(one.attributes["path"], one.attributes["port_exists"]) for one in seen.of("route")} == {
        ("/cart", True),
        ("/users", True),
    }


def test_routes_of_a_mesh_are_compared_with_each_other(tmp_path: Path) -> None:
    def leads(name: str, host: str, there: str, **match: str) -> dict[str, Any]:
        routes = [{"match": [{"uri": match}], "route": [{"destination": {"host": there, "port": {"number": 8080}}}]}]
        return thing("VirtualService", name, spec={"hosts": [host], "http": routes})

    seen = network(
        tmp_path,
        leads("cart", "shop-cart", "shop-users"),
        leads("users", "shop-users.shop.svc.cluster.local", "shop-users.shop.svc.cluster.local"),
        leads("edge", "shop.example.com", "shop-order-history", prefix="/order-history"),
        leads("outside", "shop.example.com", "api.example.com", exact="/api"),
    )

    suspect = seen.only("route.suspect")
    assert (suspect.component, suspect.attributes["expected"]) == ("virtualservice/shop/cart", "service/shop/shop-cart")
    assert (suspect.attributes["taken"], suspect.attributes["reached"]) == (True, False)
    assert len(seen.of("route")) == 3
