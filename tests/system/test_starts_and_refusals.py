"""Faults of admission and start in a whole cluster: the right one first, its look-alike not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from clusters import HASH, Cluster, shop
from faults import callers_fail, crash, crashing, probe_fails, say, starting, waiting
from shop import NAMESPACE, container_status, endpoints, patch, thing, workload

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

Expected = tuple[str, str]
CASES: dict[str, Callable[[Cluster], Expected]] = {}
CART = "deployment/shop/cart"
DENIED = "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"


def case(make: Callable[[Cluster], Expected]) -> Callable[[Cluster], Expected]:
    CASES[make.__name__] = make
    return make


def pull_fails(cluster: Cluster, image: str, why: str) -> None:
    cluster.containers("cart", image=image)
    starting(cluster, "cart", waiting("ImagePullBackOff", f'Back-off pulling image "{image}"'))
    for name in cluster.pods_of("cart"):
        say(cluster, "Failed", f'Failed to pull image "{image}": {why}', about=("Pod", name))


def from_hub(cluster: Cluster) -> None:
    for app in ("web", "checkout", "orders"):
        cluster.containers(app, image=f"shop/{app}:1.4.2")


@case
def hub_name_mistyped(cluster: Cluster) -> Expected:
    from_hub(cluster)
    pull_fails(cluster, "shop/crat:1.4.2", DENIED)
    return "image-reference-wrong", CART


@case
def hub_path_mistyped(cluster: Cluster) -> Expected:
    from_hub(cluster)
    pull_fails(cluster, "shopp/cart:1.4.2", DENIED)
    return "image-reference-wrong", CART


@case
def hub_secret_absent(cluster: Cluster) -> Expected:
    from_hub(cluster)
    cluster.spec_of_pods("cart", imagePullSecrets=[{"name": "hub-login"}])
    pull_fails(cluster, "shop/cart:1.4.2", DENIED)
    return "image-pull-denied", CART


@case
def hub_secret_not_named(cluster: Cluster) -> Expected:
    from_hub(cluster)
    for app in ("web", "checkout", "orders"):
        cluster.spec_of_pods(app, imagePullSecrets=[{"name": "hub-login"}])
    cluster.add(thing("Secret", "hub-login"))
    pull_fails(cluster, "shop/cart:1.4.2", DENIED)
    return "image-pull-denied", CART


@case
def tag_unknown_beside_an_absent_secret(cluster: Cluster) -> Expected:
    cluster.spec_of_pods("cart", imagePullSecrets=[{"name": "old-login"}])
    pull_fails(cluster, "registry.example/shop/cart:1.4", "reading manifest 1.4: manifest unknown")
    return "image-reference-wrong", CART


@case
def image_of_an_unknown_source(cluster: Cluster) -> Expected:
    pull_fails(
        cluster, "private.example/shop/cart:1.4.2", "failed to fetch anonymous token: unexpected status: 403 Forbidden"
    )
    return "image-pull-denied", CART


@case
def registry_times_out(cluster: Cluster) -> Expected:
    pull_fails(cluster, "registry.example/shop/cart:1.5.0", "dial tcp 192.0.2.1:443: i/o timeout")
    return "registry-unreachable", CART


@case
def pulls_limited(cluster: Cluster) -> Expected:
    why = "429 Too Many Requests - toomanyrequests: You have reached your unauthenticated pull rate limit"
    pull_fails(cluster, "shop/cart:1.5.0", why)
    return "image-pull-rate-limited", CART


@case
def key_absent_in_a_volume(cluster: Cluster) -> Expected:
    volume = {"name": "conf", "configMap": {"name": "cart", "items": [{"key": "cart.yaml", "path": "cart.yaml"}]}}
    cluster.add(thing("ConfigMap", "cart", data={"cart.yml": "a: 1"}))
    cluster.spec_of_pods("cart", volumes=[volume])
    starting(cluster, "cart", waiting("ContainerCreating", ""))
    for name in cluster.pods_of("cart"):
        text = 'MountVolume.SetUp failed for volume "conf" : references non-existent config key: cart.yaml'
        say(cluster, "FailedMount", text, about=("Pod", name))
    return "config-map-missing", CART


@case
def secret_of_a_volume_absent(cluster: Cluster) -> Expected:
    cluster.spec_of_pods("cart", volumes=[{"name": "tls", "secret": {"secretName": "cart-tls"}}])
    starting(cluster, "cart", waiting("ContainerCreating", ""))
    for name in cluster.pods_of("cart"):
        text = 'MountVolume.SetUp failed for volume "tls" : secret "cart-tls" not found'
        say(cluster, "FailedMount", text, about=("Pod", name))
    return "secret-missing", CART


def with_claim(cluster: Cluster, app: str, claim: str, path: str, **spec: Any) -> None:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": claim}}
    cluster.containers(app, volumeMounts=[{"name": "data", "mountPath": path}])
    cluster.spec_of_pods(app, volumes=[volume], **spec)


def bound(cluster: Cluster, claim: str) -> None:
    spec = {
        "volumeName": f"pv-{claim}",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    cluster.add(thing("PersistentVolumeClaim", claim, spec=spec, status={"phase": "Bound"}))


@case
def volume_of_another_user(cluster: Cluster) -> Expected:
    with_claim(cluster, "cart-cache", "cart-data", "/data", securityContext={"runAsUser": 1000})
    bound(cluster, "cart-data")
    log = "1:M 01 May 2030 11:57:10.100 # Can't open or create append-only dir appendonlydir: Permission denied\n"
    crash(cluster, "cart-cache", "Error", 1, log)
    callers_fail(cluster, "cart", "cart-cache", 6379)
    probe_fails(cluster, "cart-cache")
    return "volume-permission-denied", "deployment/shop/cart-cache"


@case
def database_may_not_write_its_volume(cluster: Cluster) -> Expected:
    with_claim(cluster, "orders-db", "orders-data", "/var/lib/mysql")
    bound(cluster, "orders-data")
    log = (
        "2030-05-01 11:57:10+00:00 [Note] [Entrypoint]: Initializing database files\n"
        "mysqld: Can't create/write to file '/var/lib/mysql/is_writable' (OS errno 13 - Permission denied)\n"
        "2030-05-01T11:57:11Z 0 [ERROR] [MY-010119] [Server] Aborting\n"
    )
    crash(cluster, "orders-db", "Error", 1, log)
    callers_fail(cluster, "orders", "orders-db", 3306)
    probe_fails(cluster, "orders-db")
    return "volume-permission-denied", "statefulset/shop/orders-db"


@case
def volume_still_attached(cluster: Cluster) -> Expected:
    with_claim(cluster, "orders-db", "orders-data", "/var/lib/mysql")
    bound(cluster, "orders-data")
    starting(cluster, "orders-db", waiting("ContainerCreating", ""))
    for name in cluster.pods_of("orders-db"):
        text = 'Multi-Attach error for volume "pv-orders-data" Volume is already exclusively attached to one node'
        say(cluster, "FailedAttachVolume", text, about=("Pod", name))
    return "volume-multi-attach", "statefulset/shop/orders-db"


def cannot_start(cluster: Cluster, code: int, text: str) -> None:
    state, last = crashing("StartError", code, text)
    for name in cluster.pods_of("cart"):
        cluster.edit("Pod", name, status={"phase": "Pending"})
    cluster.status("cart", restarts=5, state=state, last=last)
    for name in cluster.pods_of("cart"):
        say(cluster, "Failed", f"Error: {text}", about=("Pod", name))


@case
def command_absent(cluster: Cluster) -> Expected:
    cannot_start(
        cluster,
        128,
        'failed to create containerd task: failed to create shim task: OCI runtime create failed: exec: "serv": executable file not found in $PATH: unknown',
    )
    return "command-not-found", CART


@case
def killed_before_it_starts(cluster: Cluster) -> Expected:
    cannot_start(
        cluster,
        128,
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: container init was OOM-killed (memory limit too low?): unknown",
    )
    return "memory-limit-too-low-to-start", CART


@case
def root_is_refused(cluster: Cluster) -> Expected:
    text = "container has runAsNonRoot and image will run as root"
    starting(cluster, "cart", waiting("CreateContainerConfigError", text))
    for name in cluster.pods_of("cart"):
        say(cluster, "Failed", f"Error: {text}", about=("Pod", name))
    return "root-refused", CART


@case
def network_plugin_fails_on_a_node(cluster: Cluster) -> Expected:
    starting(cluster, "cart-cache", waiting("ContainerCreating", ""))
    text = 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4f": plugin type="flannel" failed (add): loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file or directory'
    for name in cluster.pods_of("cart-cache"):
        say(cluster, "FailedCreatePodSandBox", text, about=("Pod", name))
    return "sandbox-network-failed", "node/node-a"


def never_created(cluster: Cluster, app: str) -> None:
    for name in cluster.pods_of(app):
        cluster.drop("Pod", name)
        cluster.logs.pop(f"{NAMESPACE}/{name}/{app}", None)
    cluster.count(app, 0)
    cluster.add(endpoints(app))
    probe_fails(cluster, app)


def refuse(cluster: Cluster, text: str, app: str = "cart") -> None:
    never_created(cluster, app)
    about = ("ReplicaSet", f"{app}-{HASH}")
    say(cluster, "FailedCreate", f"Error creating: {text}", about=about, component="replicaset-controller")


def quota(cluster: Cluster, resource: str, hard: str, used: str) -> None:
    status = {"hard": {resource: hard}, "used": {resource: used}}
    cluster.add(thing("ResourceQuota", "team", spec={"hard": {resource: hard}}, status=status))


@case
def memory_quota_refuses_a_rollout(cluster: Cluster) -> Expected:
    quota(cluster, "requests.memory", "2Gi", "1900Mi")
    new = workload("ReplicaSet", "cart-77d8", replicas=1, ready=0, labels={"app": "cart"}, owner=("Deployment", "cart"))
    cluster.add(
        patch(new, metadata={"annotations": {"deployment.kubernetes.io/revision": "2"}}, status={"replicas": 0})
    )
    text = 'Error creating: pods "cart-77d8-z" is forbidden: exceeded quota: team, requested: requests.memory=256Mi, used: requests.memory=1900Mi, limited: requests.memory=2Gi'
    say(cluster, "FailedCreate", text, about=("ReplicaSet", "cart-77d8"), component="replicaset-controller")
    return "quota-memory-exceeded", "namespace/shop"


@case
def storage_quota_keeps_a_claim_away(cluster: Cluster) -> Expected:
    quota(cluster, "requests.storage", "1Gi", "1Gi")
    with_claim(cluster, "cart-cache", "cart-data", "/data")
    cluster.pending("cart-cache")
    for name in cluster.pods_of("cart-cache"):
        text = '0/4 nodes are available: persistentvolumeclaim "cart-data" not found.'
        say(cluster, "FailedScheduling", text, about=("Pod", name), component="default-scheduler")
    callers_fail(cluster, "cart", "cart-cache", 6379)
    return "quota-storage-exceeded", "namespace/shop"


@case
def storage_quota_refuses_the_claims_of_a_stateful_set(cluster: Cluster) -> Expected:
    quota(cluster, "requests.storage", "5Gi", "0")
    template = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "8Gi"}}}}
    cluster.edit("StatefulSet", "orders-db", spec={"volumeClaimTemplates": [template]})
    never_created(cluster, "orders-db")
    text = 'create Pod orders-db-0 in StatefulSet orders-db failed error: failed to create PVC data-orders-db-0: persistentvolumeclaims "data-orders-db-0" is forbidden: exceeded quota: team, requested: requests.storage=8Gi, used: requests.storage=0, limited: requests.storage=5Gi'
    say(cluster, "FailedCreate", text, about=("StatefulSet", "orders-db"), component="statefulset-controller")
    callers_fail(cluster, "orders", "orders-db", 3306)
    return "quota-storage-exceeded", "namespace/shop"


@case
def service_quota_keeps_a_service_away(cluster: Cluster) -> Expected:
    quota(cluster, "services", "5", "5")
    cluster.drop("Service", "cart")
    cluster.drop("Endpoints", "cart")
    probe_fails(cluster, "cart", "lookup cart on 10.96.0.10:53: no such host")
    callers_fail(cluster, "web", "cart", 7070, "lookup cart on 10.96.0.10:53: no such host")
    return "quota-services-exceeded", "namespace/shop"


@case
def quota_demands_requests(cluster: Cluster) -> Expected:
    quota(cluster, "limits.cpu", "20", "4")
    refuse(cluster, 'pods "cart-z" is forbidden: failed quota: team: must specify limits.cpu for: cart')
    return "quota-requires-requests", CART


@case
def limit_range_refuses(cluster: Cluster) -> Expected:
    refuse(cluster, 'pods "cart-z" is forbidden: maximum memory usage per Container is 256Mi, but limit is 512Mi')
    return "limit-range-violated", CART


@case
def pod_security_refuses(cluster: Cluster) -> Expected:
    refuse(cluster, 'pods "cart-z" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true')
    return "pod-security-refused", CART


@case
def webhook_does_not_answer(cluster: Cluster) -> Expected:
    refuse(
        cluster,
        'Internal error occurred: failed calling webhook "policy.example": failed to call webhook: Post "https://policy.guard.svc:443/v1?timeout=10s": no endpoints available for service "policy"',
    )
    return "admission-webhook-down", "service/guard/policy"


@case
def init_container_fails(cluster: Cluster) -> Expected:
    inside = {"name": "prepare", "image": "registry.example/shop/prepare:1"}
    cluster.spec_of_pods("cart", initContainers=[inside])
    starting(cluster, "cart", waiting("PodInitializing", ""))
    state, last = crashing("Error", 3)
    for name in cluster.pods_of("cart"):
        status = container_status("prepare", ready=False, restarts=6, state=state, last=last)
        cluster.edit("Pod", name, status={"initContainerStatuses": [status]})
        say(cluster, "BackOff", f"Back-off restarting failed container prepare in pod {name}", about=("Pod", name))
    return "init-container-failing", CART


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def report_of(installation: Installation, path: Path) -> Report:
    return anyio.run(diagnose_snapshot, installation, path).report


@pytest.mark.parametrize("name", CASES)
def test_the_fault_is_named_first(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = shop()
    expected = CASES[name](cluster)

    report = report_of(installation, cluster.write(tmp_path))

    found = [(one.cause, one.component, one.confidence) for one in report.hypotheses[:3]]
    assert [one[:2] for one in found[:1]] == [expected], found
    assert report.verdict == "diagnosed"


def test_what_was_refused_while_the_namespace_was_filled_is_no_fault(
    installation: Installation, tmp_path: Path
) -> None:
    cluster = shop()
    quota(cluster, "pods", "20", "11")
    cluster.add(thing("ServiceAccount", "cart"))
    cluster.spec_of_pods("cart", serviceAccountName="cart")
    text = f'Error creating: pods "cart-{HASH}-" is forbidden: error looking up service account shop/cart: serviceaccount "cart" not found'
    say(cluster, "FailedCreate", text, about=("ReplicaSet", f"cart-{HASH}"))
    for name in cluster.pods_of("web"):
        text = 'MountVolume.SetUp failed for volume "kube-api-access-1" : failed to sync configmap cache: timed out waiting for the condition'
        say(cluster, "FailedMount", text, about=("Pod", name))

    report = report_of(installation, cluster.write(tmp_path))

    assert report.verdict == "unresolved", [(one.cause, one.component) for one in report.hypotheses[:3]]
