"""Faults of the railway's routing: gateway, services, addresses, names, workloads at zero."""

from __future__ import annotations

import json

from clusters import HASH
from faults import say
from railway import DATABASE, GATEWAY, PORTS, UI, UI_PORT, Railway, routes
from railway_cases import case
from railway_databases import LEADER, ended
from railway_words import LATE, answered, boot, link_failure, resource, servlet, spring
from shop import NAMESPACE, Json, endpoints, thing

STATION, TRAIN, CONSIGN = "tk-station-service", "tk-train-service", "tk-consign-service"
GATE = f"deployment/{NAMESPACE}/{GATEWAY}"


def workload(name: str) -> str:
    """Return the component id of a Deployment."""
    return f"deployment/{NAMESPACE}/{name}"


def settings(cluster: Railway, changed: dict[str, str]) -> None:
    """Write the gateway's settings with other targets."""
    cluster.add(thing("ConfigMap", "tk-gateway-config", data={"application.yml": routes(changed)}))


def rejected(cluster: Railway, asked: str, met: str) -> None:
    """Let a service log the requests of another's path, which it does not know."""
    cluster.words(
        met,
        "".join(
            spring(
                f"11:{minute}:04",
                "WARN",
                "o.s.web.servlet.PageNotFound",
                f"No mapping for GET /api/v1/{asked}/items",
                thread="nio-exec-9",
            )
            for minute in LATE
        ),
    )


@case
def misroute_in_a_config_map(cluster: Railway) -> tuple[str, str]:
    """One route of thirty leads to another service."""
    settings(cluster, {CONSIGN: f"http://{STATION}:{PORTS[STATION]}"})
    rejected(cluster, "consignservice", STATION)
    return "gateway-misroute", GATE


@case
def misroute_to_a_name_behind_discovery(cluster: Railway) -> tuple[str, str]:
    """The targets are names for the load balancer; nobody logs anything."""
    settings(cluster, {**{name: f"lb://{name}" for name in PORTS}, "tk-travel2-service": "lb://tk-voucher-service"})
    cluster.logs = {}
    return "gateway-misroute", GATE


@case
def misroute_in_variables(cluster: Railway) -> tuple[str, str]:
    """All routes are variables, which take the place of those in the ConfigMap."""
    variables = {}
    for place, (name, port) in enumerate(PORTS.items()):
        start = f"SPRING_CLOUD_GATEWAY_ROUTES_{place}"
        variables[f"{start}_ID"] = name.removeprefix("tk-")
        variables[f"{start}_URI"] = f"http://{CONSIGN}:{PORTS[CONSIGN]}" if name == TRAIN else f"http://{name}:{port}"
        variables[f"{start}_PREDICATES_0"] = f"Path=/api/v1/{name.removeprefix('tk-').replace('-', '')}/**"
    cluster.containers(GATEWAY, env=[{"name": key, "value": value} for key, value in variables.items()])
    rejected(cluster, "trainservice", CONSIGN)
    return "gateway-misroute", GATE


@case
def misroute_of_one_variable_alone(cluster: Railway) -> tuple[str, str]:
    """Only the target is overridden; id and path are in the ConfigMap."""
    place = list(PORTS).index(TRAIN)
    cluster.containers(
        GATEWAY,
        env=[{"name": f"SPRING_CLOUD_GATEWAY_ROUTES_{place}_URI", "value": f"http://{CONSIGN}:{PORTS[CONSIGN]}"}],
    )
    rejected(cluster, "trainservice", CONSIGN)
    return "gateway-misroute", GATE


@case
def misroute_in_json(cluster: Railway) -> tuple[str, str]:
    """The routes are JSON in one variable."""
    made = [
        {"id": name, "uri": f"http://{name}:{port}", "predicates": [f"Path=/api/v1/{name.removeprefix('tk-')}/**"]}
        for name, port in PORTS.items()
    ]
    made[3]["uri"] = f"http://{CONSIGN}:{PORTS[CONSIGN]}"
    value = json.dumps({"spring": {"cloud": {"gateway": {"routes": made}}}})
    cluster.containers(GATEWAY, env=[{"name": "SPRING_APPLICATION_JSON", "value": value}], volumeMounts=[])
    return "gateway-misroute", GATE


@case
def misroute_to_another_port(cluster: Railway) -> tuple[str, str]:
    """The target is the right service at a wrong port."""
    settings(cluster, {TRAIN: f"http://{TRAIN}:{PORTS[TRAIN] + 1000}"})
    text = f"io.netty.channel.AbstractChannel$AnnotatedConnectException: Connection refused: {TRAIN}/10.96.0.17:{PORTS[TRAIN] + 1000}\nCaused by: java.net.ConnectException: Connection refused\n"
    cluster.words(
        GATEWAY,
        "".join(
            spring(
                f"11:{minute}:04",
                "ERROR",
                "a.w.r.e.AbstractErrorWebExceptionHandler",
                '[5b1f-1]  500 Server Error for HTTP GET "/api/v1/trainservice/trains"',
                thread="reactor-http-1",
            )
            + text
            for minute in LATE
        ),
    )
    return "gateway-misroute", GATE


@case
def misroute_in_nginx(cluster: Railway) -> tuple[str, str]:
    """The page's nginx sends one path elsewhere."""
    places = "".join(
        f"  location /api/v1/{name.removeprefix('tk-').replace('-', '')} {{\n    proxy_pass http://{STATION if name == CONSIGN else name}:{PORTS[STATION if name == CONSIGN else name]};\n  }}\n"
        for name in PORTS
    )
    cluster.add(
        thing("ConfigMap", "tk-ui-nginx", data={"default.conf": f"server {{\n  listen {UI_PORT};\n{places}}}\n"})
    )
    cluster.words(
        UI,
        "".join(
            f'10.0.1.2 - - [01/May/2030:11:{minute}:00 +0000] "GET /api/v1/consignservice/consigns HTTP/1.1" 404 146 "-" "curl"\n'
            for minute in LATE
        ),
    )
    return "gateway-misroute", workload(UI)


@case
def selector_mistyped(cluster: Railway) -> tuple[str, str]:
    """Callers are refused; everything runs."""
    cluster.edit("Service", STATION, spec={"selector": {"app": "tk-station-svc"}})
    cluster.add(endpoints(STATION))
    cluster.unreached(STATION)
    cluster.complain(STATION, resource(STATION, PORTS[STATION], "Connection refused (Connection refused)"))
    return "service-selector-mismatch", f"service/{NAMESPACE}/{STATION}"


@case
def selector_of_the_database(cluster: Railway) -> tuple[str, str]:
    """Every client of the database is refused; some crash at their next start."""
    cluster.edit("Service", LEADER, spec={"selector": {"app": DATABASE, "role": "leader"}})
    cluster.add(endpoints(LEADER))
    cluster.unreached(LEADER)
    for name in ("tk-order-service", "tk-config-service", "tk-user-service"):
        cluster.crash(
            name,
            ended(
                link_failure("java.net.ConnectException: Connection refused (Connection refused)"), name, PORTS[name]
            ),
        )
    return "service-selector-mismatch", f"service/{NAMESPACE}/{LEADER}"


def target(cluster: Railway, name: str, port: int, wrong: int, **fields: object) -> None:
    """Let a service lead to a port on which nothing listens."""
    cluster.edit("Service", name, spec={"ports": [{"port": port, "targetPort": wrong, "protocol": "TCP", **fields}]})
    behind = DATABASE if name == LEADER else name
    cluster.add(endpoints(name, ready=cluster.pods_of(behind), port=wrong))
    cluster.unreached(name)


@case
def target_port_wrong(cluster: Railway) -> tuple[str, str]:
    """The port is the number of another service."""
    target(cluster, TRAIN, PORTS[TRAIN], PORTS[STATION])
    cluster.complain(TRAIN, resource(TRAIN, PORTS[TRAIN], "Connection refused (Connection refused)"))
    return "service-port-mismatch", f"service/{NAMESPACE}/{TRAIN}"


@case
def target_port_of_the_database_wrong(cluster: Railway) -> tuple[str, str]:
    """All clients of the database fail; it is no client's fault."""
    target(cluster, LEADER, 3306, 3307)
    for name in ("tk-order-service", "tk-config-service", "tk-user-service"):
        cluster.crash(
            name,
            ended(
                link_failure("java.net.ConnectException: Connection refused (Connection refused)"), name, PORTS[name]
            ),
        )
    return "service-port-mismatch", f"service/{NAMESPACE}/{LEADER}"


@case
def service_port_changed(cluster: Railway) -> tuple[str, str]:
    """The service has another port than its callers know from their code; no caller's setting tells."""
    cluster.edit("Service", TRAIN, spec={"ports": [{"port": 9999, "targetPort": PORTS[TRAIN], "protocol": "TCP"}]})
    cluster.probes = [{**one, "port": 9999} if one["service"] == TRAIN else one for one in cluster.probes]
    cluster.complain(TRAIN, resource(TRAIN, PORTS[TRAIN], "Connection timed out (Connection timed out)"))
    return "service-port-mismatch", f"service/{NAMESPACE}/{TRAIN}"


@case
def protocol_is_udp(cluster: Railway) -> tuple[str, str]:
    """The service offers UDP."""
    cluster.edit(
        "Service", TRAIN, spec={"ports": [{"port": PORTS[TRAIN], "targetPort": PORTS[TRAIN], "protocol": "UDP"}]}
    )
    cluster.unreached(TRAIN)
    cluster.complain(TRAIN, resource(TRAIN, PORTS[TRAIN], "Connection refused (Connection refused)"))
    return "service-protocol-mismatch", f"service/{NAMESPACE}/{TRAIN}"


@case
def address_of_a_java_service_wrong(cluster: Railway) -> tuple[str, str]:
    """A variable gives another name for a service that is called."""
    cluster.containers(
        "tk-basic-service",
        env=[
            {"name": "TK_STATION_SERVICE_HOST", "value": "tk-stations-service"},
            {"name": "TK_STATION_SERVICE_PORT", "value": str(PORTS[STATION])},
        ],
    )
    text = resource("tk-stations-service", PORTS[STATION], "tk-stations-service").replace(
        "java.net.ConnectException", "java.net.UnknownHostException"
    )
    cluster.words("tk-basic-service", "".join(servlet(f"11:{minute}:07", text) for minute in LATE))
    cluster.complain("tk-basic-service", answered("500 Internal Server Error"))
    return "dependency-address-wrong", workload("tk-basic-service")


@case
def address_of_the_broker_wrong(cluster: Railway) -> tuple[str, str]:
    """The broker's host is misspelt and the service retries for ever."""
    cluster.containers(
        "tk-notification-service",
        env=[{"name": "SPRING_RABBITMQ_HOST", "value": "rabbit-mq"}, {"name": "SPRING_RABBITMQ_PORT", "value": "5672"}],
    )
    line = "Failed to check/redeclare auto-delete queue(s). org.springframework.amqp.AmqpIOException: java.net.UnknownHostException: rabbit-mq: Name or service not known"
    cluster.words(
        "tk-notification-service",
        "".join(
            spring(
                f"11:{minute}:04", "ERROR", "o.s.a.r.l.SimpleMessageListenerContainer", line, thread="ntContainer#0-1"
            )
            for minute in LATE
        ),
    )
    return "dependency-address-wrong", workload("tk-notification-service")


@case
def address_of_the_registry_wrong(cluster: Railway) -> tuple[str, str]:
    """One service has another registry address than all others."""
    cluster.containers(
        "tk-price-service", env=[{"name": "NACOS_ADDRS", "value": "nacos-0.nacos-headless.shop.svc.cluster.local:8848"}]
    )
    line = "failed to req API:/nacos/v1/ns/instance after all servers([nacos-0.nacos-headless.shop.svc.cluster.local:8848]) tried: java.net.UnknownHostException: nacos-0.nacos-headless.shop.svc.cluster.local"
    cluster.crash(
        "tk-price-service",
        boot("tk-price-service", PORTS["tk-price-service"], at="11:57", up=False)
        + spring("11:57:40", "ERROR", "com.alibaba.nacos.client.naming", line),
    )
    return "dependency-address-wrong", workload("tk-price-service")


def resolver(cluster: Railway, app: str, **spec: object) -> None:
    """Change the resolver of a workload."""
    cluster.spec_of_pods(app, **spec)


FOREIGN: Json = {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.53"]}}


@case
def resolver_foreign_and_crashing(cluster: Railway) -> tuple[str, str]:
    """No setting that can be read names a host; the database's name does not resolve."""
    resolver(cluster, "tk-order-service", **FOREIGN)
    cluster.crash(
        "tk-order-service",
        ended(link_failure(f"java.net.UnknownHostException: {LEADER}: Temporary failure in name resolution")),
    )
    return "dns-resolution-failure", workload("tk-order-service")


@case
def resolver_of_the_node_and_serving(cluster: Railway) -> tuple[str, str]:
    """The service calls others by names of its code."""
    resolver(cluster, "tk-basic-service", dnsPolicy="Default")
    text = resource(STATION, PORTS[STATION], STATION).replace(
        "java.net.ConnectException", "java.net.UnknownHostException"
    )
    cluster.words("tk-basic-service", "".join(servlet(f"11:{minute}:07", text) for minute in LATE))
    cluster.complain("tk-basic-service", answered("500 Internal Server Error"))
    cluster.eventless()
    return "dns-resolution-failure", workload("tk-basic-service")


@case
def resolver_foreign_and_not_ready(cluster: Railway) -> tuple[str, str]:
    """Only that the pod does not become ready is known, and its calls from the topology."""
    resolver(cluster, "tk-seat-service", **FOREIGN)
    cluster.status("tk-seat-service", state={"running": {"startedAt": "2030-05-01T11:46:00Z"}})
    cluster.unreached("tk-seat-service")
    cluster.logs = {}
    cluster.coverage["logs"] = "none"
    return "dns-resolution-failure", workload("tk-seat-service")


def zero(cluster: Railway, app: str, kind: str = "Deployment") -> None:
    """Scale a workload to zero, leaving no event."""
    cluster.gone(app)
    for what, name in ((kind, app), ("ReplicaSet", f"{app}-{HASH}")):
        if (what, NAMESPACE, name) in cluster.objects:
            cluster.edit(
                what, name, spec={"replicas": 0}, status={"replicas": 0, "readyReplicas": 0, "availableReplicas": 0}
            )


@case
def zero_pods_and_callers_fail(cluster: Railway) -> tuple[str, str]:
    """Callers are refused; no event is left."""
    zero(cluster, STATION)
    cluster.complain(STATION, resource(STATION, PORTS[STATION], "Connection refused (Connection refused)"))
    return "scaled-to-zero", workload(STATION)


@case
def zero_pods_in_samples(cluster: Railway) -> tuple[str, str]:
    """Callers ask the registry, which knows no instance."""
    zero(cluster, STATION)
    text = f"java.lang.IllegalStateException: No instances available for {STATION}\n\tat org.springframework.cloud.netflix.ribbon.RibbonLoadBalancerClient.execute(RibbonLoadBalancerClient.java:119)\n"
    cluster.complain(STATION, text)
    cluster.error_samples()
    return "scaled-to-zero", workload(STATION)


@case
def zero_pods_and_nothing_else(cluster: Railway) -> tuple[str, str]:
    """Neither logs nor events nor probes."""
    zero(cluster, STATION)
    cluster.eventless()
    cluster.logs, cluster.probes = {}, []
    return "scaled-to-zero", workload(STATION)


@case
def zero_pods_of_the_database(cluster: Railway) -> tuple[str, str]:
    """All clients crash or fail."""
    zero(cluster, DATABASE, "StatefulSet")
    cluster.add(endpoints(LEADER))
    cluster.unreached(LEADER)
    for name in ("tk-order-service", "tk-config-service", "tk-user-service"):
        cluster.crash(
            name,
            ended(
                link_failure("java.net.ConnectException: Connection refused (Connection refused)"), name, PORTS[name]
            ),
        )
    for name in ("tk-station-service", "tk-route-service"):
        cluster.words(
            name,
            "".join(
                servlet(
                    f"11:{minute}:07",
                    link_failure("java.net.ConnectException: Connection refused (Connection refused)"),
                )
                for minute in LATE
            ),
        )
    return "scaled-to-zero", f"statefulset/{NAMESPACE}/{DATABASE}"


@case
def zero_pods_of_the_gateway(cluster: Railway) -> tuple[str, str]:
    """The page cannot reach its gateway, and says so."""
    zero(cluster, GATEWAY)
    cluster.words(
        UI,
        "".join(
            f'2030/05/01 11:{minute}:07 [error] 29#29: *812 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.1.2, server: , request: "GET /api/v1/orderservice HTTP/1.1", upstream: "http://10.96.0.40:18888/api/v1/orderservice"\n'
            for minute in LATE
        ),
    )
    say(
        cluster,
        "ScalingReplicaSet",
        f"Scaled down replica set {GATEWAY}-{HASH} to 0 from 1",
        about=("Deployment", GATEWAY),
        type="Normal",
        count=1,
    )
    return "scaled-to-zero", workload(GATEWAY)
