"""Blind incidents of the benchmark's labels: gateways that send requests elsewhere, names, addresses and protocols."""

from __future__ import annotations

from blind_labels import envs, errors_of, grpc_dial, in_railway, in_shop, not_found, refused, routed, unresolved
from blind_services import alert, each, revise, speak, unreached, workload
from clusters import Cluster
from railway import GATEWAY, PORTS, UI, UI_PORT, Railway, routes
from railway_words import servlet
from shop import NAMESPACE, patch

GATE = workload(GATEWAY)
ORDER, TRAVEL, STATION, BASIC = (f"tk-{one}-service" for one in ("order", "travel", "station", "basic"))


@in_railway
def route_to_a_sibling(cluster: Railway) -> tuple[str, str]:
    routed(cluster, routes({TRAVEL: f"http://tk-travel2-service:{PORTS['tk-travel2-service']}"}))
    not_found(cluster, "/api/v1/travel/trips/left", "tk-travel2-service")
    speak(cluster, UI, '10.0.1.2 - - [01/May/2030:11:52:00 +0000] "POST /api/v1/travel/trips/left HTTP/1.1" 404 131\n')
    return "gateway-misroute", GATE


@in_railway
def route_to_another_service_by_the_registry(cluster: Railway) -> tuple[str, str]:
    changed = {name: f"lb://{name}" for name in PORTS} | {ORDER: "lb://tk-payment-service"}
    routed(cluster, routes(changed))
    not_found(cluster, "/api/v1/order/refresh", "tk-payment-service")
    alert(cluster, "HighErrorRate", GATEWAY, "9 % of requests are answered with 404")
    return "gateway-misroute", GATE


@in_railway
def route_in_a_variable_of_the_gateway(cluster: Railway) -> tuple[str, str]:
    place = list(PORTS).index(STATION)
    variable = {f"SPRING_CLOUD_GATEWAY_ROUTES_{place}_URI": f"http://tk-train-service:{PORTS['tk-train-service']}"}
    revise(cluster, GATEWAY, env=envs(cluster, GATEWAY, **variable))
    not_found(cluster, "/api/v1/station/stations", "tk-train-service")
    return "gateway-misroute", GATE


@in_railway
def route_to_a_service_that_is_not_there(cluster: Railway) -> tuple[str, str]:
    routed(cluster, routes({ORDER: "http://tk-orders-service:12080"}))
    line = "2030-05-01 §.118 ERROR 1 --- [or-http-epoll-3] a.w.r.e.AbstractErrorWebExceptionHandler : [6f1c-11]  500 Server Error for HTTP POST \"/api/v1/order/refresh\"\njava.net.UnknownHostException: failed to resolve 'tk-orders-service' after 4 queries\n\tat io.netty.resolver.dns.DnsResolveContext.finishResolve(DnsResolveContext.java:1013)"
    speak(cluster, GATEWAY, each(line))
    return "route-backend-missing", GATE


@in_railway
def page_proxies_to_a_service_behind_the_gateway(cluster: Railway) -> tuple[str, str]:
    wrong = f"tk-auth-service:{PORTS['tk-auth-service']}"
    text = f"server {{\n  listen {UI_PORT};\n  location /api {{\n    proxy_pass http://{wrong};\n  }}\n}}\n"
    cluster.add(patch(cluster.get("ConfigMap", "tk-ui-nginx"), data={"default.conf": text}))
    not_found(cluster, "/api/v1/travel/trips", "tk-auth-service")
    speak(cluster, UI, '10.0.1.2 - - [01/May/2030:11:54:00 +0000] "GET /api/v1/travel/trips HTTP/1.1" 404 87\n' * 9)
    return "gateway-misroute", workload(UI)


@in_railway
def pods_with_the_resolver_of_the_node(cluster: Railway) -> tuple[str, str]:
    cluster.spec_of_pods(BASIC, dnsPolicy="Default")
    unresolved(cluster, BASIC)
    errors_of(cluster, BASIC)
    return "dns-resolution-failure", workload(BASIC)


@in_railway
def pods_with_a_resolver_of_their_own(cluster: Railway) -> tuple[str, str]:
    cluster.spec_of_pods(TRAVEL, dnsPolicy="None", dnsConfig={"nameservers": ["203.0.113.9"]})
    unresolved(cluster, TRAVEL, ": Temporary failure in name resolution")
    errors_of(cluster, TRAVEL)
    return "dns-resolution-failure", workload(TRAVEL)


@in_shop
def go_service_with_a_foreign_resolver(cluster: Cluster) -> tuple[str, str]:
    revise(cluster, "checkout")
    cluster.spec_of_pods("checkout", dnsPolicy="None", dnsConfig={"nameservers": ["8.8.8.8"], "searches": []})
    grpc_dial(cluster, "checkout", "GetCart", "dial tcp: lookup cart on 8.8.8.8:53: no such host")
    speak(cluster, "web", each("2030-05-01T§Z ERROR checkout:5050: rpc error: code = Internal desc = cart failure"))
    return "dns-resolution-failure", workload("checkout")


@in_shop
def node_service_with_a_host_alias(cluster: Cluster) -> tuple[str, str]:
    cluster.edit("Service", "checkout", spec={"clusterIP": "10.96.3.4"})
    cluster.spec_of_pods("web", hostAliases=[{"ip": "192.0.2.1", "hostnames": ["checkout"]}])
    speak(cluster, "web", each("§ Error: 14 UNAVAILABLE: No connection established. Last error: connect ETIMEDOUT 192.0.2.1:5050 at callErrorFromStatus (/app/node_modules/@grpc/grpc-js/build/src/call.js:31:19)"))  # fmt: skip
    return "dns-resolution-failure", workload("web")


@in_shop
def service_deleted(cluster: Cluster) -> tuple[str, str]:
    cluster.drop("Service", "cart")
    cluster.drop("Endpoints", "cart")
    cluster.probes = [one for one in cluster.probes if one["service"] != "cart"]
    grpc_dial(cluster, "web", "GetCart", "dial tcp: lookup cart on 10.96.0.10:53: no such host")
    grpc_dial(cluster, "checkout", "EmptyCart", "dial tcp: lookup cart on 10.96.0.10:53: no such host")
    return "service-missing", "service/shop/cart"


def _by_udp(cluster: Cluster, name: str) -> None:
    ports = [{**one, "protocol": "UDP"} for one in cluster.get("Service", name)["spec"]["ports"]]
    cluster.edit("Service", name, spec={"ports": ports})
    subsets = [{**one, "ports": [{**port, "protocol": "UDP"} for port in one["ports"]]} for one in cluster.get("Endpoints", name)["subsets"]]  # fmt: skip
    cluster.edit("Endpoints", name, subsets=subsets)


@in_shop
def service_forwards_udp(cluster: Cluster) -> tuple[str, str]:
    _by_udp(cluster, "cart")
    unreached(cluster, "cart", "dial tcp 10.96.3.3:7070: i/o timeout")
    grpc_dial(cluster, "web", "GetCart", "dial tcp 10.96.3.3:7070: i/o timeout")
    grpc_dial(cluster, "checkout", "EmptyCart", "dial tcp 10.96.3.3:7070: connect: connection refused")
    return "service-protocol-mismatch", "service/shop/cart"


@in_railway
def station_forwards_udp(cluster: Railway) -> tuple[str, str]:
    _by_udp(cluster, STATION)
    unreached(cluster, STATION, "connection timed out")
    refused(cluster, STATION, "Connection timed out (Connection timed out)")
    return "service-protocol-mismatch", f"service/{NAMESPACE}/{STATION}"


@in_railway
def cache_forwards_udp(cluster: Railway) -> tuple[str, str]:
    _by_udp(cluster, "redis-cache")
    cluster.topology["tk-verification-code-service"] = ["redis-cache"]
    unreached(cluster, "redis-cache", "connection timed out")
    text = "org.springframework.data.redis.RedisConnectionFailureException: Unable to connect to Redis; nested exception is io.lettuce.core.RedisConnectionException: Unable to connect to redis-cache:6379\n"
    cluster.words("tk-verification-code-service", servlet("11:51:09", text) + servlet("11:56:09", text))
    return "service-protocol-mismatch", f"service/{NAMESPACE}/redis-cache"


@in_shop
def address_of_a_host_that_is_not_there(cluster: Cluster) -> tuple[str, str]:
    revise(cluster, "web", env=envs(cluster, "web", CHECKOUT_ADDR="checkoutservice-v2:5050"))
    grpc_dial(cluster, "web", "PlaceOrder", "dial tcp: lookup checkoutservice-v2 on 10.96.0.10:53: no such host")
    return "dependency-address-wrong", workload("web")


@in_shop
def address_with_a_wrong_port(cluster: Cluster) -> tuple[str, str]:
    revise(cluster, "checkout", env=envs(cluster, "checkout", CART_ADDR="cart:7071"))
    grpc_dial(cluster, "checkout", "GetCart", "dial tcp 10.96.3.3:7071: i/o timeout")
    speak(cluster, "web", each("2030-05-01T§Z ERROR checkout:5050: rpc error: code = Internal desc = cart failure"))
    return "dependency-address-wrong", workload("checkout")


@in_shop
def cache_at_another_port(cluster: Cluster) -> tuple[str, str]:
    cluster.containers("cart", env=envs(cluster, "cart", REDIS_ADDR="cart-cache:6380"))
    speak(cluster, "cart", each("§ StackExchange.Redis.RedisConnectionException: It was not possible to connect to the redis server(s). UnableToConnect on cart-cache:6380/Interactive, Initializing/NotStarted, last: NONE, origin: BeginConnectAsync"))  # fmt: skip
    speak(
        cluster,
        "web",
        each("2030-05-01T§Z ERROR rpc error: code = FailedPrecondition desc = Can't access cart storage"),
    )
    return "dependency-address-wrong", workload("cart")


@in_railway
def registry_at_another_host(cluster: Railway) -> tuple[str, str]:
    name = "tk-food-service"
    cluster.containers(name, env=envs(cluster, name, RABBITMQ_HOST="rabbit-mq", RABBITMQ_PORT="5672"))
    line = "2030-05-01 §.3 ERROR 1 --- [cTaskExecutor-1] o.s.a.r.l.SimpleMessageListenerContainer : Failed to check/redeclare auto-delete queue(s).\norg.springframework.amqp.AmqpIOException: java.net.UnknownHostException: rabbit-mq\nCaused by: java.net.UnknownHostException: rabbit-mq"
    cluster.words(name, each(line))
    return "dependency-address-wrong", workload(name)
