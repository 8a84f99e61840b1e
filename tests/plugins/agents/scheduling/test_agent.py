"""The scheduling agent on small clusters: what keeps a pod from the nodes, and what it must not speak of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import EARLIER, container, deployment, event, node, patch, pod, thing, workload

from sre_orchestrator.plugins.agents.scheduling import GROUPS, SchedulingAgent

Json = dict[str, Any]
JUST_NOW = "2030-05-01T11:59:50Z"
MINUTES_AGO = "2030-05-01T11:57:00Z"
CONTROL_PLANE = {"node-role.kubernetes.io/control-plane": "", "kubernetes.io/hostname": "node-m"}
CORDONED = {"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}
TAINTED = {"taints": [{"key": "team", "value": "data", "effect": "NoSchedule"}]}
KINDS = ("Pod", "Node", "Deployment", "StatefulSet", "Event", "Namespace", "PersistentVolume", "PersistentVolumeClaim")
REFUSED = "0/3 nodes are available: 3 Insufficient cpu."


def master(**fields: Any) -> Json:
    return node("node-m", labels=CONTROL_PLANE, **fields)


def waiting(name: str = "cart-1", message: str = "no node fits", created: str = MINUTES_AGO, **fields: Any) -> Json:
    """Return a pod that has no node; without a message the scheduler left no condition."""
    one = pod(name, node="", phase="Pending", ready=False, owner=("ReplicaSet", "cart-abc"), **fields)
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]
    return patch(one, metadata={"creationTimestamp": created}, status={"conditions": conditions if message else []})


def running(name: str, on: str, **fields: Any) -> Json:
    return pod(name, node=on, owner=("ReplicaSet", "other-abc"), **fields)


def asking(**amounts: str) -> Json:
    wanted = {key.replace("_", "-"): value for key, value in amounts.items()}
    return container(resources={"requests": wanted})


def seen(tmp_path: Path, *objects: Json, kinds: tuple[str, ...] = KINDS, **more: Any) -> Seen:
    return look(SchedulingAgent(), tmp_path, *objects, kinds=kinds, **more)


def obstacles(found: Seen) -> dict[str, tuple[int, int]]:
    """Return obstacle → (nodes, frees)."""
    return {
        str(one.attributes["obstacle"]): (int(one.attributes["nodes"]), int(one.attributes["frees"]))
        for one in found.of("scheduling.obstacle")
    }


THREE = (node("node-a"), node("node-b"), node("node-c"))


def test_a_request_larger_than_every_node_is_told_from_full_nodes(tmp_path: Path) -> None:
    large = seen(tmp_path / "large", *THREE, waiting(containers=[asking(cpu="16")]))
    crowd = [running(f"other-{name}", f"node-{name}", containers=[asking(cpu="3500m")]) for name in "abc"]
    full = seen(tmp_path / "full", *THREE, *crowd, waiting(containers=[asking(cpu="1")]))

    assert obstacles(large) == obstacles(full) == {"cpu": (3, 3)}
    assert large.only("scheduling.obstacle").attributes["larger_than_any"] is True
    assert full.only("scheduling.obstacle").attributes["larger_than_any"] is False
    assert full.only("scheduling.obstacle").attributes["request_share"] == 0.25
    assert "at most 0.5 cores is free" in str(full.only("scheduling.obstacle").attributes["detail"])


@pytest.mark.parametrize(
    ("resource", "asked", "obstacle"),
    [
        ("memory", "64Gi", "memory"),
        ("ephemeral-storage", "1Gi", "ephemeral-storage"),
        ("nvidia.com/gpu", "1", "extended"),
    ],
)
def test_each_resource_is_an_obstacle_of_its_own(tmp_path: Path, resource: str, asked: str, obstacle: str) -> None:
    found = seen(tmp_path, *THREE, waiting(containers=[container(resources={"limits": {resource: asked}})]))

    assert obstacles(found) == {obstacle: (3, 3)}


def test_pods_that_ended_hold_nothing_and_the_largest_init_container_counts(tmp_path: Path) -> None:
    done = running("batch", "node-a", phase="Succeeded", containers=[asking(cpu="4")])
    init = {**asking(cpu="3"), "name": "init"}
    sidecar = {**asking(cpu="2"), "name": "sidecar", "restartPolicy": "Always"}
    fits = waiting("cart-1", spec={"initContainers": [init]})
    too_much = waiting("orders-1", spec={"initContainers": [sidecar, init], "overhead": {"cpu": "100m"}})

    assert obstacles(seen(tmp_path / "fits", node(), done, fits)) == {}
    assert obstacles(seen(tmp_path / "not", node(), done, too_much)) == {"cpu": (1, 1)}


def test_a_node_that_is_full_of_pods(tmp_path: Path) -> None:
    small = node("node-a", status={"allocatable": {"cpu": "4", "pods": "1"}})

    assert obstacles(seen(tmp_path, small, running("other-1", "node-a"), waiting())) == {"pods": (1, 1)}


def test_a_selector_that_no_node_satisfies_is_the_obstacle_and_names_what_comes_near(tmp_path: Path) -> None:
    labelled = [node(f"node-{name}", labels={"disk-type": "ssd"}) for name in "ab"]
    found = seen(tmp_path, *labelled, master(spec=CORDONED), waiting(spec={"nodeSelector": {"disktype": "ssd"}}))

    assert obstacles(found) == {"node-selector": (3, 2)}
    assert (
        found.only("scheduling.obstacle").attributes["detail"]
        == "disktype=ssd (no node has all of it; there is disk-type=ssd)"
    )


def test_an_affinity_is_told_from_a_selector_by_the_spec(tmp_path: Path) -> None:
    terms = [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["eu-1", "eu-2"]}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    found = seen(tmp_path, *THREE, waiting(spec={"affinity": affinity}))

    assert obstacles(found) == {"node-affinity": (3, 3)}
    assert found.only("scheduling.obstacle").attributes["detail"] == "zone In [eu-1, eu-2]"


@pytest.mark.parametrize(
    ("closed", "obstacle"), [(CORDONED, "cordoned"), (TAINTED, "taint")], ids=["cordoned", "tainted"]
)
def test_what_keeps_a_pod_from_the_node_that_it_selects_is_the_obstacle(
    tmp_path: Path, closed: Json, obstacle: str
) -> None:
    selected = node("node-a", labels={"pool": "web"}, spec=closed)
    found = seen(tmp_path, selected, *THREE[1:], waiting(spec={"nodeSelector": {"pool": "web"}}))

    assert obstacles(found) == {obstacle: (1, 1)}


def test_a_cordoned_or_tainted_control_plane_node_does_not_count(tmp_path: Path) -> None:
    taint = {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}
    pending = waiting(containers=[asking(cpu="3")])
    crowd = [running(f"other-{name}", f"node-{name}", containers=[asking(cpu="3")]) for name in "ab"]
    for spec in (CORDONED, taint):
        folder = tmp_path / str(len(spec))

        assert obstacles(seen(folder, *THREE[:2], master(spec=spec), *crowd, pending)) == {"cpu": (2, 2)}


def test_a_cordoned_control_plane_node_that_ran_applications_counts(tmp_path: Path) -> None:
    found = seen(tmp_path, master(spec=CORDONED), running("other-1", "node-m"), waiting())

    assert obstacles(found) == {"cordoned": (1, 1)}
    assert found.only("scheduling.obstacle").attributes["occupied"] == 1


def test_a_pod_that_selects_the_control_plane_meets_its_taint(tmp_path: Path) -> None:
    taint = {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}
    found = seen(
        tmp_path, *THREE, master(spec=taint), waiting(spec={"nodeSelector": {"kubernetes.io/hostname": "node-m"}})
    )

    assert obstacles(found) == {"taint": (1, 1)}


def test_a_taint_that_came_after_the_pods_is_told_from_a_pool_of_its_own(tmp_path: Path) -> None:
    tolerations = [{"key": "team", "operator": "Exists"}]
    other = running("other-1", "node-a")
    own = running("data-1", "node-a", spec={"tolerations": tolerations})
    agent = pod("agent-1", node="node-a", owner=("DaemonSet", "agent"))
    later = seen(tmp_path / "later", node(spec=TAINTED), other, waiting())
    pool = seen(tmp_path / "pool", node(spec=TAINTED), own, agent, waiting())

    assert later.only("scheduling.obstacle").attributes["occupied"] == 1
    assert pool.only("scheduling.obstacle").attributes["occupied"] == 0
    assert pool.only("scheduling.obstacle").attributes["detail"] == "team=data:NoSchedule"


def test_a_tolerated_taint_and_a_preference_are_no_obstacles(tmp_path: Path) -> None:
    prefer = {"taints": [{"key": "old", "effect": "PreferNoSchedule"}]}
    tolerations = [{"key": "team", "value": "data"}, {"operator": "Exists", "key": "node.kubernetes.io/unschedulable"}]
    pending = waiting(spec={"tolerations": tolerations})
    found = seen(
        tmp_path, node("node-a", spec=TAINTED), node("node-b", spec=CORDONED), node("node-c", spec=prefer), pending
    )

    assert found.of("scheduling.obstacle") == []


def test_a_node_in_trouble_is_told_from_a_taint_by_hand(tmp_path: Path) -> None:
    lost = {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}]}
    full = {"taints": [{"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}]}
    found = seen(tmp_path, node("node-a", spec=lost), node("node-b", spec=full), waiting())

    assert obstacles(found) == {"not-ready": (1, 1), "pressure": (1, 1)}
    assert {(one.attributes["node"], one.attributes["obstacle"], one.attributes["only"]) for one in found.of("scheduling.node_fit")} == {
        ("node/node-a", "not-ready", True),
        ("node/node-b", "pressure", True),
    }  # fmt: skip


def anti(labels: Json, key: str = "kubernetes.io/hostname", **term: Any) -> Json:
    terms = [{"labelSelector": {"matchLabels": labels}, "topologyKey": key, **term}]
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


def test_anti_affinity_against_the_pods_of_each_node(tmp_path: Path) -> None:
    labels = {"app": "cart"}
    peers = [running(f"cart-{name}", f"node-{name}", labels=labels) for name in "abc"]
    found = seen(tmp_path, *THREE, *peers, waiting("cart-4", labels=labels, spec=anti(labels)))

    assert obstacles(found) == {"pod-anti-affinity": (3, 3)}


def test_anti_affinity_of_the_pods_that_run_already(tmp_path: Path) -> None:
    holders = [running(f"db-{name}", f"node-{name}", spec=anti({"app": "cart"})) for name in "abc"]
    found = seen(tmp_path, *THREE, *holders, waiting("cart-1", labels={"app": "cart"}))

    assert obstacles(found) == {"pod-anti-affinity": (3, 3)}


def test_anti_affinity_looks_into_the_namespaces_that_it_names(tmp_path: Path) -> None:
    labels = {"app": "cart"}
    elsewhere = [running(f"cart-{name}", f"node-{name}", labels=labels, namespace="old") for name in "abc"]
    old = thing("Namespace", "old", namespace="", labels={"team": "shop"})
    own = seen(tmp_path / "own", *THREE, *elsewhere, old, waiting(labels=labels, spec=anti(labels)))
    named = seen(
        tmp_path / "named", *THREE, *elsewhere, old, waiting(labels=labels, spec=anti(labels, namespaces=["old"]))
    )
    chosen = anti(labels, namespaceSelector={"matchLabels": {"team": "shop"}})
    selected = seen(tmp_path / "selected", *THREE, *elsewhere, old, waiting(labels=labels, spec=chosen))
    every = seen(
        tmp_path / "every", *THREE, *elsewhere, old, waiting(labels=labels, spec=anti(labels, namespaceSelector={}))
    )

    assert "pod-anti-affinity" not in obstacles(own)
    assert "pod-anti-affinity" in obstacles(named)
    assert "pod-anti-affinity" in obstacles(selected)
    assert "pod-anti-affinity" in obstacles(every)


def affinity(labels: Json) -> Json:
    terms = [{"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}]
    return {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


def test_affinity_needs_a_pod_that_runs_and_the_first_of_its_own_may_go_anywhere(tmp_path: Path) -> None:
    beside = seen(
        tmp_path / "a", *THREE, running("db-1", "node-a", labels={"app": "db"}), waiting(spec=affinity({"app": "db"}))
    )
    none = seen(tmp_path / "b", *THREE, waiting(spec=affinity({"app": "db"})))
    first = seen(tmp_path / "c", *THREE, waiting(labels={"app": "cart"}, spec=affinity({"app": "cart"})))

    assert obstacles(none) == {"pod-affinity": (3, 3)}
    assert "pod-affinity" not in {*obstacles(beside), *obstacles(first)}


def spread(key: str, **more: Any) -> Json:
    one = {"topologyKey": key, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **more}
    return {"topologySpreadConstraints": [{"labelSelector": {"matchLabels": {"app": "cart"}}, **one}]}


def test_a_spread_constraint_counts_the_pods_of_each_domain(tmp_path: Path) -> None:
    labels = {"app": "cart"}
    zones = [node("node-a", labels={"zone": "one"}), node("node-b", labels={"zone": "two"}, spec=TAINTED)]
    crowd = [running("cart-a", "node-a", labels=labels), running("cart-b", "node-a", labels=labels)]
    uneven = seen(tmp_path / "uneven", *zones, *crowd, waiting("cart-c", labels=labels, spec=spread("zone")))
    absent = seen(tmp_path / "absent", *zones[:1], waiting(labels=labels, spec=spread("rack")))
    soft = seen(
        tmp_path / "soft", *zones[:1], waiting(labels=labels, spec=spread("rack", whenUnsatisfiable="ScheduleAnyway"))
    )
    nobody = seen(tmp_path / "nobody", *zones[:1], waiting(spec=spread("zone", labelSelector=None)))

    assert obstacles(uneven) == {"taint": (1, 1), "topology-spread": (1, 1)}
    assert obstacles(absent) == {"topology-spread": (1, 1)}
    assert "topology-spread" not in {*obstacles(soft), *obstacles(nobody)}


def test_a_host_port_that_another_pod_holds(tmp_path: Path) -> None:
    port = container(ports=[{"containerPort": 8080, "hostPort": 8080}])
    shared = running(
        "edge-1", "node-a", containers=[container(ports=[{"containerPort": 8080}])], spec={"hostNetwork": True}
    )
    found = seen(tmp_path, node(), shared, waiting(containers=[port]))

    assert obstacles(found) == {"host-port": (1, 1)}
    assert found.only("scheduling.obstacle").attributes["detail"] == "8080/TCP"


def volume(zone: str) -> tuple[Json, Json]:
    where = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]}]}
    claim = thing("PersistentVolumeClaim", "data", spec={"volumeName": "pv-1"}, status={"phase": "Bound"})
    return claim, thing("PersistentVolume", "pv-1", namespace="", spec={"nodeAffinity": {"required": where}})


MOUNTS = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "tmp"}]}


def test_a_volume_of_another_zone_is_the_obstacle_unless_its_zone_has_nodes(tmp_path: Path) -> None:
    nodes = [node("node-a", labels={"zone": "one"}), node("node-b", labels={"zone": "two"}, spec=CORDONED)]
    gone = seen(tmp_path / "gone", *nodes, *volume("three"), waiting(spec=MOUNTS))
    closed = seen(tmp_path / "closed", *nodes, *volume("two"), waiting(spec=MOUNTS))

    assert obstacles(gone) == {"volume-node": (2, 1)}
    assert gone.only("scheduling.obstacle").attributes["claim"] == "persistentvolumeclaim/shop/data"
    assert obstacles(closed) == {"cordoned": (1, 1)}


def test_obstacles_that_only_go_away_together_are_all_named(tmp_path: Path) -> None:
    found = seen(tmp_path, *THREE, waiting(containers=[asking(cpu="16", memory="64Gi")]))

    assert obstacles(found) == {"cpu": (3, 0), "memory": (3, 0)}


def test_without_events_and_conditions_the_specs_still_show_the_obstacle(tmp_path: Path) -> None:
    found = seen(tmp_path, *THREE, waiting(message="", containers=[asking(memory="64Gi")]))

    assert obstacles(found) == {"memory": (3, 3)}


def test_without_nodes_the_words_of_the_scheduler_count(tmp_path: Path) -> None:
    message = (
        "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, "
        "1 node(s) had untolerated taint {team: data}, 2 node(s) didn't match Pod's node affinity/selector."
    )
    found = seen(tmp_path, waiting(message=message, spec={"nodeSelector": {"pool": "web"}}), kinds=("Pod",))

    assert obstacles(found) == {"taint": (1, 1), "node-selector": (2, 2)}
    assert ("scheduling.obstacle", "namespace/shop") not in found.coverage
    assert ("scheduling.clause", "namespace/shop") in found.coverage


@pytest.mark.parametrize(
    ("clause", "obstacle"),
    [
        ("node(s) had untolerated taint {node.kubernetes.io/not-ready: }", "not-ready"),
        ("node(s) didn't match pod affinity/anti-affinity rules", "pod-affinity"),
        ("node(s) had volume node affinity conflict", "volume-node"),
        ("node(s) were unschedulable", "cordoned"),
        ("Too many pods", "pods"),
    ],
)
def test_a_clause_is_read_beside_the_spec(tmp_path: Path, clause: str, obstacle: str) -> None:
    pending = waiting(message=f"0/3 nodes are available: 3 {clause}.", spec={**affinity({"app": "db"}), **MOUNTS})

    assert obstacles(seen(tmp_path, pending, kinds=("Pod",))) == {obstacle: (3, 3)}


def test_what_the_scheduler_counts_beyond_the_specs_is_kept(tmp_path: Path) -> None:
    # The pods of another namespace, which fill node-b and node-c, cannot be read.
    crowd = running("other-1", "node-a", containers=[asking(cpu="4")])
    found = seen(tmp_path, *THREE, crowd, waiting(message=REFUSED, containers=[asking(cpu="2")]))

    assert obstacles(found) == {"cpu": (3, 2)}
    assert found.only("scheduling.obstacle").attributes["source"] == "message"


def test_a_message_about_other_nodes_than_those_read_is_believed(tmp_path: Path) -> None:
    message = "0/9 nodes are available: 9 Insufficient memory."

    assert obstacles(seen(tmp_path, *THREE, waiting(message=message))) == {"memory": (9, 9)}


def test_nodes_that_were_recorded_in_part_prove_nothing(tmp_path: Path) -> None:
    bare = node("node-a")
    del bare["status"]["allocatable"], bare["status"]["capacity"]
    part = patch(bare, metadata={"annotations": {"snapshot/partial": "names"}})
    pending = waiting(containers=[asking(cpu="16")], spec={"nodeSelector": {"pool": "web"}})

    assert obstacles(seen(tmp_path / "part", part, pending)) == {}
    assert obstacles(seen(tmp_path / "bare", bare, pending)) == {"node-selector": (1, 1)}


def test_clauses_that_are_no_obstacle_of_a_node_stay_clauses(tmp_path: Path) -> None:
    found = seen(
        tmp_path, *THREE, waiting(message="0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
    )

    assert obstacles(found) == {}
    assert found.only("scheduling.clause").attributes["reason"] == "unbound-claim"


def test_replicas_of_one_template_are_compared_once(tmp_path: Path) -> None:
    alike = [waiting(f"cart-{number}", containers=[asking(cpu="16")]) for number in range(5)]
    found = seen(tmp_path, *THREE, *alike)

    assert len(found.of("pod.unscheduled")) == 5
    assert len(found.of("scheduling.obstacle")) == 1


def test_many_templates_are_bounded(tmp_path: Path) -> None:
    many = [waiting(f"job-{number}", containers=[asking(cpu=str(number + 10))]) for number in range(GROUPS + 2)]

    assert len(seen(tmp_path, node(), *many).of("scheduling.obstacle")) == GROUPS


def test_a_template_without_pods_is_compared_too(tmp_path: Path) -> None:
    large = deployment("orders", containers=[asking(cpu="16")], replicas=2, ready=0)
    zero = deployment("web", containers=[asking(cpu="16")], replicas=0)
    served = deployment("cart", containers=[asking(cpu="16")])
    every_node = workload("DaemonSet", "agent", containers=[asking(cpu="16")], ready=0)
    lonely = patch(deployment("odd", ready=0), spec={"selector": None})
    found = seen(
        tmp_path, node(), running("cart-1", "node-a", labels={"app": "cart"}), large, zero, served, every_node, lonely
    )

    assert found.only("scheduling.obstacle").component == "deployment/shop/orders"
    assert found.of("pod.unscheduled") == []


def test_a_pod_that_nobody_tried_awaits_the_scheduler(tmp_path: Path) -> None:
    found = seen(tmp_path, master(), running("old-1", "node-m"), waiting(message="")).only("pod.unscheduled")

    assert (found.attributes["has_event"], found.attributes["awaits"]) == (False, "scheduler")
    assert found.attributes["control_plane"] == "node/node-m"
    assert (found.attributes["age_seconds"], found.attributes["lingers"]) == (180.0, False)


@pytest.mark.parametrize(
    "other",
    [
        waiting("gated-1", message="", spec={"schedulingGates": [{"name": "queue"}]}),
        waiting("batch-1", message="", spec={"schedulerName": "batch-scheduler"}),
        waiting("said-1"),
        waiting("cut-1", message="", metadata={"annotations": {"snapshot/partial": "describe"}}),
    ],
    ids=["gated", "another scheduler", "refused", "recorded in part"],
)
def test_a_pod_that_waits_for_something_else_does_not_await_the_scheduler(tmp_path: Path, other: Json) -> None:
    found = seen(tmp_path, master(), other).only("pod.unscheduled")

    assert "awaits" not in found.attributes
    assert "control_plane" not in found.attributes


def test_a_pod_does_not_await_a_scheduler_that_placed_later_ones(tmp_path: Path) -> None:
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2030-05-01T11:58:30Z"}
    later = running("later-1", "node-m", status={"conditions": [scheduled]})
    orphan = patch(waiting(message=""), metadata={"creationTimestamp": None})

    assert (
        "awaits"
        not in seen(tmp_path / "later", master(), later, waiting(message="")).only("pod.unscheduled").attributes
    )
    assert seen(tmp_path / "orphan", master(), later, orphan).of("pod.unscheduled") == []


def test_an_event_stands_in_for_the_condition_and_one_of_a_gate_says_nothing(tmp_path: Path) -> None:
    said = event("FailedScheduling", "0/1 nodes are available: 1 Too many pods.", component="default-scheduler")
    late = event("FailedScheduling", "skip schedule deleting pod: shop/cart-1", component="default-scheduler")
    gated = patch(waiting("gated-1", message="Scheduling is blocked"), spec={"schedulingGates": [{"name": "queue"}]})
    gated["status"]["conditions"][0]["reason"] = "SchedulingGated"
    found = seen(tmp_path, node(), waiting(message=""), gated, said, late)

    assert {one.component for one in found.of("scheduling.clause")} == {"pod/shop/cart-1"}
    assert {one.component: one.attributes["gated"] for one in found.of("pod.unscheduled")} == {
        "pod/shop/cart-1": False,
        "pod/shop/gated-1": True,
    }


def test_calm_clusters_leave_the_agent_silent(tmp_path: Path) -> None:
    old = event("FailedScheduling", REFUSED, component="default-scheduler")
    gone = event("FailedScheduling", REFUSED, about=("Pod", "gone-1"), component="default-scheduler")
    elsewhere = waiting("orders-1", namespace="other")
    leaving = patch(waiting("leaving-1"), metadata={"deletionTimestamp": EARLIER})
    new = waiting("new-1", message="", created=JUST_NOW)
    bound = pod("bound-1", phase="Pending", ready=False)
    found = seen(tmp_path, *THREE, pod("cart-1"), old, gone, elsewhere, leaving, new, bound)

    assert found.facts == []


def test_a_pod_that_waited_before_the_window_lingers(tmp_path: Path) -> None:
    assert seen(tmp_path, node(), waiting(created=EARLIER)).only("pod.unscheduled").attributes["lingers"] is True


def test_nodes_that_are_closed_by_hand_are_reported(tmp_path: Path) -> None:
    added = "2030-05-01T11:30:00Z"
    closed = patch(node("node-a"), spec={"unschedulable": True})
    closed["spec"]["taints"] = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": added}]
    found = seen(tmp_path, closed, node("node-b", spec=TAINTED), node("node-c"))

    assert [(one.component, str(one.observed_at)) for one in found.of("node.cordoned")] == [
        ("node/node-a", "2030-05-01 11:30:00+00:00")
    ]


def required(*terms: Json) -> Json:
    selector = {"nodeSelectorTerms": list(terms)}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}}


@pytest.mark.parametrize(
    ("term", "obstacle"),
    [
        ({"matchExpressions": [{"key": "state", "operator": "NotIn", "values": ["repair"]}]}, "node-affinity"),
        ({"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
                               {"key": "state", "operator": "DoesNotExist"}]}, "node-affinity"),
        ({"matchExpressions": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}, "cordoned"),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-m"]}]}, "cordoned"),
    ],
    ids=["spared", "spared with what all have", "by label", "by name"],
)  # fmt: skip
def test_a_control_plane_node_counts_only_when_the_pod_asks_for_it(tmp_path: Path, term: Json, obstacle: str) -> None:
    workers = [node(f"node-{name}", labels={"state": "repair", "kubernetes.io/os": "linux"}) for name in "ab"]
    leader = node("node-m", labels={**CONTROL_PLANE, "kubernetes.io/os": "linux"}, spec=CORDONED)

    assert set(obstacles(seen(tmp_path, *workers, leader, waiting(spec=required(term))))) == {obstacle}


def test_a_host_name_means_the_node_also_when_its_label_is_gone(tmp_path: Path) -> None:
    bare = patch(node("node-a", spec=TAINTED), metadata={"labels": {"kubernetes.io/os": "linux"}})
    del bare["metadata"]["labels"]["kubernetes.io/hostname"]
    found = seen(tmp_path, bare, node("node-b"), waiting(spec={"nodeSelector": {"kubernetes.io/hostname": "node-a"}}))

    assert obstacles(found) == {"taint": (1, 1)}
