"""The storage agent: what keeps a claim from its volume, and what it must not speak of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import EARLIER, deployment, event, patch, pod, thing, workload

from sre_orchestrator.plugins.agents.storage import StorageAgent

Json = dict[str, Any]
KINDS = ("Pod", "Deployment", "StatefulSet", "PersistentVolumeClaim", "PersistentVolume", "StorageClass", "Event")
DATA = "persistentvolumeclaim/shop/data"
JUST_NOW = "2030-05-01T11:59:55Z"


def claim(name: str = "data", *, phase: str = "Pending", size: str = "1Gi", **spec: Any) -> Json:
    fields = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    return thing("PersistentVolumeClaim", name, spec=fields, status={"phase": phase})


def volume(
    name: str = "pv-1", *, phase: str = "Available", size: str = "1Gi", labels: Json | None = None, **spec: Any
) -> Json:
    fields = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}, **spec}
    return thing("PersistentVolume", name, namespace="", labels=labels, spec=fields, status={"phase": phase})


def storage_class(name: str, provisioner: str = "disk.csi.example", *, default: bool = False, **fields: Any) -> Json:
    notes = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}} if default else {}
    return patch(thing("StorageClass", name, namespace="", provisioner=provisioner, **fields), metadata=notes)


def user(*names: str, message: str = "pod has unbound immediate PersistentVolumeClaims", **fields: Any) -> Json:
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names or ("data",)]
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]
    one = pod("cart-1", node="", phase="Pending", ready=False, spec={"volumes": [*volumes, {"name": "tmp"}]}, **fields)
    return patch(one, status={"conditions": conditions})


def seen(tmp_path: Path, *objects: Json, kinds: tuple[str, ...] = KINDS) -> Seen:
    return look(StorageAgent(), tmp_path, *objects, kinds=kinds)


def fields(found: Seen) -> set[tuple[object, ...]]:
    return {
        tuple(one.attributes[name] for name in ("field", "wanted", "found", "only"))
        for one in found.of("claim.mismatch", DATA)
    }


@pytest.mark.parametrize(
    ("mine", "offered", "difference"),
    [
        ({"storageClassName": "fast"}, {"storageClassName": "slow"}, ("storage-class", "fast", "slow")),
        ({"storageClassName": ""}, {"storageClassName": "slow"}, ("storage-class", "none", "slow")),
        ({}, {"storageClassName": "slow"}, ("storage-class", "none", "slow")),
        ({"accessModes": ["ReadWriteMany"]}, {}, ("access-mode", "ReadWriteMany", "ReadWriteOnce")),
        ({"size": "2Gi"}, {}, ("capacity", "2Gi", "1Gi")),
        ({"volumeMode": "Block"}, {}, ("volume-mode", "Block", "Filesystem")),
        ({"selector": {"matchLabels": {"tier": "gold"}}}, {}, ("selector", "tier=gold", "no labels")),
        ({"selector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}}, {"labels": {"app": "db"}},
         ("selector", "tier Exists", "app=db")),
        ({"selector": {"matchLabels": {"tier": "gold"}}}, {"labels": {"tier": "silver", "app": "db"}},
         ("selector", "tier=gold", "tier=silver")),
        ({}, {"phase": "Bound", "claimRef": {"namespace": "old", "name": "data"}}, ("bound-elsewhere", "shop/data", "old/data")),
        ({}, {"phase": "Released", "claimRef": {"namespace": "shop", "name": "data"}}, ("released", "shop/data", "shop/data")),
        ({}, {"phase": "Failed"}, ("failed", "shop/data", "Failed")),
        ({"volumeName": "pv-1", "storageClassName": "fast"}, {}, ("storage-class", "fast", "none")),
        ({"volumeName": "pv-9"}, {}, ("absent", "pv-9", "no volume of that name")),
    ],
)  # fmt: skip
def test_the_only_difference_is_named(tmp_path: Path, mine: Json, offered: Json, difference: tuple[str, ...]) -> None:
    found = seen(tmp_path, claim(**mine), volume(**offered), user())

    assert fields(found) == {(*difference, True)}


def test_several_differences_are_all_named(tmp_path: Path) -> None:
    found = seen(tmp_path, claim(size="20Gi", storageClassName="fast"), volume(), user())

    assert fields(found) == {("storage-class", "fast", "none", False), ("capacity", "20Gi", "1Gi", False)}


def test_a_free_volume_is_nearer_than_one_that_another_claim_holds(tmp_path: Path) -> None:
    held = volume("pv-2", size="2Gi", phase="Bound", claimRef={"namespace": "shop", "name": "other"})
    kept = volume("pv-3", size="2Gi", phase="Released", claimRef={"namespace": "shop", "name": "gone"})
    small = volume("pv-4")

    assert fields(seen(tmp_path / "free", claim(size="2Gi"), held, kept, small, user())) == {
        ("capacity", "2Gi", "1Gi", True)
    }
    assert {one[0] for one in fields(seen(tmp_path / "kept", claim(size="2Gi"), held, kept, user()))} == {"released"}
    assert {one[0] for one in fields(seen(tmp_path / "held", claim(size="2Gi"), held, user()))} == {"bound-elsewhere"}


def test_of_equally_near_volumes_the_namesake_was_made_for_the_claim(tmp_path: Path) -> None:
    small, other = volume("orders-data"), volume("batch", size="9Gi", accessModes=["ReadOnlyMany"])
    both = seen(tmp_path / "both", claim(size="2Gi"), small, other, user())
    namesake = seen(tmp_path / "one", claim(size="2Gi"), volume("data-0"), other, user())

    assert {one[0] for one in fields(both)} == {"capacity", "access-mode"}
    assert {one[0] for one in fields(namesake)} == {"capacity"}


def test_a_claim_whose_class_makes_volumes_is_not_compared(tmp_path: Path) -> None:
    dynamic = seen(tmp_path / "a", claim(storageClassName="fast"), storage_class("fast"), volume(), user())
    default = seen(tmp_path / "b", claim(), storage_class("fast", default=True), volume(), user())
    by_hand = storage_class("local", "kubernetes.io/no-provisioner")
    manual = seen(tmp_path / "c", claim(storageClassName="local"), by_hand, volume(), user())
    chosen = claim(storageClassName="fast", selector={"matchLabels": {"tier": "gold"}})
    selecting = seen(tmp_path / "d", chosen, storage_class("fast"), volume(storageClassName="fast"), user())

    assert fields(dynamic) == fields(default) == set()
    assert default.only("claim.pending").attributes["provisioner"] == "disk.csi.example"
    assert {one[0] for one in fields(manual)} == {"storage-class"}
    assert "provisioner" not in manual.only("claim.pending").attributes
    assert {one[0] for one in fields(selecting)} == {"selector"}


def test_a_class_that_does_not_exist_is_told_from_one_that_nobody_could_read(tmp_path: Path) -> None:
    absent = seen(tmp_path / "a", claim(storageClassName="fast-sdd"), storage_class("fast-ssd"), user())
    unread = seen(tmp_path / "b", claim(storageClassName="fast-sdd"), user(), kinds=("Pod", "PersistentVolumeClaim"))

    assert absent.only("claim.pending").attributes["class_exists"] is False
    assert absent.only("claim.pending").attributes["nearest_class"] == "fast-ssd"
    assert "class_exists" not in unread.only("claim.pending").attributes
    assert ("claim.mismatch", "namespace/shop") in absent.coverage
    assert ("claim.mismatch", "namespace/shop") not in unread.coverage


def test_a_claim_that_waits_for_its_first_consumer_is_no_fault(tmp_path: Path) -> None:
    late = storage_class("local", "kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer")
    words = event(
        "WaitForFirstConsumer", "waiting for first consumer to be created before binding",
        about=("PersistentVolumeClaim", "data"), type="Normal",
    )  # fmt: skip
    scheduler = user(message="0/3 nodes are available: 3 Insufficient cpu.")
    found = seen(tmp_path, claim(storageClassName="local"), late, words, scheduler)

    assert {one.kind for one in found.facts} == {"claim.waits_for"}


@pytest.mark.parametrize("by", ["scheduler", "provisioner"])
def test_a_late_claim_whose_consumer_was_refused_for_it_is_one(tmp_path: Path, by: str) -> None:
    late = storage_class("local", "kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer")
    failed = event("ProvisioningFailed", "failed to provision volume", about=("PersistentVolumeClaim", "data"))
    words = "3 node(s) didn't find available persistent volumes to bind" if by == "scheduler" else "3 Insufficient cpu"
    consumer = user(message=f"0/3 nodes are available: {words}.")
    said = [failed] if by == "provisioner" else []
    found = seen(
        tmp_path, claim(storageClassName="local", size="2Gi"), late, volume(storageClassName="local"), consumer, *said
    )

    assert {one[0] for one in fields(found)} == {"capacity"}


def test_the_last_event_of_each_class_is_kept(tmp_path: Path) -> None:
    about = ("PersistentVolumeClaim", "data")
    first = event("ProvisioningFailed", "failed to provision: one", about=about, last="2030-05-01T11:00:00Z")
    second = event("ProvisioningFailed", "failed to provision: two", about=about, count=4)
    second["metadata"]["name"] = "later"
    progress = event("Provisioning", "External provisioner is provisioning", about=about, type="Normal")
    other = event("FailedMount", "failed", about=("Pod", "data"))
    found = seen(
        tmp_path, claim(storageClassName="fast"), storage_class("fast"), user(), first, second, progress, other
    )

    said = found.only("claim.event")
    assert (said.attributes["failure"], said.attributes["message"], said.attributes["count"]) == (
        "provisioning",
        "failed to provision: two",
        4,
    )


def test_a_pod_waits_for_a_claim_that_is_absent_or_not_bound(tmp_path: Path) -> None:
    found = seen(tmp_path / "a", claim(), claim("cache", phase="Bound"), user("data", "cache", "dat"))
    unread = seen(tmp_path / "b", user("dat"), kinds=("Pod",))

    assert {(one.attributes["claim"], one.attributes["exists"]) for one in found.of("claim.waits_for")} == {
        (DATA, True),
        ("persistentvolumeclaim/shop/dat", False),
    }
    assert (
        next(one for one in found.of("claim.waits_for") if not one.attributes["exists"]).attributes["nearest"] == "data"
    )
    assert "exists" not in unread.only("claim.waits_for").attributes


def test_a_lost_claim_is_reported_whoever_mounts_it(tmp_path: Path) -> None:
    template = {"template": {"spec": {"volumes": user()["spec"]["volumes"]}}}
    lost = claim(phase="Lost", volumeName="pv-1")
    by_template = seen(tmp_path / "a", lost, deployment("cart", ready=0, spec=template))
    owned = workload("StatefulSet", "db", spec={"volumeClaimTemplates": [{"metadata": {"name": "data"}}]})
    by_set = seen(tmp_path / "b", {**lost, "metadata": {**lost["metadata"], "name": "data-db-0"}}, owned)

    assert by_template.only("claim.pending").attributes["phase"] == "Lost"
    assert by_set.only("claim.pending").component == "persistentvolumeclaim/shop/data-db-0"


def test_calm_storage_leaves_the_agent_silent(tmp_path: Path) -> None:
    about = ("PersistentVolumeClaim", "data")
    old = event(
        "FailedBinding", "no persistent volumes available for this claim and no storage class is set", about=about
    )
    new = patch(claim("new"), metadata={"creationTimestamp": JUST_NOW})
    running = pod("cart-1", spec={"volumes": user("data", "new")["spec"]["volumes"]})
    elsewhere = patch(claim(), metadata={"namespace": "other"})
    unused = claim("unused", storageClassName="nowhere")
    found = seen(
        tmp_path, claim(phase="Bound", volumeName="pv-1"), volume(phase="Bound"), new, running, old, unused, elsewhere
    )

    assert found.facts == []


@pytest.mark.parametrize(("made", "lingers"), [(None, False), (EARLIER, True), ("2030-05-01T11:58:00Z", False)])
def test_a_claim_lingers_when_it_was_made_before_the_window(tmp_path: Path, made: str | None, lingers: bool) -> None:
    found = seen(tmp_path, patch(claim(), metadata={"creationTimestamp": made}), user())

    assert found.only("claim.pending").attributes["lingers"] is lingers
