"""Faults of the railway's pods: ports, secrets, volumes, probes, memory, claims, quotas."""

from __future__ import annotations

from clusters import HASH
from faults import LAST, SINCE, say, starting, unscheduled, waiting
from railway import DATABASE, PORTS, Railway, sidecar
from railway_cases import case
from railway_databases import ORDER
from railway_routes import workload
from railway_words import boot, chatter, resource, spring
from shop import NAMESPACE, Json, container_status, event, patch, thing

PORT = PORTS[ORDER]
NO_HANDLER: Json = {"tcpSocket": None, "httpGet": None, "grpc": None, "exec": None}
TAKEN = f"""

***************************
APPLICATION FAILED TO START
***************************

Description:

Web server failed to start. Port {PORT} was already in use.

Action:

Identify and stop the process that's listening on port {PORT} or configure this application to listen on another port.

"""
STATEFUL = f"statefulset/{NAMESPACE}/{DATABASE}"
CLAIM = f"data-{DATABASE}-0"


@case
def port_taken_by_a_sidecar(cluster: Railway) -> tuple[str, str]:
    """A sidecar declares the service's port and came first."""
    sidecar(cluster, ORDER, ports=[{"containerPort": PORT, "protocol": "TCP"}])
    cluster.crash(
        ORDER,
        boot(ORDER, PORT, at="11:57", up=False)
        + spring("11:57:40", "ERROR", "o.s.b.d.LoggingFailureAnalysisReporter", TAKEN),
    )
    return "port-conflict-in-pod", workload(ORDER)


@case
def port_taken_as_the_log_says(cluster: Railway) -> tuple[str, str]:
    """The sidecar declares nothing; only samples are there."""
    sidecar(cluster, ORDER)
    trace = "org.springframework.context.ApplicationContextException: Failed to start bean 'webServerStartStop'; nested exception is org.springframework.boot.web.server.PortInUseException\nCaused by: java.net.BindException: Address already in use\n\tat sun.nio.ch.Net.bind0(Native Method)\n"
    cluster.crash(
        ORDER,
        boot(ORDER, PORT, at="11:57", up=False)
        + spring("11:57:40", "ERROR", "o.s.boot.SpringApplication", "Application run failed")
        + trace,
    )
    cluster.error_samples()
    return "port-conflict-in-pod", workload(ORDER)


@case
def port_taken_from_the_sidecar(cluster: Railway) -> tuple[str, str]:
    """The service came first, and the sidecar crashes: the pod is not ready."""
    sidecar(cluster, ORDER, ports=[{"containerPort": PORT, "protocol": "TCP"}])
    for name in cluster.pods_of(ORDER):
        ended = {
            "terminated": {
                "exitCode": 1,
                "reason": "Error",
                "startedAt": "2030-05-01T11:57:00Z",
                "finishedAt": "2030-05-01T11:57:01Z",
            }
        }
        agent = container_status(
            "agent",
            ready=False,
            restarts=7,
            state=waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container"),
            last=ended,
        )
        cluster.edit("Pod", name, status={"containerStatuses": [container_status(ORDER), agent]})
        cluster.logs[f"{NAMESPACE}/{name}/agent"] = (
            f"2030/05/01 11:57:00 [emerg] 1#1: bind() to 0.0.0.0:{PORT} failed (98: Address already in use)\nnginx: [emerg] bind() to 0.0.0.0:{PORT} failed (98: Address already in use)\n"
        )
        say(cluster, "BackOff", f"Back-off restarting failed container agent in pod {name}", about=("Pod", name))
    cluster.down(ORDER)
    return "port-conflict-in-pod", workload(ORDER)


@case
def port_taken_and_nothing_logged(cluster: Railway) -> tuple[str, str]:
    """The declarations and the crash are all there is."""
    port_taken_by_a_sidecar(cluster)
    cluster.logs = {}
    cluster.coverage["logs"] = "none"
    return "port-conflict-in-pod", workload(ORDER)


def unmade(cluster: Railway, app: str, reason: str, text: str, *, told: str = "Failed") -> None:
    """Let the pod of a workload wait for its container."""
    starting(cluster, app, waiting(reason, text))
    cluster.unreached(app)
    for name in cluster.pods_of(app) if told else ():
        say(cluster, told, f"Error: {text}" if told == "Failed" else text, about=("Pod", name))


@case
def secret_of_a_variable_absent(cluster: Railway) -> tuple[str, str]:
    """The variable's Secret was removed and the pod made anew."""
    ref = {"name": "JWT_KEY", "valueFrom": {"secretKeyRef": {"name": "tk-jwt", "key": "signing"}}}
    cluster.containers(ORDER, env=[ref])
    unmade(cluster, ORDER, "CreateContainerConfigError", 'secret "tk-jwt" not found')
    cluster.complain(ORDER, resource(ORDER, PORT, "Connection refused (Connection refused)"))
    return "secret-missing", workload(ORDER)


@case
def secret_of_all_variables_absent(cluster: Railway) -> tuple[str, str]:
    """The Secret of envFrom is gone; events are gone too."""
    cluster.drop("Secret", "tk-order-mysql")
    unmade(cluster, ORDER, "CreateContainerConfigError", 'secret "tk-order-mysql" not found', told="")
    cluster.eventless()
    return "secret-missing", workload(ORDER)


@case
def secret_of_a_volume_absent(cluster: Railway) -> tuple[str, str]:
    """The kubelet cannot mount the Secret."""
    cluster.spec_of_pods(ORDER, volumes=[{"name": "keystore", "secret": {"secretName": "tk-keystore"}}])
    unmade(cluster, ORDER, "ContainerCreating", "", told="")
    for name in cluster.pods_of(ORDER):
        say(
            cluster,
            "FailedMount",
            'MountVolume.SetUp failed for volume "keystore" : secret "tk-keystore" not found',
            about=("Pod", name),
        )
    return "secret-missing", workload(ORDER)


@case
def secret_of_a_volume_absent_without_events(cluster: Railway) -> tuple[str, str]:
    """Only the reference and the list of Secrets tell."""
    secret_of_a_volume_absent(cluster)
    cluster.eventless()
    return "secret-missing", workload(ORDER)


@case
def secret_without_the_key(cluster: Railway) -> tuple[str, str]:
    """The Secret is there and the key is not."""
    ref = {"name": "ORDER_MYSQL_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "tk-order-mysql", "key": "PASSWD"}}}
    cluster.containers(ORDER, env=[ref])
    unmade(
        cluster, ORDER, "CreateContainerConfigError", f"couldn't find key PASSWD in Secret {NAMESPACE}/tk-order-mysql"
    )
    return "secret-missing", workload(ORDER)


@case
def volume_denied_to_a_java_service(cluster: Railway) -> tuple[str, str]:
    """The process may not write below its mount."""
    cluster.spec_of_pods(
        ORDER, volumes=[{"name": "spool", "hostPath": {"path": "/srv/spool"}}], securityContext={"runAsUser": 1001}
    )
    cluster.containers(ORDER, volumeMounts=[{"name": "spool", "mountPath": "/var/spool/rail"}])
    trace = "org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'spoolService'\nCaused by: java.nio.file.AccessDeniedException: /var/spool/rail/orders\n\tat sun.nio.fs.UnixException.translateToIOException(UnixException.java:84)\n"
    cluster.crash(
        ORDER,
        boot(ORDER, PORT, at="11:57", up=False)
        + spring("11:57:30", "ERROR", "o.s.boot.SpringApplication", "Application run failed")
        + f"\n{trace}",
    )
    return "volume-permission-denied", workload(ORDER)


@case
def volume_denied_to_logback(cluster: Railway) -> tuple[str, str]:
    """Logback cannot open its file; only samples are there."""
    cluster.spec_of_pods(ORDER, volumes=[{"name": "logs", "persistentVolumeClaim": {"claimName": "order-logs"}}])
    claim = thing(
        "PersistentVolumeClaim",
        "order-logs",
        spec={
            "accessModes": ["ReadWriteMany"],
            "volumeName": "pv-order-logs",
            "resources": {"requests": {"storage": "1Gi"}},
        },
        status={"phase": "Bound"},
    )
    cluster.add(
        claim,
        thing(
            "PersistentVolume",
            "pv-order-logs",
            namespace="",
            spec={
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteMany"],
                "claimRef": {"kind": "PersistentVolumeClaim", "name": "order-logs", "namespace": NAMESPACE},
            },
            status={"phase": "Bound"},
        ),
    )
    cluster.containers(ORDER, volumeMounts=[{"name": "logs", "mountPath": "/app/logs"}])
    log = 'Exception in thread "main" java.lang.IllegalStateException: Logback configuration error detected: \nERROR in ch.qos.logback.core.rolling.RollingFileAppender[FILE] - openFile(/app/logs/order.log,true) call failed. java.io.FileNotFoundException: /app/logs/order.log (Permission denied)\n\tat org.springframework.boot.logging.logback.LogbackLoggingSystem.loadConfiguration(LogbackLoggingSystem.java:169)\n'
    cluster.crash(ORDER, log)
    cluster.error_samples()
    return "volume-permission-denied", workload(ORDER)


@case
def volume_denied_to_the_database(cluster: Railway) -> tuple[str, str]:
    """The server may not write its data."""
    cluster.spec_of_pods(
        DATABASE,
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}],
        securityContext={"runAsUser": 1099},
    )
    cluster.containers(DATABASE, volumeMounts=[{"name": "data", "mountPath": "/var/lib/mysql"}])
    claim = thing(
        "PersistentVolumeClaim",
        CLAIM,
        spec={"accessModes": ["ReadWriteOnce"], "volumeName": "pv-7", "resources": {"requests": {"storage": "10Gi"}}},
        status={"phase": "Bound"},
    )
    cluster.add(claim)
    log = "2030-05-01T11:57:01.1Z 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 8.0.33) starting as process 1\nmysqld: Can't create/write to file '/var/lib/mysql/is_writable' (Errcode: 13 - Permission denied)\n2030-05-01T11:57:01.2Z 0 [ERROR] [MY-013236] [Server] The designated data directory /var/lib/mysql/ is unusable. You can remove all files that the server added to it.\n2030-05-01T11:57:01.3Z 0 [ERROR] [MY-010119] [Server] Aborting\n"
    cluster.crash(DATABASE, log)
    cluster.unreached(f"{DATABASE}-leader")
    return "volume-permission-denied", STATEFUL


@case
def volume_mounted_for_reading_only(cluster: Railway) -> tuple[str, str]:
    """The mount is read-only and the service wants to write."""
    cluster.spec_of_pods(ORDER, volumes=[{"name": "spool", "emptyDir": {}}])
    cluster.containers(ORDER, volumeMounts=[{"name": "spool", "mountPath": "/var/spool/rail", "readOnly": True}])
    cluster.crash(
        ORDER,
        boot(ORDER, PORT, at="11:57", up=False)
        + spring("11:57:30", "ERROR", "o.s.boot.SpringApplication", "Application run failed")
        + "\njava.io.FileNotFoundException: /var/spool/rail/a.tmp (Read-only file system)\n\tat java.io.FileOutputStream.open0(Native Method)\n",
    )
    return "volume-permission-denied", workload(ORDER)


@case
def volume_denied_by_the_kubelet(cluster: Railway) -> tuple[str, str]:
    """The kubelet itself may not."""
    cluster.spec_of_pods(
        ORDER, volumes=[{"name": "spool", "hostPath": {"path": "/root/spool", "type": "DirectoryOrCreate"}}]
    )
    unmade(cluster, ORDER, "ContainerCreating", "", told="")
    for name in cluster.pods_of(ORDER):
        say(
            cluster,
            "FailedMount",
            'MountVolume.SetUp failed for volume "spool" : mkdir /root/spool: permission denied',
            about=("Pod", name),
        )
    return "volume-permission-denied", workload(ORDER)


def fails(cluster: Railway, probe: str, why: str, *, count: int = 40) -> None:
    """Let the kubelet say that a probe fails, under a name of its own."""
    for name in cluster.pods_of(ORDER):
        told = event(
            "Unhealthy", f"{probe} probe failed: {why}", about=("Pod", name), count=count, first=SINCE, last=LAST
        )
        cluster.add(patch(told, metadata={"name": f"{name}.{probe}"}))


def killed(cluster: Railway, probe: Json, why: str, *, log: str, code: int = 143) -> None:
    """Let liveness kill the service again and again."""
    cluster.containers(ORDER, livenessProbe={**NO_HANDLER, **probe})
    cluster.crash(ORDER, log, code=code)
    fails(cluster, "Liveness", why)
    for name in cluster.pods_of(ORDER):
        say(
            cluster,
            "Killing",
            f"Container {ORDER} failed liveness probe, will be restarted",
            about=("Pod", name),
            type="Normal",
        )


def unready(cluster: Railway, probe: Json, why: str) -> None:
    """Let readiness of the running service fail."""
    cluster.containers(ORDER, readinessProbe={**NO_HANDLER, **probe})
    cluster.status(ORDER, state={"running": {"startedAt": SINCE}})
    cluster.words(ORDER, boot(ORDER, PORT, at="11:45") + chatter("order"), anew=True)
    cluster.unreached(ORDER)
    fails(cluster, "Readiness", why)


def up(at: str = "11:57") -> str:
    """Return the log of a start that came up."""
    return boot(ORDER, PORT, at=at)


@case
def liveness_of_a_wrong_port(cluster: Railway) -> tuple[str, str]:
    """Liveness asks the management port, which is not open; the start took 40 s."""
    probe = {
        "httpGet": {"path": "/actuator/health", "port": 8081},
        "initialDelaySeconds": 90,
        "periodSeconds": 10,
        "failureThreshold": 3,
    }
    killed(
        cluster,
        probe,
        'Get "http://10.0.1.44:8081/actuator/health": dial tcp 10.0.1.44:8081: connect: connection refused',
        log=up(),
    )
    return "liveness-probe-wrong-port", workload(ORDER)


@case
def liveness_of_a_wrong_port_without_logs(cluster: Railway) -> tuple[str, str]:
    """The TCP probe asks a port that nobody declares."""
    probe = {"tcpSocket": {"port": PORT + 1}, "initialDelaySeconds": 60, "periodSeconds": 10}
    killed(cluster, probe, f"dial tcp 10.0.1.44:{PORT + 1}: connect: connection refused", log="")
    cluster.logs = {}
    cluster.coverage["logs"] = "none"
    return "liveness-probe-wrong-port", workload(ORDER)


@case
def liveness_by_grpc_of_java(cluster: Railway) -> tuple[str, str]:
    """Liveness speaks gRPC to Tomcat."""
    probe = {"grpc": {"port": PORT}, "initialDelaySeconds": 90, "periodSeconds": 10}
    killed(
        cluster,
        probe,
        f'timeout: failed to connect service "10.0.1.44:{PORT}" within 1s: context deadline exceeded',
        log=up(),
    )
    return "liveness-probe-wrong-protocol", workload(ORDER)


@case
def liveness_by_tls_of_java(cluster: Railway) -> tuple[str, str]:
    """Liveness speaks TLS to Tomcat."""
    probe = {"httpGet": {"path": "/actuator/health", "port": PORT, "scheme": "HTTPS"}, "initialDelaySeconds": 90}
    killed(
        cluster,
        probe,
        f'Get "https://10.0.1.44:{PORT}/actuator/health": http: server gave HTTP response to HTTPS client',
        log=up(),
        code=137,
    )
    return "liveness-probe-wrong-protocol", workload(ORDER)


@case
def liveness_too_tight_for_java(cluster: Railway) -> tuple[str, str]:
    """The start takes 40 s and the probe gives 15."""
    probe = {"tcpSocket": {"port": PORT}, "initialDelaySeconds": 5, "periodSeconds": 5, "failureThreshold": 2}
    killed(
        cluster,
        probe,
        f"dial tcp 10.0.1.44:{PORT}: connect: connection refused",
        log=boot(ORDER, PORT, at="11:57", up=False),
    )
    return "liveness-probe-too-tight", workload(ORDER)


@case
def liveness_too_tight_in_samples(cluster: Railway) -> tuple[str, str]:
    """Nothing of the start was kept; before, it came up."""
    probe = {
        "httpGet": {"path": "/actuator/health", "port": PORT},
        "initialDelaySeconds": 1,
        "periodSeconds": 1,
        "timeoutSeconds": 1,
        "failureThreshold": 1,
    }
    killed(
        cluster,
        probe,
        f'Get "http://10.0.1.44:{PORT}/actuator/health": dial tcp 10.0.1.44:{PORT}: connect: connection refused',
        log="",
        code=137,
    )
    cluster.error_samples()
    return "liveness-probe-too-tight", workload(ORDER)


@case
def readiness_of_a_wrong_port(cluster: Railway) -> tuple[str, str]:
    """Readiness asks the management port, which is not open."""
    unready(
        cluster,
        {"httpGet": {"path": "/actuator/health", "port": 8081}},
        'Get "http://10.0.1.44:8081/actuator/health": dial tcp 10.0.1.44:8081: connect: connection refused',
    )
    cluster.complain(ORDER, resource(ORDER, PORT, "Connection refused (Connection refused)"))
    return "readiness-probe-wrong-port", workload(ORDER)


@case
def readiness_by_grpc_of_java(cluster: Railway) -> tuple[str, str]:
    """Readiness speaks gRPC to Tomcat; events are gone."""
    unready(cluster, {"grpc": {"port": PORT}}, "-")
    cluster.eventless()
    return "readiness-probe-wrong-protocol", workload(ORDER)


@case
def memory_limit_of_java(cluster: Railway) -> tuple[str, str]:
    """The kernel kills it while it starts."""
    cluster.containers(ORDER, resources={"requests": {"memory": "100Mi"}, "limits": {"memory": "100Mi"}})
    cluster.crash(ORDER, boot(ORDER, PORT, at="11:57", up=False), code=137, reason="OOMKilled")
    cluster.complain(ORDER, resource(ORDER, PORT, "Connection refused (Connection refused)"))
    return "memory-limit-too-low", workload(ORDER)


@case
def memory_limit_by_the_heap(cluster: Railway) -> tuple[str, str]:
    """The JVM sizes its heap by the limit and runs out of it."""
    cluster.containers(ORDER, resources={"requests": {"memory": "100Mi"}, "limits": {"memory": "160Mi"}})
    cluster.crash(
        ORDER,
        boot(ORDER, PORT, at="11:57", up=False)
        + "java.lang.OutOfMemoryError: Java heap space\nDumping heap to java_pid1.hprof ...\nTerminating due to java.lang.OutOfMemoryError: Java heap space\n",
        code=3,
    )
    return "memory-limit-too-low", workload(ORDER)


@case
def memory_limit_by_code_alone(cluster: Railway) -> tuple[str, str]:
    """The runtime says Error 137 at a small limit, and no probe kills."""
    cluster.containers(ORDER, resources={"requests": {"memory": "64Mi"}, "limits": {"memory": "64Mi"}})
    cluster.crash(ORDER, boot(ORDER, PORT, at="11:57", up=False), code=137)
    cluster.error_samples()
    return "memory-limit-too-low", workload(ORDER)


def template(cluster: Railway, **spec: object) -> None:
    """Give the database a claim template."""
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "resources": {"requests": {"storage": "10Gi"}},
        **spec,
    }
    cluster.edit(
        "StatefulSet", DATABASE, spec={"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}]}
    )


@case
def storage_quota_stops_a_claim(cluster: Railway) -> tuple[str, str]:
    """The StatefulSet cannot make its claim."""
    template(cluster)
    cluster.gone(DATABASE)
    cluster.unreached(f"{DATABASE}-leader")
    cluster.add(
        thing(
            "ResourceQuota",
            "storage",
            spec={"hard": {"requests.storage": "5Gi"}},
            status={"hard": {"requests.storage": "5Gi"}, "used": {"requests.storage": "0"}},
        )
    )
    text = f'create Pod {DATABASE}-0 in StatefulSet {DATABASE} failed error: failed to create PVC {CLAIM}: persistentvolumeclaims "{CLAIM}" is forbidden: exceeded quota: storage, requested: requests.storage=10Gi, used: requests.storage=0, limited: requests.storage=5Gi'
    say(cluster, "FailedCreate", text, about=("StatefulSet", DATABASE), component="statefulset-controller")
    return "quota-storage-exceeded", f"namespace/{NAMESPACE}"


@case
def storage_quota_without_events(cluster: Railway) -> tuple[str, str]:
    """Only the room in the quota and the missing claim tell."""
    storage_quota_stops_a_claim(cluster)
    cluster.eventless()
    return "quota-storage-exceeded", f"namespace/{NAMESPACE}"


def unbound(cluster: Railway, claim: Json, volume: Json, *, told: bool = True) -> None:
    """Let the database wait for a claim that fits no volume."""
    template(cluster, **claim)
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "resources": {"requests": {"storage": "10Gi"}},
        **claim,
    }
    cluster.add(thing("PersistentVolumeClaim", CLAIM, spec=spec, status={"phase": "Pending"}, labels={"app": DATABASE}))
    base = {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": "/srv/db"},
    }
    cluster.add(
        patch(
            thing(
                "PersistentVolume",
                "pv-tickets",
                namespace="",
                labels={"disk": "fast"},
                spec=base,
                status={"phase": "Available"},
            ),
            **volume,
        )
    )
    cluster.spec_of_pods(DATABASE, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}])
    unscheduled(
        cluster,
        DATABASE,
        "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available: 4 No preemption victims found for incoming pod..",
    )
    cluster.unreached(f"{DATABASE}-leader")
    if told:
        say(
            cluster,
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
            about=("PersistentVolumeClaim", CLAIM),
            type="Normal",
            component="persistentvolume-controller",
        )
    else:
        cluster.eventless()


@case
def claim_selects_no_volume(cluster: Railway) -> tuple[str, str]:
    """The template's selector names another label."""
    unbound(cluster, {"selector": {"matchLabels": {"disk": "faster"}}}, {})
    return "claim-selector-mismatch", f"persistentvolumeclaim/{NAMESPACE}/{CLAIM}"


@case
def claim_wants_another_mode(cluster: Railway) -> tuple[str, str]:
    """The claim wants to be shared; no event tells."""
    unbound(cluster, {"accessModes": ["ReadWriteMany"]}, {}, told=False)
    return "claim-access-mode-mismatch", f"persistentvolumeclaim/{NAMESPACE}/{CLAIM}"


@case
def claim_larger_than_the_volume(cluster: Railway) -> tuple[str, str]:
    """The claim wants more."""
    unbound(cluster, {"resources": {"requests": {"storage": "100Gi"}}}, {})
    return "claim-capacity-mismatch", f"persistentvolumeclaim/{NAMESPACE}/{CLAIM}"


@case
def claim_of_another_class(cluster: Railway) -> tuple[str, str]:
    """The claim names a class that does not exist."""
    unbound(cluster, {"storageClassName": "nvme"}, {})
    say(
        cluster,
        "ProvisioningFailed",
        'storageclass.storage.k8s.io "nvme" not found',
        about=("PersistentVolumeClaim", CLAIM),
        component="persistentvolume-controller",
    )
    return "claim-storage-class-mismatch", f"persistentvolumeclaim/{NAMESPACE}/{CLAIM}"


@case
def volume_of_another_claim(cluster: Railway) -> tuple[str, str]:
    """The claim names its volume, which another claim holds."""
    other = {"kind": "PersistentVolumeClaim", "namespace": NAMESPACE, "name": "data-old-mysql-0"}
    unbound(cluster, {"volumeName": "pv-tickets"}, {"spec": {"claimRef": other}, "status": {"phase": "Bound"}})
    held = {
        "accessModes": ["ReadWriteOnce"],
        "volumeName": "pv-tickets",
        "resources": {"requests": {"storage": "10Gi"}},
    }
    cluster.add(thing("PersistentVolumeClaim", "data-old-mysql-0", spec=held, status={"phase": "Bound"}))
    say(
        cluster,
        "FailedBinding",
        'volume "pv-tickets" already bound to a different claim.',
        about=("PersistentVolumeClaim", CLAIM),
        component="persistentvolume-controller",
    )
    return "volume-already-bound", f"persistentvolumeclaim/{NAMESPACE}/{CLAIM}"


@case
def account_missing_for_java(cluster: Railway) -> tuple[str, str]:
    """The ReplicaSet may make no pod; events are gone."""
    cluster.gone(ORDER)
    cluster.spec_of_pods(ORDER, serviceAccountName="order-runner")
    say(
        cluster,
        "FailedCreate",
        f'Error creating: pods "{ORDER}-{HASH}-" is forbidden: error looking up service account {NAMESPACE}/order-runner: serviceaccount "order-runner" not found',
        about=("ReplicaSet", f"{ORDER}-{HASH}"),
        component="replicaset-controller",
    )
    return "service-account-missing", workload(ORDER)
