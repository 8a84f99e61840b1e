"""Prefixes that routes take away: of the Gateway API, of ingresses' annotations, of a mesh, of configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import container, deployment, patch, service, thing

from sre_orchestrator.plugins.agents.network import NetworkAgent

SERVICES = [service(name, port=8080) for name in ("cart", "users", "orders")]


def network(folder: Path, *objects: dict[str, Any]) -> Seen:
    return look(NetworkAgent(), folder, *SERVICES, *objects, kinds=("Service", "Ingress", "ConfigMap", "Middleware"))


def stripped(seen: Seen) -> dict[str, tuple[object, object]]:
    """Return for each path what its route takes away, and whether it is alone in that."""
    return {
        str(one.attributes["path"]): (one.attributes.get("strips"), one.attributes.get("alone"))
        for one in seen.of("route")
    }


def rule(path: str, to: str, *filters: dict[str, Any]) -> dict[str, Any]:
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "filters": list(filters),
        "backendRefs": [{"name": to, "port": 8080}],
    }


def rewrite(kind: str, **path: str) -> dict[str, Any]:
    return {"type": "URLRewrite", "urlRewrite": {"path": {"type": kind, **path}}}


def ingress(name: str, path: str, to: str, **annotations: str) -> dict[str, Any]:
    backend = {"service": {"name": to, "port": {"number": 8080}}}
    rules = [{"host": "shop.example.com", "http": {"paths": [{"path": path, "backend": backend}]}}]
    return patch(thing("Ingress", name, spec={"rules": rules}), metadata={"annotations": annotations})


def test_a_filter_of_the_gateway_api_takes_the_matched_prefix_away(tmp_path: Path) -> None:
    header = {"type": "RequestHeaderModifier", "requestHeaderModifier": {}}
    rules = [
        rule("/api/cart", "cart", header, rewrite("ReplacePrefixMatch", replacePrefixMatch="/")),
        rule("/api/users", "users", header),
        rule("/orders", "orders", rewrite("ReplaceFullPath", replaceFullPath="/all")),
    ]

    seen = network(tmp_path, thing("HTTPRoute", "shop", spec={"rules": rules}))

    assert stripped(seen) == {"/api/cart": ("/api/cart", True), "/api/users": (None, None), "/orders": (None, None)}


def test_who_strips_beside_others_that_strip_is_not_alone(tmp_path: Path) -> None:
    away = rewrite("ReplacePrefixMatch", replacePrefixMatch="/")
    rules = [rule("/cart", "cart", away), rule("/users", "users", away), rule("/", "orders")]

    seen = network(tmp_path, thing("HTTPRoute", "shop", spec={"rules": rules}))

    assert stripped(seen) == {"/cart": ("/cart", False), "/users": ("/users", False), "/": (None, None)}


def test_a_prefix_that_is_put_before_the_path_takes_nothing_away(tmp_path: Path) -> None:
    rules = [rule("/cart", "cart", rewrite("ReplacePrefixMatch", replacePrefixMatch="/v2/cart"))]

    seen = network(tmp_path, thing("HTTPRoute", "shop", spec={"rules": rules}))

    assert stripped(seen) == {"/cart": (None, None)}


@pytest.mark.parametrize(
    ("path", "annotations", "taken"),
    [
        ("/cart(/|$)(.*)", {"nginx.ingress.kubernetes.io/rewrite-target": "/$2"}, "/cart"),
        ("/cart", {"nginx.ingress.kubernetes.io/rewrite-target": "/shop/cart"}, None),
        ("/cart", {"konghq.com/strip-path": "true"}, "/cart"),
        ("/cart", {"konghq.com/strip-path": "false"}, None),
        (
            "/cart/v1",
            {"traefik.ingress.kubernetes.io/router.middlewares": "shop-auth@kubernetescrd, shop-strip@kubernetescrd"},
            "/cart",
        ),
        ("/users", {"traefik.ingress.kubernetes.io/router.middlewares": "shop-strip@kubernetescrd"}, None),
        ("/cart", {}, None),
    ],
)
def test_annotations_of_an_ingress_take_a_prefix_away(
    tmp_path: Path, path: str, annotations: dict[str, str], taken: str | None
) -> None:
    strip = thing("Middleware", "strip", spec={"stripPrefix": {"prefixes": ["/api", "/cart"]}})

    seen = network(tmp_path, ingress("cart", path, "cart", **annotations), strip, thing("Middleware", "auth", spec={}))

    assert stripped(seen)[path][0] == taken


def test_a_route_of_a_mesh_rewrites_its_prefix(tmp_path: Path) -> None:
    def leads(prefix: str, to: str, **more: Any) -> dict[str, Any]:
        return {"match": [{"uri": {"prefix": prefix}}], "route": [{"destination": {"host": to}}], **more}

    http = [leads("/cart", "cart", rewrite={"uri": "/"}), leads("/users", "users")]
    seen = network(tmp_path, thing("VirtualService", "edge", spec={"hosts": ["shop.example.com"], "http": http}))

    assert stripped(seen) == {"/cart": ("/cart", True), "/users": (None, None)}


def test_configuration_of_gateways_takes_prefixes_away(tmp_path: Path) -> None:
    nginx = (
        "location /cart/ { proxy_pass http://cart:8080/; }\nlocation /users { proxy_pass http://users:8080; }\n"
        "location ~ ^/orders/ { proxy_pass http://orders:8080/; }"
    )
    volume = {"name": "config", "configMap": {"name": "gateway-routes"}}
    inside = container(volumeMounts=[{"name": "config", "mountPath": "/config"}])
    seen = network(
        tmp_path,
        thing("ConfigMap", "gateway-routes", data={"default.conf": nginx}),
        deployment("gateway", containers=[inside], spec={"template": {"spec": {"volumes": [volume]}}}),
    )

    assert stripped(seen) == {"/cart/": ("/cart", True), "/users": (None, None), "^/orders/": (None, None)}
