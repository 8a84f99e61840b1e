"""Blind incidents of the media platform: gateways, services, names, policies, certificates and rights."""

from __future__ import annotations

from blind_media import BILLING, NODES, SINCE, VOD, Site
from blind_media_cases import bff_errors, edge_errors, incident, payments_errors, playback_errors
from blind_media_site import ingress
from blind_media_words import each, ecs, pino, structlog, traefik, zap
from shop import Json, patch, thing


def http_route(namespace: str, name: str, path: str, service: str, port: int, *filters: Json, **fields: object) -> Json:
    """Return an HTTPRoute of Envoy Gateway with one rule."""
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "filters": list(filters),
        "backendRefs": [{"kind": "Service", "name": service, "port": port, "weight": 1}],
    }
    accepted = [
        {"type": kind, "status": "True", "reason": reason}
        for kind, reason in (("Accepted", "Accepted"), ("ResolvedRefs", "ResolvedRefs"))
    ]
    spec = {
        "parentRefs": [{"name": "eg", "namespace": "envoy-gateway-system"}],
        "hostnames": ["api.tessera.tv"],
        "rules": [rule],
    }
    return patch(
        thing(
            "HTTPRoute",
            name,
            namespace=namespace,
            spec=spec,
            status={
                "parents": [{"conditions": accepted, "controllerName": "gateway.envoyproxy.io/gatewayclass-controller"}]
            },
        ),
        **fields,
    )


def envoy(site: Site, path: str, sent: str, cluster: str, status: int = 404) -> None:
    """Let Envoy's access log tell of a path, and of what it sent upstream."""
    line = '{"start_time":"2030-05-01T{at}.118Z","method":"GET","x-envoy-origin-path":"PATH","path":"SENT","protocol":"HTTP/2","response_code":CODE,"response_flags":"-","upstream_cluster":"CLUSTER","upstream_host":"10.0.2.31:8080","duration":3}'
    line = line.replace("PATH", path).replace("SENT", sent).replace("CODE", str(status)).replace("CLUSTER", cluster)
    if "envoy-gateway-system/envoy-eg" not in site.kinds:
        site.add(thing("Namespace", "envoy-gateway-system", namespace="", status={"phase": "Active"}))
        site.deploy(
            "envoy-gateway-system/envoy-eg",
            10080,
            "docker.io/envoyproxy/envoy:distroless-v1.31.2",
            inside="envoy",
            replicas=1,
        )
    site.say("envoy-gateway-system/envoy-eg", each(lambda at: line.replace("{at}", at)))


@incident
def rewrite_strips_the_prefix_that_the_service_serves(site: Site) -> tuple[str, str]:
    """A route got a filter that replaces its prefix by nothing; the service serves its paths with it and answers 404."""
    strip = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    site.add(http_route(BILLING, "payments-api", "/api/payments", "payments", 8080, strip, metadata={"generation": 4}))
    site.add(
        http_route(VOD, "playback-api", "/api/playback", "playback", 8080),
        http_route(VOD, "catalog-api", "/api/catalog", "catalog", 8080),
    )
    envoy(site, "/api/payments/v1/charges", "/v1/charges", "httproute/billing/payments-api/rule/0")
    site.say(
        f"{BILLING}/payments",
        each(lambda at: zap(at, "request", "warn", method="GET", path="/v1/charges", status=404, took="110us")),
    )
    site.question = "the payments API answers 404"
    return "gateway-misroute", f"httproute/{BILLING}/payments-api"


@incident
def middleware_strips_the_prefix(site: Site) -> tuple[str, str]:
    """A Traefik middleware that strips a prefix was put before a Spring service whose paths begin with it."""
    site.add(
        ingress(
            VOD,
            "catalog-admin",
            "admin.tessera.tv",
            ("/catalog", "catalog", 8080),
            metadata={
                "annotations": {"traefik.ingress.kubernetes.io/router.middlewares": "vod-strip-catalog@kubernetescrd"}
            },
        )
    )
    site.add(thing("Middleware", "strip-catalog", namespace=VOD, spec={"stripPrefix": {"prefixes": ["/catalog"]}}))
    site.add(
        thing(
            "Secret", "catalog-admin-tls", namespace=VOD, type="kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""}
        )
    )
    site.containers(
        f"{VOD}/catalog",
        env=[
            *site.get("Deployment", f"{VOD}/catalog")["spec"]["template"]["spec"]["containers"][0]["env"],
            {"name": "SERVER_SERVLET_CONTEXT_PATH", "value": "/catalog"},
        ],
    )
    site.say(
        "traefik/traefik",
        each(
            lambda at: traefik(
                at,
                "/catalog/titles",
                404,
                "vod-catalog-admin-admin-tessera-tv-catalog@kubernetes",
                "10.0.2.60:8080",
            )
        ),
    )
    site.say(
        f"{VOD}/catalog",
        each(lambda at: ecs(at, "org.springframework.web.servlet.PageNotFound", "No mapping for GET /titles", "WARN")),
    )
    site.question = "editors get 404 for every title"
    return "gateway-misroute", f"ingress/{VOD}/catalog-admin"


@incident
def edge_knows_a_service_that_is_gone(site: Site) -> tuple[str, str]:
    """The ingress names a service that the last release renamed."""
    site.add(ingress(VOD, "web", "www.tessera.tv", ("/", "web-frontend", 3000)))
    site.say(
        "traefik/traefik",
        each(
            lambda at: (
                f'2030-05-01T{at}Z ERR Cannot create service error="service not found" ingress=web namespace=vod providerName=kubernetes serviceName=web-frontend servicePort=&ServiceBackendPort{{Name:,Number:3000,}}'
            )
        ),
    )
    site.say(
        "traefik/traefik",
        each(
            lambda at: (
                f'10.42.0.9 - - [01/May/2030:{at} +0000] "GET /home HTTP/2.0" 404 19 "-" "okhttp/4.12.0" 4211 "-" "-" 0ms'
            )
        ),
    )
    return "route-backend-missing", f"ingress/{VOD}/web"


@incident
def labels_of_the_chart_changed(site: Site) -> tuple[str, str]:
    """A new chart selects by a component label that the pods do not have."""
    at = f"{VOD}/recommender"
    site.edit("Service", at, spec={"selector": {"app.kubernetes.io/component": "api"}})
    site.slices(at, "recommender", 8000, empty=True)
    bff_errors(site, "recommender:8000/v1/rows", "connect ECONNREFUSED 172.20.0.88:8000")
    return "service-selector-mismatch", f"service/{at}"


@incident
def grpc_service_leads_to_a_wrong_port(site: Site) -> tuple[str, str]:
    """The target port of the fraud service was mistyped; its pods listen elsewhere."""
    at = f"{BILLING}/fraud"
    port = {"name": "grpc", "port": 50051, "targetPort": 50015, "protocol": "TCP", "appProtocol": "kubernetes.io/h2c"}
    site.edit("Service", at, spec={"ports": [port]})
    site.edit("EndpointSlice", f"{at}-x4k8t", ports=[{"name": "grpc", "port": 50015, "protocol": "TCP"}])
    payments_errors(
        site,
        "fraud check failed",
        'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 172.20.0.101:50051: connect: connection refused"',
    )
    return "service-port-mismatch", f"service/{at}"


@incident
def default_deny_without_an_exception(site: Site) -> tuple[str, str]:
    """The billing team closed its namespace and forgot that playback asks for entitlements."""
    spec = {
        "podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {}},
                    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "traefik"}}},
                ]
            }
        ],
    }
    site.add(
        patch(
            thing("NetworkPolicy", "default-deny", namespace=BILLING, spec=spec), metadata={"creationTimestamp": SINCE}
        )
    )
    for name in (VOD, BILLING, "traefik"):
        site.edit("Namespace", f"/{name}", metadata={"labels": {"kubernetes.io/metadata.name": name}})
    playback_errors(
        site, "payments.billing.svc.cluster.local:8080/v1/entitlements", "dial tcp 172.20.0.140:8080: i/o timeout"
    )
    return "network-policy-denies", f"networkpolicy/{BILLING}/default-deny"


@incident
def corefile_with_a_typo(site: Site) -> tuple[str, str]:
    """Someone edited the Corefile; CoreDNS does not start any more, and no name resolves."""
    site.crash(
        "kube-system/coredns",
        "/etc/coredns/Corefile:9 - Error during parsing: Unknown directive 'forwrad'\n",
        seconds=0,
    )
    site.slices("kube-system/coredns", "kube-dns", 53)
    bff_errors(site, "catalog:8080/titles", "getaddrinfo EAI_AGAIN catalog", "EAI_AGAIN")
    playback_errors(
        site,
        "identity:8080/introspect",
        "dial tcp: lookup identity on 172.20.0.10:53: read udp 10.0.1.22:41120->172.20.0.10:53: read: connection refused",
    )
    payments_errors(
        site,
        "post entry failed",
        'Post "http://ledger:3000/v2/entries": dial tcp: lookup ledger on 172.20.0.10:53: read udp 10.0.2.31:51811->172.20.0.10:53: i/o timeout',
    )
    site.say(
        f"{VOD}/recommender",
        each(lambda at: structlog(at, "catalog unreachable", error="[Errno -3] Temporary failure in name resolution")),
    )
    return "cluster-dns-down", "deployment/kube-system/coredns"


@incident
def host_routed_to_the_wrong_service(site: Site) -> tuple[str, str]:
    """After a merge of two files the path of the catalog leads to the recommender."""
    site.add(
        http_route(VOD, "catalog-api", "/api/catalog", "recommender", 8000),
        http_route(VOD, "playback-api", "/api/playback", "playback", 8080),
        http_route(VOD, "recommender-api", "/api/rows", "recommender", 8000),
    )
    envoy(site, "/api/catalog/titles", "/api/catalog/titles", "httproute/vod/catalog-api/rule/0")
    site.say(
        f"{VOD}/recommender",
        each(lambda _: 'INFO:     10.0.1.9:51344 - "GET /api/catalog/titles HTTP/1.1" 404 Not Found'),
    )
    return "gateway-misroute", f"httproute/{VOD}/catalog-api"


@incident
def caller_uses_the_port_of_last_year(site: Site) -> tuple[str, str]:
    """The service's port was renumbered from 8000 to 80; the caller still has the old one."""
    at = f"{VOD}/recommender"
    site.edit("Service", at, spec={"ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]})
    site.say(
        f"{VOD}/web-bff",
        each(
            lambda at: pino(
                at,
                "upstream call failed",
                50,
                err={
                    "type": "FetchError",
                    "message": "request to http://recommender:8000/v1/rows failed, reason: connect ETIMEDOUT 172.20.0.88:8000",
                    "code": "ETIMEDOUT",
                },
                upstream="recommender",
            )
        ),
    )
    edge_errors(site, "/home", "10.0.1.14:3000", 502)
    return "dependency-address-wrong", f"deployment/{VOD}/web-bff"


@incident
def cilium_agent_of_a_node_is_down(site: Site) -> tuple[str, str]:
    """The agent of the network plugin crashes on one node: no pod can be set up there."""
    node = NODES[1]
    text = 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "1b77": plugin type="cilium-cni" failed (add): unable to connect to Cilium agent: failed to create cilium agent client after 30.000000 seconds timeout: Get "http://localhost/v1/config": dial unix /var/run/cilium/cilium.sock: connect: no such file or directory\nIs the agent running?'
    pod = site.roll(f"{VOD}/recommender", node=node, image="ghcr.io/tessera-tv/recommender:2.7.1")
    site.waits(pod, "ContainerCreating", "")
    site.event(("Pod", pod), "FailedCreatePodSandBox", text, count=19)
    return "sandbox-network-failed", f"node/{node}"
