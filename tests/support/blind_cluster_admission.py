"""Blind cases of admission, images, rollouts, autoscalers and jobs."""

from __future__ import annotations

from blind_cluster import (
    CART,
    NEW,
    case,
    never_created,
    quota,
    refused,
    rolled_out,
)
from clusters import HASH, Cluster
from faults import callers_fail, complain, crash, say, starting, waiting
from shop import NAMESPACE, container, endpoints, patch, pod, service, thing, workload

NAMESPACE_ID = "namespace/shop"
POD = f"cart-{HASH}-z2x4c"


@case
def quota_of_cpu_limits(cluster: Cluster) -> tuple[str, str]:
    """The limits of CPU are used up; so are config maps, which nobody needs."""
    quota(cluster, "compute-resources", limits__cpu=("3900m", "4"), configmaps=("10", "10"))
    why = f'pods "{POD}" is forbidden: exceeded quota: compute-resources, requested: limits.cpu=500m, used: limits.cpu=3900m, limited: limits.cpu=4'
    refused(cluster, why)
    callers_fail(cluster, "web", "cart", 7070)
    return "quota-cpu-exceeded", NAMESPACE_ID


@case
def quota_of_memory_requests(cluster: Cluster) -> tuple[str, str]:
    """A StatefulSet's pod does not come back: the namespace has no memory left."""
    quota(cluster, "mem", requests__memory=("7680Mi", "8Gi"), pods=("12", "50"))
    never_created(cluster, "orders-db")
    text = 'create Pod orders-db-0 in StatefulSet orders-db failed error: pods "orders-db-0" is forbidden: exceeded quota: mem, requested: requests.memory=2Gi, used: requests.memory=7680Mi, limited: requests.memory=8Gi'
    about = ("StatefulSet", "orders-db")
    say(cluster, "FailedCreate", text, about=about, component="statefulset-controller")
    callers_fail(cluster, "orders", "orders-db", 3306)
    return "quota-memory-exceeded", NAMESPACE_ID


@case
def quota_of_one_storage_class(cluster: Cluster) -> tuple[str, str]:
    """The quota of a storage class is full, that of all storage is not."""
    name = "gold__storageclass__storage__k8s__io/requests__storage"
    quota(cluster, "storage", **{name: ("180Gi", "200Gi"), "requests__storage": ("180Gi", "2Ti")})
    never_created(cluster, "orders-db")
    text = 'create Claim data-orders-db-0 for Pod orders-db-0 in StatefulSet orders-db failed error: persistentvolumeclaims "data-orders-db-0" is forbidden: exceeded quota: storage, requested: gold.storageclass.storage.k8s.io/requests.storage=50Gi, used: gold.storageclass.storage.k8s.io/requests.storage=180Gi, limited: gold.storageclass.storage.k8s.io/requests.storage=200Gi'
    about = ("StatefulSet", "orders-db")
    say(cluster, "FailedCreate", text, about=about, component="statefulset-controller")
    callers_fail(cluster, "orders", "orders-db", 3306)
    return "quota-storage-exceeded", NAMESPACE_ID


@case
def quota_of_jobs(cluster: Cluster) -> tuple[str, str]:
    """A cron job can start no more jobs."""
    quota(cluster, "objects", **{"count/jobs__batch": ("50", "50"), "pods": ("12", "50")})
    spec = {
        "schedule": "*/5 * * * *",
        "jobTemplate": {"spec": {"template": {"spec": {"containers": [container("report")]}}}},
    }
    cluster.add(thing("CronJob", "report", spec=spec, status={"lastScheduleTime": "2030-05-01T11:55:00Z"}))
    text = 'Error creating job: jobs.batch "report-31730155" is forbidden: exceeded quota: objects, requested: count/jobs.batch=1, used: count/jobs.batch=50, limited: count/jobs.batch=50'
    say(cluster, "FailedCreate", text, about=("CronJob", "report"), component="cronjob-controller")
    cluster.question = "the reports are not written any more"
    return "quota-objects-exceeded", NAMESPACE_ID


@case
def quota_of_accelerators(cluster: Cluster) -> tuple[str, str]:
    """The team's GPUs are taken."""
    quota(cluster, "gpus", **{"requests__nvidia__com/gpu": ("2", "2")})
    cluster.containers("cart", resources={"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}})
    why = f'pods "{POD}" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=2, limited: requests.nvidia.com/gpu=2'
    refused(cluster, why)
    return "quota-objects-exceeded", NAMESPACE_ID


@case
def limit_above_the_range(cluster: Cluster) -> tuple[str, str]:
    """Container and pod have a greater limit than the range admits; a quota has room."""
    quota(cluster, "mem", limits__memory=("3Gi", "32Gi"))
    limits = [{"type": "Container", "max": {"memory": "1Gi"}}, {"type": "Pod", "max": {"memory": "2Gi"}}]
    cluster.add(thing("LimitRange", "sizes", spec={"limits": limits}))
    cluster.containers("cart", resources={"limits": {"cpu": "500m", "memory": "4Gi"}})
    why = f'pods "{POD}" is forbidden: [maximum memory usage per Container is 1Gi, but limit is 4Gi, maximum memory usage per Pod is 2Gi, but limit is 4294967296]'
    refused(cluster, why)
    return "limit-range-violated", CART


@case
def burst_above_the_range(cluster: Cluster) -> tuple[str, str]:
    """The limit is too many times the request."""
    limits = [{"type": "Container", "maxLimitRequestRatio": {"cpu": "4"}}]
    cluster.add(thing("LimitRange", "ratio", spec={"limits": limits}))
    cluster.containers("cart", resources={"requests": {"cpu": "50m"}, "limits": {"cpu": "500m"}})
    why = (
        f'pods "{POD}" is forbidden: cpu max limit to request ratio per Container is 4, but provided ratio is 10.000000'
    )
    refused(cluster, why)
    return "limit-range-violated", CART


@case
def agent_in_a_baseline_namespace(cluster: Cluster) -> tuple[str, str]:
    """A DaemonSet that mounts the host's folders into a namespace that enforces the baseline."""
    cluster.edit("Namespace", "shop", "", metadata={"labels": {"pod-security.kubernetes.io/enforce": "baseline"}})
    cluster.add(workload("DaemonSet", "log-agent", replicas=3, ready=0))
    cluster.edit("DaemonSet", "log-agent", status={"currentNumberScheduled": 0, "numberUnavailable": 3})
    text = 'Error creating: pods "log-agent-7k2xm" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true, hostPID=true), hostPath volumes (volumes "varlog", "containers")'
    say(cluster, "FailedCreate", text, about=("DaemonSet", "log-agent"), component="daemonset-controller")
    cluster.question = "no logs arrive any more"
    return "pod-security-refused", "daemonset/shop/log-agent"


@case
def security_context_constraints(cluster: Cluster) -> tuple[str, str]:
    """OpenShift admits no pod that runs as root."""
    why = 'pods "cart-5d9c7b6f4-" is forbidden: unable to validate against any security context constraint: [provider "anyuid": Forbidden: not usable by user or serviceaccount, provider restricted-v2: .spec.securityContext.fsGroup: Invalid value: []int64{0}: 0 is not an allowed group, provider restricted-v2: .containers[0].runAsUser: Invalid value: 0: must be in the ranges: [1000680000, 1000689999], provider "privileged": Forbidden: not usable by user or serviceaccount]'
    refused(cluster, why)
    return "pod-security-refused", CART


@case
def kyverno_wants_a_label(cluster: Cluster) -> tuple[str, str]:
    """A policy of Kyverno."""
    why = "admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\nresource Pod/shop/cart-5d9c7b6f4-z2x4c was blocked due to the following policies \n\nrequire-labels:\n  check-team: 'validation error: the label team is required. rule check-team failed at path /metadata/labels/team/'\n"
    refused(cluster, why)
    return "admission-policy-denied", CART


@case
def policy_of_the_api_server(cluster: Cluster) -> tuple[str, str]:
    """A ValidatingAdmissionPolicy, which needs no webhook. A namespace quota is full besides."""
    quota(cluster, "objects", secrets=("30", "30"))
    why = f"pods \"{POD}\" is forbidden: ValidatingAdmissionPolicy 'images.example.com' with binding 'images-shop' denied request: images must come from registry.internal"
    refused(cluster, why)
    return "admission-policy-denied", CART


@case
def gatekeeper_wants_limits(cluster: Cluster) -> tuple[str, str]:
    """A constraint of Gatekeeper beside a limit range that is content."""
    cluster.add(thing("LimitRange", "sizes", spec={"limits": [{"type": "Container", "max": {"memory": "8Gi"}}]}))
    why = 'admission webhook "validation.gatekeeper.sh" denied the request: [container-must-have-limits] container <cart> has no resource limits'
    refused(cluster, why)
    return "admission-policy-denied", CART


@case
def injector_without_pods(cluster: Cluster) -> tuple[str, str]:
    """The injector of secrets has no pods, and its webhook fails closed."""
    name = "vault-agent-injector-svc"
    cluster.add(thing("Namespace", "vault", namespace=""))
    cluster.add(service(name, {"app.kubernetes.io/name": "vault-agent-injector"}, 443, namespace="vault"))
    cluster.add(patch(endpoints(name), metadata={"namespace": "vault"}))
    refused(
        cluster,
        f'Internal error occurred: failed calling webhook "vault.hashicorp.com": failed to call webhook: Post "https://{name}.vault.svc:443/mutate?timeout=30s": no endpoints available for service "{name}"',
    )
    return "admission-webhook-down", f"service/vault/{name}"


@case
def mesh_injector_times_out(cluster: Cluster) -> tuple[str, str]:
    """The injector of a mesh does not answer in time."""
    cluster.add(thing("Namespace", "istio-system", namespace=""))
    cluster.add(service("istiod", {"app": "istiod"}, 443, namespace="istio-system"))
    refused(
        cluster,
        'Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/inject?timeout=10s": context deadline exceeded',
    )
    return "admission-webhook-down", "service/istio-system/istiod"


@case
def priority_class_absent(cluster: Cluster) -> tuple[str, str]:
    """The template names a priority class that does not exist."""
    cluster.spec_of_pods("cart", priorityClassName="shop-critical")
    refused(cluster, f'pods "{POD}" is forbidden: no PriorityClass with name shop-critical was found')
    return "pod-creation-refused", CART


@case
def paused_half_way(cluster: Cluster) -> tuple[str, str]:
    """A canary was paused and forgotten: old and new pods speak different versions."""
    name = rolled_out(cluster, "cart", image="registry.example/shop/cart:2.0.0")
    made = pod(
        name,
        containers=cluster.get("ReplicaSet", f"cart-{NEW}")["spec"]["template"]["spec"]["containers"],
        labels={"app": "cart"},
        owner=("ReplicaSet", f"cart-{NEW}"),
        node="node-c",
    )
    cluster.add(made)
    cluster.edit("ReplicaSet", f"cart-{NEW}", status={"readyReplicas": 1, "availableReplicas": 1})
    paused = {
        "type": "Progressing",
        "status": "Unknown",
        "reason": "DeploymentPaused",
        "message": "Deployment is paused",
        "lastTransitionTime": "2030-05-01T11:46:00Z",
    }
    cluster.edit("Deployment", "cart", spec={"paused": True}, status={"conditions": [paused], "replicas": 3})
    complain(cluster, "web", "ERROR cart answered 400: unknown field currency")
    cluster.question = "the new version of the cart does not reach all customers"
    return "rollout-paused", CART


@case
def gate_of_a_load_balancer(cluster: Cluster) -> tuple[str, str]:
    """The new pod is up, but nobody sets the readiness gate that it has."""
    name = rolled_out(cluster, "cart", image="registry.example/shop/cart:1.5.0")
    gate = "target-health.elbv2.k8s.aws/k8s-shop-cart-1a2b"
    made = pod(
        name,
        containers=cluster.get("ReplicaSet", f"cart-{NEW}")["spec"]["template"]["spec"]["containers"],
        labels={"app": "cart"},
        owner=("ReplicaSet", f"cart-{NEW}"),
        node="node-c",
        spec={"readinessGates": [{"conditionType": gate}]},
    )
    made["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2030-05-01T11:45:00Z"},
        {"type": "ContainersReady", "status": "True", "lastTransitionTime": "2030-05-01T11:45:10Z"},
        {
            "type": "Ready",
            "status": "False",
            "reason": "ReadinessGatesNotReady",
            "message": f'corresponding condition of pod readiness gate "{gate}" does not exist.',
            "lastTransitionTime": "2030-05-01T11:45:00Z",
        },
    ]
    made["metadata"]["creationTimestamp"] = "2030-05-01T11:45:00Z"
    cluster.add(made)
    stuck = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": f'ReplicaSet "cart-{NEW}" has timed out progressing.',
        "lastTransitionTime": "2030-05-01T11:55:10Z",
    }
    cluster.edit("Deployment", "cart", status={"conditions": [stuck]})
    return "rollout-stuck", CART


def autoscaler(cluster: Cluster, reason: str, message: str, event: str) -> None:
    """Add an autoscaler of the cart that is not active."""
    target = {"kind": "Deployment", "name": "cart", "apiVersion": "apps/v1"}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    active = {"type": "ScalingActive", "status": "False", "reason": reason, "message": message}
    able = {"type": "AbleToScale", "status": "True", "reason": "SucceededGetScale", "message": "fetched the scale"}
    since = {"lastTransitionTime": "2030-05-01T11:40:00Z"}
    cluster.add(
        thing(
            "HorizontalPodAutoscaler",
            "cart",
            spec={"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 10, "metrics": [metric]},
            status={"currentReplicas": 2, "desiredReplicas": 0, "conditions": [{**able, **since}, {**active, **since}]},
        )
    )
    about = ("HorizontalPodAutoscaler", "cart")
    say(cluster, event, message, about=about, component="horizontal-pod-autoscaler")
    say(
        cluster,
        "FailedComputeMetricsReplicas",
        f"invalid metrics (1 invalid out of 1), first error is: {message}",
        about=about,
        component="horizontal-pod-autoscaler",
    )
    complain(cluster, "web", "WARN cart took 2900ms")
    cluster.question = "the cart is slow and does not scale"


@case
def autoscaler_without_requests(cluster: Cluster) -> tuple[str, str]:
    """The container has no CPU request of which to take a share."""
    cluster.containers("cart", resources=None)
    text = f"failed to get cpu utilization: missing request for cpu in container cart of Pod cart-{HASH}-x7k2p"
    autoscaler(cluster, "FailedGetResourceMetric", text, "FailedGetResourceMetric")
    return "autoscaler-cannot-scale", "horizontalpodautoscaler/shop/cart"


@case
def autoscaler_without_metrics(cluster: Cluster) -> tuple[str, str]:
    """Nobody serves the metrics API."""
    text = "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
    autoscaler(
        cluster,
        "FailedGetResourceMetric",
        f"the HPA was unable to compute the replica count: {text}",
        "FailedGetResourceMetric",
    )
    return "autoscaler-cannot-scale", "horizontalpodautoscaler/shop/cart"


@case
def migration_suspended(cluster: Cluster) -> tuple[str, str]:
    """The orders wait in an init container for a job that is suspended."""
    spec = {
        "suspend": True,
        "completions": 1,
        "template": {"spec": {"containers": [container("migrate")], "restartPolicy": "Never"}},
    }
    suspended = {"type": "Suspended", "status": "True", "reason": "JobSuspended", "message": "Job suspended"}
    since = {"lastTransitionTime": "2030-05-01T11:40:00Z"}
    cluster.add(thing("Job", "orders-migrate", spec=spec, status={"conditions": [{**suspended, **since}]}))
    say(
        cluster,
        "Suspended",
        "Job suspended",
        about=("Job", "orders-migrate"),
        type="Normal",
        component="job-controller",
        count=1,
    )
    inside = container("wait-for-migrate", "registry.example/k8s-wait-for:2.0", args=["job", "orders-migrate"])
    starting(cluster, "orders", waiting("PodInitializing", ""))
    cluster.spec_of_pods("orders", initContainers=[inside])
    for name in cluster.pods_of("orders"):
        running = {
            "name": "wait-for-migrate",
            "ready": False,
            "restartCount": 0,
            "state": {"running": {"startedAt": "2030-05-01T11:45:02Z"}},
        }
        cluster.edit("Pod", name, status={"initContainerStatuses": [running]})
        cluster.logs[f"{NAMESPACE}/{name}/wait-for-migrate"] = "".join(
            f"2030-05-01T11:{minute}:02Z Waiting for job orders-migrate...\n" for minute in range(46, 60)
        )
    callers_fail(cluster, "checkout", "orders", 8080)
    return "job-suspended", "job/shop/orders-migrate"


@case
def binary_of_another_processor(cluster: Cluster) -> tuple[str, str]:
    """An image was built on a laptop with another processor; the registry accepts it."""
    for node in ("node-a", "node-b", "node-c"):
        cluster.edit("Node", node, namespace="", metadata={"labels": {"kubernetes.io/arch": "amd64"}})
    cluster.containers("cart", image="registry.example/shop/cart:1.5.0")
    crash(cluster, "cart", "Error", 255, "exec /usr/local/bin/cart: exec format error\n")
    callers_fail(cluster, "web", "cart", 7070)
    return "image-wrong-architecture", CART


def not_pulled(cluster: Cluster, image: str, why: str, reason: str = "ErrImagePull") -> None:
    """Let the image of the cart not be pulled."""
    cluster.containers("cart", image=image)
    starting(cluster, "cart", waiting(reason, why))
    for name in cluster.pods_of("cart"):
        say(cluster, "Failed", f'Failed to pull image "{image}": {why}', about=("Pod", name))


@case
def platform_absent_in_containerd(cluster: Cluster) -> tuple[str, str]:
    """The manifest list has no image for the node, as containerd says it."""
    image = "registry.example/shop/cart:1.5.0"
    why = f'failed to pull and unpack image "{image}": no match for platform in manifest: not found'
    not_pulled(cluster, image, f"rpc error: code = NotFound desc = {why}")
    return "image-wrong-architecture", CART


@case
def platform_absent_in_crio(cluster: Cluster) -> tuple[str, str]:
    """The same as CRI-O says it."""
    image = "registry.example/shop/cart:1.5.0"
    why = 'rpc error: code = Unknown desc = choosing image instance: no image found in image index for architecture "arm64", variant "v8", OS "linux"'
    not_pulled(cluster, image, why)
    return "image-wrong-architecture", CART


@case
def image_must_be_there(cluster: Cluster) -> tuple[str, str]:
    """An image that is loaded by hand is not on the node; the pull secret is absent too, which does not matter."""
    image = "shop/cart:dev"
    cluster.containers("cart", image=image, imagePullPolicy="Never")
    cluster.spec_of_pods("cart", imagePullSecrets=[{"name": "registry-login"}])
    why = f'Container image "{image}" is not present with pull policy of Never'
    starting(cluster, "cart", waiting("ErrImageNeverPull", why))
    for name in cluster.pods_of("cart"):
        say(cluster, "ErrImageNeverPull", why, about=("Pod", name))
        say(cluster, "Failed", "Error: ErrImageNeverPull", about=("Pod", name))
    return "image-not-present", CART
