"""The admission agent on what the API server refuses; what came right since then is not reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import EARLIER, NOW, deployment, event, patch, pod, thing, workload

from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.admission import AdmissionAgent, register_agents
from sre_orchestrator.plugins.agents.admission.messages import excesses, family_of, refusal

Json = dict[str, Any]
QUOTA = 'pods "cart-7-x" is forbidden: exceeded quota: team, requested: pods=1,requests.cpu=2, used: pods=3,requests.cpu=3, limited: pods=9,requests.cpu=4'
ACCOUNT = 'pods "cart-7-" is forbidden: error looking up service account shop/cart: serviceaccount "cart" not found'


def refused(text: str, about: tuple[str, str] = ("ReplicaSet", "cart-7"), number: int = 0, **more: Any) -> Json:
    one = event("FailedCreate", f"Error creating: {text}", about=about, component="replicaset-controller", **more)
    return patch(one, metadata={"name": f"{about[1]}-{number}"})


def cart(pods: int = 0, **status: Any) -> list[Json]:
    """Return a Deployment of two pods that has some of them."""
    owned = [pod(f"cart-7-{number}", owner=("ReplicaSet", "cart-7")) for number in range(pods)]
    top = patch(deployment("cart", replicas=2, ready=pods), status={"replicas": pods})
    return [
        top,
        patch(workload("ReplicaSet", "cart-7", replicas=2, ready=pods, owner=("Deployment", "cart")), status=status),
        *owned,
    ]


@pytest.mark.parametrize(
    ("text", "failure", "name"),
    [
        (ACCOUNT, "service-account", "cart"),
        (
            "service account shop/cart was not found, retry after the service account is created",
            "service-account",
            "cart",
        ),
        ("failed quota: team: must specify limits.cpu for: app; limits.memory for: app", "requests-required", "team"),
        ("failed quota: caps: must specify requests.cpu", "requests-required", "caps"),
        (
            "[minimum cpu usage per Container is 100m, but request is 50m, maximum memory usage per Container is 1Gi]",
            "limit-range",
            "",
        ),
        ("cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000", "limit-range", ""),
        ("minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi", "limit-range", ""),
        ('admission webhook "policy.example" denied the request: tag latest', "webhook-denied", "policy.example"),
        (
            "ValidatingAdmissionPolicy 'no-latest' with binding 'all' denied request: failed",
            "webhook-denied",
            "no-latest",
        ),
        ('violates PodSecurity "restricted:latest": runAsNonRoot != true', "pod-security", "restricted:latest"),
        ("unable to validate against any security context constraint: []", "pod-security", ""),
        ('Pod "cart-7-x" is invalid: spec.containers[0].image: Required value', "invalid", ""),
        ('pods "cart-7-x" is forbidden: no PriorityClass with name gold was found', "forbidden", ""),
        ('pods is forbidden: User "x" cannot create resource "pods" in API group ""', "forbidden", ""),
        ("etcdserver: request timed out", "other", ""),
    ],
)
def test_each_refusal_has_a_failure_and_the_name_in_it(text: str, failure: str, name: str) -> None:
    found = refusal(text)

    assert (found.failure, found.name) == (failure, name)


def test_a_webhook_that_cannot_be_called_names_its_service() -> None:
    called = 'Internal error occurred: failed calling webhook "inject.example": failed to call webhook: Post '
    inside = refusal(
        f'{called}"https://injector.mesh.svc:443/inject?timeout=10s": no endpoints available for service "injector"'
    )
    outside = refusal(f'{called}"https://policy.example/check": context deadline exceeded')

    assert (inside.failure, inside.name, inside.service) == ("webhook-down", "inject.example", "service/mesh/injector")
    assert (outside.failure, outside.service) == ("webhook-down", "")


@pytest.mark.parametrize(
    ("resource", "family"),
    [
        ("cpu", "cpu"),
        ("limits.cpu", "cpu"),
        ("requests.memory", "memory"),
        ("pods", "pods"),
        ("count/pods", "pods"),
        ("services", "services"),
        ("services.loadbalancers", "services"),
        ("count/services", "services"),
        ("persistentvolumeclaims", "storage"),
        ("requests.storage", "storage"),
        ("requests.ephemeral-storage", "storage"),
        ("gold.storageclass.storage.k8s.io/persistentvolumeclaims", "storage"),
        ("count/deployments.apps", "objects"),
        ("requests.nvidia.com/gpu", "objects"),
        ("secrets", "objects"),
    ],
)
def test_each_resource_of_a_quota_has_a_family(resource: str, family: str) -> None:
    assert family_of(resource) == family


def test_amounts_that_do_not_add_up_leave_every_named_resource() -> None:
    text = "exceeded quota: q, requested: pods=1,secrets=many, used: pods=1, limited: pods=5"

    assert [one.resource for one in excesses(text)] == ["pods", "secrets"]


def test_the_resource_that_exceeds_is_told_of_the_top_owner(tmp_path: Path) -> None:
    again = refused(QUOTA.replace("cpu=2, used", "cpu=1500m, used"), number=1, last="2030-05-01T11:30:00Z")

    seen = look(AdmissionAgent(), tmp_path, *cart(1), refused(QUOTA, first="2030-05-01T11:00:00Z"), again)

    fact = seen.only("quota.exceeded")
    assert fact.component == "deployment/shop/cart"
    assert fact.observed_at is not None
    assert fact.observed_at.isoformat() == EARLIER.replace("Z", "+00:00")
    shown = {key: fact.attributes[key] for key in ("quota", "resource", "family", "requested", "used", "limited")}
    assert shown == {
        "quota": "team",
        "resource": "requests.cpu",
        "family": "cpu",
        "requested": "2",
        "used": "3",
        "limited": "4",
    }
    assert seen.of("create.refused") == []


def test_a_condition_tells_where_the_events_are_gone(tmp_path: Path) -> None:
    failing = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": QUOTA}
    passed = {**failing, "status": "False"}

    told = look(AdmissionAgent(), tmp_path / "a", *cart(1, conditions=[failing]))
    over = look(AdmissionAgent(), tmp_path / "b", *cart(2, conditions=[passed]))

    assert told.only("quota.exceeded").component == "deployment/shop/cart"
    assert over.of("quota.exceeded") == []


def test_an_account_that_does_not_exist_is_told_with_the_refusal(tmp_path: Path) -> None:
    seen = look(
        AdmissionAgent(),
        tmp_path,
        *cart(),
        refused(ACCOUNT, count=3),
        refused(ACCOUNT, number=1, count=2),
        thing("ServiceAccount", "default"),
        kinds=["Pod"],
    )

    fact = seen.only("create.refused")

    assert (fact.component, fact.attributes["failure"], fact.attributes["name"]) == (
        "deployment/shop/cart",
        "service-account",
        "cart",
    )
    assert fact.attributes["count"] == 5


def test_an_account_that_was_created_later_is_no_refusal_any_more(tmp_path: Path) -> None:
    complete = look(AdmissionAgent(), tmp_path / "a", *cart(2), refused(ACCOUNT))
    short = look(AdmissionAgent(), tmp_path / "b", *cart(1), refused(ACCOUNT), thing("ServiceAccount", "cart"))

    assert complete.of("create.refused") == []
    assert short.of("create.refused") == []


def kinds(seen: Seen) -> set[tuple[str, str]]:
    return {(fact.kind, fact.component) for fact in seen.facts}


def test_every_owner_of_pods_and_a_refused_claim_are_told(tmp_path: Path) -> None:
    text = "exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5"
    claim = (
        "exceeded quota: q, requested: requests.storage=5Gi, used: requests.storage=1Gi, limited: requests.storage=5Gi"
    )
    seen = look(
        AdmissionAgent(),
        tmp_path,
        workload("StatefulSet", "orders-db", replicas=2),
        refused(
            f"create Claim data-orders-db-0 failed: persistentvolumeclaims is forbidden: {claim}",
            ("StatefulSet", "orders-db"),
        ),
        workload("DaemonSet", "agent", replicas=1),
        refused(text, ("DaemonSet", "agent")),
        thing("CronJob", "nightly", spec={"schedule": "@daily"}),
        thing("Job", "nightly-1", owner=("CronJob", "nightly")),
        refused(text, ("Job", "nightly-1")),
        event("ProvisioningFailed", claim, about=("PersistentVolumeClaim", "files")),
        kinds=["Pod"],
    )

    assert kinds(seen) == {
        ("quota.exceeded", "statefulset/shop/orders-db"),
        ("quota.exceeded", "daemonset/shop/agent"),
        ("quota.exceeded", "cronjob/shop/nightly"),
        ("quota.exceeded", "persistentvolumeclaim/shop/files"),
    }


def test_what_has_its_pods_is_done_gone_replaced_or_elsewhere_is_not_told(tmp_path: Path) -> None:
    text = "exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5"
    complete = [{"type": "Complete", "status": "True"}]
    old = "2030-05-01T08:00:00Z"

    seen = look(
        AdmissionAgent(),
        tmp_path,
        *cart(2),
        refused(text),
        thing("Job", "done", status={"succeeded": 1, "conditions": complete}),
        refused(text, ("Job", "done")),
        thing("Job", "busy", status={"active": 1}),
        refused(text, ("Job", "busy")),
        refused(text, ("ReplicaSet", "gone-1")),
        workload("StatefulSet", "again", replicas=1),
        patch(refused(text, ("StatefulSet", "again")), involvedObject={"uid": "uid-of-the-one-before"}),
        patch(event("ProvisioningFailed", text, about=("PersistentVolumeClaim", "old"), first=old, last=old)),
        patch(refused(text, ("StatefulSet", "late")), firstTimestamp="2030-05-01T12:30:00Z"),
        workload("StatefulSet", "late", replicas=1),
        workload("StatefulSet", "other", namespace="bank", replicas=1),
        refused(text, ("StatefulSet", "other"), namespace="bank"),
        workload("StatefulSet", "well", replicas=1),
        event("RecreatingFailedPod", "is recreating", about=("StatefulSet", "well"), last=NOW),
        pod("again-0", owner=("StatefulSet", "again")),
        pod("well-0", owner=("StatefulSet", "well")),
    )

    assert kinds(seen) == set()


def test_the_status_counts_pods_where_they_cannot_be_listed(tmp_path: Path) -> None:
    short = patch(workload("StatefulSet", "orders-db", replicas=2), status={"replicas": 1})
    text = "exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5"

    seen = look(AdmissionAgent(), tmp_path, short, refused(text, ("StatefulSet", "orders-db")))

    assert kinds(seen) == {("quota.exceeded", "statefulset/shop/orders-db")}


def test_the_agent_is_registered() -> None:
    (agent,) = register_agents(Settings())

    assert agent.name == "admission"
