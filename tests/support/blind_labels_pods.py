"""Blind incidents of the benchmark's labels: memory, probes, sidecars, claims and volumes."""

from __future__ import annotations

from blind_labels import grpc_dial, in_railway, in_shop, refused
from blind_services import each, loop, speak, told, unreached, workload
from clusters import Cluster
from faults import crashing, say
from railway import DATABASE, PORTS, Railway, sidecar
from railway_words import boot
from shop import NAMESPACE, Json, container, container_status, patch, thing

STATION, ROUTE, USER, CONFIG, SEAT = (f"tk-{one}-service" for one in ("station", "route", "user", "config", "seat"))
STORE = workload(DATABASE, "statefulset")
CLAIM = f"data-{DATABASE}-0"


@in_railway
def java_service_with_little_memory(cluster: Railway) -> tuple[str, str]:
    cluster.containers(STATION, resources={"requests": {"memory": "64Mi"}, "limits": {"memory": "96Mi"}})
    cluster.crash(STATION, boot(STATION, PORTS[STATION], at="11:57", up=False), code=137, reason="OOMKilled")
    refused(cluster, STATION)
    return "memory-limit-too-low", workload(STATION)


@in_shop
def dotnet_service_with_little_memory(cluster: Cluster) -> tuple[str, str]:
    cluster.containers("cart", resources={"requests": {"memory": "16Mi"}, "limits": {"memory": "24Mi"}})
    loop(cluster, "cart", "info: Microsoft.Hosting.Lifetime[14]\n", code=137, reason="OOMKilled")
    grpc_dial(cluster, "web", "GetCart", "dial tcp 10.96.3.3:7070: connect: connection refused")
    return "memory-limit-too-low", workload("cart")


@in_shop
def database_with_little_memory_between_restarts(cluster: Cluster) -> tuple[str, str]:
    cluster.containers("cart-cache", resources={"limits": {"memory": "10Mi"}})
    last = crashing("OOMKilled", 137)[1]
    cluster.status("cart-cache", ready=True, restarts=11, last=last)
    speak(cluster, "cart", each("§ StackExchange.Redis.RedisConnectionException: SocketClosed on cart-cache:6379/Interactive, Idle/Faulted, last: EVAL"))  # fmt: skip
    return "memory-limit-too-low", workload("cart-cache")


def _killed(cluster: Cluster, app: str, failure: str, *, probe: Json, log: str = "") -> None:
    """Let the kubelet kill every container of ``app`` for its liveness probe."""
    cluster.containers(app, livenessProbe=None)
    cluster.containers(app, livenessProbe={"periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3, **probe})
    state, last = crashing("Error", 143)
    cluster.status(app, restarts=9, state=state, last=last)
    told(cluster, app, "Unhealthy", f"Liveness probe failed: {failure}", count=27)
    told(cluster, app, "Killing", f"Container {app} failed liveness probe, will be restarted", type="Normal")
    told(cluster, app, "BackOff", f"Back-off restarting failed container {app}")
    if log:
        speak(cluster, app, log, anew=True)
    unreached(cluster, app)


@in_railway
def liveness_at_another_port(cluster: Railway) -> tuple[str, str]:
    failure = "dial tcp IP:9090: connect: connection refused"
    _killed(cluster, ROUTE, failure, probe={"tcpSocket": {"port": 9090}, "initialDelaySeconds": 60})
    refused(cluster, ROUTE)
    return "liveness-probe-wrong-port", workload(ROUTE)


@in_shop
def liveness_by_http_of_a_grpc_server(cluster: Cluster) -> tuple[str, str]:
    failure = 'Get "http://IP:7070/healthz": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x00\\x00\\x06\\x04"'
    _killed(cluster, "cart", failure, probe={"httpGet": {"path": "/healthz", "port": 7070}})
    grpc_dial(cluster, "web", "GetCart", "dial tcp 10.96.3.3:7070: connect: connection refused")
    return "liveness-probe-wrong-protocol", workload("cart")


@in_railway
def liveness_by_grpc_of_an_http_server(cluster: Railway) -> tuple[str, str]:
    failure = f'timeout: failed to connect service "IP:{PORTS[USER]}" within 1s: context deadline exceeded'
    _killed(cluster, USER, failure, probe={"grpc": {"port": PORTS[USER]}, "initialDelaySeconds": 60})
    refused(cluster, USER)
    return "liveness-probe-wrong-protocol", workload(USER)


@in_railway
def liveness_before_java_is_up(cluster: Railway) -> tuple[str, str]:
    probe = {"tcpSocket": {"port": PORTS[CONFIG]}, "initialDelaySeconds": 2, "periodSeconds": 2, "failureThreshold": 2}
    failure = f"dial tcp IP:{PORTS[CONFIG]}: connect: connection refused"
    _killed(cluster, CONFIG, failure, probe=probe, log=boot(CONFIG, PORTS[CONFIG], at="11:57", up=False))
    refused(cluster, CONFIG)
    return "liveness-probe-too-tight", workload(CONFIG)


@in_shop
def liveness_with_no_patience(cluster: Cluster) -> tuple[str, str]:
    probe = {"exec": {"command": ["/bin/grpc_health_probe", "-addr=:5050"]}, "initialDelaySeconds": 0, "periodSeconds": 1, "failureThreshold": 1}  # fmt: skip
    failure = 'timeout: failed to connect service ":5050" within 1s'
    _killed(cluster, "checkout", failure, probe=probe, log="2030-05-01T11:57:19Z INFO loading catalogue\n")
    grpc_dial(cluster, "web", "PlaceOrder", "dial tcp 10.96.3.4:5050: connect: connection refused")
    return "liveness-probe-too-tight", workload("checkout")


def _unready(cluster: Cluster, app: str, failure: str, *, probe: Json) -> None:
    cluster.containers(app, readinessProbe=None)
    cluster.containers(app, readinessProbe={"periodSeconds": 5, "timeoutSeconds": 1, "failureThreshold": 3, **probe})
    cluster.status(app)
    told(cluster, app, "Unhealthy", f"Readiness probe failed: {failure}", count=171)
    unreached(cluster, app)


@in_railway
def readiness_at_another_port(cluster: Railway) -> tuple[str, str]:
    _unready(cluster, SEAT, "dial tcp IP:18080: connect: connection refused", probe={"tcpSocket": {"port": 18080}})
    refused(cluster, SEAT)
    return "readiness-probe-wrong-port", workload(SEAT)


@in_shop
def readiness_by_grpc_at_another_port(cluster: Cluster) -> tuple[str, str]:
    failure = 'timeout: failed to connect service "IP:5051" within 1s'
    _unready(cluster, "checkout", failure, probe={"grpc": {"port": 5051}})
    grpc_dial(cluster, "web", "PlaceOrder", "dial tcp 10.96.3.4:5050: connect: connection refused")
    return "readiness-probe-wrong-port", workload("checkout")


@in_shop
def readiness_by_http_of_a_cache(cluster: Cluster) -> tuple[str, str]:
    failure = 'Get "http://IP:6379/": net/http: HTTP/1.x transport connection broken: malformed HTTP response "-ERR wrong number of arguments for \'get\' command"'
    _unready(cluster, "cart-cache", failure, probe={"httpGet": {"path": "/", "port": 6379}})
    speak(cluster, "cart", each("§ StackExchange.Redis.RedisConnectionException: It was not possible to connect to the redis server(s). UnableToConnect on cart-cache:6379"))  # fmt: skip
    return "readiness-probe-wrong-protocol", workload("cart-cache")


@in_railway
def readiness_by_tls_of_a_plain_port(cluster: Railway) -> tuple[str, str]:
    failure = f'Get "https://IP:{PORTS[SEAT]}/": http: server gave HTTP response to HTTPS client'
    _unready(cluster, SEAT, failure, probe={"httpGet": {"path": "/", "port": PORTS[SEAT], "scheme": "HTTPS"}})
    refused(cluster, SEAT)
    return "readiness-probe-wrong-protocol", workload(SEAT)


def _beside(cluster: Cluster, app: str, name: str, log: str, *, first: bool = False) -> None:
    """Put a container beside the one of ``app``; one of them finds its port taken and crashes."""
    state, last = crashing("Error", 1)
    crashed = app if first else name
    statuses = [
        container_status(one, ready=one != crashed, restarts=6 if one == crashed else 0)
        | ({"state": state, "lastState": last} if one == crashed else {})
        for one in (app, name)
    ]
    cluster.down(app)
    for one in cluster.pods_of(app):
        cluster.edit("Pod", one, status={"containerStatuses": statuses})
        cluster.logs[f"{NAMESPACE}/{one}/{crashed}"] = cluster.logs[f"{NAMESPACE}/{one}/{crashed}-previous"] = log
        say(cluster, "BackOff", f"Back-off restarting failed container {crashed} in pod {one}", about=("Pod", one))
    unreached(cluster, app)


@in_railway
def java_service_beside_a_server_at_its_port(cluster: Railway) -> tuple[str, str]:
    sidecar(cluster, STATION, command=["nc", "-lk", "-p", str(PORTS[STATION])])
    log = (
        boot(STATION, PORTS[STATION], at="11:57", up=False)
        + f"\n***************************\nAPPLICATION FAILED TO START\n***************************\n\nDescription:\n\nWeb server failed to start. Port {PORTS[STATION]} was already in use.\n\nAction:\n\nIdentify and stop the process that's listening on port {PORTS[STATION]} or configure this application to listen on another port.\n"
    )
    _beside(cluster, STATION, "agent", log, first=True)
    refused(cluster, STATION)
    return "port-conflict-in-pod", workload(STATION)


@in_railway
def sidecar_that_finds_the_port_taken(cluster: Railway) -> tuple[str, str]:
    sidecar(cluster, USER, ports=[{"containerPort": PORTS[USER]}])
    log = f"2030/05/01 11:57:20 [emerg] 1#1: bind() to 0.0.0.0:{PORTS[USER]} failed (98: Address already in use)\nnginx: [emerg] still could not bind()\n"
    _beside(cluster, USER, "agent", log)
    refused(cluster, USER)
    return "port-conflict-in-pod", workload(USER)


def _second(cluster: Cluster, app: str, port: int) -> None:
    added = container("metrics", "registry.example/tools/exporter:0.9", ports=[{"containerPort": port}])
    for kind, name in cluster._templates(app):
        spec = cluster.get(kind, name)["spec"]
        holder = spec if kind == "Pod" else spec["template"]["spec"]
        cluster.edit_spec(kind, name, containers=[*holder["containers"], added])


@in_shop
def dotnet_service_beside_an_exporter(cluster: Cluster) -> tuple[str, str]:
    _second(cluster, "cart", 7070)
    log = "Unhandled exception. System.IO.IOException: Failed to bind to address http://[::]:7070: address already in use.\n ---> Microsoft.AspNetCore.Connections.AddressInUseException: Address already in use\n"
    _beside(cluster, "cart", "metrics", log, first=True)
    grpc_dial(cluster, "web", "GetCart", "dial tcp 10.96.3.3:7070: connect: connection refused")
    return "port-conflict-in-pod", workload("cart")


@in_shop
def exporter_beside_a_go_service(cluster: Cluster) -> tuple[str, str]:
    _second(cluster, "checkout", 5050)
    _beside(cluster, "checkout", "metrics", "ts=2030-05-01T11:57:20Z level=error caller=main.go:201 err=\"listen tcp :5050: bind: address already in use\"\n")  # fmt: skip
    return "port-conflict-in-pod", workload("checkout")


def _waits(cluster: Cluster, claim: Json, volume: Json, why: str) -> str:
    """Let the database wait for a claim and return the id of the claim."""
    asked = {"accessModes": ["ReadWriteOnce"], "storageClassName": "manual", "resources": {"requests": {"storage": "5Gi"}}}  # fmt: skip
    offered = {"capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "manual", "hostPath": {"path": "/data"}}  # fmt: skip
    cluster.add(
        thing("PersistentVolumeClaim", CLAIM, spec=patch(asked, **claim), status={"phase": "Pending"}),
        thing(
            "PersistentVolume", "tickets", namespace="", spec=patch(offered, **volume), status={"phase": "Available"}
        ),
    )
    cluster.spec_of_pods(DATABASE, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}])
    cluster.pending(DATABASE)
    for name in cluster.pods_of(DATABASE):
        cluster.logs.pop(f"{NAMESPACE}/{name}/{DATABASE}")
    told(cluster, DATABASE, "FailedScheduling", "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims.", component="default-scheduler")  # fmt: skip
    reason = "ProvisioningFailed" if "not found" in why else "FailedBinding"
    say(cluster, reason, why, about=("PersistentVolumeClaim", CLAIM), component="persistentvolume-controller")
    unreached(cluster, f"{DATABASE}-leader")
    return f"persistentvolumeclaim/{NAMESPACE}/{CLAIM}"


@in_railway
def claim_wants_to_be_shared(cluster: Railway) -> tuple[str, str]:
    why = "no persistent volumes available for this claim and no storage class is set"
    return "claim-access-mode-mismatch", _waits(cluster, {"accessModes": ["ReadWriteMany"]}, {}, why)


@in_railway
def claim_wants_more_than_there_is(cluster: Railway) -> tuple[str, str]:
    wanted = {"resources": {"requests": {"storage": "500Gi"}}}
    why = 'storageclass.storage.k8s.io "manual" not found'
    return "claim-capacity-mismatch", _waits(cluster, wanted, {}, why)


@in_railway
def claim_names_a_class_that_is_not_there(cluster: Railway) -> tuple[str, str]:
    why = 'storageclass.storage.k8s.io "fast-ssd" not found'
    return "claim-storage-class-mismatch", _waits(cluster, {"storageClassName": "fast-ssd"}, {}, why)


@in_railway
def server_may_not_write_its_data(cluster: Railway) -> tuple[str, str]:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}
    cluster.spec_of_pods(DATABASE, securityContext={"runAsUser": 10001, "runAsNonRoot": True}, volumes=[volume])
    cluster.containers(DATABASE, volumeMounts=[{"name": "data", "mountPath": "/var/lib/mysql"}])
    loop(cluster, DATABASE, "mysqld: Can't create/write to file '/var/lib/mysql/is_writable' (OS errno 13 - Permission denied)\n2030-05-01T11:57:19.4Z 0 [ERROR] [MY-010119] [Server] Aborting\n")  # fmt: skip
    unreached(cluster, f"{DATABASE}-leader")
    return "volume-permission-denied", STORE


@in_shop
def cache_on_a_read_only_mount(cluster: Cluster) -> tuple[str, str]:
    cluster.spec_of_pods("cart-cache", volumes=[{"name": "data", "hostPath": {"path": "/srv/redis"}}])
    cluster.containers("cart-cache", volumeMounts=[{"name": "data", "mountPath": "/data", "readOnly": True}])
    loop(cluster, "cart-cache", "1:M 01 May 2030 11:57:20.1 # Can't open or create append-only dir appendonlydir: Read-only file system\n")  # fmt: skip
    return "volume-permission-denied", workload("cart-cache")


@in_railway
def java_service_may_not_write_its_log(cluster: Railway) -> tuple[str, str]:
    cluster.spec_of_pods(SEAT, securityContext={"runAsUser": 65534}, volumes=[{"name": "logs", "emptyDir": {}}])
    cluster.containers(SEAT, volumeMounts=[{"name": "logs", "mountPath": "/logs"}])
    loop(cluster, SEAT, "Exception in thread \"main\" java.lang.IllegalStateException: Logback configuration error detected: \nERROR in ch.qos.logback.core.rolling.RollingFileAppender[FILE] - openFile(/logs/seat.log,true) call failed. java.io.FileNotFoundException: /logs/seat.log (Permission denied)\n")  # fmt: skip
    refused(cluster, SEAT)
    return "volume-permission-denied", workload(SEAT)
