"""The kubernetes agent on revisions and scaling."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import container, deployment, event, patch, workload

from sre_orchestrator.plugins.agents.kubernetes import KubernetesAgent

Json = dict[str, Any]
LATELY = "2030-05-01T11:50:00Z"
OLD = container(
    image="registry.example/cart:1",
    env=[{"name": "ORDERS_URL", "value": "http://orders"}, {"name": "DB_PASSWORD", "value": "one"}, {"name": "GONE", "value": "x"}],
    resources={"limits": {"memory": "512Mi", "cpu": "1"}, "requests": {"cpu": "oops"}},
    livenessProbe={"tcpSocket": {"port": 8080}},
    ports=[{"containerPort": 8080}],
)  # fmt: skip
NEW = container(
    image="registry.example/cart:2",
    command=["cart", "--fast"],
    env=[{"name": "ORDERS_URL", "value": "http://order"}, {"name": "DB_PASSWORD", "value": "two"}],
    envFrom=[{"configMapRef": {"name": "flags"}}, {}],
    resources={"limits": {"memory": "128Mi", "cpu": "2"}, "requests": {"cpu": "100m"}},
    livenessProbe={"tcpSocket": {"port": 8081}},
    ports=[{"containerPort": 8080}],
    volumeMounts=[{"name": "data", "mountPath": "/data"}],
)


def revision(number: int | str, inside: Json, created: str = "2030-05-01T09:00:00Z", **spec: Any) -> Json:
    one = workload("ReplicaSet", f"cart-{number}", containers=[inside], owner=("Deployment", "cart"))
    noted = {"annotations": {"deployment.kubernetes.io/revision": str(number)}, "creationTimestamp": created}
    return patch(one, metadata=noted, spec={"template": {"spec": spec}})


def test_the_newest_revision_is_compared_with_the_one_before(tmp_path: Path) -> None:
    seen = look(
        KubernetesAgent(),
        tmp_path,
        deployment("cart"),
        revision(1, container()),
        revision(2, OLD),
        revision(
            3,
            NEW,
            LATELY,
            serviceAccountName="cart",
            nodeSelector={"disk": "ssd"},
            tolerations=[{"key": "gpu"}],
            volumes=[{"name": "data"}],
            initContainers=[container("prepare")],
        ),
    )

    facts = seen.of("container.changed", "deployment/shop/cart")
    changed = {(str(one.attributes["what"]), str(one.attributes.get("item", ""))): one.attributes for one in facts}
    assert set(changed) == {
        ("image", ""), ("command", ""), ("env", "ORDERS_URL"), ("env", "DB_PASSWORD"), ("env", "GONE"),
        ("env", "envFrom flags"), ("resources", "memory limit"), ("resources", "cpu limit"), ("resources", "cpu request"),
        ("probe", "liveness"), ("volume", "data"), ("account", ""), ("selector", "disk"), ("tolerations", ""),
        ("container", "prepare"),
    }  # fmt: skip
    assert (changed["env", "ORDERS_URL"]["before"], changed["env", "ORDERS_URL"]["after"]) == (
        "http://orders",
        "http://order",
    )
    assert {"before", "after"}.isdisjoint(changed["env", "DB_PASSWORD"])
    assert changed["resources", "memory limit"]["direction"] == "down"
    assert changed["resources", "cpu limit"]["direction"] == "up"
    assert "direction" not in changed["resources", "cpu request"]
    assert {one.observed_at for one in facts} == {datetime(2030, 5, 1, 11, 50, tzinfo=UTC)}


def test_an_old_rollout_of_a_healthy_workload_is_left_out(tmp_path: Path) -> None:
    objects = (deployment("cart"), revision(1, OLD, "2030-04-01T09:00:00Z"), revision(2, NEW, "2030-04-02T09:00:00Z"))

    assert look(KubernetesAgent(), tmp_path, *objects).of("container.changed") == []


def test_an_old_rollout_of_a_workload_that_lacks_pods_is_told(tmp_path: Path) -> None:
    objects = (deployment("cart", ready=0), revision(1, OLD), revision("odd", OLD), revision(2, NEW))

    assert look(KubernetesAgent(), tmp_path, *objects).of("container.changed")


@pytest.mark.parametrize("conditions", [[], [{"type": "Progressing", "status": "True", "lastUpdateTime": LATELY}]])
def test_a_roll_back_is_dated_by_the_condition(tmp_path: Path, conditions: list[Json]) -> None:
    rolled_back = deployment("cart", ready=0, status={"conditions": conditions})

    seen = look(KubernetesAgent(), tmp_path, rolled_back, revision(2, NEW, LATELY), revision(3, OLD))

    expected = datetime(2030, 5, 1, 11, 50, tzinfo=UTC) if conditions else None
    assert {one.observed_at for one in seen.of("container.changed")} == {expected}


@pytest.mark.parametrize(
    ("text", "before"),
    [("Scaled down replica set cart-1 from 3 to 0", 3), ("Scaled down replica set cart-1 to 0 from 3", 3), ("Scaled down replica set cart-1 to 0", None)],
)  # fmt: skip
def test_scaling_of_a_settled_revision_is_a_change(tmp_path: Path, text: str, before: int | None) -> None:
    told = event("ScalingReplicaSet", text, about=("Deployment", "cart"), type="Normal", first=LATELY, last=LATELY)

    fact = look(KubernetesAgent(), tmp_path, deployment("cart", replicas=0), revision(1, OLD), told).only(
        "workload.scaled"
    )

    assert (fact.attributes.get("from"), fact.attributes["to"]) == (before, 0)


@pytest.mark.parametrize(
    ("text", "created"),
    [
        ("Scaled up replica set cart-1 from 0 to 1", LATELY),  # a rollout
        ("Scaled down replica set cart-0 from 1 to 0", "2030-05-01T09:00:00Z"),  # an earlier revision
        ("Scaled up replica set cart-1 from 1 to 5", "2030-05-01T09:00:00Z"),  # not what it is now
        ("something else", "2030-05-01T09:00:00Z"),
    ],
)
def test_other_scaling_is_left_out(tmp_path: Path, text: str, created: str) -> None:
    told = event("ScalingReplicaSet", text, about=("Deployment", "cart"), type="Normal", first=LATELY, last=LATELY)

    seen = look(KubernetesAgent(), tmp_path, deployment("cart"), revision(1, OLD, created), told)

    assert seen.of("workload.scaled") == []
