"""Blind incidents of the railway's routes, pods, nodes and networks."""

from __future__ import annotations

from blind_services import alert, each, gone, on_railway, speak, told, unreached, workload
from clusters import noise
from faults import SINCE, say, starting, waiting
from railway import CALLS, GATEWAY, GATEWAY_PORT, PORTS, UI, Railway, routes, sidecar
from railway_nodes import crossing, late, measured, spread
from railway_words import LATE, answered, boot, resource, servlet, spring
from shop import NAMESPACE, endpoints, patch, thing

STATION, TRAIN, CONTACTS, PAYMENT, SEAT = (
    "tk-station-service", "tk-train-service", "tk-contacts-service", "tk-payment-service", "tk-seat-service",
)  # fmt: skip
REFUSED = "Connection refused (Connection refused)"


def gateway_says(cluster: Railway, path: str, text: str) -> None:
    """Let the gateway log a failed request."""
    line = spring(
        "11:§",
        "ERROR",
        "a.w.r.e.AbstractErrorWebExceptionHandler",
        f'[5b1f-1]  500 Server Error for HTTP GET "{path}"',
        thread="reactor-http-1",
    )
    speak(cluster, GATEWAY, "".join(line.replace("11:§", f"11:{minute}:04") + f"\n{text}\n" for minute in LATE))


@on_railway
def route_strips_what_others_keep(cluster: Railway) -> tuple[str, str]:
    """One route of thirty has a filter that takes the first part of the path away."""
    wanted = "        - Path=/api/v1/contactsservice/**\n"
    text = routes().replace(wanted, f"{wanted}        filters:\n        - StripPrefix=2\n")
    cluster.add(thing("ConfigMap", "tk-gateway-config", data={"application.yml": text}))
    speak(
        cluster,
        CONTACTS,
        each(
            "2030-05-01 §.271  WARN 1 --- [nio-exec-9] o.s.web.servlet.PageNotFound : No mapping for GET /contactsservice/contacts"
        ),
    )
    return "gateway-misroute", workload(GATEWAY)


@on_railway
def route_to_a_name_that_is_not(cluster: Railway) -> tuple[str, str]:
    """The target of one route is misspelt."""
    cluster.add(
        thing(
            "ConfigMap",
            "tk-gateway-config",
            data={"application.yml": routes({PAYMENT: f"http://tk-payments-service:{PORTS[PAYMENT]}"})},
        )
    )
    gateway_says(
        cluster,
        "/api/v1/paymentservice/payment",
        "java.net.UnknownHostException: failed to resolve 'tk-payments-service' after 4 queries\n\tat io.netty.resolver.dns.DnsResolveContext.finishResolve(DnsResolveContext.java:1097)",
    )
    return "route-backend-missing", workload(GATEWAY)


@on_railway
def nginx_of_the_page_cannot_start(cluster: Railway) -> tuple[str, str]:
    """The page's nginx names a gateway that does not exist."""
    conf = f"server {{\n  listen 8080;\n  location /api {{\n    proxy_pass http://tk-gateway-svc:{GATEWAY_PORT};\n  }}\n}}\n"
    cluster.add(thing("ConfigMap", "tk-ui-nginx", data={"default.conf": conf}))
    cluster.crash(
        UI,
        '/docker-entrypoint.sh: Configuration complete; ready for start up\n2030/05/01 11:57:02 [emerg] 1#1: host not found in upstream "tk-gateway-svc" in /etc/nginx/conf.d/default.conf:4\nnginx: [emerg] host not found in upstream "tk-gateway-svc" in /etc/nginx/conf.d/default.conf:4\n',
    )
    return "route-backend-missing", workload(UI)


@on_railway
def virtual_service_to_another(cluster: Railway) -> tuple[str, str]:
    """The mesh sends seats to stations."""
    http = [{"route": [{"destination": {"host": STATION, "port": {"number": PORTS[STATION]}}}]}]
    cluster.add(thing("VirtualService", "seat", spec={"hosts": [SEAT], "http": http}))
    speak(
        cluster,
        STATION,
        each(
            "2030-05-01 §.271  WARN 1 --- [nio-exec-9] o.s.web.servlet.PageNotFound : No mapping for POST /api/v1/seatservice/seats"
        ),
    )
    cluster.complain(SEAT, answered("404 Not Found"))
    return "gateway-misroute", f"virtualservice/{NAMESPACE}/seat"


@on_railway
def gateway_closed_by_a_policy(cluster: Railway) -> tuple[str, str]:
    """A policy admits only monitoring to the gateway; the page's nginx times out."""
    admitted = {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]}
    made = thing(
        "NetworkPolicy",
        "gateway-scrape",
        spec={"podSelector": {"matchLabels": {"app": GATEWAY}}, "policyTypes": ["Ingress"], "ingress": [admitted]},
    )
    cluster.add(patch(made, metadata={"creationTimestamp": "2030-05-01T11:44:00Z"}))
    speak(
        cluster,
        UI,
        each(
            f'2030/05/01 § [error] 29#29: *812 upstream timed out (110: Operation timed out) while connecting to upstream, client: 10.0.1.2, server: , request: "GET /api/v1/trainservice/trains HTTP/1.1", upstream: "http://10.96.0.77:{GATEWAY_PORT}/api/v1/trainservice/trains", host: "rail.example"'
        ),
    )
    unreached(cluster, GATEWAY, "i/o timeout")
    return "network-policy-denies", f"networkpolicy/{NAMESPACE}/gateway-scrape"


@on_railway
def gateway_service_at_a_wrong_port(cluster: Railway) -> tuple[str, str]:
    """The service of the gateway leads to the port of its management."""
    cluster.edit(
        "Service",
        GATEWAY,
        spec={"ports": [{"name": "http", "port": GATEWAY_PORT, "targetPort": 18889, "protocol": "TCP"}]},
    )
    cluster.add(endpoints(GATEWAY, ready=cluster.pods_of(GATEWAY), port=18889))
    unreached(cluster, GATEWAY)
    speak(
        cluster,
        UI,
        each(
            f'2030/05/01 § [error] 29#29: *812 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.1.2, request: "GET /api/v1/trainservice/trains HTTP/1.1", upstream: "http://10.96.0.77:{GATEWAY_PORT}/api/v1/trainservice/trains"'
        ),
    )
    return "service-port-mismatch", f"service/{NAMESPACE}/{GATEWAY}"


@on_railway
def selector_of_another_release(cluster: Railway) -> tuple[str, str]:
    """The selector wants a version label of a release that is not rolled out."""
    cluster.edit("Service", SEAT, spec={"selector": {"app": SEAT, "version": "v2"}})
    cluster.add(endpoints(SEAT))
    unreached(cluster, SEAT)
    cluster.complain(SEAT, resource(SEAT, PORTS[SEAT], REFUSED))
    for name in cluster.callers(SEAT):
        alert(cluster, "HighErrorRate", name, "5xx ratio is 30 %")
    return "service-selector-mismatch", f"service/{NAMESPACE}/{SEAT}"


@on_railway
def station_scaled_to_zero(cluster: Railway) -> tuple[str, str]:
    """A service that many call is at zero; alerts name the callers."""
    gone(cluster, STATION)
    for kind, name in (("Deployment", STATION), ("ReplicaSet", f"{STATION}-5d9c7b6f4")):
        cluster.edit(kind, name, spec={"replicas": 0}, status={"replicas": 0})
    cluster.complain(STATION, resource(STATION, PORTS[STATION], REFUSED))
    for name in cluster.callers(STATION):
        alert(cluster, "HighErrorRate", name, "5xx ratio is 60 %")
    gateway_says(
        cluster,
        "/api/v1/stationservice/stations",
        f"io.netty.channel.AbstractChannel$AnnotatedConnectException: Connection refused: {STATION}/10.96.0.17:{PORTS[STATION]}",
    )
    return "scaled-to-zero", workload(STATION)


@on_railway
def jar_killed_by_the_kernel(cluster: Railway) -> tuple[str, str]:
    """CRI-O reports no reason for the exit; the node tells of the killed process."""
    pod_name = cluster.pods_of(TRAIN)[0]
    node = cluster.get("Pod", pod_name)["spec"]["nodeName"]
    cluster.crash(TRAIN, boot(TRAIN, PORTS[TRAIN], at="11:57", up=False), code=137)
    say(
        cluster,
        "OOMKilling",
        "Memory cgroup out of memory: Killed process 31415 (java) total-vm:4511228kB, anon-rss:716412kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1716kB oom_score_adj:985",
        about=("Node", node),
    )
    cluster.complain(TRAIN, resource(TRAIN, PORTS[TRAIN], REFUSED))
    return "memory-limit-too-low", workload(TRAIN)


@on_railway
def crio_wants_more_memory(cluster: Railway) -> tuple[str, str]:
    """CRI-O does not make a container with so low a limit."""
    text = "set memory limit 4194304 too low; should be at least 12582912"
    cluster.containers(CONTACTS, resources={"limits": {"cpu": "500m", "memory": "4Mi"}, "requests": {"memory": "4Mi"}})
    starting(cluster, CONTACTS, waiting("CreateContainerError", text))
    told(cluster, CONTACTS, "Failed", f"Error: {text}")
    unreached(cluster, CONTACTS)
    return "memory-limit-too-low-to-start", workload(CONTACTS)


@on_railway
def management_port_in_readiness(cluster: Railway) -> tuple[str, str]:
    """Readiness asks a management port that the application does not open."""
    probe = {
        "tcpSocket": None,
        "httpGet": {"path": "/actuator/health/readiness", "port": 9001},
        "initialDelaySeconds": 60,
    }
    cluster.containers(SEAT, readinessProbe=probe)
    cluster.status(SEAT, state={"running": {"startedAt": SINCE}})
    speak(cluster, SEAT, boot(SEAT, PORTS[SEAT], at="11:45", database=False), anew=True)
    told(
        cluster,
        SEAT,
        "Unhealthy",
        'Readiness probe failed: Get "http://IP:9001/actuator/health/readiness": dial tcp IP:9001: connect: connection refused',
        count=80,
    )
    unreached(cluster, SEAT)
    cluster.complain(SEAT, resource(SEAT, PORTS[SEAT], REFUSED))
    return "readiness-probe-wrong-port", workload(SEAT)


@on_railway
def exporter_beside_an_exporter(cluster: Railway) -> tuple[str, str]:
    """An agent of Java listens for metrics where a sidecar already does."""
    sidecar(cluster, TRAIN, ports=[{"containerPort": 9404}])
    cluster.crash(
        TRAIN,
        'Exception in thread "main" java.lang.reflect.InvocationTargetException\n\tat java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:118)\nCaused by: java.net.BindException: Address already in use\n\tat java.base/sun.nio.ch.Net.bind0(Native Method)\n\tat io.prometheus.jmx.JavaAgent.premain(JavaAgent.java:35)\n\t... 6 more\nFATAL ERROR in native method: processing of -javaagent failed, processJavaStart failed\n',
    )
    return "port-conflict-in-pod", workload(TRAIN)


@on_railway
def secret_of_an_init_container(cluster: Railway) -> tuple[str, str]:
    """The init container takes its variables from a Secret that is gone."""
    init = {
        "name": "fetch",
        "image": "registry.example/tools/fetch:1",
        "envFrom": [{"secretRef": {"name": "tk-bucket"}}],
    }
    cluster.spec_of_pods(CONTACTS, initContainers=[init])
    starting(cluster, CONTACTS, waiting("PodInitializing", ""))
    text = 'secret "tk-bucket" not found'
    for name in cluster.pods_of(CONTACTS):
        status = {
            "name": "fetch",
            "ready": False,
            "restartCount": 0,
            "state": waiting("CreateContainerConfigError", text),
            "lastState": {},
        }
        cluster.edit("Pod", name, status={"initContainerStatuses": [status]})
    told(cluster, CONTACTS, "Failed", f"Error: {text}")
    unreached(cluster, CONTACTS)
    return "secret-missing", workload(CONTACTS)


@on_railway
def placeholder_without_a_value(cluster: Railway) -> tuple[str, str]:
    """Spring cannot resolve a placeholder."""
    log = (
        boot(PAYMENT, PORTS[PAYMENT], at="11:57", up=False)
        + spring("11:57:31", "ERROR", "o.s.boot.SpringApplication", "Application run failed")
        + (
            "\norg.springframework.beans.factory.BeanCreationException: Error creating bean with name 'payClient': Injection of autowired dependencies failed\nCaused by: java.lang.IllegalArgumentException: Could not resolve placeholder 'pay.gateway.url' in value \"${pay.gateway.url}\"\n\tat org.springframework.util.PropertyPlaceholderHelper.parseStringValue(PropertyPlaceholderHelper.java:178)\n"
        )
    )
    cluster.crash(PAYMENT, log)
    cluster.complain(PAYMENT, resource(PAYMENT, PORTS[PAYMENT], REFUSED))
    return "application-configuration-wrong", workload(PAYMENT)


@on_railway
def library_without_a_method(cluster: Railway) -> tuple[str, str]:
    """The new revision does not start; the old pod serves."""
    log = (
        boot(CONTACTS, PORTS[CONTACTS], at="11:57", up=False)
        + spring("11:57:31", "ERROR", "o.s.boot.SpringApplication", "Application run failed")
        + "\njava.lang.NoSuchMethodError: 'com.fasterxml.jackson.databind.JavaType com.fasterxml.jackson.databind.type.TypeFactory.constructType(java.lang.reflect.Type)'\n\tat rail.contacts.Config.mapper(Config.java:31)\n"
    )
    cluster.roll(CONTACTS, log, image="registry.example/rail/tk-contacts-service:1.1.0")
    return "application-start-error", workload(CONTACTS)


@on_railway
def names_of_one_pod(cluster: Railway) -> tuple[str, str]:
    """One workload got a resolver of the office."""
    cluster.spec_of_pods(
        "tk-basic-service", dnsPolicy="None", dnsConfig={"nameservers": ["192.168.7.1"], "searches": ["office.example"]}
    )
    for callee in (STATION, TRAIN):
        text = resource(callee, PORTS[callee], f"{callee}: Temporary failure in name resolution").replace(
            "java.net.ConnectException", "java.net.UnknownHostException"
        )
        speak(cluster, "tk-basic-service", "".join(servlet(f"11:{minute}:07", text) for minute in LATE))
    cluster.complain("tk-basic-service", answered("500 Internal Server Error"))
    return "dns-resolution-failure", workload("tk-basic-service")


@on_railway
def dns_scaled_to_zero(cluster: Railway) -> tuple[str, str]:
    """CoreDNS has no pods."""
    for name in [name for kind, space, name in cluster.objects if kind == "Pod" and space == "kube-system"]:
        cluster.drop("Pod", name, "kube-system")
    for kind, name in [
        (kind, name)
        for kind, space, name in cluster.objects
        if space == "kube-system" and kind in {"Deployment", "ReplicaSet"}
    ]:
        cluster.edit(
            kind,
            name,
            "kube-system",
            spec={"replicas": 0},
            status={"replicas": 0, "readyReplicas": 0, "availableReplicas": 0},
        )
    cluster.add(patch(endpoints("coredns", port=53), metadata={"namespace": "kube-system"}))
    for caller in ("tk-basic-service", "tk-travel-service", "tk-order-service", "tk-cancel-service"):
        callee = CALLS[caller][0]
        text = resource(callee, PORTS[callee], f"{callee}: Temporary failure in name resolution").replace(
            "java.net.ConnectException", "java.net.UnknownHostException"
        )
        speak(cluster, caller, "".join(servlet(f"11:{minute}:07", text) for minute in LATE))
    return "cluster-dns-down", workload("coredns", namespace="kube-system")


@on_railway
def mesh_certificate_of_nobody(cluster: Railway) -> tuple[str, str]:
    """Strict mutual TLS at one callee; a caller outside the mesh is reset, those inside do well."""
    text = f'org.springframework.web.client.ResourceAccessException: I/O error on GET request for "http://{PAYMENT}:{PORTS[PAYMENT]}/api/v1/pay": Connection reset; nested exception is java.net.SocketException: Connection reset\n'
    proxy = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.22.0"}
    for app in (PAYMENT, "tk-order-service", "tk-cancel-service"):
        for kind, name in cluster._templates(app):
            spec = cluster.get(kind, name)["spec"]
            inside = (spec if kind == "Pod" else spec["template"]["spec"])["containers"]
            cluster.edit_spec(kind, name, containers=[*inside, proxy])
    cluster.complain(PAYMENT, text)
    for name in cluster.pods_of(PAYMENT):
        cluster.logs[f"{NAMESPACE}/{name}/istio-proxy"] = each(
            f'[2030-05-01T§.120Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.0.1.7:{PORTS[PAYMENT]} 10.0.1.9:40112 - -'
        )
    return "mesh-mtls-mismatch", f"service/{NAMESPACE}/{PAYMENT}"


@on_railway
def pod_network_is_slow(cluster: Railway) -> tuple[str, str]:
    """Half a second more at one pod; callers are late and quiet in CPU."""
    slow = spread([STATION], 26)
    measured(cluster, slow)
    late(cluster, {name: factor for name, factor in slow.items() if name in {STATION, "tk-basic-service"}})
    return "pod-network-delay", workload(STATION)


@on_railway
def pod_network_loses(cluster: Railway) -> tuple[str, str]:
    """A pod sends again and again; requests through it fail now and then."""
    measured(cluster, spread([SEAT], 12))
    for place, name in enumerate((SEAT, "tk-travel-service", STATION, TRAIN)):
        values = [*noise(place, 0.05, 48), *noise(place + 1, 9.0 if name == SEAT else 0.05, 48)]
        cluster.series("workload_tcp_retransmits_per_second", f'namespace="{NAMESPACE}",workload="{name}"', values)
    return "pod-network-loss", workload(SEAT)


@on_railway
def node_network_is_slow(cluster: Railway) -> tuple[str, str]:
    """Everything that crosses the border of one node is late."""
    slow = crossing(cluster, "node-c")
    measured(cluster, slow)
    late(cluster, dict(list(slow.items())[:5]))
    return "node-network-delay", "node/node-c"


@on_railway
def node_has_too_much_work(cluster: Railway) -> tuple[str, str]:
    """A batch outside Kubernetes takes the CPU of a node; its pods are late together."""
    there = [name for name in CALLS if cluster.get("Pod", cluster.pods_of(name)[0])["spec"]["nodeName"] == "node-a"]
    measured(cluster, dict.fromkeys(there, 6.0) | {name: 4.0 for name in spread(there, 4) if name not in there})
    cluster.metrics = [line for line in cluster.metrics if not line.startswith('node_cpu_usage_percent{node="node-a"}')]
    cluster.series(
        "node_cpu_usage_percent",
        'node="node-a"',
        [*noise(1, 14, 48), *[min(99.8, one) for one in noise(2, 99, 48, 0.01)]],
    )
    return "node-cpu-overload", "node/node-a"


@on_railway
def java_burns_cpu(cluster: Railway) -> tuple[str, str]:
    """A regular expression runs wild in one service."""
    measured(cluster, spread([CONTACTS], 14), cpu={CONTACTS: 16}, held={CONTACTS: 0.8})
    late(cluster, dict.fromkeys((CONTACTS, "tk-preserve-service"), 14.0))
    return "cpu-overload", workload(CONTACTS)


@on_railway
def keystore_has_expired(cluster: Railway) -> tuple[str, str]:
    """Java refuses the certificate of the payment service."""
    cluster.complain(
        PAYMENT,
        f'org.springframework.web.client.ResourceAccessException: I/O error on POST request for "https://{PAYMENT}:{PORTS[PAYMENT]}/api/v1/pay": PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed; nested exception is javax.net.ssl.SSLHandshakeException: PKIX path validation failed\nCaused by: java.security.cert.CertificateExpiredException: NotAfter: Tue Apr 30 23:59:59 UTC 2030\n',
    )
    return "certificate-expired", f"service/{NAMESPACE}/{PAYMENT}"
