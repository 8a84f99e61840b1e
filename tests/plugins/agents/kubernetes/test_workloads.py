"""The kubernetes agent on Deployments, StatefulSets and DaemonSets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from looking import look
from shop import deployment, patch, pod, service, thing, workload

from sre_orchestrator.plugins.agents.kubernetes import KubernetesAgent

JUST_NOW = "2030-05-01T11:59:50Z"


def test_a_workload_with_all_its_pods_is_no_symptom(tmp_path: Path) -> None:
    seen = look(KubernetesAgent(), tmp_path, deployment("cart", replicas=2), workload("DaemonSet", "agent", replicas=3))

    assert seen.of("workload.unavailable") == seen.of("workload.condition") == []
    assert {one.component for one in seen.of("workload.replicas")} == {"deployment/shop/cart", "daemonset/shop/agent"}


def test_a_workload_says_what_it_wants_has_and_who_serves_it(tmp_path: Path) -> None:
    target = {"kind": "Deployment", "name": "cart"}
    seen = look(
        KubernetesAgent(),
        tmp_path,
        deployment("cart", replicas=2, spec={"paused": True}),
        thing("ReplicaSet", "cart-abc", owner=("Deployment", "cart")),
        pod("cart-abc-1", owner=("ReplicaSet", "cart-abc")),
        pod("cart-abc-0", phase="Failed", ready=False, owner=("ReplicaSet", "cart-abc")),
        service("cart"),
        service("other"),
        thing("HorizontalPodAutoscaler", "cart", spec={"scaleTargetRef": target}),
    )

    assert seen.only("workload.replicas").attributes == {
        "desired": 2,
        "ready": 2,
        "available": 2,
        "updated": 2,
        "existing": 1,
        "paused": True,
        "autoscaled": True,
        "service": "service/shop/cart",
    }


def test_lacking_pods_are_a_symptom_since_the_condition_changed(tmp_path: Path) -> None:
    condition = {
        "type": "Available",
        "status": "False",
        "reason": "MinimumReplicasUnavailable",
        "message": "Deployment does not have minimum availability.",
        "lastTransitionTime": "2030-05-01T11:50:00Z",
    }
    seen = look(
        KubernetesAgent(), tmp_path, deployment("cart", replicas=3, ready=1, status={"conditions": [condition]})
    )

    lacking = seen.only("workload.unavailable")
    assert lacking.attributes == {"desired": 3, "available": 1, "existing": 0}
    assert lacking.observed_at == datetime(2030, 5, 1, 11, 50, tzinfo=UTC)
    assert seen.only("workload.condition").attributes["reason"] == "MinimumReplicasUnavailable"


def test_pods_that_are_just_starting_do_not_lack_yet(tmp_path: Path) -> None:
    young = patch(
        pod("cart-abc-1", ready=False, owner=("ReplicaSet", "cart-abc")), metadata={"creationTimestamp": JUST_NOW}
    )

    seen = look(
        KubernetesAgent(),
        tmp_path,
        deployment("cart", replicas=2, ready=1),
        thing("ReplicaSet", "cart-abc", owner=("Deployment", "cart")),
        young,
    )

    assert seen.of("workload.unavailable") == []


def test_what_was_read_is_covered(tmp_path: Path) -> None:
    seen = look(
        KubernetesAgent(), tmp_path, kinds=("Deployment", "StatefulSet", "DaemonSet", "Pod", "Event", "ReplicaSet")
    )

    covered = {kind for kind, scope in seen.coverage if scope == "namespace/shop"}
    assert {"workload.replicas", "pod.unready", "probe.failed", "container.changed"} <= covered
    assert "autoscaler.condition" not in covered
