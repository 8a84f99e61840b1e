"""Noisy days of the media platform on which nothing is wrong."""

from __future__ import annotations

from blind_media import BILLING, NODES, REVISION, VOD, Site, counter, ramp
from blind_media_cases import healthy
from blind_media_run import GIB, labels
from blind_media_words import each, ecs, pino, slog, structlog, traefik
from shop import patch, thing

EARLY = ("03", "19", "41", "55")


@healthy
def old_restarts(site: Site) -> None:
    """Containers were killed and restarted a week ago; they run since."""
    for at, code, reason in (
        (f"{VOD}/catalog", 137, "OOMKilled"),
        (f"{BILLING}/payments", 2, "Error"),
        (f"{VOD}/web-bff", 143, "Error"),
    ):
        for pod in site.pods(at):
            ended = {
                "exitCode": code,
                "reason": reason,
                "startedAt": "2030-04-23T02:00:00Z",
                "finishedAt": "2030-04-23T04:12:00Z",
            }
            site.state(
                pod,
                {"running": {"startedAt": "2030-04-23T04:12:02Z"}},
                last={"terminated": ended},
                restarts=3,
                ready=True,
            )


@healthy
def jobs_that_ended_and_one_that_was_retried(site: Site) -> None:
    """Completed pods, and a nightly job whose first try failed."""
    for number, (phase, code) in enumerate((("Succeeded", 0), ("Failed", 1), ("Succeeded", 0))):
        name = f"nightly-report-3172{number}"
        site.add(thing("Job", name, namespace=BILLING, spec={"completions": 1, "backoffLimit": 6, "template": {"spec": {"containers": [{"name": "report", "image": "ghcr.io/tessera-tv/ledger:9.0.7"}]}}},
                       status={"succeeded": 1, "failed": int(number == 1), "completionTime": "2030-05-01T02:04:00Z", "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "2030-05-01T02:04:00Z"}]}))  # fmt: skip
        ended = {
            "terminated": {
                "exitCode": code,
                "reason": "Completed" if code == 0 else "Error",
                "startedAt": "2030-05-01T02:00:00Z",
                "finishedAt": "2030-05-01T02:03:50Z",
            }
        }
        status = {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "False", "reason": "PodCompleted"}],
            "containerStatuses": [
                {"name": "report", "ready": False, "restartCount": 0, "state": ended, "lastState": {}}
            ],
        }
        pod = thing(
            "Pod",
            f"{name}-x7k2d",
            namespace=BILLING,
            owner=("Job", name),
            labels={"job-name": name},
            spec={
                "nodeName": NODES[0],
                "containers": [{"name": "report", "image": "ghcr.io/tessera-tv/ledger:9.0.7"}],
                "restartPolicy": "Never",
            },
            status=status,
        )
        site.add(patch(pod, metadata={"creationTimestamp": "2030-05-01T02:00:00Z"}))
        site.logs[f"{BILLING}/{name}-x7k2d/report"] = (
            "Mysql2::Error::ConnectionError: Lost connection to server during query\n" if code else "report sent\n"
        )


@healthy
def rollout_that_just_finished(site: Site) -> None:
    """A rollout ten minutes ago: probes failed while the pods started, the old pods were killed."""
    at = f"{VOD}/catalog"
    site.edit(
        "ReplicaSet",
        f"{at}-6c8d4bb9f7",
        metadata={"creationTimestamp": "2030-05-01T11:48:00Z", "annotations": {REVISION: "15"}},
    )
    site.edit("Deployment", at, metadata={"annotations": {REVISION: "15"}})
    for pod in site.pods(at):
        site.edit("Pod", pod, metadata={"creationTimestamp": "2030-05-01T11:48:02Z"})
        site.state(pod, {"running": {"startedAt": "2030-05-01T11:48:05Z"}}, ready=True)
        site.event(
            ("Pod", pod),
            "Unhealthy",
            'Readiness probe failed: Get "http://10.0.1.61:8080/actuator/health/readiness": dial tcp 10.0.1.61:8080: connect: connection refused',
            count=2,
        )
        site.event(
            ("Pod", pod),
            "Pulled",
            'Successfully pulled image "ghcr.io/tessera-tv/catalog:6.2.1" in 4.1s (4.1s including waiting). Image size: 214122333 bytes.',
            type="Normal",
            count=1,
        )
    for gone in ("catalog-5f7c9d8b6d-h2x9k", "catalog-5f7c9d8b6d-p0w3m"):
        site.event(("Pod", f"{VOD}/{gone}"), "Killing", "Stopping container catalog-service", type="Normal", count=1)
        site.event(
            ("Pod", f"{VOD}/{gone}"),
            "Unhealthy",
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
            count=1,
        )
    site.event(
        ("Deployment", at),
        "ScalingReplicaSet",
        "Scaled up replica set catalog-6c8d4bb9f7 to 2",
        count=1,
        by="deployment-controller",
        type="Normal",
    )


@healthy
def consolidation_of_nodes(site: Site) -> None:
    """The provisioner drained a node and took it away; everything found a new place."""
    for at in (f"{VOD}/playback", f"{BILLING}/fraud", f"{VOD}/recommender"):
        pod = site.pods(at)[0]
        site.edit("Pod", pod, metadata={"creationTimestamp": "2030-05-01T11:42:00Z"})
        site.event(
            ("Pod", pod),
            "FailedScheduling",
            "0/4 nodes are available: 1 node(s) had untolerated taint {karpenter.sh/disrupted: }, 3 Insufficient cpu. preemption: 0/4 nodes are available: 4 No preemption victims found for incoming pod.",
            by="default-scheduler",
            count=1,
        )
        site.event(
            ("Pod", pod),
            "Nominated",
            "Pod should schedule on: nodeclaim/general-x7dk2",
            by="karpenter",
            type="Normal",
            count=1,
        )
        site.event(
            ("Pod", f"{pod[:-5]}gone1"), "Evicted", "Evicted pod: Underutilized", by="karpenter", type="Normal", count=1
        )
    site.event(
        ("Node", "/ip-10-42-2-11.eu-west-1.compute.internal"),
        "DisruptionTerminating",
        "Disrupting Node: Underutilized/Delete",
        by="karpenter",
        type="Normal",
        count=1,
    )
    site.event(
        ("Node", "/ip-10-42-2-11.eu-west-1.compute.internal"),
        "RemovingNode",
        "Node ip-10-42-2-11.eu-west-1.compute.internal event: Removing Node from Controller",
        by="node-controller",
        type="Normal",
        count=1,
    )


@healthy
def clients_hang_up_and_bots_knock(site: Site) -> None:
    """What every log of a public service is full of."""
    site.say(
        f"{VOD}/playback",
        each(lambda at: slog(at, "request aborted by client", "WARN", err="context canceled", path="/v1/sessions")),
    )
    site.say(
        f"{VOD}/web-bff",
        each(
            lambda at: pino(at, "aborted", 40, err={"type": "Error", "message": "aborted", "code": "ECONNRESET"}),
            ("44", "52"),
        ),
    )
    site.say(
        f"{VOD}/catalog-postgresql",
        each(
            lambda at: (
                f"2030-05-01 {at}.318 GMT [1902] LOG:  could not receive data from client: Connection reset by peer"
            ),
            EARLY,
        ),
    )
    site.say(
        "traefik/traefik",
        each(lambda at: traefik(at, "/wp-login.php", 404, "vod-web-www-tessera-tv@kubernetes", "10.0.1.14:3000")),
    )
    site.say(
        "traefik/traefik",
        each(lambda at: f"2030-05-01T{at}Z DBG http: TLS handshake error from 185.220.101.4:51022: EOF"),
    )
    site.say(
        f"{VOD}/catalog",
        each(
            lambda at: ecs(
                at,
                "org.springframework.web.servlet.mvc.support.DefaultHandlerExceptionResolver",
                "Resolved [org.springframework.web.HttpRequestMethodNotSupportedException: Request method 'PROPFIND' is not supported]",
                "WARN",
            )
        ),
    )
    site.say(f"{VOD}/recommender", each(lambda at: structlog(at, "model cache miss", "warning", profile="41"), EARLY))


@healthy
def previews_that_sleep(site: Site) -> None:
    """A preview environment is scaled to zero on purpose; its service has no endpoints, and nobody calls it."""
    site.deploy(f"{VOD}/preview-pr-812", 3000, "ghcr.io/tessera-tv/web-bff:pr-812", inside="bff", replicas=1)
    at = f"{VOD}/preview-pr-812"
    for pod in site.pods(at):
        site.drop("Pod", pod)
        site.logs.pop(f"{pod}/bff")
    site.edit(
        "Deployment",
        at,
        spec={"replicas": 0},
        status={"replicas": 0, "readyReplicas": 0, "availableReplicas": 0, "updatedReplicas": 0},
    )
    site.edit(
        "ReplicaSet",
        f"{at}-6c8d4bb9f7",
        spec={"replicas": 0},
        status={"replicas": 0, "readyReplicas": 0, "availableReplicas": 0},
    )
    site.slices(at, "preview-pr-812", 3000, empty=True)
    site.add(
        thing(
            "CronJob",
            "old-import",
            namespace=VOD,
            spec={
                "schedule": "0 3 * * *",
                "suspend": True,
                "jobTemplate": {
                    "spec": {"template": {"spec": {"containers": [{"name": "import", "image": "busybox:1.36"}]}}}
                },
            },
            status={"lastScheduleTime": "2029-11-02T03:00:00Z"},
        )
    )


@healthy
def caches_warm_up(site: Site) -> None:
    """Memory grew after this morning's start and is flat since; a garbage collector breathes."""
    for at, inside in ((f"{VOD}/catalog", "catalog-service"), (f"{VOD}/recommender", "api")):
        for pod in site.pods(at):
            site.series(
                "container_memory_working_set_bytes",
                labels(at, pod, inside),
                [(0.25 + 0.2 * min(1.0, place / 80) + 0.02 * (place % 9) / 9) * GIB for place in range(216)],
            )
            site.series("container_cpu_usage_seconds_total", labels(at, pod, inside), counter(0.2, 0.22))
    site.series("node_load1", f'node="{NODES[0]}"', ramp(1.1, 1.3))


@healthy
def a_few_slow_statements_of_the_night(site: Site) -> None:
    """A database logs some analytics that take seconds; nobody waits for them."""
    site.say(
        f"{VOD}/catalog-postgresql",
        each(
            lambda at: (
                f"2030-05-01 {at}.771 GMT [1911] LOG:  duration: 3120.338 ms  statement: SELECT shelf_id, count(*) FROM impressions GROUP BY shelf_id"
            ),
            EARLY,
        ),
    )
    site.say(
        f"{BILLING}/ledger-mariadb",
        each(
            lambda _: (
                "# Query_time: 2.131207  Lock_time: 0.000081  Rows_sent: 12000  Rows_examined: 12000\nSELECT * FROM statements WHERE month = '2030-04';"
            ),
            EARLY,
        ),
    )


@healthy
def renewals_and_sync_noise(site: Site) -> None:
    """Certificates that are to be renewed in weeks, a controller that retried once, an autoscaler at work."""
    site.say(
        "cert-manager/cert-manager",
        each(
            lambda at: (
                f'E0501 {at}.291025       1 controller.go:162] "re-queuing item due to optimistic locking on resource" err="Operation cannot be fulfilled on certificates.cert-manager.io \\"web-tls\\": the object has been modified; please apply your changes to the latest version and try again" logger="cert-manager"'
            ),
            EARLY,
        ),
    )
    conditions = [
        {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"},
        {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"},
        {"type": "ScalingLimited", "status": "False", "reason": "DesiredWithinRange"},
    ]
    site.add(
        thing(
            "HorizontalPodAutoscaler",
            "web-bff",
            namespace=VOD,
            spec={"scaleTargetRef": {"kind": "Deployment", "name": "web-bff"}, "minReplicas": 2, "maxReplicas": 10},
            status={"currentReplicas": 3, "desiredReplicas": 3, "conditions": conditions},
        )
    )
    site.event(
        ("HorizontalPodAutoscaler", f"{VOD}/web-bff"),
        "SuccessfulRescale",
        "New size: 3; reason: cpu resource utilization (percentage of request) above target",
        by="horizontal-pod-autoscaler",
        type="Normal",
        count=1,
    )
    site.event(
        ("HorizontalPodAutoscaler", f"{VOD}/web-bff"),
        "FailedGetResourceMetric",
        "failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)",
        by="horizontal-pod-autoscaler",
        count=2,
        first="2030-05-01T11:40:10Z",
    )
    site.alert("Watchdog", "An alert that should always be firing", severity="none")
    site.alert("CertificateExpiresSoon", "pay-tls expires in 20 days", severity="info", namespace=BILLING)
