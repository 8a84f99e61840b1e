"""Whole diagnoses of pending pods whose messages look alike: several clauses, one cause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from clusters import Cluster, shop
from faults import unscheduled
from shop import container, pod, thing

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Hypothesis
from sre_orchestrator.core.settings import Settings

WORKERS = ("node-a", "node-b", "node-c")
TAINTED = "1 node(s) had untolerated taint {pool: gpu}"
CORDONED = "1 node(s) were unschedulable"
UNMATCHED = "2 node(s) didn't match Pod's node affinity/selector"
FULL = "2 Insufficient cpu"
RECENT = {"creationTimestamp": "2030-05-01T11:40:00Z"}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def say(cluster: Cluster, *clauses: str) -> None:
    control_plane = "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"
    unscheduled(cluster, "cart", f"0/4 nodes are available: {', '.join((control_plane, *clauses))}. preemption: 0/4.")


def close(cluster: Cluster, name: str, *, key: str = "", value: str = "") -> None:
    """Cordon a node, or taint it when a key is given."""
    taint = {"key": key or "node.kubernetes.io/unschedulable", "value": value, "effect": "NoSchedule"}
    cluster.edit("Node", name, namespace="", spec={"unschedulable": not key, "taints": [taint]})


def fill(cluster: Cluster, cpu: str, *nodes: str, **spec: Any) -> None:
    for name in nodes:
        asking = container(resources={"requests": {"cpu": cpu}})
        cluster.add(pod(f"batch-{name}", node=name, containers=[asking], owner=("ReplicaSet", "batch"), spec=spec))


def ask(cluster: Cluster, cpu: str) -> None:
    cluster.containers("cart", resources={"requests": {"cpu": cpu}})


def select(cluster: Cluster, value: str, *, labelled: str = "node-c") -> None:
    cluster.edit("Node", labelled, namespace="", metadata={"labels": {"pool": "gpu"}})
    cluster.spec_of_pods("cart", nodeSelector={"pool": value})


def empty(cluster: Cluster, name: str) -> None:
    """Move what runs on a node elsewhere, as a drain does."""
    for kind, namespace, one in list(cluster.objects):
        if kind == "Pod" and cluster.get(kind, one, namespace)["spec"]["nodeName"] == name:
            cluster.edit(kind, one, namespace, spec={"nodeName": "node-a"})


def the_selected_node_is_cordoned(cluster: Cluster) -> str:
    close(cluster, "node-c")
    select(cluster, "gpu")
    say(cluster, CORDONED, UNMATCHED)
    return "node-cordoned"


def the_selected_node_is_tainted(cluster: Cluster) -> str:
    close(cluster, "node-c", key="pool", value="gpu")
    select(cluster, "gpu")
    say(cluster, TAINTED, UNMATCHED)
    return "taint-not-tolerated"


def a_mistyped_selector_beside_a_tainted_pool(cluster: Cluster) -> str:
    close(cluster, "node-c", key="pool", value="gpu")
    select(cluster, "gpus")
    say(cluster, TAINTED, UNMATCHED)
    return "node-selector-unsatisfied"


def the_selected_node_is_too_small(cluster: Cluster) -> str:
    select(cluster, "gpu")
    ask(cluster, "16")
    say(cluster, "1 Insufficient cpu", UNMATCHED)
    return "cpu-capacity-insufficient"


def full_nodes_beside_a_tainted_pool(cluster: Cluster) -> str:
    close(cluster, "node-c", key="pool", value="gpu")
    empty(cluster, "node-c")
    fill(cluster, "3800m", "node-a", "node-b")
    ask(cluster, "500m")
    say(cluster, TAINTED, FULL)
    return "cpu-capacity-insufficient"


def full_nodes_beside_one_that_was_tainted_later(cluster: Cluster) -> str:
    close(cluster, "node-a", key="pool", value="gpu")
    fill(cluster, "3800m", "node-b", "node-c")
    ask(cluster, "500m")
    say(cluster, TAINTED, FULL)
    return "taint-not-tolerated"


def full_nodes_beside_one_that_was_cordoned_in_use(cluster: Cluster) -> str:
    close(cluster, "node-b")
    fill(cluster, "3800m", "node-a", "node-c")
    ask(cluster, "1500m")
    say(cluster, CORDONED, FULL)
    return "node-cordoned"


def full_nodes_beside_one_that_was_drained(cluster: Cluster) -> str:
    close(cluster, "node-b")
    empty(cluster, "node-b")
    fill(cluster, "3800m", "node-a", "node-c")
    ask(cluster, "500m")
    say(cluster, CORDONED, FULL)
    return "node-cordoned"


def a_large_request_beside_a_spare_node(cluster: Cluster) -> str:
    close(cluster, "node-b")
    empty(cluster, "node-b")
    fill(cluster, "1", "node-a", "node-c")
    ask(cluster, "3500m")
    say(cluster, CORDONED, FULL)
    return "cpu-capacity-insufficient"


def nodes_that_nobody_could_read(cluster: Cluster) -> str:
    select(cluster, "web")
    say(cluster, CORDONED, UNMATCHED)
    for name in ("control-1", *WORKERS):
        cluster.drop("Node", name, "")
    return "node-selector-unsatisfied"


def one_that_waited_for_days(cluster: Cluster) -> str:
    waited = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/4 nodes are available: 4 Insufficient cpu.",
    }
    old = pod(
        "batch-1", node="", phase="Pending", ready=False, containers=[container(resources={"requests": {"cpu": "64"}})]
    )
    old["metadata"]["creationTimestamp"] = "2030-04-20T09:00:00Z"
    old["status"] = {"phase": "Pending", "conditions": [waited]}
    cluster.add(old)
    for name in WORKERS:
        close(cluster, name)
    say(cluster, "3 node(s) were unschedulable")
    return "node-cordoned"


def a_volume_that_differs_in_one_field(cluster: Cluster) -> str:
    wanted = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}
    claim = thing("PersistentVolumeClaim", "data", spec=wanted, status={"phase": "Pending"})
    claim["metadata"] |= RECENT
    offered = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    held = {**offered, "accessModes": ["ReadWriteMany"], "claimRef": {"namespace": "shop", "name": "other"}}
    cluster.add(
        claim,
        thing("PersistentVolume", "pv-1", namespace="", spec=offered, status={"phase": "Available"}),
        thing("PersistentVolume", "pv-2", namespace="", spec=held, status={"phase": "Bound"}),
    )
    cluster.spec_of_pods("cart", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    unscheduled(cluster, "cart", "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
    return "claim-access-mode-mismatch"


def pods_that_nobody_tried(cluster: Cluster) -> str:
    cluster.pending("cart")
    for name in cluster.pods_of("cart"):
        cluster.get("Pod", name)["status"] = {"phase": "Pending"}
    return "scheduler-down"


@pytest.mark.parametrize(
    "make",
    [
        the_selected_node_is_cordoned,
        the_selected_node_is_tainted,
        a_mistyped_selector_beside_a_tainted_pool,
        the_selected_node_is_too_small,
        full_nodes_beside_a_tainted_pool,
        full_nodes_beside_one_that_was_tainted_later,
        full_nodes_beside_one_that_was_cordoned_in_use,
        full_nodes_beside_one_that_was_drained,
        a_large_request_beside_a_spare_node,
        nodes_that_nobody_could_read,
        one_that_waited_for_days,
        a_volume_that_differs_in_one_field,
        pods_that_nobody_tried,
    ],
    ids=lambda make: make.__name__,
)
def test_the_cause_comes_first(make: Callable[[Cluster], str], installation: Installation, tmp_path: Path) -> None:
    cluster = shop()
    cluster.question = "the cart is unavailable"
    cause = make(cluster)

    found = _hypotheses(installation, cluster.write(tmp_path))

    assert found[0].cause == cause
    assert found[0].confidence > 0.75
    assert all(other.confidence < found[0].confidence - 0.05 for other in found[1:])


def _hypotheses(installation: Installation, path: Path) -> tuple[Hypothesis, ...]:
    async def diagnose() -> tuple[Hypothesis, ...]:
        return (await diagnose_snapshot(installation, path)).report.hypotheses

    return anyio.run(diagnose)
