"""The whole program on clusters that Helm fills: releases raise what they broke, and are blamed for their own failures only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from clusters import HASH, Cluster, shop
from faults import FAULTS, crash
from helm_records import kept
from shop import NAMESPACE, container, container_status, patch, pod, thing

from sre_orchestrator.api import wiring
from sre_orchestrator.api.live import diagnose_live
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Hypothesis, Report
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import ClusterAccess, Settings, SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

Json = dict[str, Any]
RELEASE = "release/shop/cart"
HELM = f"{wiring.SOURCES}helm"
BEGIN = "2030-05-01T11:40:00Z"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def report_of(installation: Installation, cluster: Cluster, folder: Path) -> Report:
    return anyio.run(diagnose_snapshot, installation, cluster.write(folder)).report


def released(cluster: Cluster, app: str = "cart") -> str:
    """Make workload, service and ReplicaSet of ``app`` members of its release, and return the manifest that they are as."""
    owned = {"annotations": {"meta.helm.sh/release-name": app}, "labels": {"app.kubernetes.io/managed-by": "Helm"}}
    parts = []
    for kind, name in (("Deployment", app), ("Service", app)):
        item = json.loads(json.dumps(cluster.get(kind, name)))
        parts.append({"apiVersion": "apps/v1" if kind == "Deployment" else "v1", **item, "status": {}})
        cluster.edit(kind, name, metadata=owned)
    cluster.edit("ReplicaSet", f"{app}-{HASH}", metadata=owned)
    return "".join(f"---\n{json.dumps(part)}\n" for part in parts)


def upgraded(cluster: Cluster, status: str = "deployed", *, minutes_ago: float = 18, **more: Any) -> None:
    """Add the history of the release: two quiet revisions, and a third with ``status``."""
    manifest = more.pop("manifest", "") or released(cluster)
    before = "deployed" if status != "deployed" else "superseded"
    cluster.add(
        kept(1, status="superseded", minutes_ago=9000, manifest=manifest, config={"memory": "512Mi"}),
        kept(2, status=before, minutes_ago=5000, manifest=manifest, config={"memory": "512Mi"}),
        kept(3, status=status, minutes_ago=minutes_ago, manifest=manifest, config={"memory": "64Mi"}, **more),
    )


def unavailable(cluster: Cluster) -> None:
    """Say since when the workload is not available, as its controller does."""
    condition = {"type": "Available", "status": "False", "lastTransitionTime": "2030-05-01T11:50:00Z"}
    cluster.edit("Deployment", "cart", status={"conditions": [condition]})


def commands(one: Hypothesis) -> list[str]:
    return [step.command for step in one.remedy]


def test_a_revision_that_broke_a_workload_leaves_the_cause_and_names_the_roll_back(
    installation: Installation, tmp_path: Path
) -> None:
    cluster = shop()
    cluster.containers("cart", resources={"limits": {"memory": "64Mi"}})
    crash(cluster, "cart", "OOMKilled", 137, "starting\n")
    unavailable(cluster)
    alone = report_of(installation, cluster, tmp_path / "alone").hypotheses[0]
    upgraded(cluster)

    report = report_of(installation, cluster, tmp_path / "released")

    first = report.hypotheses[0]
    assert (first.cause, first.component) == ("memory-limit-too-low", "deployment/shop/cart")
    assert first.confidence > alone.confidence
    assert {report.facts[change].kind for change in first.changes} >= {"release.revision", "release.value_changed"}
    assert commands(first)[-2:] == ["helm diff revision cart 2 3 -n shop", "helm rollback cart 2 -n shop"]
    assert not any("helm" in command for command in commands(alone))
    value = next(
        report.facts[change] for change in first.changes if report.facts[change].kind == "release.value_changed"
    )
    assert (value.attributes["before"], value.attributes["after"]) == ("512Mi", "64Mi")


def test_a_revision_after_the_trouble_began_is_not_its_change(installation: Installation, tmp_path: Path) -> None:
    cluster = shop()
    cluster.containers("cart", resources={"limits": {"memory": "64Mi"}})
    crash(cluster, "cart", "OOMKilled", 137, "starting\n")
    upgraded(cluster, minutes_ago=0.1)

    first = report_of(installation, cluster, tmp_path).hypotheses[0]

    assert (first.cause, first.changes) == ("memory-limit-too-low", ())


def healthy_releases(cluster: Cluster) -> None:
    hook = {"name": "cart-migrate", "kind": "Job", "events": ["pre-upgrade"], "last_run": {"phase": "Succeeded"}}
    upgraded(cluster, hooks=[hook])


def long_after(cluster: Cluster) -> None:
    upgraded(cluster, "failed", minutes_ago=20_000, description='Upgrade "cart" failed: field is immutable')


def long_pending(cluster: Cluster) -> None:
    upgraded(cluster, "pending-upgrade", minutes_ago=20_000)


def just_pending(cluster: Cluster) -> None:
    upgraded(cluster, "pending-upgrade", minutes_ago=2)


def a_hook_runs(cluster: Cluster) -> None:
    hook = {"name": "cart-migrate", "kind": "Job", "events": ["pre-upgrade"], "last_run": {"phase": "Running"}}
    upgraded(cluster, "pending-upgrade", minutes_ago=40, hooks=[hook])
    cluster.add(thing("Job", "cart-migrate", status={"active": 1}))


def scaled_by_an_autoscaler(cluster: Cluster) -> None:
    upgraded(cluster)
    cluster.edit("Deployment", "cart", spec={"replicas": 2})
    cluster.add(
        thing("HorizontalPodAutoscaler", "cart", spec={"scaleTargetRef": {"kind": "Deployment", "name": "cart"}})
    )


def mutated(cluster: Cluster) -> None:
    """Sidecars, defaults and certificates that operators add."""
    upgraded(cluster)
    inside = cluster.get("Deployment", "cart")["spec"]["template"]["spec"]["containers"]
    cluster.edit_spec("Deployment", "cart", containers=[*inside, container("istio-proxy", "proxy:1")])


def edited_by_hand(cluster: Cluster) -> None:
    upgraded(cluster, minutes_ago=5000)
    cluster.containers("cart", image="registry.example/shop/cart:debug")


def labels_only(cluster: Cluster) -> None:
    released(cluster)
    cluster.add(kept(1, status="superseded", contents=False, minutes_ago=900), kept(2, contents=False))


HEALTHY: tuple[Callable[[Cluster], None], ...] = (
    healthy_releases, long_after, long_pending, just_pending, a_hook_runs, scaled_by_an_autoscaler, mutated,
    edited_by_hand, labels_only,
)  # fmt: skip


@pytest.mark.parametrize("make", HEALTHY)
def test_releases_of_a_healthy_cluster_are_no_diagnosis(
    make: Callable[[Cluster], None], installation: Installation, tmp_path: Path
) -> None:
    cluster = shop()
    make(cluster)

    report = report_of(installation, cluster, tmp_path)

    assert report.verdict == "unresolved", [(one.cause, one.component, one.because) for one in report.hypotheses[:3]]


@pytest.mark.parametrize(
    "description",
    [
        'Upgrade "cart" failed: cannot patch "cart" with kind Deployment: Deployment.apps "cart" is invalid: spec.selector: Invalid value: v1.LabelSelector{}: field is immutable',
        'Upgrade "cart" failed: conflict occurred while applying object shop/cart apps/v1, Kind=Deployment: Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas',
    ],
)
def test_a_refused_upgrade_is_the_releases_own_failure(
    description: str, installation: Installation, tmp_path: Path
) -> None:
    cluster = shop()
    cluster.question = "the upgrade of cart failed"
    upgraded(cluster, "failed", description=description)

    report = report_of(installation, cluster, tmp_path)

    first = report.hypotheses[0]
    assert (report.verdict, first.cause, first.component) == ("diagnosed", "release-failed", RELEASE)
    assert "helm status cart -n shop" in commands(first)


def test_a_release_that_was_left_pending_is_named(installation: Installation, tmp_path: Path) -> None:
    cluster = shop()
    cluster.question = "another operation (install/upgrade/rollback) is in progress"
    upgraded(cluster, "pending-upgrade", minutes_ago=50)

    report = report_of(installation, cluster, tmp_path)

    assert [(one.cause, one.component) for one in report.hypotheses[:1]] == [("release-stuck", RELEASE)]
    assert report.verdict == "diagnosed"


def failed_migration(cluster: Cluster, log: str) -> None:
    """Let the pre-upgrade hook fail with ``log`` as its last words."""
    run = {"started_at": BEGIN, "completed_at": "2030-05-01T11:46:00Z", "phase": "Failed"}
    hook = {"name": "cart-migrate", "kind": "Job", "events": ["pre-upgrade"], "last_run": run}
    words = 'Upgrade "cart" failed: pre-upgrade hooks failed: 1 error occurred: * job cart-migrate failed: BackoffLimitExceeded'
    upgraded(cluster, "failed", hooks=[hook], description=words)
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": "2030-05-01T11:46:00Z"}  # fmt: skip
    job = thing("Job", "cart-migrate", status={"failed": 3, "conditions": [failed]})
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2030-05-01T11:45:30Z"}}
    status = container_status("migrate", ready=False, state=ended)
    made = pod("cart-migrate-x", containers=[container("migrate")], statuses=[status], phase="Failed", ready=False)
    owner = {"kind": "Job", "name": "cart-migrate", "uid": job["metadata"]["uid"], "controller": True}
    cluster.add(job, patch(made, metadata={"ownerReferences": [owner]}))
    cluster.logs[f"{NAMESPACE}/cart-migrate-x/migrate"] = log


def test_a_migration_that_fails_as_a_hook_is_the_cause_and_the_release_its_consequence(
    installation: Installation, tmp_path: Path
) -> None:
    cluster = shop()
    failed_migration(
        cluster,
        "2030-05-01T11:45:10Z INFO running migrations\n"
        "2030-05-01T11:45:30Z ERROR alembic.util.exc.CommandError: Can't locate revision identified by 'ae1027a6acf'\n",
    )

    report = report_of(installation, cluster, tmp_path)

    found = [(one.cause, one.component) for one in report.hypotheses]
    assert found[0] == ("migration-failed", "job/shop/cart-migrate")
    assert ("release-hook-failed", RELEASE) in found[1:]


def test_a_hook_that_fails_without_a_word_is_named_itself(installation: Installation, tmp_path: Path) -> None:
    cluster = shop()
    failed_migration(cluster, "")

    report = report_of(installation, cluster, tmp_path)

    found = [(one.cause, one.component) for one in report.hypotheses]
    assert ("release-hook-failed", RELEASE) in found[:2]
    assert report.verdict == "diagnosed"


def test_an_upgrade_that_waits_in_vain_is_a_consequence_of_what_its_pods_lack(
    installation: Installation, tmp_path: Path
) -> None:
    cluster = shop()
    expected = FAULTS["image_tag"](cluster)
    unavailable(cluster)
    upgraded(cluster, "failed", minutes_ago=21, description='Upgrade "cart" failed: context deadline exceeded')

    report = report_of(installation, cluster, tmp_path)

    first = report.hypotheses[0]
    assert (first.cause, first.component) == expected
    assert {report.facts[one].kind for one in first.explains} >= {"release.failed"}
    assert not [one.cause for one in report.hypotheses if one.cause.startswith("release-f")]
    assert commands(first)[-1] == "helm rollback cart 2 -n shop"


def test_values_of_a_release_never_show_their_secrets(installation: Installation, tmp_path: Path) -> None:
    cluster = shop()
    cluster.containers("cart", resources={"limits": {"memory": "64Mi"}})
    crash(cluster, "cart", "OOMKilled", 137, "starting\n")
    manifest = released(cluster)
    cluster.add(
        kept(1, status="superseded", minutes_ago=900, manifest=manifest, config={"url": "amqp://cart:s3cr3t-a@mq"}),
        kept(2, minutes_ago=18, manifest=manifest, config={"url": "amqp://cart:s3cr3t-b@mq2", "apiToken": "s3cr3t-c"}),
    )

    report = report_of(installation, cluster, tmp_path)

    assert "amqp://cart:***@mq2" in repr(report)
    assert "s3cr3t" not in repr(report)


@pytest.mark.parametrize("history", [False, True])
def test_a_running_cluster_tells_the_same_of_its_releases_as_its_snapshot(
    history: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By default neither holds contents of Secrets; with them switched on both do."""
    monkeypatch.setattr(
        wiring, "BUILTIN", tuple(one for one in wiring.BUILTIN if one.startswith((wiring.AGENTS, HELM)))
    )
    cluster = shop()
    cluster.containers("cart", resources={"limits": {"memory": "64Mi"}})
    crash(cluster, "cart", "OOMKilled", 137, "starting\n")
    unavailable(cluster)
    manifest = released(cluster)
    cluster.add(
        kept(1, status="superseded", minutes_ago=900, manifest=manifest, contents=history),
        kept(2, minutes_ago=18, manifest=manifest, contents=history, config={"memory": "64Mi"}),
    )
    path = cluster.write(tmp_path / "snapshot")
    with open_snapshot(path, SnapshotLimits()) as snapshot, serving(snapshot) as url:
        access = ClusterAccess(kubeconfig=str(write_kubeconfig(tmp_path / "kubeconfig", url, namespace="shop")))
        settings = Settings(state_dir=str(tmp_path / "state"), cluster=access, helm_history=history)
        installation = Installation(settings)
        recorded = anyio.run(lambda: diagnose_snapshot(installation, path))
        asked = recorded.report.incident

        live = anyio.run(lambda: diagnose_live(installation, asked.description, namespace="shop", at=asked.at))

    assert told(live) == told(recorded)
    assert {fact[0] for fact in told(live)} >= ({"release.value_changed"} if history else {"release.revision"})
    for bundle in (live, recorded):
        first = bundle.report.hypotheses[0]
        assert (first.cause, commands(first)[-1]) == ("memory-limit-too-low", "helm rollback cart 1 -n shop")
        assert any("helm_history: true" in gap.remedy for gap in bundle.report.gaps) is not history


def told(bundle: Bundle) -> list[tuple[Any, ...]]:
    """Return what the helm agent saw, in an order of its own."""
    facts = (one for one in bundle.seen.facts if one.agent == "helm")
    return sorted((one.kind, one.component, str(one.observed_at), sorted(one.attributes.items())) for one in facts)
