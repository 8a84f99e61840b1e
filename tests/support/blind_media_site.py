"""The healthy media platform: viewers → Traefik → web-bff → playback, catalog, identity, recommender; playback → payments → ledger."""

from __future__ import annotations

from blind_media import BILLING, EDGE, MADE, NODES, VOD, Site
from shop import Json, node, patch, thing

BITNAMI = "docker.io/bitnami"
HTTP = {"periodSeconds": 10, "timeoutSeconds": 2, "failureThreshold": 3}
UNIT = """● {name}.service - {about}
     Loaded: loaded (/usr/lib/systemd/system/{name}.service; enabled; preset: disabled)
     Active: {active}
       Docs: https://kubernetes.io/docs/
   Main PID: 2211 ({name})
"""
CALLS = {
    "web-bff": ["playback", "catalog", "identity", "recommender"],
    "playback": ["identity", "payments", "catalog"],
    "catalog": ["catalog-postgresql"],
    "identity": ["sessions-redis-master"],
    "recommender": ["catalog"],
    "transcoder": ["events-rabbitmq"],
    "payments": ["ledger", "fraud", "payments-mongodb"],
    "ledger": ["ledger-mariadb"],
    "invoices": ["ledger", "ledger-mariadb"],
}


def media() -> Site:
    """Return the healthy platform."""
    site = Site()
    for name in (VOD, BILLING, EDGE, "kube-system", "cert-manager", "monitoring"):
        site.add(thing("Namespace", name, namespace="", status={"phase": "Active"}))
    for place, name in enumerate(NODES):
        site.add(_node(name, "abc"[place % 3]), _lease(name))
    _system(site)
    _stores(site)
    _services(site)
    _entrance(site)
    site.topology = {name: list(called) for name, called in CALLS.items()}
    return site


def env(**values: str) -> list[Json]:
    """Return environment variables."""
    return [{"name": key, "value": value} for key, value in values.items()]


def of_secret(secret: str, *keys: str) -> list[Json]:
    """Return environment variables from keys of a Secret."""
    return [{"name": key, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}} for key in keys]


def http_probe(path: str, port: int | str = "http", **fields: object) -> Json:
    """Return an HTTP probe."""
    return {"httpGet": {"path": path, "port": port, "scheme": "HTTP"}, **HTTP, **fields}


def unit(name: str, active: str = "active (running) since Mon 2030-04-22 06:01:12 UTC; 9 days ago") -> str:
    """Return what systemctl says of a unit."""
    about = {"kubelet": "Kubernetes Kubelet", "containerd": "containerd container runtime"}[name]
    return UNIT.format(name=name, about=about, active=active)


def _node(name: str, zone: str) -> Json:
    labels = {
        "kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": f"eu-west-1{zone}",
        "node.kubernetes.io/instance-type": "m6i.xlarge", "karpenter.sh/nodepool": "general",
    }  # fmt: skip
    types = {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
        "NetworkUnavailable": ("False", "CiliumIsUp", "Cilium is running on this node"),
    }
    conditions = [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": text,
            "lastHeartbeatTime": "2030-05-01T11:58:40Z",
            "lastTransitionTime": MADE,
        }
        for kind, (status, reason, text) in types.items()
    ]
    amounts = {"cpu": "3920m", "memory": "14880Mi", "pods": "58", "ephemeral-storage": "47233297124"}
    info = {
        "architecture": "amd64",
        "containerRuntimeVersion": "containerd://1.7.22",
        "kubeletVersion": "v1.33.2-eks-1f2e3d4",
        "osImage": "Bottlerocket OS 1.26.2",
    }
    base = node(name, labels=labels)
    return patch(
        base,
        spec={"providerID": f"aws:///eu-west-1{zone}/i-0{zone}41c"},
        status={"allocatable": amounts, "capacity": amounts, "conditions": conditions, "nodeInfo": info},
    )


def _lease(name: str) -> Json:
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": "2030-05-01T11:59:54.118230Z"}
    return thing("Lease", name, namespace="kube-node-lease", spec=spec)


def _system(site: Site) -> None:
    site.deploy(
        "kube-system/coredns",
        53,
        "602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1.11.3-eksbuild.1",
        inside="coredns",
    )
    labels = {"k8s-app": "kube-dns", "eks.amazonaws.com/component": "coredns"}
    for kind, name in (
        ("Deployment", "coredns"),
        *(("Pod", one.rpartition("/")[2]) for one in site.pods("kube-system/coredns")),
    ):
        site.edit(kind, f"kube-system/{name}", metadata={"labels": labels})
    site.serve("kube-system/coredns", "kube-dns", 53)
    site.drop("Service", "kube-system/coredns")
    site.drop("EndpointSlice", "kube-system/coredns-x4k8t")
    site.deploy(
        "cert-manager/cert-manager",
        9402,
        "quay.io/jetstack/cert-manager-controller:v1.15.3",
        inside="cert-manager-controller",
        replicas=1,
    )
    site.deploy(f"{EDGE}/traefik", 8000, "docker.io/traefik:v3.1.4", inside="traefik")


def _stores(site: Site) -> None:
    exec_probe = {"exec": {"command": ["/bin/sh", "-c", "exec pg_isready -U catalog -h 127.0.0.1 -p 5432"]}, **HTTP}
    mount = [{"name": "data", "mountPath": "/bitnami/postgresql"}]
    claims = (
        (
            "catalog-postgresql",
            5432,
            f"{BITNAMI}/postgresql:16.4.0-debian-12-r14",
            "postgresql",
            {"readinessProbe": exec_probe, "livenessProbe": exec_probe, "volumeMounts": mount},
        ),
        ("events-rabbitmq-server", 5672, "docker.io/library/rabbitmq:3.13.7-management", "rabbitmq", {}),
    )
    for name, port, image, inside, fields in claims:
        site.deploy(f"{VOD}/{name}", port, image, kind="StatefulSet", inside=inside, replicas=1, **fields)
        claim(site, VOD, name, "20Gi")
    site.serve(f"{VOD}/events-rabbitmq-server", "events-rabbitmq", 5672)
    site.serve(f"{VOD}/catalog-postgresql", "catalog-postgresql-hl", 5432, spec={"clusterIP": "None"})
    site.deploy(
        f"{VOD}/sessions-redis-master",
        6379,
        f"{BITNAMI}/redis:7.4.0-debian-12-r2",
        kind="StatefulSet",
        inside="redis",
        replicas=1,
    )
    site.deploy(
        f"{BILLING}/ledger-mariadb",
        3306,
        f"{BITNAMI}/mariadb:11.4.3-debian-12-r0",
        kind="StatefulSet",
        inside="mariadb",
        replicas=1,
    )
    claim(site, BILLING, "ledger-mariadb", "50Gi")
    site.deploy(
        f"{BILLING}/payments-mongodb",
        27017,
        f"{BITNAMI}/mongodb:7.0.14-debian-12-r0",
        kind="StatefulSet",
        inside="mongodb",
        replicas=1,
    )
    claim(site, BILLING, "payments-mongodb", "20Gi")


def claim(site: Site, namespace: str, app: str, size: str) -> None:
    """Give pod 0 of a StatefulSet its claim, bound to a volume in the zone of its node."""
    name, volume = f"data-{app}-0", f"pvc-5d0e{len(app):02}b1-77f1-4c0b-9a44-b0f0a3c4d5e6"
    modes, amount = ["ReadWriteOnce"], {"storage": size}
    pod = site.get("Pod", f"{namespace}/{app}-0")
    zone = site.get("Node", f"/{pod['spec']['nodeName']}")["metadata"]["labels"]["topology.kubernetes.io/zone"]
    spec = {
        "accessModes": modes,
        "resources": {"requests": amount},
        "storageClassName": "gp3",
        "volumeName": volume,
        "volumeMode": "Filesystem",
    }
    site.add(
        thing(
            "PersistentVolumeClaim",
            name,
            namespace=namespace,
            spec=spec,
            status={"phase": "Bound", "accessModes": modes, "capacity": amount},
        )
    )
    term = {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}]}
    site.add(thing("PersistentVolume", volume, namespace="", status={"phase": "Bound"}, spec={
        "capacity": amount, "accessModes": modes, "storageClassName": "gp3", "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": f"vol-0{len(app):02}c0ffee"},
        "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": name, "uid": f"uid-PersistentVolumeClaim-{namespace}-{name}"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}, "persistentVolumeReclaimPolicy": "Delete"}))  # fmt: skip
    if ("StorageClass", "", "gp3") not in site.objects:
        site.add(
            thing(
                "StorageClass",
                "gp3",
                namespace="",
                provisioner="ebs.csi.aws.com",
                volumeBindingMode="WaitForFirstConsumer",
            )
        )
    for kind, one in (("StatefulSet", app), ("Pod", f"{app}-0")):
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]
        site.edit(
            kind,
            f"{namespace}/{one}",
            spec={"volumes": volumes} if kind == "Pod" else {"template": {"spec": {"volumes": volumes}}},
        )


def _services(site: Site) -> None:
    secrets = {
        f"{VOD}/catalog-postgresql": ("password", "postgres-password"), f"{VOD}/identity-env": ("REDIS_PASSWORD", "SIGNING_KEY"),
        f"{BILLING}/payments-env": ("STRIPE_API_KEY", "MONGODB_PASSWORD"), f"{BILLING}/ledger-mariadb": ("mariadb-password", "mariadb-root-password"),
        f"{BILLING}/ledger-env": ("SECRET_KEY_BASE", "LEDGER_SIGNING_KEY"),
    }  # fmt: skip
    for at, keys in secrets.items():
        namespace, _, name = at.partition("/")
        site.add(thing("Secret", name, namespace=namespace, type="Opaque", data=dict.fromkeys(keys, "")))
    ghcr = "ghcr.io/tessera-tv"
    site.deploy(f"{VOD}/identity", 8080, "tessera.azurecr.io/identity:1.44.0", inside="identity-api", readinessProbe=http_probe("/healthz/ready"),
                livenessProbe=http_probe("/healthz/live"), env=[*env(ASPNETCORE_URLS="http://+:8080", ConnectionStrings__Redis="sessions-redis-master:6379"), *of_secret("identity-env", "SIGNING_KEY")])  # fmt: skip
    site.deploy(f"{VOD}/catalog", 8080, f"{ghcr}/catalog:6.2.1", inside="catalog-service", readinessProbe=http_probe("/actuator/health/readiness"),
                livenessProbe=http_probe("/actuator/health/liveness", initialDelaySeconds=60),
                env=env(SPRING_DATASOURCE_URL="jdbc:postgresql://catalog-postgresql:5432/catalog", SPRING_DATASOURCE_USERNAME="catalog"))  # fmt: skip
    site.deploy(
        f"{VOD}/recommender",
        8000,
        f"{ghcr}/recommender:2.7.0",
        inside="api",
        readinessProbe=http_probe("/ready"),
        env=env(CATALOG_BASE_URL="http://catalog:8080"),
    )
    site.deploy(
        f"{VOD}/transcoder",
        9000,
        f"{ghcr}/transcoder:0.31.2",
        inside="worker",
        env=env(AMQP_ADDR="amqp://events-rabbitmq.vod.svc:5672/%2f", RUST_LOG="info"),
    )
    site.deploy(f"{VOD}/playback", 8080, f"{ghcr}/playback:v4.18.0", inside="playback", readinessProbe=http_probe("/readyz"), livenessProbe=http_probe("/livez"),
                env=env(IDENTITY_URL="http://identity:8080", CATALOG_URL="http://catalog.vod.svc.cluster.local:8080", PAYMENTS_URL="http://payments.billing.svc.cluster.local:8080"))  # fmt: skip
    site.deploy(f"{VOD}/web-bff", 3000, f"{ghcr}/web-bff:2030.4.3", inside="bff", replicas=3, readinessProbe=http_probe("/healthz"), livenessProbe=http_probe("/healthz"),
                env=env(PLAYBACK_URL="http://playback:8080", CATALOG_URL="http://catalog:8080", IDENTITY_URL="http://identity:8080", RECOMMENDER_URL="http://recommender:8000"))  # fmt: skip
    site.deploy(
        f"{BILLING}/fraud",
        50051,
        f"{ghcr}/fraud:1.12.4",
        inside="scorer",
        readinessProbe={"grpc": {"port": 50051}, **HTTP},
    )
    site.deploy(f"{BILLING}/ledger", 3000, f"{ghcr}/ledger:9.0.7", inside="rails", readinessProbe=http_probe("/up"),
                env=[*env(DATABASE_HOST="ledger-mariadb", DATABASE_PORT="3306", RAILS_ENV="production"), *of_secret("ledger-env", "SECRET_KEY_BASE", "LEDGER_SIGNING_KEY")])  # fmt: skip
    site.deploy(f"{BILLING}/payments", 8080, f"{ghcr}/payments:3.9.2", inside="payments-server", readinessProbe=http_probe("/health"), livenessProbe=http_probe("/health"),
                env=[*env(LEDGER_ADDR="http://ledger:3000", FRAUD_ADDR="fraud:50051", MONGODB_HOST="payments-mongodb.billing.svc.cluster.local"), *of_secret("payments-env", "STRIPE_API_KEY")])  # fmt: skip
    site.deploy(f"{BILLING}/invoices", 8080, f"{ghcr}/invoices:4.1.0", inside="php", readinessProbe={"tcpSocket": {"port": "http"}, **HTTP},
                env=env(DB_HOST="ledger-mariadb", DB_PORT="3306", DB_USERNAME="invoices", LEDGER_URL="http://ledger:3000"))  # fmt: skip


def ingress(namespace: str, name: str, host: str, *paths: tuple[str, str, int], **fields: object) -> Json:
    """Return an Ingress of Traefik; ``paths`` are (path, service, port)."""
    rules = [
        {"path": path, "pathType": "Prefix", "backend": {"service": {"name": to, "port": {"number": port}}}}
        for path, to, port in paths
    ]
    spec = {
        "ingressClassName": "traefik",
        "rules": [{"host": host, "http": {"paths": rules}}],
        "tls": [{"hosts": [host], "secretName": f"{name}-tls"}],
    }
    return patch(
        thing(
            "Ingress",
            name,
            namespace=namespace,
            spec=spec,
            status={"loadBalancer": {"ingress": [{"hostname": "k8s-traefik-1f2.elb.eu-west-1.amazonaws.com"}]}},
        ),
        **fields,
    )


def _entrance(site: Site) -> None:
    site.add(thing("IngressClass", "traefik", namespace="", spec={"controller": "traefik.io/ingress-controller"}))
    site.add(
        ingress(VOD, "web", "www.tessera.tv", ("/", "web-bff", 3000)),
        ingress(BILLING, "pay", "pay.tessera.tv", ("/", "payments", 8080)),
    )
    for namespace, name in ((VOD, "web-tls"), (BILLING, "pay-tls")):
        site.add(
            thing("Secret", name, namespace=namespace, type="kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""})
        )
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "Ready",
            "message": "Certificate is up to date and has not expired",
            "lastTransitionTime": MADE,
        }
        site.add(thing("Certificate", name, namespace=namespace, spec={"secretName": name, "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"}, "dnsNames": ["www.tessera.tv"]},
                       status={"conditions": [ready], "notBefore": "2030-04-01T04:00:00Z", "notAfter": "2030-06-30T04:00:00Z", "renewalTime": "2030-05-31T04:00:00Z"}))  # fmt: skip
