"""A railway's ticket system for tests: many Java services behind a gateway, with MySQL, Nacos, RabbitMQ and Redis.

Much is unlike the shop: where databases are is in Secrets, whose values no snapshot holds; services
call each other by names in their code, so only the topology tells; starts take most of a minute;
healthy services log warnings and errors; and events of earlier days are there by the hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clusters import HASH, LOOKED_FOR, Cluster, shop
from faults import LAST, SINCE, crashing, say
from railway_words import boot, chatter, servlet
from shop import (
    NAMESPACE,
    Json,
    container,
    container_status,
    endpoints,
    event,
    patch,
    pod,
    service,
    thing,
    write_snapshot,
)

# Each service: whom it calls. Ports are given in this order.
CALLS: dict[str, tuple[str, ...]] = {
    "tk-auth-service": (),
    "tk-user-service": ("tk-auth-service",),
    "tk-verification-code-service": (),
    "tk-station-service": (),
    "tk-train-service": (),
    "tk-config-service": (),
    "tk-price-service": (),
    "tk-route-service": (),
    "tk-basic-service": ("tk-station-service", "tk-train-service", "tk-price-service", "tk-route-service"),
    "tk-seat-service": ("tk-order-service", "tk-order-other-service", "tk-config-service"),
    "tk-travel-service": ("tk-basic-service", "tk-seat-service", "tk-train-service", "tk-route-service"),
    "tk-travel2-service": ("tk-basic-service", "tk-seat-service", "tk-train-service", "tk-route-service"),
    "tk-order-service": ("tk-station-service",),
    "tk-order-other-service": ("tk-station-service",),
    "tk-contacts-service": (),
    "tk-assurance-service": (),
    "tk-food-service": ("tk-station-food-service", "tk-train-food-service", "tk-travel-service"),
    "tk-station-food-service": (),
    "tk-train-food-service": (),
    "tk-consign-service": ("tk-consign-price-service",),
    "tk-consign-price-service": (),
    "tk-security-service": ("tk-order-service", "tk-order-other-service"),
    "tk-preserve-service": (
        "tk-travel-service", "tk-contacts-service", "tk-assurance-service", "tk-food-service", "tk-consign-service",
        "tk-security-service", "tk-seat-service", "tk-order-service", "tk-user-service", "tk-station-service",
    ),
    "tk-payment-service": (),
    "tk-inside-payment-service": ("tk-order-service", "tk-payment-service"),
    "tk-cancel-service": ("tk-order-service", "tk-inside-payment-service", "tk-user-service", "tk-notification-service"),
    "tk-rebook-service": ("tk-travel-service", "tk-order-service", "tk-seat-service", "tk-inside-payment-service"),
    "tk-notification-service": (),
    "tk-admin-basic-service": ("tk-station-service", "tk-train-service", "tk-price-service", "tk-contacts-service"),
    "tk-voucher-service": (),
}  # fmt: skip
FIRST_PORT = 12031
PORTS = {name: FIRST_PORT + 7 * place for place, name in enumerate(CALLS)}
WITHOUT_DATABASE = {"tk-basic-service", "tk-seat-service", "tk-preserve-service", "tk-verification-code-service"}
GATEWAY, UI, DATABASE, REGISTRY_DATABASE = "tk-gateway-service", "tk-ui-dashboard", "ticketsdb-mysql", "nacosdb-mysql"
GATEWAY_PORT, UI_PORT = 18888, 8080
NODES = ("node-a", "node-b", "node-c")
JAVA = {"requests": {"cpu": "100m", "memory": "300Mi"}, "limits": {"cpu": "500m", "memory": "700Mi"}}
MYSQL_LOG = (
    "2030-05-01T08:55:01.000000Z 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 8.0.33) starting as process 1\n"
    "2030-05-01T08:55:09.000000Z 0 [Warning] [MY-010068] [Server] CA certificate ca.pem is self signed.\n"
    "2030-05-01T08:55:09.100000Z 0 [System] [MY-010931] [Server] /usr/sbin/mysqld: ready for connections. Version: '8.0.33'  socket: '/var/run/mysqld/mysqld.sock'  port: 3306  MySQL Community Server - GPL.\n"
    "2030-05-01T11:20:09.100000Z 871 [Note] [MY-010914] [Server] Aborted connection 871 to db: 'rail' user: 'rail' host: '10.0.1.9' (Got an error reading communication packets).\n"
)
NACOS_LOG = (
    "2030-05-01 09:00:02,001 INFO Tomcat started on port(s): 8848 (http) with context path '/nacos'\n"
    "2030-05-01 11:10:02,001 WARN [IP-DISABLED] the ip 10.0.1.7 was expired, last beat: 1903866002001\n"
)
RABBIT_LOG = (
    "2030-05-01 09:00:04.120 [info] <0.700.0> accepting AMQP connection <0.700.0> (10.0.1.8:40012 -> 10.0.2.2:5672)\n"
    "2030-05-01 11:31:04.120 [warning] <0.711.0> closing AMQP connection <0.711.0> (10.0.1.8:40013 -> 10.0.2.2:5672, vhost: '/', user: 'rail'):\nclient unexpectedly closed TCP connection\n"
)


class Railway(Cluster):
    """The cluster of the railway."""

    def __init__(self) -> None:
        super().__init__()
        self.coverage: Json = {"logs": "full", "metrics": False, "events": [NAMESPACE, "kube-system", "default"]}

    def java(self, name: str, port: int, *, database: bool = True) -> None:
        """Add a service as the chart of the railway makes it."""
        short = name.removeprefix("tk-").removesuffix("-service")
        origin: list[Json] = [{"configMapRef": {"name": "nacos"}}]
        if database:
            keys = [
                f"{short.upper().replace('-', '_')}_MYSQL_{key}"
                for key in ("HOST", "PORT", "DATABASE", "USER", "PASSWORD")
            ]
            origin.append({"secretRef": {"name": f"tk-{short}-mysql"}})
            self.add(thing("Secret", f"tk-{short}-mysql", type="Opaque", data=dict.fromkeys(keys, "")))
        said = boot(name, port, database=database) + chatter(short)
        self.app(name, port, replicas=1, image=f"registry.example/rail/{name}:1.0.0", log=said, nodes=[NODES[port % 3]])
        self.containers(
            name,
            env=[{"name": "NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}],
            envFrom=origin,
            resources=JAVA,
            readinessProbe={
                "tcpSocket": {"port": port},
                "initialDelaySeconds": 60,
                "periodSeconds": 10,
                "timeoutSeconds": 5,
            },
            livenessProbe=None,
        )

    def words(self, app: str, text: str, *, anew: bool = False) -> None:
        """Add to what the pods of ``app`` logged, or replace it."""
        for name in self.pods_of(app):
            key = f"{NAMESPACE}/{name}/{self.inside(name)}"
            self.logs[key] = text if anew else self.logs.get(key, "") + text

    def inside(self, name: str) -> str:
        """Return the name of the first container of a pod."""
        return str(self.get("Pod", name)["spec"]["containers"][0]["name"])

    def crash(self, app: str, log: str, *, code: int = 1, reason: str = "Error", told: bool = True) -> None:
        """Let every pod of ``app`` crash in a loop with ``log``."""
        state, last = crashing(reason, code)
        self.status(app, restarts=6, state=state, last=last)
        for name in self.pods_of(app):
            key = f"{NAMESPACE}/{name}/{self.inside(name)}"
            self.logs[key] = self.logs[f"{key}-previous"] = log
            if told:
                say(
                    self,
                    "BackOff",
                    f"Back-off restarting failed container {self.inside(name)} in pod {name}",
                    about=("Pod", name),
                )
        self.unreached(app)

    def roll(self, app: str, log: str, *, code: int = 1, **changes: Any) -> None:
        """Let a new revision with ``changes`` crash while the pods of the old one serve, as a rolling update does."""
        old, number = self.get("ReplicaSet", f"{app}-{HASH}"), "2"
        changed = [patch(old["spec"]["template"]["spec"]["containers"][0], **changes)]
        revision = {"annotations": {"deployment.kubernetes.io/revision": number}}
        self.edit("Deployment", app, metadata=revision, spec={"template": {"spec": {"containers": changed}}})
        made = patch(old, spec={"template": {"spec": {"containers": changed}}, "replicas": 1})
        named = {"name": f"{app}-7f6d5c4b3", "uid": f"uid-{app}-2", "creationTimestamp": SINCE, **revision}
        self.add(patch(made, metadata=named, status={"replicas": 1, "readyReplicas": 0, "availableReplicas": 0}))
        state, last = crashing("Error", code)
        name = f"{app}-7f6d5c4b3-n4v8s"
        status = container_status(app, ready=False, restarts=6, state=state, last=last)
        newest = pod(
            name,
            containers=changed,
            labels={"app": app},
            owner=("ReplicaSet", f"{app}-7f6d5c4b3"),
            node="node-c",
            ready=False,
            statuses=[status],
        )
        self.add(patch(newest, metadata={"creationTimestamp": SINCE}, status={"podIP": "10.0.3.77"}))
        self.logs[f"{NAMESPACE}/{name}/{app}"] = self.logs[f"{NAMESPACE}/{name}/{app}-previous"] = log
        say(self, "BackOff", f"Back-off restarting failed container {app} in pod {name}", about=("Pod", name))

    def unreached(self, app: str, output: str = "connect: connection refused") -> None:
        """Let the TCP probe of the service of ``app`` fail."""
        self.probes = [
            {**one, "reachable": False, "output": output} if one["service"] == app else one for one in self.probes
        ]

    def gone(self, app: str) -> None:
        """Take away every pod of ``app``."""
        for name in self.pods_of(app):
            inside = self.inside(name)
            self.drop("Pod", name)
            self.logs.pop(f"{NAMESPACE}/{name}/{inside}", None)
        self.count(app, 0)
        if ("Endpoints", NAMESPACE, app) in self.objects:
            self.add(endpoints(app))
        self.unreached(app)

    def callers(self, callee: str) -> Sequence[str]:
        """Return who calls ``callee``."""
        return [name for name, called in CALLS.items() if callee in called]

    def complain(self, callee: str, why: str) -> None:
        """Let every caller of ``callee`` log ``why``."""
        for name in self.callers(callee):
            self.words(name, "".join(servlet(f"11:{minute}:07", why) for minute in (48, 51, 54, 57)))

    def error_samples(self) -> None:
        """Keep of every log only its lines of errors and what follows them, as a collector of samples does."""
        self.coverage["logs"] = "error-samples"
        kept = {}
        for key, text in self.logs.items():
            lines = [
                line
                for line in text.splitlines()
                if not any(word in line for word in (" INFO ", " WARN ", "[System]", "[info]"))
            ]
            if lines:
                kept[key] = "\n".join(lines[-80:]) + "\n"
        self.logs = kept

    def eventless(self) -> None:
        """Forget every event."""
        for key in [key for key in self.objects if key[0] == "Event"]:
            del self.objects[key]

    def write(self, folder: Path) -> Path:
        """Write the snapshot."""
        return write_snapshot(
            folder,
            *self.objects.values(),
            question=self.question,
            namespaces=(NAMESPACE,),
            kinds=[kind for kind in LOOKED_FOR if not any(one == kind for one, _, _ in self.objects)],
            coverage={**self.coverage, "metrics": bool(self.metrics)},
            logs=self.logs,
            probes=self.probes,
            alerts=self.alerts,
            units=self.units,
            metrics="\n".join([*self.metrics, "# EOF", ""]) if self.metrics else "",
            topology=self.topology,
        )


def railway() -> Railway:
    """Return the healthy railway."""
    cluster = Railway()
    cluster.question = "Service Availability Disruption."
    _ground(cluster)
    _stores(cluster)
    for name, port in PORTS.items():
        cluster.java(name, port, database=name not in WITHOUT_DATABASE)
    _entrance(cluster)
    cluster.topology = {name: list(called) for name, called in CALLS.items()}
    for name in CALLS:
        if name not in WITHOUT_DATABASE:
            cluster.topology[name].append(f"{DATABASE}-leader")
    cluster.topology |= {GATEWAY: list(CALLS), UI: [GATEWAY]}
    _addresses(cluster)
    _old_events(cluster)
    return cluster


def _ground(cluster: Railway) -> None:
    """Take nodes, units and cluster DNS of the shop, and none of its workloads."""
    for (kind, namespace, name), one in shop().objects.items():
        if namespace in ("", "kube-system", "kube-node-lease") or kind == "ServiceAccount":
            cluster.objects[kind, namespace, name] = one
    cluster.units = shop().units


def _stores(cluster: Railway) -> None:
    for name, leader in ((DATABASE, "leader"), (REGISTRY_DATABASE, "leader")):
        cluster.app(
            name,
            3306,
            kind="StatefulSet",
            image="registry.example/mirror/percona-server:8.0.33",
            replicas=1,
            log=MYSQL_LOG,
        )
        cluster.add(service(f"{name}-{leader}", {"app": name}, 3306))
        cluster.add(patch(endpoints(f"{name}-{leader}", ready=cluster.pods_of(name), port=3306)))
        cluster.probes.append(
            {"namespace": NAMESPACE, "service": f"{name}-{leader}", "port": 3306, "reachable": True, "output": "open"}
        )
        cluster.containers(name, resources={"requests": {"cpu": "100m", "memory": "256Mi"}})
    cluster.app(
        "nacos",
        8848,
        kind="StatefulSet",
        image="registry.example/nacos/nacos-server:v2.0.4",
        replicas=1,
        log=NACOS_LOG,
        env={"MYSQL_SERVICE_HOST": f"{REGISTRY_DATABASE}-leader", "MYSQL_SERVICE_PORT": "3306"},
    )
    cluster.app("rabbitmq", 5672, image="docker.io/library/rabbitmq:3.9-management", replicas=1, log=RABBIT_LOG)
    cluster.app("redis-cache", 6379, image="docker.io/library/redis:6.2", replicas=1)
    cluster.add(thing("ConfigMap", "nacos", data={"NACOS_ADDRS": "nacos-0.nacos.shop.svc.cluster.local:8848"}))
    for name in ("tk-notification-service", "tk-food-service"):
        cluster.topology.setdefault(name, []).append("rabbitmq")


def _entrance(cluster: Railway) -> None:
    said = "2030-05-01 09:00:31.022  INFO 1 --- [main] o.s.b.web.embedded.netty.NettyWebServer  : Netty started on port(s): 18888\n"
    cluster.app(GATEWAY, GATEWAY_PORT, replicas=1, image=f"registry.example/rail/{GATEWAY}:1.0.0", log=said)
    mount = [{"name": "routes", "mountPath": "/config"}]
    cluster.containers(GATEWAY, volumeMounts=mount, resources=JAVA, livenessProbe=None)
    cluster.spec_of_pods(GATEWAY, volumes=[{"name": "routes", "configMap": {"name": "tk-gateway-config"}}])
    cluster.add(thing("ConfigMap", "tk-gateway-config", data={"application.yml": routes()}))
    cluster.app(
        UI,
        UI_PORT,
        replicas=1,
        image=f"registry.example/rail/{UI}:1.0.0",
        log='10.0.1.2 - - [01/May/2030:11:40:00 +0000] "GET / HTTP/1.1" 200 612 "-" "curl"\n',
    )
    cluster.containers(UI, volumeMounts=[{"name": "conf", "mountPath": "/etc/nginx/conf.d"}])
    cluster.spec_of_pods(UI, volumes=[{"name": "conf", "configMap": {"name": "tk-ui-nginx"}}])
    cluster.add(
        thing(
            "ConfigMap",
            "tk-ui-nginx",
            data={
                "default.conf": f"server {{\n  listen {UI_PORT};\n  location /api {{\n    proxy_pass http://{GATEWAY}:{GATEWAY_PORT};\n  }}\n}}\n"
            },
        )
    )


def routes(changed: dict[str, str] | None = None) -> str:
    """Return the gateway's settings, with other targets for some services."""
    lines = [
        "server:\n  port: 18888\nspring:\n  application:\n    name: tk-gateway-service\n  cloud:\n    gateway:\n      routes:\n"
    ]
    for name, port in PORTS.items():
        path = name.removeprefix("tk-").replace("-", "")
        target = (changed or {}).get(name, f"http://{name}:{port}")
        lines.append(
            f"      - id: {name.removeprefix('tk-')}\n        uri: {target}\n        predicates:\n        - Path=/api/v1/{path}/**\n"
        )
    return "".join(lines)


def _addresses(cluster: Railway) -> None:
    """Give pods and services their addresses."""
    for number, (kind, _, name) in enumerate(list(cluster.objects)):
        if kind == "Pod" and ("Pod", NAMESPACE, name) in cluster.objects:
            cluster.edit("Pod", name, status={"podIP": f"10.0.1.{number % 250}"})
        if kind == "Service" and ("Service", NAMESPACE, name) in cluster.objects:
            cluster.edit(
                "Service", name, spec={"clusterIP": f"10.96.{number // 250}.{number % 250}", "type": "ClusterIP"}
            )


def _old_events(cluster: Railway) -> None:
    """Leave what earlier days left: events of pods that are gone, some of them not old at all."""
    told = (
        ("Failed", 'Error: secret "tk-order-mysql" not found'),
        ("FailedScheduling", "0/4 nodes are available: 4 Insufficient cpu."),
        ("Unhealthy", "Liveness probe failed: dial tcp 10.0.1.77:12031: connect: connection refused"),
        ("BackOff", "Back-off restarting failed container"),
        ("FailedMount", 'MountVolume.SetUp failed for volume "conf" : configmap "tk-ui-nginx" not found'),
    )
    for number, name in enumerate(CALLS):
        for place, (reason, text) in enumerate(told):
            first, last = ("2030-04-29T10:00:00Z", "2030-04-29T10:20:00Z") if place % 2 else (SINCE, LAST)
            cluster.add(
                event(
                    reason,
                    text,
                    about=("Pod", f"{name}-66d8c7f9b{number % 10}-gone{place}"),
                    count=20,
                    first=first,
                    last=last,
                )
            )


def sidecar(cluster: Railway, app: str, **fields: Any) -> Json:
    """Add a second container to a workload and its pods, and return it."""
    added = container("agent", "registry.example/tools/agent:2.1", **fields)
    for kind, name in cluster._templates(app):
        spec = cluster.get(kind, name)["spec"]
        holder = spec if kind == "Pod" else spec["template"]["spec"]
        cluster.edit_spec(kind, name, containers=[*holder["containers"], added])
    return added
