"""The whole program on containers that start and then fail: each cause beside its look-alikes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from clusters import HASH, Cluster, shop
from faults import LAST, SINCE, crash, say
from shop import NAMESPACE, container, container_status, event, patch

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

Json = dict[str, Any]
Case = Callable[[Cluster], str]
CASES: dict[str, Case] = {}
TCP = {"tcpSocket": {"port": 8080}, "initialDelaySeconds": 60, "periodSeconds": 10, "failureThreshold": 3}
NO_HANDLER = {"tcpSocket": None, "httpGet": None, "grpc": None}
REFUSED = "dial tcp 10.0.0.7:{}: connect: connection refused"
BOOT = "2030-05-01 11:57:01.000  INFO 1 --- [main] o.s.b.SpringApplication : Starting OrdersApplication v1.4.2\n"
TOMCAT = "2030-05-01 11:57:48.000  INFO 1 --- [main] o.s.b.w.embedded.tomcat.TomcatWebServer  : Tomcat started on port(s): 8080 (http) with context path ''\n"
STARTED = "2030-05-01 11:57:49.000  INFO 1 --- [main] com.shop.OrdersApplication : Started OrdersApplication in 48.2 seconds (JVM running for 50.1)\n"


def case(make: Case) -> Case:
    CASES[make.__name__] = make
    return make


def fails(cluster: Cluster, probe: str, why: str, *, count: int = 40, last: str = LAST) -> None:
    """Let the kubelet say that a probe of ``orders`` fails; each probe has an event of its own."""
    for name in cluster.pods_of("orders"):
        text = f"{probe} probe failed: {why}"
        told = event("Unhealthy", text, about=("Pod", name), count=count, first=SINCE, last=last)
        cluster.add(patch(told, metadata={"name": f"{name}.{probe}"}))


def killed(cluster: Cluster, *, log: str, probe: Json, why: str, code: int = 143, ready_fails: bool = True) -> None:
    """Let liveness kill the pods of ``orders`` in a loop; while they start, readiness is refused too."""
    cluster.containers("orders", livenessProbe={**NO_HANDLER, **probe}, readinessProbe=TCP)
    crash(cluster, "orders", "Error", code, log)
    fails(cluster, "Liveness", why)
    if ready_fails:
        fails(cluster, "Readiness", REFUSED.format(8080))
    for name in cluster.pods_of("orders"):
        say(
            cluster,
            "Killing",
            "Container orders failed liveness probe, will be restarted",
            about=("Pod", name),
            type="Normal",
        )


def unready(cluster: Cluster, *, log: str, probe: Json, why: str, noise: bool = True) -> None:
    """Let readiness of the running ``orders`` fail; liveness was refused while it started."""
    cluster.containers("orders", livenessProbe=TCP, readinessProbe={**NO_HANDLER, **probe})
    cluster.status("orders", state={"running": {"startedAt": SINCE}})
    fails(cluster, "Readiness", why)
    for name in cluster.pods_of("orders"):
        cluster.logs[f"{NAMESPACE}/{name}/orders"] = log
    if noise:
        fails(cluster, "Liveness", REFUSED.format(8080), count=1, last=SINCE)


@case
def liveness_of_another_port_by_the_log(cluster: Cluster) -> str:
    """Both probes are refused, and the log of the run before says where the process listened."""
    killed(cluster, log=BOOT + TOMCAT + STARTED, probe={**TCP, "tcpSocket": {"port": 8081}}, why=REFUSED.format(8081))
    return "liveness-probe-wrong-port"


@case
def liveness_of_another_port_by_declarations(cluster: Cluster) -> str:
    """The log says nothing of ports; container and service do."""
    killed(cluster, log=BOOT, probe={**TCP, "tcpSocket": {"port": 8081}}, why=REFUSED.format(8081))
    return "liveness-probe-wrong-port"


@case
def liveness_within_a_second(cluster: Cluster) -> str:
    """One failure after one second kills."""
    tight = {**TCP, "initialDelaySeconds": 1, "periodSeconds": 1, "failureThreshold": 1}
    killed(cluster, log=BOOT, probe=tight, why=REFUSED.format(8080), code=137)
    return "liveness-probe-too-tight"


@case
def liveness_shorter_than_the_start(cluster: Cluster) -> str:
    """An earlier run came up once and said how long that took."""
    short = {**TCP, "initialDelaySeconds": 10, "periodSeconds": 5}
    killed(cluster, log=BOOT + TOMCAT + STARTED, probe=short, why=REFUSED.format(8080))
    return "liveness-probe-too-tight"


@case
def liveness_before_anything_is_said(cluster: Cluster) -> str:
    """The process never comes to say that it listens."""
    short = {**TCP, "initialDelaySeconds": 10, "periodSeconds": 5}
    killed(cluster, log=BOOT, probe=short, why=REFUSED.format(8080))
    return "liveness-probe-too-tight"


@case
def liveness_of_a_path_that_is_not_there(cluster: Cluster) -> str:
    """Tomcat answers 404."""
    asked = {"httpGet": {"port": 8080, "path": "/healthz"}, "initialDelaySeconds": 60}
    killed(cluster, log=BOOT + TOMCAT + STARTED, probe=asked, why="HTTP probe failed with statuscode: 404")
    return "liveness-probe-wrong-protocol"


@case
def liveness_by_grpc_of_tomcat(cluster: Cluster) -> str:
    """The handshake never ends."""
    why = 'timeout: failed to connect service "10.0.0.7:8080" within 1s: context deadline exceeded'
    asked = {"grpc": {"port": 8080}, "initialDelaySeconds": 60}
    killed(cluster, log=BOOT + TOMCAT + STARTED, probe=asked, why=why)
    return "liveness-probe-wrong-protocol"


@case
def liveness_by_tls_of_plain_http(cluster: Cluster) -> str:
    """The server answers in clear text."""
    why = 'Get "https://10.0.0.7:8080/": http: server gave HTTP response to HTTPS client'
    asked = {"httpGet": {"port": 8080, "path": "/", "scheme": "HTTPS"}}
    killed(cluster, log=BOOT + TOMCAT, probe=asked, why=why, ready_fails=False)
    return "liveness-probe-wrong-protocol"


@case
def liveness_that_ends_go_with_two(cluster: Cluster) -> str:
    """A Go program that does not handle SIGTERM ends with exit code 2, which is no error of its own."""
    why = 'Get "http://10.0.0.7:8080/": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x00\\x00\\x06"'
    killed(
        cluster,
        log='{"message":"starting to listen on tcp: \\"[::]:8080\\""}\n',
        probe={"httpGet": {"port": 8080}},
        why=why,
        code=2,
    )
    return "liveness-probe-wrong-protocol"


@case
def readiness_of_another_port(cluster: Cluster) -> str:
    """The process runs and liveness does not complain any more."""
    unready(cluster, log=BOOT, probe={**TCP, "tcpSocket": {"port": 8081}}, why=REFUSED.format(8081))
    return "readiness-probe-wrong-port"


@case
def readiness_that_needs_a_login(cluster: Cluster) -> str:
    """Spring Security answers 401."""
    asked = {"httpGet": {"port": 8080, "path": "/"}}
    unready(cluster, log=BOOT + TOMCAT + STARTED, probe=asked, why="HTTP probe failed with statuscode: 401")
    return "readiness-probe-wrong-protocol"


@case
def readiness_by_grpc_of_http(cluster: Cluster) -> str:
    """Liveness succeeds on the same port by TCP."""
    why = 'timeout: failed to connect service "10.0.0.7:8080" within 1s: context deadline exceeded'
    unready(cluster, log=BOOT, probe={"grpc": {"port": 8080}}, why=why)
    return "readiness-probe-wrong-protocol"


@case
def memory_while_probes_fail(cluster: Cluster) -> str:
    """The kernel kills at the limit; between the kills readiness is refused."""
    crash(cluster, "orders", "OOMKilled", 137, BOOT)
    fails(cluster, "Readiness", REFUSED.format(8080))
    return "memory-limit-too-low"


@case
def memory_limit_lowered(cluster: Cluster) -> str:
    """The newest revision lowered the limit."""
    before = patch(
        cluster.get("ReplicaSet", f"orders-{HASH}"), metadata={"name": "orders-before"}, spec={"replicas": 0}
    )
    cluster.containers("orders", resources={"limits": {"memory": "96Mi"}})
    newest = {"creationTimestamp": "2030-05-01T11:40:00Z", "annotations": {"deployment.kubernetes.io/revision": "2"}}
    cluster.edit("ReplicaSet", f"orders-{HASH}", metadata=newest)
    cluster.add(before)
    crash(cluster, "orders", "OOMKilled", 137, BOOT)
    return "memory-limit-too-low"


@case
def two_servers_on_one_port(cluster: Cluster) -> str:
    """A sidecar took the port first."""
    log = BOOT + "Web server failed to start. Port 8080 was already in use.\n"
    crash(cluster, "orders", "Error", 1, log)
    sidecar = container("proxy", ports=[{"containerPort": 8080}])
    for name in cluster.pods_of("orders"):
        one = cluster.get("Pod", name)
        statuses = [*one["status"]["containerStatuses"], container_status("proxy")]
        cluster.edit(
            "Pod",
            name,
            spec={"containers": [*one["spec"]["containers"], sidecar]},
            status={"containerStatuses": statuses},
        )
    return "port-conflict-in-pod"


@case
def python_that_cannot_import(cluster: Cluster) -> str:
    """An uncaught exception at start."""
    log = "Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in <module>\n    import orders.api\nModuleNotFoundError: No module named 'orders.api'\n"
    crash(cluster, "orders", "Error", 1, log)
    return "application-start-error"


@case
def silent_exit_after_a_release(cluster: Cluster) -> str:
    """It ends with an exit code and without a word, after a new image; the release alone proves nothing."""
    before = patch(
        cluster.get("ReplicaSet", f"orders-{HASH}"), metadata={"name": "orders-before"}, spec={"replicas": 0}
    )
    cluster.containers("orders", image="registry.example/shop/orders:1.5.0")
    newest = {"creationTimestamp": "2030-05-01T11:40:00Z", "annotations": {"deployment.kubernetes.io/revision": "2"}}
    cluster.edit("ReplicaSet", f"orders-{HASH}", metadata=newest)
    cluster.add(before)
    crash(cluster, "orders", "Error", 3, "")
    return "application-start-error"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def report_of(installation: Installation, path: Path) -> Report:
    return anyio.run(diagnose_snapshot, installation, path).report


@pytest.mark.parametrize("name", CASES)
def test_the_cause_is_told_from_its_look_alikes(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = shop()
    cause = CASES[name](cluster)

    report = report_of(installation, cluster.write(tmp_path))

    found = [(one.cause, one.component) for one in report.hypotheses]
    assert found[:1] == [(cause, "deployment/shop/orders")], [
        (one.cause, one.confidence, one.terms, one.because) for one in report.hypotheses[:4]
    ]
    assert report.verdict == "diagnosed"


def test_a_process_that_waits_for_a_dependency_is_not_blamed_on_its_probe(
    installation: Installation, tmp_path: Path
) -> None:
    cluster = shop()
    cluster.edit(
        "StatefulSet",
        "orders-db",
        spec={"replicas": 0},
        status={"replicas": 0, "readyReplicas": 0, "availableReplicas": 0},
    )
    for name in cluster.pods_of("orders-db"):
        cluster.drop("Pod", name)
    cluster.edit("Endpoints", "orders-db", subsets=[])
    waits = "".join(
        f"2030-05-01T11:{minute}:10Z ERROR call failed: dial tcp: orders-db:3306: connect: connection refused\n"
        for minute in range(46, 59)
    )
    killed(cluster, log=waits, probe={**TCP, "initialDelaySeconds": 10}, why=REFUSED.format(8080))

    report = report_of(installation, cluster.write(tmp_path))

    assert (report.hypotheses[0].cause, report.hypotheses[0].component) == (
        "scaled-to-zero",
        "statefulset/shop/orders-db",
    )


def test_evictions_are_blamed_on_the_node(installation: Installation, tmp_path: Path) -> None:
    cluster = shop()
    text = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 48Mi."
    for app in ("cart", "orders"):
        for name in cluster.pods_of(app):
            if cluster.get("Pod", name)["spec"]["nodeName"] == "node-a":
                cluster.edit(
                    "Pod",
                    name,
                    status={
                        "phase": "Failed",
                        "reason": "Evicted",
                        "message": text,
                        "startTime": SINCE,
                        "containerStatuses": [],
                    },
                )
        cluster.count(app, 1)

    report = report_of(installation, cluster.write(tmp_path))

    assert (report.hypotheses[0].cause, report.hypotheses[0].component) == ("node-memory-pressure", "node/node-a")
