"""Blind incidents of the media platform: load, releases, and what should scale or run."""

from __future__ import annotations

from blind_media import BILLING, NODES, SINCE, VOD, Site, counter
from blind_media_cases import edge_errors, incident
from blind_media_run import labels
from blind_media_words import each, pino
from shop import patch, thing


@incident
def go_service_throttled(site: Site) -> tuple[str, str]:
    """A tiny CPU limit: the scheduler holds the container back most of the time, and latency rises with the evening's load."""
    at = f"{VOD}/playback"
    site.containers(at, resources={"limits": {"cpu": "200m"}, "requests": {"cpu": "50m"}})
    for pod in site.pods(at):
        name = labels(at, pod, "playback")
        site.series("container_cpu_usage_seconds_total", name, counter(0.09, 0.196))
        site.series("container_cpu_cfs_throttled_seconds_total", name, counter(0.004, 0.71))
        site.series("container_cpu_cfs_periods_total", name, counter(9.6, 10))
        site.series("container_cpu_cfs_throttled_periods_total", name, counter(0.1, 8.7))
        where = f'namespace="vod",pod="{pod.rpartition("/")[2]}",service="playback"'
        for edge, before, after in (("0.05", 40.0, 2.0), ("0.25", 44.0, 9.0), ("1", 45.0, 31.0), ("+Inf", 45.0, 46.0)):
            site.series("http_request_duration_seconds_bucket", f'{where},le="{edge}"', counter(before, after))
    site.alert(
        "CPUThrottlingHigh",
        "87% throttling of CPU in namespace vod for container playback in pod playback-6c8d4bb9f7-k2xvd.",
        severity="info",
        namespace=VOD,
        container="playback",
        pod="playback-6c8d4bb9f7-k2xvd",
    )
    site.say(f"{VOD}/web-bff", each(lambda at: pino(at, "upstream timeout", 40, upstream="playback", timeout=2000)))
    site.question = "starting a film takes seconds"
    return "cpu-overload", site.workload(at)


@incident
def fresh_release_answers_500(site: Site) -> tuple[str, str]:
    """A release that began at 11:41 is ready and throws on every home page."""
    at = f"{VOD}/web-bff"
    old = site.pods(at)
    site.replica_set(at, "7f94d6c58c", 15, 3, image="ghcr.io/tessera-tv/web-bff:2030.5.0")
    site.edit("ReplicaSet", f"{at}-7f94d6c58c", metadata={"creationTimestamp": SINCE})
    for pod in old:
        site.drop("Pod", pod)
        site.logs.pop(f"{pod}/bff")
    site.edit(
        "ReplicaSet",
        f"{at}-6c8d4bb9f7",
        spec={"replicas": 0},
        status={"replicas": 0, "readyReplicas": 0, "availableReplicas": 0},
    )
    inside = [
        patch(
            site.get("Deployment", at)["spec"]["template"]["spec"]["containers"][0],
            image="ghcr.io/tessera-tv/web-bff:2030.5.0",
        )
    ]
    site.edit(
        "Deployment",
        at,
        metadata={"annotations": {"deployment.kubernetes.io/revision": "15"}},
        spec={"template": {"spec": {"containers": inside}}},
    )
    for place, tail in enumerate(("zq5nr", "m8d2c", "p4vxs")):
        site.pod(at, f"web-bff-7f94d6c58c-{tail}", node=NODES[place], made=SINCE, hashed="7f94d6c58c")
    site.slices(at, "web-bff", 3000)
    site.event(
        ("Deployment", at),
        "ScalingReplicaSet",
        "Scaled up replica set web-bff-7f94d6c58c from 0 to 1",
        count=1,
        by="deployment-controller",
        type="Normal",
    )
    trace = {
        "type": "TypeError",
        "message": "Cannot read properties of undefined (reading 'currency')",
        "stack": "TypeError: Cannot read properties of undefined (reading 'currency')\n    at priceTag (/app/dist/home/price.js:14:31)\n    at async home (/app/dist/home/index.js:88:19)",
    }
    site.say(
        at,
        each(
            lambda at: pino(
                at, "request errored", 50, err=trace, req={"method": "GET", "url": "/home"}, res={"statusCode": 500}
            )
        ),
        anew=True,
    )
    edge_errors(site, "/home", "10.0.1.14:3000", 500)
    site.alert("TraefikServiceErrors", "5xx of vod-web above 20 %", namespace=VOD, service="web-bff")
    return "release-broken", site.workload(at)


@incident
def metrics_api_is_gone_and_nobody_scales(site: Site) -> tuple[str, str]:
    """The autoscaler has no metrics since metrics-server is down; the evening's load meets two pods."""
    at = f"{VOD}/playback"
    text = "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server is currently unable to handle the request (get pods.metrics.k8s.io)"
    conditions = [
        {
            "type": "AbleToScale",
            "status": "True",
            "reason": "SucceededGetScale",
            "message": "the HPA controller was able to get the target's current scale",
        },
        {
            "type": "ScalingActive",
            "status": "False",
            "reason": "FailedGetResourceMetric",
            "message": text,
            "lastTransitionTime": SINCE,
        },
    ]
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": "playback", "apiVersion": "apps/v1"},
        "minReplicas": 2,
        "maxReplicas": 12,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
            }
        ],
    }
    site.add(
        thing(
            "HorizontalPodAutoscaler",
            "playback",
            namespace=VOD,
            spec=spec,
            status={"currentReplicas": 2, "desiredReplicas": 0, "conditions": conditions},
        )
    )
    site.event(
        ("HorizontalPodAutoscaler", at),
        "FailedGetResourceMetric",
        text.partition("count: ")[2],
        by="horizontal-pod-autoscaler",
        count=71,
    )
    site.event(
        ("HorizontalPodAutoscaler", at),
        "FailedComputeMetricsReplicas",
        f"invalid metrics (1 invalid out of 1), first error is: {text.partition('count: ')[2]}",
        by="horizontal-pod-autoscaler",
        count=71,
    )
    site.alert(
        "KubeHPAReplicasMismatch",
        "HPA vod/playback has not matched the desired number of replicas",
        namespace=VOD,
        horizontalpodautoscaler="playback",
    )
    site.say(f"{VOD}/web-bff", each(lambda at: pino(at, "upstream timeout", 40, upstream="playback", timeout=2000)))
    return "autoscaler-cannot-scale", f"horizontalpodautoscaler/{VOD}/playback"


@incident
def closing_of_the_month_suspended(site: Site) -> tuple[str, str]:
    """Someone suspended a CronJob during an incident last week."""
    template = {
        "spec": {
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "close", "image": "ghcr.io/tessera-tv/ledger:9.0.7"}],
                }
            }
        }
    }
    site.add(
        thing(
            "CronJob",
            "month-end-close",
            namespace=BILLING,
            spec={"schedule": "*/30 * * * *", "suspend": True, "jobTemplate": template},
            status={"lastScheduleTime": "2030-04-24T16:30:00Z"},
        )
    )
    site.alert(
        "CronJobNotRunning",
        "CronJob billing/month-end-close has not run for 7 days",
        namespace=BILLING,
        cronjob="month-end-close",
    )
    site.question = "invoices of April are not closed"
    return "job-suspended", f"cronjob/{BILLING}/month-end-close"


@incident
def ranking_needs_more_cpu_than_it_has(site: Site) -> tuple[str, str]:
    """A recommender without enough CPU: its use meets its limit, its latency and that of who calls it rise."""
    at = f"{VOD}/recommender"
    site.containers(at, resources={"limits": {"cpu": "2500m"}})
    for pod in site.pods(at):
        name = labels(at, pod, "api")
        site.series("container_cpu_usage_seconds_total", name, counter(0.31, 2.44))
        site.series("container_cpu_cfs_throttled_seconds_total", name, counter(0.001, 0.05))
        where = f'namespace="vod",pod="{pod.rpartition("/")[2]}",service="recommender"'
        site.series("http_requests_total", f'{where},code="200"', counter(18.0, 19.0))
        for edge, before, after in (("0.1", 17.0, 1.0), ("0.5", 18.0, 4.0), ("2.5", 18.0, 17.0), ("+Inf", 18.0, 19.0)):
            site.series("http_request_duration_seconds_bucket", f'{where},le="{edge}"', counter(before, after))
    site.say(
        at,
        each(
            lambda at: (
                f'timestamp=2030-05-01T{at}.220145Z level=warning logger=recommender.api event="slow ranking" took_ms="2211"'
            )
        ),
    )
    site.say(f"{VOD}/web-bff", each(lambda at: pino(at, "upstream timeout", 40, upstream="recommender", timeout=1500)))
    site.question = "rows of the home page load slowly"
    return "cpu-overload", site.workload(at)
