"""The railway on days on which nothing is wrong, however alarming some of it looks."""

from __future__ import annotations

from clusters import HASH, noise
from faults import say
from railway import CALLS, DATABASE, GATEWAY, PORTS, REGISTRY_DATABASE, Railway
from railway_cases import quiet
from railway_nodes import measured
from railway_words import boot, chatter, denied, link_failure, resource, servlet, spring
from shop import NAMESPACE, container_status, endpoints, event, patch, pod, service, thing, workload


@quiet
def an_ordinary_day(cluster: Railway) -> None:
    """Everything runs."""


@quiet
def an_ordinary_day_in_samples(cluster: Railway) -> None:
    """Only what looks like errors was kept."""
    cluster.error_samples()


@quiet
def everything_started_an_hour_ago(cluster: Railway) -> None:
    """Services waited for database, broker and each other while they started."""
    refused = "java.net.ConnectException: Connection refused (Connection refused)"
    for name, called in CALLS.items():
        early = "".join(servlet(f"11:00:{second}", link_failure(refused)) for second in range(10, 18))
        early += "".join(
            servlet("11:00:21", resource(one, PORTS[one], "Connection refused (Connection refused)")) for one in called
        )
        cluster.words(name, early + boot(name, PORTS[name], at="11:01") + chatter(name), anew=True)
        for one in cluster.pods_of(name):
            cluster.add(
                event(
                    "Unhealthy",
                    f"Readiness probe failed: dial tcp 10.0.1.4:{PORTS[name]}: connect: connection refused",
                    about=("Pod", one),
                    count=4,
                    first="2030-05-01T11:00:30Z",
                    last="2030-05-01T11:01:10Z",
                )
            )


@quiet
def reconnections(cluster: Railway) -> None:
    """Broker, registry and cache were reconnected to at once."""
    lines = (
        ("WARN", "o.s.a.r.l.SimpleMessageListenerContainer", "Consumer raised exception, processing can restart if the connection factory supports it. Exception summary: org.springframework.amqp.AmqpConnectException: java.net.ConnectException: Connection refused (Connection refused)"),
        ("INFO", "o.s.a.r.c.CachingConnectionFactory", "Attempting to connect to: [rabbitmq:5672]"),
        ("INFO", "o.s.a.r.c.CachingConnectionFactory", "Created new connection: rabbitConnectionFactory#4b5a5ed1:7/SimpleConnection@6f"),
        ("WARN", "i.l.core.protocol.ConnectionWatchdog", "Cannot reconnect to [redis-cache:6379]: Connection refused: redis-cache/10.96.0.9:6379"),
        ("INFO", "i.l.core.protocol.ReconnectionHandler", "Reconnected to redis-cache:6379"),
        ("ERROR", "c.a.n.c.remote.client", "[NA] Server check fail, please check server nacos-0.nacos.shop.svc.cluster.local ,port 9848 is available , error ={}"),
        ("INFO", "c.a.n.c.remote.client", "[NA] Success to connect to server [nacos-0.nacos.shop.svc.cluster.local:8848] on start up"),
    )  # fmt: skip
    for name in ("tk-notification-service", "tk-food-service", "tk-user-service"):
        early = "".join(
            spring("11:08:0" + str(place), level, logger, text) for place, (level, logger, text) in enumerate(lines)
        )
        cluster.words(name, boot(name, PORTS[name]) + early + chatter(name), anew=True)


@quiet
def one_refusal_long_ago(cluster: Railway) -> None:
    """A person mistyped a password at the server, and a request was refused before noon."""
    cluster.words(
        DATABASE,
        "2030-05-01T11:02:09.100000Z 91 [Note] [MY-010926] [Server] Access denied for user 'root'@'localhost' (using password: YES)\n",
    )
    cluster.words(
        "tk-order-service",
        boot("tk-order-service", PORTS["tk-order-service"])
        + servlet("11:03:09", denied("order", "10.0.1.44"))
        + chatter("order"),
        anew=True,
    )


@quiet
def tools_that_nobody_calls(cluster: Railway) -> None:
    """A service without pods, an admin tool, a finished job of migration."""
    cluster.add(service("tk-legacy-service", {"app": "tk-legacy-service"}, 12999), endpoints("tk-legacy-service"))
    cluster.add(workload("Deployment", "tk-load-test", replicas=0))
    ended = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": "2030-05-01T09:02:00Z"}}
    cluster.add(
        pod(
            "tk-migrate-x2x4",
            phase="Succeeded",
            ready=False,
            statuses=[container_status("app", ready=False, state=ended)],
        )
    )


@quiet
def settings_of_replicas(cluster: Railway) -> None:
    """The registry's database has followers, which are read-only as they should be."""
    data = {
        "primary.cnf": "[mysqld]\nlog-bin\n",
        "replica.cnf": "[mysqld]\nsuper-read-only\nread_only=1\n",
        "node.cnf": "[mysqld]\nmax_connections=2048\n",
    }
    cluster.add(thing("ConfigMap", "nacosdb-conf", data=data))
    cluster.spec_of_pods(REGISTRY_DATABASE, volumes=[{"name": "conf", "configMap": {"name": "nacosdb-conf"}}])
    cluster.containers(REGISTRY_DATABASE, volumeMounts=[{"name": "conf", "mountPath": "/mnt/conf"}])


@quiet
def pods_recorded_in_part(cluster: Railway) -> None:
    """Of some pods hardly anything was recorded."""
    for name in ("tk-food-service", "tk-voucher-service"):
        for one in cluster.pods_of(name):
            found = cluster.get("Pod", one)
            cluster.add(
                {**found, "status": {"phase": "Running", "podIP": "10.0.1.201"}, "spec": {"nodeName": "node-a"}}
            )


@quiet
def restarted_at_night(cluster: Railway) -> None:
    """Services were restarted by an upgrade of the node at night; the events are still there."""
    ended = {
        "terminated": {
            "exitCode": 143,
            "reason": "Error",
            "startedAt": "2030-04-28T03:00:00Z",
            "finishedAt": "2030-05-01T02:00:00Z",
        }
    }
    for name in ("tk-order-service", "tk-user-service", GATEWAY):
        cluster.status(name, ready=True, restarts=3, last=ended)
    say(
        cluster,
        "Scheduled",
        "Successfully assigned",
        about=("Pod", f"tk-order-service-{HASH}-x7k2p"),
        type="Normal",
        count=1,
    )


@quiet
def measurements_wobble(cluster: Railway) -> None:
    """Everything is measured, and one service is throttled a little all day."""
    measured(cluster, {}, held={"tk-seat-service": 0.002})
    for place, name in enumerate(("node-a", "node-b", "node-c")):
        cluster.series("node_tcp_retransmits_per_second", f'node="{name}"', noise(place, 0.4, 96, 0.3))


@quiet
def a_rollout_goes_on(cluster: Railway) -> None:
    """A new pod starts since half a minute and refuses its readiness probe; the old one serves."""
    name = "tk-price-service"
    old = cluster.get("ReplicaSet", f"{name}-{HASH}")
    newest = patch(
        old,
        metadata={
            "name": f"{name}-6c8b7d9f5",
            "uid": "uid-new",
            "creationTimestamp": "2030-05-01T11:59:25Z",
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        status={"readyReplicas": 0},
    )
    status = container_status(name, ready=False, state={"running": {"startedAt": "2030-05-01T11:59:28Z"}})
    made = pod(
        f"{name}-6c8b7d9f5-b2c4d",
        containers=newest["spec"]["template"]["spec"]["containers"],
        labels={"app": name},
        owner=("ReplicaSet", f"{name}-6c8b7d9f5"),
        node="node-c",
        ready=False,
        statuses=[status],
    )
    cluster.add(newest, patch(made, metadata={"creationTimestamp": "2030-05-01T11:59:25Z"}))
    cluster.logs[f"{NAMESPACE}/{name}-6c8b7d9f5-b2c4d/{name}"] = boot(name, PORTS[name], at="11:59", up=False)
    cluster.edit("Deployment", name, metadata={"annotations": {"deployment.kubernetes.io/revision": "2"}})
    cluster.add(
        event(
            "Unhealthy",
            f"Readiness probe failed: dial tcp 10.0.1.4:{PORTS[name]}: connect: connection refused",
            about=("Pod", f"{name}-6c8b7d9f5-b2c4d"),
            count=2,
            first="2030-05-01T11:59:40Z",
            last="2030-05-01T11:59:50Z",
        )
    )
