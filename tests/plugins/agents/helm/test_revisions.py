"""The helm agent on revisions: which matter now, which failed, what never ended, what values changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helm_records import kept
from looking import Seen, look
from shop import deployment, patch, thing

from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.plugins.agents.helm import FROM_CONTENTS, FROM_LABELS, HelmAgent
from sre_orchestrator.plugins.agents.helm.failures import failure_of, operation_of

Json = dict[str, Any]
LISTED = ("Secret", "ConfigMap", "Deployment", "Service", "Job", "HorizontalPodAutoscaler", "StatefulSet", "DaemonSet")
CART = "release/shop/cart"
OWNED = {"annotations": {"meta.helm.sh/release-name": "cart"}}


def seen(folder: Path, *objects: Json) -> Seen:
    return look(HelmAgent(), folder, *objects, kinds=LISTED)


def member(**more: Any) -> Json:
    return patch(deployment("cart", **more), metadata=OWNED)


def job(name: str, *, ended: str = "", **metadata: Any) -> Json:
    conditions = [{"type": ended, "status": "True", "lastTransitionTime": "2030-05-01T11:40:00Z"}] if ended else []
    return patch(thing("Job", name, status={"conditions": conditions}), metadata=metadata)


def test_a_revision_of_the_window_is_told_with_the_good_one_before_it(tmp_path: Path) -> None:
    found = seen(
        tmp_path,
        kept(4, minutes_ago=20),
        kept(3, status="failed", minutes_ago=50),
        kept(2, status="superseded", minutes_ago=5000),
        kept(1, status="superseded", minutes_ago=9000),
    )

    newest, failed = found.of("release.revision")
    assert newest.component == CART
    assert newest.attributes == {
        "revision": 4,
        "status": "deployed",
        "chart": "cart",
        "chart_version": "0.4.0",
        "app_version": "1.4",
        "previous_revision": 2,
        "previous_chart_version": "0.2.0",
        "previous_app_version": "1.2",
        "description": "Upgrade complete",
    }
    assert newest.observed_at is not None
    assert newest.observed_at.isoformat() == "2030-05-01T11:40:00+00:00"
    assert newest.query == "helm history cart -n shop"
    assert (failed.attributes["revision"], failed.attributes["previous_revision"]) == (3, 2)


def test_a_quiet_release_is_not_told(tmp_path: Path) -> None:
    found = seen(
        tmp_path,
        member(),
        kept(
            2, minutes_ago=600, config={"a": 1}, hooks=[{"name": "m", "kind": "Job", "last_run": {"phase": "Failed"}}]
        ),
        kept(1, status="superseded", minutes_ago=900),
        kept(1, name="mail", status="failed", minutes_ago=6000),
    )

    assert found.facts == []
    assert found.coverage == {(kind, "namespace/shop") for kind in (*FROM_LABELS, *FROM_CONTENTS)}


def test_an_old_release_is_told_when_a_workload_of_it_lacks_pods(tmp_path: Path) -> None:
    found = seen(tmp_path, member(ready=0), kept(2, minutes_ago=600), patch(deployment("mail", ready=0), metadata={}))

    assert [fact.attributes["revision"] for fact in found.of("release.revision")] == [2]


def test_by_labels_alone_revisions_are_told_and_the_rest_is_not_covered(tmp_path: Path) -> None:
    charted = patch(member(), metadata={"labels": {"helm.sh/chart": "cart-0.4.0"}})
    found = seen(
        tmp_path,
        charted,
        kept(4, contents=False, minutes_ago=20, status="failed"),
        kept(3, contents=False, minutes_ago=900),
    )

    (revision,), (failed,) = found.of("release.revision"), found.of("release.failed")
    assert revision.attributes == {
        "revision": 4,
        "status": "failed",
        "chart": "cart",
        "chart_version": "0.4.0",
        "previous_revision": 3,
    }
    assert failed.attributes == {"revision": 4, "deployed_revision": 3}
    assert found.coverage == {(kind, "namespace/shop") for kind in FROM_LABELS}


def test_a_release_that_only_objects_tell_has_no_revision_and_no_time(tmp_path: Path) -> None:
    charted = patch(member(ready=0), metadata={"labels": {"helm.sh/chart": "cart-0.4.0"}})

    found = look(HelmAgent(), tmp_path, charted)

    (told,) = found.of("release.revision")
    assert (told.attributes, told.observed_at) == ({"chart": "cart", "chart_version": "0.4.0"}, None)
    assert found.coverage == set()


def test_a_failed_revision_says_what_was_tried_and_what_refused_it(tmp_path: Path) -> None:
    words = 'Upgrade "cart" failed: cannot patch "cart": field is immutable, password=hunter22'
    found = seen(tmp_path, kept(4, status="failed", minutes_ago=20, description=words), kept(3, minutes_ago=900))

    assert found.only("release.failed").attributes == {
        "revision": 4,
        "operation": "upgrade",
        "failure": "immutable",
        "description": 'Upgrade "cart" failed: cannot patch "cart": field is immutable, password=***',
        "deployed_revision": 3,
    }


def test_a_failure_is_dated_when_it_was_noted_but_not_before_the_revision_began(tmp_path: Path) -> None:
    labels = {"modifiedAt": "1903866300"}  # 11:45
    late = patch(kept(4, status="failed", minutes_ago=20), metadata={"labels": labels})
    early = patch(kept(1, name="mail", status="failed", minutes_ago=10), metadata={"labels": labels})

    found = seen(tmp_path, late, early)

    assert [str(fact.observed_at) for fact in found.of("release.failed")] == [
        "2030-05-01 11:45:00+00:00",
        "2030-05-01 11:50:00+00:00",
    ]


def test_a_pending_release_is_told_however_old(tmp_path: Path) -> None:
    found = seen(tmp_path, kept(4, status="pending-upgrade", minutes_ago=600), kept(3, minutes_ago=900))

    assert found.only("release.pending").attributes == {
        "revision": 4,
        "status": "pending-upgrade",
        "for_seconds": 36000.0,
        "hook_active": False,
        "deployed_revision": 3,
    }


@pytest.mark.parametrize(
    ("running", "active"),
    [
        (job("cart-migrate"), True),
        (job("cart-migrate", ended="Complete"), False),
        (job("cart-migrate", namespace="bank"), False),
        (
            job("other", annotations={"helm.sh/hook": "pre-upgrade"}, labels={"app.kubernetes.io/instance": "cart"}),
            True,
        ),
        (job("other", annotations={"helm.sh/hook": "pre-upgrade"}, labels={"app.kubernetes.io/instance": "x"}), False),
        (job("report"), False),
    ],
)
def test_helm_may_wait_for_a_hook_that_runs(running: Json, active: bool, tmp_path: Path) -> None:
    hooks = [{"name": "cart-migrate", "kind": "Job", "events": ["pre-upgrade"], "last_run": {"phase": "Running"}}]

    found = seen(tmp_path, running, kept(4, status="pending-upgrade", hooks=hooks))

    assert found.only("release.pending").attributes["hook_active"] is active


def test_hooks_that_failed_are_told_and_others_are_not(tmp_path: Path) -> None:
    run = {"started_at": "2030-05-01T11:30:00Z", "completed_at": "2030-05-01T11:31:00Z"}
    hooks = [
        {"name": "migrate", "kind": "Job", "events": ["pre-upgrade"], "last_run": {**run, "phase": "Failed"}},
        {"name": "notify", "kind": "Job", "events": ["post-upgrade"], "last_run": {**run, "phase": "Succeeded"}},
        {"name": "later", "kind": "Job", "events": ["post-upgrade"], "last_run": {"phase": ""}},
        {"name": "test", "kind": "Pod", "events": ["test"], "last_run": {**run, "phase": "Failed"}},
    ]

    found = seen(tmp_path, kept(4, status="failed", hooks=hooks), job("migrate", ended="Failed"))

    hook = found.only("release.hook_failed")
    assert (hook.component, str(hook.observed_at)) == ("job/shop/migrate", "2030-05-01 11:31:00+00:00")
    assert hook.attributes == {"release": CART, "events": "pre-upgrade", "revision": 4}


def test_by_labels_alone_the_jobs_of_hooks_tell_that_they_failed(tmp_path: Path) -> None:
    hook = {"helm.sh/hook": "pre-install,pre-upgrade"}
    found = seen(
        tmp_path,
        kept(4, status="failed", contents=False),
        job("migrate", ended="Failed", annotations=hook, labels={"app.kubernetes.io/instance": "cart"}),
        job("orphan", ended="Failed", annotations=hook),
        job("test", ended="Failed", annotations={"helm.sh/hook": "test"}),
        job("well", ended="Complete", annotations=hook),
        job("elsewhere", ended="Failed", annotations=hook, namespace="bank"),
        patch(job("old", annotations=hook), status={"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": "2030-04-01T11:40:00Z"}]}),
    )  # fmt: skip

    told = {fact.component: fact.attributes for fact in found.of("release.hook_failed")}
    assert told == {
        "job/shop/migrate": {"release": CART, "events": "pre-install pre-upgrade"},
        "job/shop/orphan": {"events": "pre-install pre-upgrade"},
    }


def test_values_are_compared_with_the_good_revision_before(tmp_path: Path) -> None:
    found = seen(
        tmp_path,
        kept(4, config={"memory": "64Mi", "db": {"password": "new"}, "debug": True, "same": 1}),
        kept(3, status="failed", config={"memory": "1Gi"}, minutes_ago=5000),
        kept(2, status="superseded", config={"memory": "512Mi", "db": {"password": "old"}, "host": "a", "same": 1}, minutes_ago=6000),
    )  # fmt: skip

    told = {fact.attributes["key"]: (fact.attributes.get("before"), fact.attributes.get("after")) for fact in found.of("release.value_changed")}  # fmt: skip
    assert told == {"memory": ("512Mi", "64Mi"), "debug": (None, "true"), "host": ("a", None)}
    first = found.of("release.value_changed")[0]
    assert (first.attributes["revision"], first.attributes["previous_revision"]) == (4, 2)
    assert first.query == "helm get values cart -n shop --revision 4"


def test_many_values_are_capped(tmp_path: Path) -> None:
    config = {f"value{place:03}": place for place in range(100)}

    found = seen(tmp_path, kept(2, config=config), kept(1, status="superseded", minutes_ago=900))

    assert len(found.of("release.value_changed")) == 20


def test_values_of_a_revision_that_was_not_read_are_not_compared(tmp_path: Path) -> None:
    found = seen(tmp_path, kept(2, config={"a": 1}), kept(1, status="superseded", contents=False, minutes_ago=900))

    assert found.of("release.value_changed") == []


@pytest.mark.parametrize(
    ("description", "failure", "operation"),
    [
        ('Upgrade "cart" failed: pre-upgrade hooks failed: 1 error occurred: * timed out waiting for the condition', "hook", "upgrade"),
        ('Release "cart" failed: failed pre-install: job failed: BackoffLimitExceeded', "hook", "install"),
        ('Upgrade "cart" failed: cannot patch "db" with kind StatefulSet: StatefulSet.apps "db" is invalid: spec: Forbidden: updates to statefulset spec for fields other than \'replicas\'', "immutable", "upgrade"),
        ('Release "cart" failed: Unable to continue with install: Service "cart" in namespace "shop" exists and cannot be imported into the current release: invalid ownership metadata', "conflict", "install"),
        ('Upgrade "cart" failed: Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas', "conflict", "upgrade"),
        ('Rollback "cart" failed: secrets is forbidden: User "ci" cannot list resource "secrets"', "refused", "rollback"),
        ('Upgrade "cart" failed: admission webhook "policy.example" denied the request: no limits', "refused", "upgrade"),
        ('Upgrade "cart" failed: pods "cart" is forbidden: exceeded quota: compute', "refused", "upgrade"),
        ('Upgrade "cart" failed: resource mapping not found: no matches for kind "Ingress" in version "extensions/v1beta1"', "missing-kind", "upgrade"),
        ('Upgrade "cart" failed: Deployment.apps "cart" is invalid: spec.template.spec.containers[0].image: Required value', "invalid", "upgrade"),
        ('Upgrade "cart" failed: context deadline exceeded', "timeout", "upgrade"),
        ('Upgrade "cart" failed: resource Deployment/shop/cart not ready. status: InProgress, message: Available: 0/2', "timeout", "upgrade"),
        ('Upgrade "cart" failed: timed out waiting for the condition', "timeout", "upgrade"),
        ("Deletion in progress (or silently failed)", "other", "uninstall"),
        ('Upgrade "cart" failed: EOF', "other", "upgrade"),
        ("", "other", None),
    ],
)  # fmt: skip
def test_what_helm_says_is_sorted(description: str, failure: str, operation: str | None) -> None:
    assert (failure_of(description), operation_of(description)) == (failure, operation)
    assert failure in load_vocabulary().kinds["release.failed"].attributes["failure"].values
