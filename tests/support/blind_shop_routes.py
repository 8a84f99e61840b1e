"""Blind incidents of the shop's names, routes, policies, certificates and permissions."""

from __future__ import annotations

from blind_services import alert, each, gone, on_shop, speak, unreached, workload
from clusters import Cluster
from faults import SINCE, crashing
from shop import NAMESPACE, Json, container_status, endpoints, event, patch, thing


@on_shop
def dns_pods_crash(cluster: Cluster) -> tuple[str, str]:
    """CoreDNS found a loop; nobody resolves anything."""
    state, last = crashing("Error", 1)
    names = [name for kind, space, name in cluster.objects if kind == "Pod" and space == "kube-system"]
    for name in names:
        status = container_status("coredns", ready=False, restarts=9, state=state, last=last)
        conditions = [{"type": "Ready", "status": "False", "lastTransitionTime": SINCE}]
        cluster.edit("Pod", name, "kube-system", status={"containerStatuses": [status], "conditions": conditions})
        log = '.:53\n[INFO] plugin/reload: Running configuration SHA512 = 591cf328cccc12bc490481273e738df5\nCoreDNS-1.11.1\nlinux/amd64, go1.20.7, ae2bbc2\n[FATAL] plugin/loop: Loop (127.0.0.1:55953 -> :53) detected for zone ".", see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO 4547991504243258144.3688648895315093531."\n'
        for key in ("coredns", "coredns-previous"):
            cluster.logs[f"kube-system/{name}/{key}"] = log
        text = f"Back-off restarting failed container coredns in pod {name}_kube-system(77d0)"
        cluster.add(event("BackOff", text, about=("Pod", name), namespace="kube-system", count=40, first=SINCE))
    for kind, name in [
        (kind, name)
        for kind, space, name in cluster.objects
        if space == "kube-system" and kind in {"Deployment", "ReplicaSet"}
    ]:
        cluster.edit(kind, name, "kube-system", status={"readyReplicas": 0, "availableReplicas": 0})
    cluster.add(patch(endpoints("coredns", not_ready=names, port=53), metadata={"namespace": "kube-system"}))
    unreached(cluster, "coredns")
    for app, callee in (("web", "cart"), ("checkout", "orders"), ("orders", "orders-db"), ("cart", "cart-cache")):
        speak(
            cluster,
            app,
            each(
                f"2030-05-01T§Z ERROR dial tcp: lookup {callee} on 10.96.0.10:53: read udp 10.0.1.7:41873->10.96.0.10:53: read: connection refused"
            ),
        )
    return "cluster-dns-down", workload("coredns", namespace="kube-system")


@on_shop
def resolver_of_one_pod(cluster: Cluster) -> tuple[str, str]:
    """One workload asks a public resolver, which knows no cluster name."""
    cluster.spec_of_pods("web", dnsPolicy="None", dnsConfig={"nameservers": ["8.8.8.8"]})
    speak(
        cluster,
        "web",
        each(
            "2030-05-01T§Z ERROR Error: getaddrinfo ENOTFOUND cart\n    at GetAddrInfoReqWrap.onlookupall [as oncomplete] (node:dns:120:26) { errno: -3008, code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'cart' }\n2030-05-01T§Z ERROR Error: getaddrinfo ENOTFOUND checkout"
        ),
    )
    return "dns-resolution-failure", workload("web")


def policy(cluster: Cluster, name: str, **spec: object) -> str:
    """Add a network policy made a quarter of an hour ago and return its id."""
    made = thing("NetworkPolicy", name, spec=spec)
    cluster.add(patch(made, metadata={"creationTimestamp": "2030-05-01T11:45:30Z"}))
    return f"networkpolicy/{NAMESPACE}/{name}"


@on_shop
def egress_without_dns(cluster: Cluster) -> tuple[str, str]:
    """An egress policy lets web call its callees and forgets DNS."""
    allowed = [{"podSelector": {"matchLabels": {"app": one}}} for one in ("cart", "checkout")]
    found = policy(
        cluster,
        "web-egress",
        podSelector={"matchLabels": {"app": "web"}},
        policyTypes=["Egress"],
        egress=[{"to": allowed}],
    )
    speak(
        cluster,
        "web",
        each(
            "2030-05-01T§Z ERROR dial tcp: lookup cart on 10.96.0.10:53: read udp 10.0.1.4:41234->10.96.0.10:53: i/o timeout"
        ),
    )
    alert(cluster, "HighErrorRate", "web", "5xx 97 %")
    return "network-policy-denies", found


@on_shop
def ingress_for_a_misspelt_client(cluster: Cluster) -> tuple[str, str]:
    """The database's policy admits ``app: order``; the client is ``app: orders``."""
    admitted = {
        "from": [{"podSelector": {"matchLabels": {"app": "order"}}}],
        "ports": [{"protocol": "TCP", "port": 3306}],
    }
    found = policy(
        cluster,
        "orders-db-clients",
        podSelector={"matchLabels": {"app": "orders-db"}},
        policyTypes=["Ingress"],
        ingress=[admitted],
    )
    speak(
        cluster,
        "orders",
        each(
            "sqlalchemy.exc.OperationalError: (pymysql.err.OperationalError) (2003, \"Can't connect to MySQL server on 'orders-db' (timed out)\")"
        ),
    )
    speak(cluster, "checkout", each("2030-05-01T§Z ERROR POST http://orders:8080/orders: 503 Service Unavailable"))
    unreached(cluster, "orders-db", "i/o timeout")
    return "network-policy-denies", found


@on_shop
def default_deny_in_the_namespace(cluster: Cluster) -> tuple[str, str]:
    """Somebody denies everything."""
    found = policy(cluster, "default-deny", podSelector={}, policyTypes=["Ingress"])
    for app, callee, port in (("web", "cart", 7070), ("checkout", "orders", 8080), ("cart", "cart-cache", 6379)):
        speak(
            cluster,
            app,
            each(
                f"2030-05-01T§Z ERROR call failed: dial tcp 10.96.0.9:{port}: connect: connection timed out ({callee})"
            ),
        )
    cluster.probes = [
        {**one, "reachable": False, "output": "i/o timeout"} if one["namespace"] == NAMESPACE else one
        for one in cluster.probes
    ]
    return "network-policy-denies", found


@on_shop
def service_removed(cluster: Cluster) -> tuple[str, str]:
    """The service of cart was deleted with its endpoints; its pods run."""
    cluster.drop("Service", "cart")
    cluster.drop("Endpoints", "cart")
    cluster.probes = [one for one in cluster.probes if one["service"] != "cart"]
    for app in ("web", "checkout"):
        speak(
            cluster,
            app,
            each(
                "2030-05-01T§Z ERROR rpc error: code = Unavailable desc = name resolver error: produced zero addresses; last error: dial tcp: lookup cart on 10.96.0.10:53: no such host"
            ),
        )
    return "service-missing", f"service/{NAMESPACE}/cart"


@on_shop
def address_in_another_namespace(cluster: Cluster) -> tuple[str, str]:
    """One caller looks in a namespace that has no such service; the other caller does well."""
    cluster.containers(
        "web",
        env=[
            {"name": "CHECKOUT_ADDR", "value": "checkout:5050"},
            {"name": "CART_ADDR", "value": "cart.store.svc.cluster.local:7070"},
        ],
    )
    speak(
        cluster,
        "web",
        each(
            "requests.exceptions.ConnectionError: HTTPConnectionPool(host='cart.store.svc.cluster.local', port=7070): Max retries exceeded with url: /items (Caused by NameResolutionError(\"<urllib3.connection.HTTPConnection object at 0x7f>: Failed to resolve 'cart.store.svc.cluster.local' ([Errno -2] Name or service not known)\"))"
        ),
    )
    return "dependency-address-wrong", workload("web")


@on_shop
def address_with_the_port_of_another(cluster: Cluster) -> tuple[str, str]:
    """One caller asks cart at the port of orders."""
    cluster.containers(
        "checkout",
        env=[{"name": "ORDERS_URL", "value": "http://orders:8080"}, {"name": "CART_ADDR", "value": "cart:8080"}],
    )
    speak(
        cluster,
        "checkout",
        each(
            '2030-05-01T§Z ERROR rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 10.96.0.7:8080: i/o timeout"'
        ),
    )
    speak(cluster, "web", each("2030-05-01T§Z ERROR checkout:5050 answered 502"))
    return "dependency-address-wrong", workload("checkout")


def ingress(backends: dict[str, tuple[str, int]]) -> Json:
    """Return an ingress from paths to services and ports."""
    paths = [
        {"path": path, "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": port}}}}
        for path, (name, port) in backends.items()
    ]
    spec = {"ingressClassName": "nginx", "rules": [{"host": "shop.example", "http": {"paths": paths}}]}
    return thing("Ingress", "entrance", spec=spec)


def nginx(cluster: Cluster) -> None:
    """Add the class of the ingress."""
    cluster.add(thing("IngressClass", "nginx", namespace="", spec={"controller": "k8s.io/ingress-nginx"}))


@on_shop
def ingress_to_a_wrong_port(cluster: Cluster) -> tuple[str, str]:
    """The ingress names a port that the service does not have."""
    nginx(cluster)
    cluster.add(ingress({"/": ("web", 8080), "/cart": ("cart", 7070)}))
    cluster.question = "shop.example answers 503"
    return "route-backend-missing", f"ingress/{NAMESPACE}/entrance"


@on_shop
def ingress_to_a_wrong_service(cluster: Cluster) -> tuple[str, str]:
    """The path of cart leads to checkout, which does not know it."""
    nginx(cluster)
    cluster.add(
        ingress(
            {
                "/": ("web", 8000),
                "/cart": ("checkout", 5050),
                "/checkout": ("checkout", 5050),
                "/orders": ("orders", 8080),
            }
        )
    )
    speak(cluster, "checkout", each('2030-05-01T§Z WARN "GET /cart/items HTTP/1.1" 404 19'))
    cluster.question = "shop.example/cart answers 404"
    return "gateway-misroute", f"ingress/{NAMESPACE}/entrance"


@on_shop
def http_route_to_a_wrong_service(cluster: Cluster) -> tuple[str, str]:
    """A Gateway API route sends orders to cart."""
    rules = [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": f"/api/{path}"}}],
            "backendRefs": [{"name": name, "port": port}],
        }
        for path, name, port in (("checkout", "checkout", 5050), ("orders", "cart", 7070), ("cart", "cart", 7070))
    ]
    cluster.add(
        thing(
            "HTTPRoute",
            "api",
            spec={"parentRefs": [{"name": "edge"}], "hostnames": ["api.shop.example"], "rules": rules},
        )
    )
    speak(cluster, "cart", each('2030-05-01T§Z INFO "GET /api/orders/17 HTTP/1.1" 404 0 - 1'))
    cluster.question = "api.shop.example/api/orders answers 404"
    return "gateway-misroute", f"httproute/{NAMESPACE}/api"


@on_shop
def named_port_of_nobody(cluster: Cluster) -> tuple[str, str]:
    """The target port has a name that no container port has."""
    cluster.containers("cart", ports=[{"name": "http", "containerPort": 7070, "protocol": "TCP"}])
    cluster.edit("Service", "cart", spec={"ports": [{"port": 7070, "targetPort": "grpc", "protocol": "TCP"}]})
    cluster.add(endpoints("cart"))
    unreached(cluster, "cart")
    for app in ("web", "checkout"):
        speak(
            cluster, app, each("2030-05-01T§Z ERROR call failed: dial tcp 10.96.0.7:7070: connect: connection refused")
        )
    return "service-port-mismatch", f"service/{NAMESPACE}/cart"


@on_shop
def selector_with_one_key_more(cluster: Cluster) -> tuple[str, str]:
    """The selector asks for a track that no pod has."""
    cluster.edit("Service", "checkout", spec={"selector": {"app": "checkout", "track": "stable"}})
    cluster.add(endpoints("checkout"))
    unreached(cluster, "checkout")
    speak(cluster, "web", each("2030-05-01T§Z ERROR connect ECONNREFUSED 10.96.0.8:5050"))
    alert(cluster, "HighErrorRate", "web", "5xx 60 %")
    return "service-selector-mismatch", f"service/{NAMESPACE}/checkout"


@on_shop
def cart_scaled_to_zero(cluster: Cluster) -> tuple[str, str]:
    """Nobody complains but the callers."""
    gone(cluster, "cart")
    for kind, name in (("Deployment", "cart"), ("ReplicaSet", "cart-5d9c7b6f4")):
        cluster.edit(kind, name, spec={"replicas": 0}, status={"replicas": 0})
    for app in ("web", "checkout"):
        speak(
            cluster,
            app,
            each(
                "2030-05-01T§Z ERROR io.grpc.StatusRuntimeException: UNAVAILABLE: io exception\nCaused by: io.netty.channel.AbstractChannel$AnnotatedConnectException: Connection refused: cart/10.96.0.7:7070"
            ),
        )
        alert(cluster, "HighErrorRate", app, "5xx 60 %")
    return "scaled-to-zero", workload("cart")


@on_shop
def certificate_over(cluster: Cluster) -> tuple[str, str]:
    """The certificate of orders ended this morning."""
    cluster.containers("checkout", env=[{"name": "ORDERS_URL", "value": "https://orders:8080"}])
    speak(
        cluster,
        "checkout",
        each(
            '2030-05-01T§Z ERROR Post "https://orders:8080/orders": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2030-05-01T§Z is after 2030-05-01T06:00:00Z'
        ),
    )
    speak(
        cluster,
        "orders",
        each("2030/05/01 § http: TLS handshake error from 10.0.1.9:51514: remote error: tls: bad certificate"),
    )
    return "certificate-expired", f"service/{NAMESPACE}/orders"


@on_shop
def certificate_of_another_name(cluster: Cluster) -> tuple[str, str]:
    """The certificate of orders is for its old name."""
    cluster.containers("checkout", env=[{"name": "ORDERS_URL", "value": "https://orders:8080"}])
    speak(
        cluster,
        "checkout",
        each(
            "Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: Host: orders. is not in the cert's altnames: DNS:orders-v1.shop.svc, DNS:orders-v1\n  reason: \"Host: orders. is not in the cert's altnames\", host: 'orders'"
        ),
    )
    return "certificate-name-mismatch", f"service/{NAMESPACE}/orders"


@on_shop
def authority_not_trusted(cluster: Cluster) -> tuple[str, str]:
    """The client has not got the new authority."""
    cluster.containers("checkout", env=[{"name": "ORDERS_URL", "value": "https://orders:8080"}])
    speak(
        cluster,
        "checkout",
        each(
            "requests.exceptions.SSLError: HTTPSConnectionPool(host='orders', port=8080): Max retries exceeded with url: /orders (Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1006)')))"
        ),
    )
    speak(cluster, "orders", each("[warn] TLS handshake failed: tlsv1 alert unknown ca"))
    return "certificate-authority-unknown", workload("checkout")


@on_shop
def role_removed(cluster: Cluster) -> tuple[str, str]:
    """A service account may no longer list."""
    speak(
        cluster,
        "cart",
        each(
            'E0501 §.120334       1 reflector.go:147] pkg/mod/k8s.io/client-go§v0.29.2/tools/cache/reflector.go:229: Failed to watch *v1.ConfigMap: failed to list *v1.ConfigMap: configmaps is forbidden: User "system:serviceaccount:shop:default" cannot list resource "configmaps" in API group "" in the namespace "shop"'
        ),
    )
    return "api-access-denied", workload("cart")


@on_shop
def token_for_another_audience(cluster: Cluster) -> tuple[str, str]:
    """Orders refuses the token that checkout carries."""
    speak(
        cluster,
        "checkout",
        each(
            '2030-05-01T§Z ERROR POST http://orders:8080/orders: 401 Unauthorized {"error":"invalid_token","error_description":"Jwt is expired"}'
        ),
    )
    speak(
        cluster,
        "orders",
        each("2030-05-01T§Z WARN jwt.exceptions.ExpiredSignatureError: Signature has expired (client=checkout)"),
    )
    return "token-invalid", workload("checkout")


@on_shop
def payment_key_revoked(cluster: Cluster) -> tuple[str, str]:
    """The key for the payment provider is not valid any more."""
    speak(
        cluster,
        "checkout",
        each(
            "2030-05-01T§Z ERROR payment provider https://api.pay.example/v1/charges answered 401 Unauthorized: Invalid API Key provided: ****7f2a"
        ),
    )
    return "service-access-denied", workload("checkout")


@on_shop
def mesh_peers_disagree(cluster: Cluster) -> tuple[str, str]:
    """Cart demands mutual TLS, and its callers were told to speak plain text."""
    for app in ("web", "checkout"):
        speak(
            cluster,
            app,
            each(
                '[2030-05-01T§.120Z] "POST /cart.Cart/Get HTTP/2" 503 UC upstream_reset_before_response_started{connection_termination} - "-" 0 95 3 - "-" "grpc-go/1.60" "5e" "cart:7070" "10.0.1.7:7070" outbound|7070||cart.shop.svc.cluster.local\n2030-05-01T§Z ERROR rpc error: code = Unavailable desc = upstream connect error or disconnect/reset before headers. reset reason: connection termination'
            ),
        )
    speak(
        cluster,
        "cart",
        each(
            '[2030-05-01T§.120Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.0.1.7:7070 10.0.1.9:40112 - -'
        ),
    )
    return "mesh-mtls-mismatch", f"service/{NAMESPACE}/cart"
