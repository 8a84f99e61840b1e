"""Blind incidents of the shop's own pods: probes, memory, configuration, releases, CPU."""

from __future__ import annotations

from blind_services import alert, each, loop, on_shop, revise, speak, told, unreached, workload
from clusters import Cluster, noise
from faults import SINCE, starting, waiting
from railway import sidecar
from shop import NAMESPACE, container_status, patch, thing

HALF = 48


@on_shop
def liveness_speaks_http_to_grpc(cluster: Cluster) -> tuple[str, str]:
    """An HTTP probe asks a gRPC server."""
    cluster.containers(
        "cart",
        livenessProbe={"tcpSocket": None, "httpGet": {"path": "/healthz", "port": 7070}, "initialDelaySeconds": 15},
    )
    loop(cluster, "cart", "2030-05-01T11:57:00Z INFO cart gRPC server listening on :7070\n", code=2)
    told(
        cluster,
        "cart",
        "Unhealthy",
        'Liveness probe failed: Get "http://IP:7070/healthz": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x00\\x00\\x06\\x04\\x00\\x00\\x00\\x00\\x00\\x00\\x05\\x00\\x00§\\x00"',
        count=21,
    )
    told(cluster, "cart", "Killing", "Container cart failed liveness probe, will be restarted", type="Normal", count=7)
    return "liveness-probe-wrong-protocol", workload("cart")


@on_shop
def readiness_asks_a_wrong_path(cluster: Cluster) -> tuple[str, str]:
    """The path of health was renamed."""
    cluster.containers("checkout", readinessProbe={"tcpSocket": None, "httpGet": {"path": "/health", "port": 5050}})
    cluster.status("checkout", state={"running": {"startedAt": SINCE}})
    speak(
        cluster,
        "checkout",
        each('10.0.1.1 - - [01/May/2030:§ +0000] "GET /health HTTP/1.1" 404 22 "-" "kube-probe/1.31"'),
    )
    told(cluster, "checkout", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404", count=88)
    unreached(cluster, "checkout")
    speak(cluster, "web", each("2030-05-01T§Z ERROR connect ECONNREFUSED 10.96.0.8:5050"))
    return "readiness-probe-wrong-protocol", workload("checkout")


@on_shop
def startup_without_patience(cluster: Cluster) -> tuple[str, str]:
    """Rails needs longer than the startup probe waits."""
    cluster.containers("web", startupProbe={"tcpSocket": {"port": 8000}, "periodSeconds": 5, "failureThreshold": 3})
    loop(
        cluster,
        "web",
        "2030-05-01T11:57:00Z => Booting Puma\n2030-05-01T11:57:01Z => Rails 7.1.3 application starting in production\n2030-05-01T11:57:14Z I, INFO -- : eager loading 412 files\n",
        code=137,
    )
    told(cluster, "web", "Unhealthy", "Startup probe failed: dial tcp IP:8000: connect: connection refused", count=24)
    told(cluster, "web", "Killing", "Container web failed startup probe, will be restarted", type="Normal", count=8)
    return "startup-probe-failing", workload("web")


@on_shop
def liveness_without_patience(cluster: Cluster) -> tuple[str, str]:
    """A second is too short for the health page under load."""
    cluster.containers(
        "checkout",
        livenessProbe={
            "tcpSocket": None,
            "httpGet": {"path": "/healthz", "port": 5050},
            "initialDelaySeconds": 1,
            "timeoutSeconds": 1,
            "periodSeconds": 2,
            "failureThreshold": 1,
        },
    )
    loop(
        cluster,
        "checkout",
        "2030-05-01T11:57:00Z INFO checkout warming caches\n2030-05-01T11:57:12Z INFO checkout listening on port 5050\n2030-05-01T11:57:13Z INFO GET /healthz 200 1840ms\n2030-05-01T11:57:15Z INFO received SIGTERM, draining\n",
        code=143,
    )
    told(
        cluster,
        "checkout",
        "Unhealthy",
        'Liveness probe failed: Get "http://IP:5050/healthz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
        count=17,
    )
    told(cluster, "checkout", "Killing", "Container checkout failed liveness probe, will be restarted", type="Normal")
    return "liveness-probe-too-tight", workload("checkout")


@on_shop
def workers_killed_inside(cluster: Cluster) -> tuple[str, str]:
    """The kernel kills gunicorn's workers at the limit; the master lives on and no container restarts."""
    speak(
        cluster,
        "checkout",
        each(
            "[2030-05-01 § +0000] [1] [ERROR] Worker (pid:412) was sent SIGKILL! Perhaps out of memory?\n[2030-05-01 § +0000] [431] [INFO] Booting worker with pid: 431"
        ),
    )
    speak(
        cluster,
        "web",
        each(
            "2030-05-01T§Z ERROR call failed: read tcp 10.0.1.4:41002->10.96.0.8:5050: read: connection reset by peer"
        ),
    )
    for place, app in enumerate(("web", "checkout", "cart", "orders")):
        base = 5.2e8 if app == "checkout" else 1.5e8
        labels = f'namespace="shop",workload="{app}"'
        cluster.series("workload_memory_working_set_bytes", labels, noise(place, base, 96, 0.01))
    return "memory-limit-too-low", workload("checkout")


@on_shop
def memory_leaks(cluster: Cluster) -> tuple[str, str]:
    """Node.js grows for an hour and is killed, again and again."""
    ended = {
        "exitCode": 137,
        "reason": "OOMKilled",
        "startedAt": "2030-05-01T10:40:00Z",
        "finishedAt": "2030-05-01T11:35:00Z",
    }
    cluster.status(
        "cart",
        ready=True,
        restarts=3,
        state={"running": {"startedAt": "2030-05-01T11:35:02Z"}},
        last={"terminated": ended},
    )
    grown = [1.2e8 + 4.0e8 * (step % 360) / 360 for step in range(720)]
    cluster.series("workload_memory_working_set_bytes", 'namespace="shop",workload="cart"', grown)
    for place, app in enumerate(("web", "checkout", "orders")):
        cluster.series(
            "workload_memory_working_set_bytes", f'namespace="shop",workload="{app}"', noise(place, 1.5e8, 720)
        )
    alert(cluster, "ContainerMemoryNearLimit", "cart", "working set above 90 % of the limit", severity="warning")
    return "memory-leak", workload("cart")


@on_shop
def too_little_memory_to_start(cluster: Cluster) -> tuple[str, str]:
    """The limit was written in mebibytes where a suffix was forgotten."""
    text = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: container init was OOM-killed (memory limit too low?): unknown"
    cluster.containers("cart", resources={"limits": {"memory": "4Mi", "cpu": "500m"}, "requests": {"memory": "4Mi"}})
    ended = {
        "exitCode": 128,
        "reason": "StartError",
        "message": text,
        "startedAt": "1970-01-01T00:00:00Z",
        "finishedAt": "2030-05-01T11:58:00Z",
    }
    loop(cluster, "cart", "")
    cluster.status("cart", restarts=7, state=waiting("RunContainerError", text), last={"terminated": ended})
    told(cluster, "cart", "Failed", f"Error: {text}")
    return "memory-limit-too-low-to-start", workload("cart")


def measured(cluster: Cluster, **factors: dict[str, float]) -> None:
    """Measure the shop; ``factors`` says by what each signal grows half-way for which workload."""
    signals = {
        "cpu": ("workload_cpu_usage_cores", 0.1),
        "held": ("workload_cpu_cfs_throttled_seconds", 0.001),
        "late": ("workload_request_duration_p95_milliseconds", 20.0),
        "rate": ("workload_request_rate", 50.0),
        "memory": ("workload_memory_working_set_bytes", 1.5e8),
        "received": ("workload_network_receive_packets_per_second", 400.0),
        "sent": ("workload_network_transmit_packets_per_second", 380.0),
    }
    for place, app in enumerate(("web", "checkout", "cart", "orders", "orders-db", "cart-cache")):
        for number, (signal, (name, base)) in enumerate(signals.items()):
            grown = base * factors.get(signal, {}).get(app, 1.0)
            values = [*noise(place + 10 * number, base, HALF), *noise(place + 10 * number + 5, grown, HALF)]
            cluster.series(name, f'namespace="shop",workload="{app}"', values)


@on_shop
def cpu_limit_lowered(cluster: Cluster) -> tuple[str, str]:
    """A limit of a twentieth of a core throttles checkout; it uses less than before."""
    limits = {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"cpu": "50m", "memory": "512Mi"}}
    revise(cluster, "checkout", resources=limits)
    measured(cluster, cpu={"checkout": 0.49}, held={"checkout": 900}, late={"checkout": 30, "web": 18})
    alert(cluster, "HighLatency", "web", "p95 above 300 ms", severity="warning")
    return "cpu-throttled", workload("checkout")


@on_shop
def sale_begins(cluster: Cluster) -> tuple[str, str]:
    """Nine times the requests arrive; everything works harder."""
    more = dict.fromkeys(("web", "checkout", "cart", "orders", "orders-db", "cart-cache"), 9.0)
    work = dict.fromkeys(more, 4.0)
    measured(
        cluster,
        rate=more,
        cpu=work,
        received=more,
        sent=more,
        late={"web": 5, "checkout": 4, "cart": 3},
        held={"web": 300},
    )
    alert(cluster, "HighLatency", "web", "p95 above 100 ms", severity="warning")
    return "traffic-surge", workload("web")


@on_shop
def packets_lost_at_a_pod(cluster: Cluster) -> tuple[str, str]:
    """Cart's network loses packets: its calls come late in steps of retransmission, and less of them."""
    measured(
        cluster,
        late={"cart": 40, "web": 22, "checkout": 25},
        rate={"cart": 0.6, "web": 0.7},
        received={"cart": 0.55},
        sent={"cart": 0.5},
    )
    for app in ("cart", "web", "checkout"):
        values = [*noise(3, 0.1, HALF), *noise(4, 14.0 if app == "cart" else 0.1, HALF)]
        cluster.series("workload_tcp_retransmits_per_second", f'namespace="shop",workload="{app}"', values)
    speak(cluster, "web", each("2030-05-01T§Z WARN call to cart:7070 took 1204ms after 1 retransmission"))
    return "pod-network-loss", workload("cart")


@on_shop
def database_without_an_index(cluster: Cluster) -> tuple[str, str]:
    """A query reads whole tables: the database is busy, and all above it are slow."""
    slow = "# Time: 2030-05-01T§.123456Z\n# User@Host: orders[orders] @  [10.0.1.7]  Id:   812\n# Query_time: 9.412337  Lock_time: 0.000004 Rows_sent: 1  Rows_examined: 48211345\nSELECT * FROM orders WHERE customer_email = 'x';"
    measured(cluster, cpu={"orders-db": 3.5}, late={"orders-db": 200, "orders": 180, "checkout": 150, "web": 120})
    speak(cluster, "orders-db", each(slow))
    speak(cluster, "orders", each("2030-05-01T§Z WARN slow query took 9412ms"))
    return "database-slow-statements", workload("orders-db", "statefulset")


@on_shop
def cart_has_too_much_work(cluster: Cluster) -> tuple[str, str]:
    """A hot loop in cart uses all CPU that the limit gives, with the same requests."""
    measured(cluster, cpu={"cart": 4.95}, held={"cart": 800}, late={"cart": 30, "web": 20, "checkout": 12})
    return "cpu-overload", workload("cart")


@on_shop
def alembic_lost_its_revision(cluster: Cluster) -> tuple[str, str]:
    """The migrations at the start fail."""
    loop(
        cluster,
        "orders",
        "INFO  [alembic.runtime.migration] Context impl MySQLImpl.\nINFO  [alembic.runtime.migration] Will assume non-transactional DDL.\nERROR [alembic.util.messaging] Can't locate revision identified by '4f1c2d9a0b77'\nFAILED: Can't locate revision identified by '4f1c2d9a0b77'\n",
    )
    return "migration-failed", workload("orders")


@on_shop
def settings_of_pydantic(cluster: Cluster) -> tuple[str, str]:
    """A setting is missing."""
    loop(
        cluster,
        "checkout",
        'Traceback (most recent call last):\n  File "/app/main.py", line 7, in <module>\n    settings = Settings()\n  File "/usr/local/lib/python3.12/site-packages/pydantic_settings/main.py", line 84, in __init__\n    super().__init__(\npydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\npayment_url\n  Field required [type=missing, input_value={}, input_type=dict]\n    For further information visit https://errors.pydantic.dev/2.6/v/missing\n',
    )
    speak(cluster, "web", each("2030-05-01T§Z ERROR connect ECONNREFUSED 10.96.0.8:5050"))
    return "application-configuration-wrong", workload("checkout")


@on_shop
def rust_panics_on_its_settings(cluster: Cluster) -> tuple[str, str]:
    """A Rust service cannot read a number from a variable."""
    cluster.containers(
        "cart", env=[{"name": "REDIS_ADDR", "value": "cart-cache:6379"}, {"name": "MAX_ITEMS", "value": "many"}]
    )
    loop(
        cluster,
        "cart",
        "thread 'main' panicked at src/config.rs:41:14:\nMAX_ITEMS must be a number: ParseIntError { kind: InvalidDigit }\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
        code=101,
    )
    return "application-configuration-wrong", workload("cart")


@on_shop
def go_panics_while_serving(cluster: Cluster) -> tuple[str, str]:
    """A nil pointer ends a Go service after minutes of work."""
    loop(
        cluster,
        "cart",
        "2030-05-01T11:30:00Z INFO cart listening on port 7070\n2030-05-01T11:55:00Z INFO GET /items 200 3ms\npanic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x6d2f3a]\n\ngoroutine 812 [running]:\nmain.(*Cart).Total(0x0)\n\t/src/cart.go:77 +0x1a\nmain.handle(0xc000124000)\n\t/src/main.go:112 +0x2f\n",
        code=2,
    )
    ended = {
        "exitCode": 2,
        "reason": "Error",
        "startedAt": "2030-05-01T11:30:00Z",
        "finishedAt": "2030-05-01T11:55:01Z",
    }
    waits = waiting("CrashLoopBackOff", "back-off 2m40s restarting failed container")
    cluster.status("cart", restarts=7, state=waits, last={"terminated": ended})
    return "application-crash", workload("cart")


@on_shop
def image_for_arm(cluster: Cluster) -> tuple[str, str]:
    """The image was built on a laptop."""
    revise(cluster, "cart", image="registry.example/shop/cart:1.5.0")
    loop(cluster, "cart", "exec /usr/local/bin/docker-entrypoint.sh: exec format error\n", code=255)
    return "image-wrong-architecture", workload("cart")


@on_shop
def sidecar_wants_the_port(cluster: Cluster) -> tuple[str, str]:
    """An nginx sidecar binds the port of the service; only the sidecar crashes."""
    sidecar(cluster, "web", ports=[{"containerPort": 8000}])  # type: ignore[arg-type]
    ended = {
        "exitCode": 1,
        "reason": "Error",
        "startedAt": "2030-05-01T11:57:00Z",
        "finishedAt": "2030-05-01T11:57:03Z",
    }
    for name in cluster.pods_of("web"):
        agent = container_status(
            "agent",
            ready=False,
            restarts=6,
            state=waiting("CrashLoopBackOff", "back-off 2m40s"),
            last={"terminated": ended},
        )
        cluster.edit("Pod", name, status={"containerStatuses": [container_status("web"), agent]})
        for key in ("agent", "agent-previous"):
            cluster.logs[f"{NAMESPACE}/{name}/{key}"] = (
                "2030/05/01 11:57:03 [emerg] 1#1: bind() to 0.0.0.0:8000 failed (98: Address already in use)\nnginx: [emerg] bind() to 0.0.0.0:8000 failed (98: Address already in use)\nnginx: [emerg] still could not bind()\n"
            )
    cluster.down("web")
    told(cluster, "web", "BackOff", "Back-off restarting failed container agent in pod web")
    return "port-conflict-in-pod", workload("web")


@on_shop
def key_of_a_secret_absent(cluster: Cluster) -> tuple[str, str]:
    """The Secret was made again without one of its keys."""
    ref = {"name": "PAYMENT_KEY", "valueFrom": {"secretKeyRef": {"name": "payment", "key": "api-key"}}}
    cluster.add(thing("Secret", "payment", type="Opaque", data={"apikey": ""}))
    cluster.containers("checkout", env=[ref])
    text = "couldn't find key api-key in Secret shop/payment"
    starting(cluster, "checkout", waiting("CreateContainerConfigError", text))
    told(cluster, "checkout", "Failed", f"Error: {text}")
    unreached(cluster, "checkout")
    speak(cluster, "web", each("2030-05-01T§Z ERROR connect ECONNREFUSED 10.96.0.8:5050"))
    return "secret-missing", workload("checkout")


@on_shop
def release_with_a_defect(cluster: Cluster) -> tuple[str, str]:
    """A new image is ready and answers with errors from its first minute."""
    revise(cluster, "web", image="registry.example/shop/web:1.5.0")
    speak(
        cluster,
        "web",
        each(
            "2030-05-01T§Z ERROR TypeError: Cannot read properties of undefined (reading 'total')\n    at render (/app/views/cart.js:41:22)\n2030-05-01T§Z INFO web GET /basket 500 4ms"
        ),
    )
    alert(cluster, "HighErrorRate", "web", "5xx ratio is 41 %")
    return "release-broken", workload("web")


@on_shop
def setting_changed_in_a_config_map(cluster: Cluster) -> tuple[str, str]:
    """A person edits the ConfigMap of cart; cart reloads it and fails."""
    managed = [{"manager": "kubectl-edit", "operation": "Update", "time": "2030-05-01T11:45:10Z", "apiVersion": "v1"}]
    made = thing("ConfigMap", "cart-settings", data={"limits.json": '{"max_items": 0}'})
    cluster.add(patch(made, metadata={"managedFields": managed}))
    cluster.spec_of_pods("cart", volumes=[{"name": "settings", "configMap": {"name": "cart-settings"}}])
    cluster.containers("cart", volumeMounts=[{"name": "settings", "mountPath": "/etc/cart"}])
    speak(
        cluster,
        "cart",
        each(
            "2030-05-01T§Z ERROR rejected: a basket may have 0 items at most\n2030-05-01T§Z INFO cart POST /items 500 1ms"
        ),
    )
    alert(cluster, "HighErrorRate", "cart", "5xx ratio is 88 %")
    return "configuration-changed", workload("cart")
