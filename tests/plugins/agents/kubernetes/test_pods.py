"""The kubernetes agent on pods and containers: readiness, restarts, ends, evictions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import container, container_status, event, patch, pod

from sre_orchestrator.plugins.agents.kubernetes import KubernetesAgent

Json = dict[str, Any]
JUST_NOW = "2030-05-01T11:59:50Z"
IN_WINDOW = "2030-05-01T11:40:00Z"
LONG_AGO = "2030-04-20T03:00:00Z"
DETAILS = {"container.running", "container.probe"}


def ended(code: int, reason: str = "Error", at: str = IN_WINDOW, begun: str = "2030-05-01T11:39:20Z") -> Json:
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": begun, "finishedAt": at}}


def looping() -> Json:
    return {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}


def test_a_healthy_pod_shows_its_phase_and_limits_only(tmp_path: Path) -> None:
    limited = container(resources={"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"memory": "oops"}})

    seen = look(KubernetesAgent(), tmp_path, pod("cart-1", containers=[limited]))

    assert {one.kind for one in seen.facts} == {"pod.phase", "container.limit"}
    amounts = [
        one.attributes.get("limit_cores", one.attributes.get("limit_bytes")) for one in seen.of("container.limit")
    ]
    assert amounts == [0.5, 1024**3]


def test_an_unready_pod_is_a_symptom_with_details_of_its_containers(tmp_path: Path) -> None:
    served = container(ports=[{"containerPort": 8080, "name": "http"}], livenessProbe={"tcpSocket": {"port": "http"}})

    seen = look(KubernetesAgent(), tmp_path, pod("cart-1", containers=[served], ready=False))

    unready = seen.only("pod.unready")
    assert (unready.attributes["phase"], unready.attributes["node"]) == ("Running", "node/node-a")
    assert unready.observed_at == datetime(2030, 5, 1, 9, 0, tzinfo=UTC)
    assert {one.kind for one in seen.facts} >= DETAILS
    assert seen.only("container.running").attributes["for_seconds"] == 3 * 3600


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("done", {"status": {"phase": "Succeeded"}}),
        ("leaving", {"metadata": {"deletionTimestamp": IN_WINDOW}}),
        ("young", {"metadata": {"creationTimestamp": JUST_NOW}}),
        ("known from a table", {"metadata": {"annotations": {"snapshot/partial": "one row"}}}),
    ],
)
def test_a_pod_that_need_not_serve_is_no_symptom(tmp_path: Path, name: str, changes: Json) -> None:
    del name

    seen = look(KubernetesAgent(), tmp_path, patch(pod("cart-1", ready=False), **changes))

    assert seen.of("pod.unready") == []


def test_a_young_pod_whose_container_cannot_start_is_a_symptom(tmp_path: Path) -> None:
    status = container_status(ready=False, state={"waiting": {"reason": "ErrImagePull"}})
    young = patch(pod("cart-1", statuses=[status], ready=False), metadata={"creationTimestamp": JUST_NOW})

    seen = look(KubernetesAgent(), tmp_path, young)

    assert seen.only("pod.unready").attributes["reason"] == "ErrImagePull"


def test_a_pod_still_creating_after_half_a_minute_waits(tmp_path: Path) -> None:
    creating = container_status(ready=False, state={"waiting": {"reason": "ContainerCreating"}})
    old = pod("old-1", statuses=[creating], phase="Pending", ready=False)
    young = patch(
        pod("young-1", statuses=[creating], phase="Pending", ready=False), metadata={"creationTimestamp": JUST_NOW}
    )

    seen = look(KubernetesAgent(), tmp_path, old, young)

    assert [one.component for one in seen.of("container.waiting")] == ["pod/shop/old-1"]


def test_a_restart_in_the_window_is_a_symptom_at_the_time_of_the_end(tmp_path: Path) -> None:
    status = container_status(restarts=3, last=ended(137, "OOMKilled"))

    seen = look(KubernetesAgent(), tmp_path, pod("orders-1", statuses=[status]))

    assert seen.only("container.restarted").attributes["count"] == 3
    fact = seen.only("container.terminated")
    assert fact.observed_at == datetime(2030, 5, 1, 11, 40, tzinfo=UTC)
    assert fact.attributes == {
        "container": "app",
        "init": False,
        "reason": "OOMKilled",
        "exit_code": 137,
        "how": "memory",
        "current": False,
        "ran_seconds": 40.0,
        "node": "node/node-a",
    }


def test_restarts_of_long_ago_are_left_out(tmp_path: Path) -> None:
    status = container_status(restarts=14, last=ended(137, "OOMKilled", at=LONG_AGO, begun=LONG_AGO))
    unknown = container_status(restarts=14)

    seen = look(KubernetesAgent(), tmp_path, pod("orders-1", statuses=[status]), pod("cart-1", statuses=[unknown]))

    assert {one.kind for one in seen.facts} == {"pod.phase"}


def test_a_crash_loop_counts_however_long_the_last_end_is_ago(tmp_path: Path) -> None:
    status = container_status(ready=False, restarts=90, state=looping(), last=ended(1, at=LONG_AGO, begun=LONG_AGO))

    seen = look(KubernetesAgent(), tmp_path, pod("cart-1", statuses=[status], ready=False))

    assert seen.only("container.restarted").attributes["count"] == 90
    assert seen.only("container.waiting").attributes["reason"] == "CrashLoopBackOff"
    assert seen.only("container.terminated").attributes["how"] == "error"


def test_a_crash_loop_without_a_last_state_is_a_restart_of_unknown_time(tmp_path: Path) -> None:
    status = container_status(ready=False, restarts=2, state=looping())

    seen = look(KubernetesAgent(), tmp_path, pod("cart-1", statuses=[status], ready=False))

    assert seen.only("container.restarted").observed_at is None
    assert seen.of("container.terminated") == []


def test_a_completed_init_container_is_no_end(tmp_path: Path) -> None:
    done = container_status("prepare", state=ended(0, "Completed"))
    failed = container_status("migrate", ready=False, state=ended(255))
    both = patch(pod("cart-1", ready=False), status={"initContainerStatuses": [done, failed]})

    fact = look(KubernetesAgent(), tmp_path, both).only("container.terminated")

    assert (fact.attributes["container"], fact.attributes["init"], fact.attributes["how"]) == ("migrate", True, "error")


@pytest.mark.parametrize(
    ("code", "reason", "how"),
    [
        (0, "Completed", "done"),
        (1, "Error", "error"),
        (255, "Error", "error"),
        (127, "Error", "command"),
        (128, "StartError", "command"),
        (1, "ContainerCannotRun", "command"),
        (143, "Error", "signal"),
        (1, "OOMKilled", "memory"),
        (137, "ContainerStatusUnknown", "unknown"),
        (255, "Unknown", "unknown"),
    ],
)
def test_each_end_is_of_a_kind(tmp_path: Path, code: int, reason: str, how: str) -> None:
    status = container_status(restarts=1, last=ended(code, reason))

    fact = look(KubernetesAgent(), tmp_path, pod("cart-1", statuses=[status])).only("container.terminated")

    assert fact.attributes["how"] == how


def test_an_end_without_times_is_kept(tmp_path: Path) -> None:
    status = container_status(ready=False, state={"terminated": {"exitCode": 139, "reason": "Error"}})

    fact = look(KubernetesAgent(), tmp_path, pod("cart-1", statuses=[status], ready=False)).only("container.terminated")

    assert fact.attributes["how"] == "signal"
    assert "ran_seconds" not in fact.attributes


@pytest.mark.parametrize(
    ("message", "resource", "by"),
    [
        ("The node was low on resource: memory. Threshold quantity: 100Mi, available: 48Mi.", "memory", "node"),
        ("The node was low on resource: ephemeral-storage. Threshold quantity: 5Gi.", "ephemeral-storage", "node"),
        ("The node was low on resource: inodes.", "inodes", "node"),
        ("Pod was rejected: The node had condition: [DiskPressure]. ", "ephemeral-storage", "node"),
        ("The node had condition: [MemoryPressure].", "memory", "node"),
        ("The node had condition: [PIDPressure].", "pids", "node"),
        (
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
            "ephemeral-storage",
            "pod-limit",
        ),
        ('Container app exceeded its local ephemeral storage limit "1Gi". ', "ephemeral-storage", "pod-limit"),
        ('Usage of EmptyDir volume "cache" exceeds the limit "1Gi". ', "ephemeral-storage", "pod-limit"),
        ("Something else", "", "node"),
    ],
)
def test_an_eviction_says_what_ran_short_and_where(tmp_path: Path, message: str, resource: str, by: str) -> None:
    status = {"reason": "Evicted", "message": message, "startTime": IN_WINDOW}

    seen = look(KubernetesAgent(), tmp_path, pod("cart-1", phase="Failed", ready=False, status=status))

    fact = seen.only("pod.evicted")
    assert (fact.attributes["resource"], fact.attributes["by"]) == (resource, by)
    assert seen.of("pod.unready") == []


@pytest.mark.parametrize(
    ("reason", "at", "count"),
    [
        ("EvictionByEvictionAPI", IN_WINDOW, 1),
        ("EvictionByEvictionAPI", LONG_AGO, 0),
        ("PreemptionByScheduler", IN_WINDOW, 0),
    ],
)
def test_a_drained_pod_is_one_whose_eviction_was_asked_for(tmp_path: Path, reason: str, at: str, count: int) -> None:
    target = {"type": "DisruptionTarget", "status": "True", "reason": reason, "lastTransitionTime": at}
    leaving = pod("cart-1", owner=("StatefulSet", "cart"), status={"conditions": [target]})

    found = look(KubernetesAgent(), tmp_path, leaving).of("pod.drained")

    assert [(one.attributes["workload"], one.attributes["node"]) for one in found] == [
        ("statefulset/shop/cart", "node/node-a")
    ] * count


def test_an_old_eviction_is_left_out(tmp_path: Path) -> None:
    target = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": LONG_AGO}
    gone = pod("cart-1", phase="Failed", ready=False, status={"reason": "Evicted", "conditions": [target]})

    assert look(KubernetesAgent(), tmp_path, gone).of("pod.evicted") == []


def test_the_event_dates_an_eviction(tmp_path: Path) -> None:
    gone = pod(
        "cart-1", phase="Failed", ready=False, status={"reason": "Evicted", "message": "low on resource: memory"}
    )
    told = event("Evicted", "The node was low on resource: memory", first=IN_WINDOW, last=IN_WINDOW)

    fact = look(KubernetesAgent(), tmp_path, gone, told).only("pod.evicted")

    assert fact.observed_at == datetime(2030, 5, 1, 11, 40, tzinfo=UTC)
