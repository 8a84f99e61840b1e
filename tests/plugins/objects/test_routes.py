"""Routes in the configuration of many gateways."""

from __future__ import annotations

import pytest

from sre_orchestrator.plugins.objects.routes import Route, routes_in, routes_of, routes_under

SPRING = """
spring:
  cloud:
    gateway:
      routes:
        - id: orders
          uri: http://shop-orders:8080
          predicates: [Method=GET, 'Path=/api/v1/orders/**,/api/v2/orders/**']
        - id: cart
          uri: lb://SHOP-CART
          predicates:
            - name: Path
              args: {pattern: /api/v1/cart/**}
        - id: broken
          predicates: [Path=/broken/**]
        - id: inside
          uri: forward:/fallback
"""
PROPERTIES = """
# routes
spring.cloud.gateway.routes[0].id=orders
spring.cloud.gateway.routes[0].uri=http://orders:80
spring.cloud.gateway.routes[0].predicates[0]=Path=/orders/**
zuul.routes.users.path=/users/**
zuul.routes.users.serviceId=users
"""
NGINX = """
upstream edge { server gateway:8080; keepalive 3; }
upstream empty { }
server {
  listen 80;
  server_name shop.example.com;
  location / { root /usr/share/nginx/html; }
  location /api/ { set $up http://cart:80; proxy_pass $up; }
  location ~ ^/orders { proxy_pass http://edge; }
  location = /chat { grpc_pass grpc://chat.tools.svc:9000; }
  location /dynamic { proxy_pass http://$host; }
}
server { server_name _; location /x { proxy_pass http://users:80/; } }
"""
ENVOY = """
static_resources:
  listeners:
  - filter_chains:
    - filters:
      - typed_config:
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /cart}
                route: {cluster: cart_cluster}
              - match: {prefix: /gone}
                route: {prefix_rewrite: /}
  clusters:
  - name: cart_cluster
    load_assignment:
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: cart.shop.svc, port_value: 7070}}}
  - name: empty
    type: STATIC
"""
TRAEFIK = """
http:
  routers:
    cart: {rule: 'Host(`shop.example.com`) && PathPrefix(`/cart`)', service: cart-pool@file}
  services:
    cart-pool: {loadBalancer: {servers: [{url: 'http://cart:80'}]}}
"""
OCELOT = (
    '{"Routes": [{"UpstreamPathTemplate": "/orders/{all}", "DownstreamPathTemplate": "/{all}",'
    ' "DownstreamHostAndPorts": [{"Host": "orders", "Port": 80}]}]}'
)
YARP = (
    '{"ReverseProxy": {"Routes": {"cart": {"ClusterId": "c1", "Match": {"Path": "/cart/{**rest}"}}},'
    ' "Clusters": {"c1": {"Destinations": {"one": {"Address": "http://cart:80/"}}}}}}'
)


def told(routes: tuple[Route, ...]) -> list[tuple[str, str, str, int]]:
    return [(one.id, one.path, one.target.host, one.target.port) for one in routes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SPRING, [("orders", "/api/v1/orders/**", "shop-orders", 8080), ("cart", "/api/v1/cart/**", "shop-cart", 0)]),
        (PROPERTIES, [("orders", "/orders/**", "orders", 80), ("users", "/users/**", "users", 0)]),
        (
            NGINX,
            [
                ("", "/api/", "cart", 80),
                ("", "^/orders", "gateway", 8080),
                ("", "/chat", "chat.tools.svc", 9000),
                ("", "/x", "users", 80),
            ],
        ),
        (ENVOY, [("", "/cart", "cart.shop.svc", 7070)]),
        (TRAEFIK, [("cart", "/cart", "cart", 80)]),
        (OCELOT, [("", "/orders/{all}", "orders", 80)]),
        (YARP, [("cart", "/cart/{**rest}", "cart", 80)]),
        ("ProxyPass /cart http://cart:80/\nProxyPassReverse /cart http://cart:80/\n", [("", "/cart", "cart", 80)]),
        (":80 {\n  reverse_proxy /orders/* orders:80\n  reverse_proxy /none 10.0.0.1\n}\n", [("", "/orders/*", "orders", 80)]),
        ("global:\n  scrape_interval: 15s\n", []),
        ("logging.level.root=INFO\nrouting.enabled=true\n", []),
    ],
)  # fmt: skip
def test_routes_are_read_with_path_and_destination(text: str, expected: list[tuple[str, str, str, int]]) -> None:
    assert told(routes_in(text)) == expected


def test_the_server_name_is_the_routes_host() -> None:
    assert [one.host for one in routes_in(NGINX)] == ["shop.example.com"] * 3 + [""]


def test_variables_override_routes() -> None:
    routes = routes_of(
        {
            "SPRING_CLOUD_GATEWAY_ROUTES_0_ID": "orders",
            "SPRING_CLOUD_GATEWAY_ROUTES_0_URI": "http://orders:80",
            "SPRING_CLOUD_GATEWAY_ROUTES_0_PREDICATES_0": "Path=/orders/**",
            "SPRING_CLOUD_GATEWAY_ROUTES[1]_URI": "http://cart:80",
            "JAVA_OPTS": "-Xmx1g",
        }
    )

    assert told(tuple(routes)) == [("orders", "/orders/**", "orders", 80), ("", "", "cart", 80)]


WRITTEN = "spring.cloud.gateway.routes[0].id=cart\nspring.cloud.gateway.routes[0].uri=http://cart:8080\nspring.cloud.gateway.routes[0].predicates[0]=Path=/cart/**"
START = "SPRING_CLOUD_GATEWAY_ROUTES_0_"


def test_a_lone_variable_takes_its_place_among_the_written_routes() -> None:
    (route,) = routes_under(WRITTEN, {f"{START}URI": "http://orders:8080"})

    assert (route.id, route.path, route.target.host) == ("cart", "/cart/**", "orders")


def test_whole_routes_in_variables_replace_those_that_are_written() -> None:
    whole = {f"{START}URI": "http://orders:8080", f"{START}PREDICATES_0": "Path=/orders/**"}

    assert routes_under(WRITTEN, whole) == ()


@pytest.mark.parametrize("variables", [{}, {"PATH": "/bin"}, {f"{START}URI": "http://orders:8080"}])
def test_other_texts_and_variables_change_nothing(variables: dict[str, str]) -> None:
    text = "location /cart { proxy_pass http://cart:8080/; }"

    assert routes_under(text, variables) == routes_in(text)


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        ("['StripPrefix=2']", "/api/v1"),
        ("['AddRequestHeader=a, b', 'StripPrefix=1']", "/api"),
        ("[{name: StripPrefix, args: {parts: 3}}]", "/api/v1/cart"),
        ("[{name: StripPrefix}]", ""),
        ("['StripPrefix=x']", ""),
        ("[]", ""),
    ],
)
def test_a_filter_of_spring_takes_segments_away(filters: str, taken: str) -> None:
    text = f"spring:\n  cloud:\n    gateway:\n      routes:\n      - {{id: cart, uri: 'lb://cart', predicates: ['Path=/api/v1/cart/**'], filters: {filters}}}\n"

    (route,) = routes_in(text)

    assert (route.path, route.strips) == ("/api/v1/cart/**", taken)
