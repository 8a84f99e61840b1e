"""The nodes agent, on snapshots of a small cluster: one node is ill, the others are not reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from shop import EARLIER, container_status, event, node, patch, pod, thing, write_snapshot

from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Coverage, Fact, Incident, Scope
from sre_orchestrator.core.settings import Settings, SnapshotLimits
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.plugins.agents.nodes import NodesAgent, register_agents
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
SCOPE = Scope(
    incident=Incident(id="i", description="the shop is down", at=NOW),
    namespaces=("shop",),
    since=NOW - timedelta(hours=1),
    until=NOW,
)
LATELY = "2030-05-01T11:57:00Z"


def look(
    folder: Path, *objects: dict[str, Any], units: dict[str, str] | None = None, logs: dict[str, str] | None = None
) -> list[Fact | Coverage]:
    async def gather() -> list[Fact | Coverage]:
        with open_snapshot(write_snapshot(folder, *objects, units=units, logs=logs), SnapshotLimits()) as source:
            return [
                one async for one in NodesAgent().gather(SCOPE, Sources([source])) if isinstance(one, Fact | Coverage)
            ]

    found = anyio.run(gather)
    vocabulary = load_vocabulary()
    assert [complaint for one in found if isinstance(one, Fact) and (complaint := vocabulary.complaint(one))] == []
    assert {one.kind for one in found if isinstance(one, Fact)} <= NodesAgent.kinds
    return found


def facts(found: list[Fact | Coverage], kind: str) -> list[Fact]:
    return [one for one in found if isinstance(one, Fact) and one.kind == kind]


def only(found: list[Fact | Coverage], kind: str) -> Fact:
    (one,) = facts(found, kind)
    return one


def not_ready(name: str, status: str, message: str, since: str = LATELY) -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "reason": "X", "message": message, "lastTransitionTime": since}
    return patch(node(name), status={"conditions": [ready]})


def lease(name: str, renewed: str, namespace: str = "kube-node-lease", holder: str = "") -> dict[str, Any]:
    spec = {"holderIdentity": holder or name, "leaseDurationSeconds": 40, "renewTime": renewed}
    return thing("Lease", name, namespace=namespace, spec=spec)


def status(state: str, since: str = "", journal: str = "", enabled: str = "enabled") -> str:
    return (
        f"● x.service\n     Loaded: loaded (/etc/systemd/system/x.service; {enabled}; preset: enabled)\n"
        f"     Active: {state}{f' since {since}' if since else ''}\n\n{journal}"
    )


RUNNING = status("active (running)", "Wed 2030-05-01 02:00:00 UTC; 10h ago")
STOPPED = status(
    "inactive (dead)", "Wed 2030-05-01 19:57:00 CST; 3min 0s ago", "May 01 19:57:00 node-a systemd[1]: Stopped X."
)


@pytest.mark.parametrize(
    ("state", "message", "expected"),
    [
        ("Unknown", "Kubelet stopped posting node status.", "silent"),
        ("Unknown", "", "silent"),
        ("False", "container runtime is down", "runtime"),
        ("False", "[container runtime status check may not have completed yet]", "runtime"),
        ("False", "PLEG is not healthy: pleg was last seen active 3m12s ago; threshold is 3m0s", "pleg"),
        ("False", "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized", "network"),
        ("False", "x509: certificate has expired", "certificate"),
        ("False", "kubelet is posting something new", "other"),
    ],
)  # fmt: skip
def test_a_node_that_is_not_ready_says_why(tmp_path: Path, state: str, message: str, expected: str) -> None:
    found = only(look(tmp_path, node("node-b"), not_ready("node-a", state, message)), "node.not_ready")

    assert (found.component, found.attributes["class"], found.attributes["recent"]) == ("node/node-a", expected, True)
    assert found.observed_at == datetime(2030, 5, 1, 11, 57, tzinfo=UTC)


def test_a_node_that_was_lost_long_ago_is_not_recent(tmp_path: Path) -> None:
    found = only(look(tmp_path, not_ready("node-a", "Unknown", "", "2030-04-01T00:00:00Z")), "node.not_ready")

    assert found.attributes["recent"] is False


def test_only_conditions_that_are_not_as_they_should_be_are_reported(tmp_path: Path) -> None:
    good = [{"type": kind, "status": value} for kind, value in [("Ready", "True"), ("DiskPressure", "False"), ("EtcdIsVoter", "True"), ("PIDPressure", "Unknown")]]  # fmt: skip
    bad = [{"type": "PIDPressure", "status": "True", "reason": "KubeletHasInsufficientPID"}, {"type": "NTPProblem", "status": "True"}]  # fmt: skip

    found = look(tmp_path, patch(node("node-a"), status={"conditions": good}), patch(node("node-b"), status={"conditions": bad}))  # fmt: skip

    assert [(one.component, one.attributes["type"]) for one in facts(found, "node.condition")] == [
        ("node/node-b", "PIDPressure"),
        ("node/node-b", "NTPProblem"),
    ]
    assert Coverage(kind="node.condition", scope="*") in found


def test_one_lease_left_behind_is_stale(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        *(node(name) for name in ("node-a", "node-b", "node-c")),
        lease("node-a", "2030-05-01T11:50:00Z"),
        lease("node-b", "2030-05-01T11:53:00Z"),
        lease("node-c", "2030-05-01T11:53:09Z"),
        lease("node-gone", "2030-01-01T00:00:00Z"),
    )

    stale = {one.component: one.attributes["stale"] for one in facts(found, "node.lease")}
    assert stale == {"node/node-a": True, "node/node-b": False, "node/node-c": False}


def test_leases_that_are_mostly_old_say_nothing_about_a_node(tmp_path: Path) -> None:
    renewed = {"node-a": "2030-05-01T11:00:00Z", "node-b": "2030-05-01T11:01:00Z", "node-c": "2030-05-01T11:53:00Z"}

    found = look(tmp_path, *(lease(name, at) for name, at in renewed.items()))

    assert [one.attributes["stale"] for one in facts(found, "node.lease")] == [False, False, False]


def test_a_unit_that_stopped_here_and_runs_elsewhere_is_expected(tmp_path: Path) -> None:
    found = look(
        tmp_path, units={"node-a/kube-proxy": STOPPED, "node-b/kube-proxy": RUNNING, "node-b/kubelet": RUNNING}
    )

    units = {(one.component, one.attributes["unit"]): one for one in facts(found, "unit.state")}
    down = units["node/node-a", "kube-proxy"]
    assert (down.attributes["healthy"], down.attributes["expected"]) == (False, True)
    assert down.observed_at == datetime(2030, 5, 1, 11, 57, tzinfo=UTC)
    assert str(down.attributes["message"]).endswith("Stopped X.")
    assert [one.attributes["healthy"] for key, one in units.items() if key[0] == "node/node-b"] == [True, True]
    assert Coverage(kind="unit.state", scope="node/node-a") in found
    assert Coverage(kind="unit.log", scope="node/node-b") in found
    assert Coverage(kind="control_plane.state", scope="*") not in found


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ({"node-a/kube-scheduler": STOPPED}, True),
        ({"node-a/kube-scheduler": status("failed (Result: exit-code)", "Wed 2030-05-01 02:00:00 UTC; 10h ago")}, True),
        ({"node-a/kube-proxy": status("inactive (dead)"), "node-b/kube-proxy": status("inactive (dead)")}, False),
        ({"node-a/kube-proxy": status("inactive (dead)", "Mon 2030-04-01 02:00:00 UTC; 4 weeks ago")}, False),
        ({"node-a/etcd": status("inactive (dead)", enabled="disabled"), "node-b/etcd": RUNNING}, False),
        ({"node-a/etcd": "Unit etcd.service could not be found.", "node-b/etcd": RUNNING}, False),
        ({"node-a/kubelet": status("inactive (dead)"), "node-b/kubelet": RUNNING}, True),
        ({"node-a/docker": STOPPED, "node-a/containerd": RUNNING, "node-b/docker": RUNNING}, False),
        ({"node-a/docker": STOPPED, "node-b/crio": RUNNING}, True),
        ({"node-a/sshd": STOPPED, "node-b/sshd": RUNNING}, False),
        ({"node-a/kubelet": status("activating (auto-restart) (Result: exit-code)"), "node-b/kubelet": RUNNING}, True),
    ],
)  # fmt: skip
def test_a_unit_that_is_off_is_expected_only_where_it_is_in_use(
    tmp_path: Path, units: dict[str, str], expected: bool
) -> None:
    states = facts(look(tmp_path, units=units), "unit.state")

    assert [one.attributes["expected"] for one in states if not one.attributes["healthy"]][:1] == [expected]


def test_a_unit_that_came_up_within_the_window_is_a_change_unless_the_whole_node_did(tmp_path: Path) -> None:
    lately = status("active (running)", "Wed 2030-05-01 11:40:00 UTC; 20min ago")

    found = look(
        tmp_path,
        units={
            "node-a/containerd": lately,
            "node-a/kubelet": RUNNING,
            "node-b/containerd": lately,
            "node-b/kubelet": lately,
        },
    )

    assert only(found, "unit.restarted").component == "node/node-a"


def test_journal_lines_are_sorted_into_classes_and_dated_by_the_nodes_clock(tmp_path: Path) -> None:
    lines = (
        "May 01 19:10:00 node-a kubelet[1]: E dial tcp 10.0.0.1:6443: connect: connection refused\n"
        "May 01 10:10:00 node-a kubelet[1]: E no space left on device\n"
        'May 01 19:59:58 node-a kubelet[1]: E "GenericPLEG: Unable to list" err="dial unix /run/containerd/containerd.sock: connect: no such file"\n'
        "May 01 19:59:59 node-a kubelet[1]: I all is said\n-- no stamp: panic: --\n"
    )
    up = status("active (running)", "Wed 2030-05-01 19:05:00 CST; 55min ago", lines)

    found = look(tmp_path, units={"node-a/kubelet": up, "node-b/kubelet": RUNNING})

    said = {str(one.attributes["class"]): one for one in facts(found, "unit.log")}
    assert set(said) == {"runtime-unreachable", "api-unreachable"}
    assert (said["runtime-unreachable"].attributes["latest"], said["api-unreachable"].attributes["latest"]) == (
        True,
        False,
    )
    assert said["runtime-unreachable"].observed_at == datetime(2030, 5, 1, 11, 59, 58, tzinfo=UTC)


def test_a_journal_without_a_known_clock_says_nothing_and_new_year_is_no_obstacle(tmp_path: Path) -> None:
    lines = "May 01 11:59:00 node-a kubelet[1]: PLEG is not healthy\nFeb 30 11:59:00 node-a kubelet[1]: PLEG is not healthy\nDec 31 23:59:00 node-a kubelet[1]: PLEG is not healthy\n"

    unknown = look(tmp_path / "a", units={"node-a/kubelet": status("active (running)", "", lines)})
    known = look(
        tmp_path / "b", units={"node-a/kubelet": status("active (running)", "Wed 2030-05-01 02:00:00 UTC", lines)}
    )

    assert facts(unknown, "unit.log") == []
    assert only(known, "unit.log").attributes["class"] == "pleg"


def made(name: str, host: str, created: str, **fields: Any) -> dict[str, Any]:
    return patch(pod(name, node=host, **fields), metadata={"creationTimestamp": created}, status={"startTime": created})


def creating(name: str, host: str, created: str, reason: str = "ContainerCreating") -> dict[str, Any]:
    waiting = container_status(ready=False, state={"waiting": {"reason": reason}})
    return made(name, host, created, phase="Pending", ready=False, statuses=[waiting])


def started(name: str, host: str, created: str, at: str) -> dict[str, Any]:
    return made(name, host, created, statuses=[container_status(state={"running": {"startedAt": at}})])


def test_pods_that_wait_longer_than_others_took_to_start_are_stuck(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        creating("cart-1", "node-a", "2030-05-01T11:59:00Z"),
        creating("cart-2", "node-a", "2030-05-01T11:59:05Z", "PodInitializing"),
        started("web-1", "node-b", "2030-05-01T11:59:00Z", "2030-05-01T11:59:20Z"),
        creating("web-2", "node-b", "2030-05-01T11:59:50Z"),
        creating("web-3", "node-b", "2030-05-01T11:00:00Z", "ImagePullBackOff"),
        pod("old-1", node="node-a"),
    )

    stuck = only(found, "node.stuck_pods")
    assert stuck.component == "node/node-a"
    assert dict(stuck.attributes) == {
        "stuck": 2,
        "started": 0,
        "elsewhere": 0,
        "started_elsewhere": 1,
        "acknowledged": 2,
    }


def test_without_others_to_compare_with_pods_get_the_patience_of_a_runtime_request(tmp_path: Path) -> None:
    bound = patch(
        pod("cart-3", node="node-a", phase="Pending", ready=False),
        metadata={"creationTimestamp": "2030-05-01T11:50:00Z"},
    )

    found = look(tmp_path, creating("cart-1", "node-a", "2030-05-01T11:59:00Z"), bound)

    stuck = only(found, "node.stuck_pods")
    assert (stuck.attributes["stuck"], stuck.attributes["acknowledged"]) == (1, 0)


def test_pods_that_wait_for_their_init_container_or_leave_are_not_stuck(tmp_path: Path) -> None:
    old = "2030-05-01T11:30:00Z"
    init = {"status": {"initContainerStatuses": [container_status("init", state={"running": {"startedAt": old}})]}}
    failed = {"status": {"initContainerStatuses": [container_status("init", state={"terminated": {"exitCode": 1}})]}}
    leaving = {"metadata": {"deletionTimestamp": "2030-05-01T11:31:00Z"}}

    found = look(
        tmp_path,
        patch(creating("a", "node-a", old), **init),
        patch(creating("b", "node-a", old), **failed),
        patch(creating("c", "node-a", old), **leaving),
    )

    assert facts(found, "node.stuck_pods") == []


def about(name: str, reason: str, message: str, last: str = LATELY) -> dict[str, Any]:
    return event(reason, message, about=("Node", name), namespace="default", first=EARLIER, last=last)


def test_unusual_events_of_present_nodes_within_the_window_are_sorted(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        node("node-a"),
        node("node-b"),
        about(
            "node-a", "ContainerGCFailed", "rpc error: dial unix /var/run/crio/crio.sock: connect: connection refused"
        ),
        about("node-a", "Rebooted", "Node node-a has been rebooted, boot id: 1"),
        about("node-b", "Rebooted", "Node node-b has been rebooted, boot id: 2"),
        about("node-b", "NodeHasSufficientMemory", "fine"),
        about("node-b", "SystemOOM", "System OOM encountered", last="2030-05-01T09:00:00Z"),
        about("node-gone", "SystemOOM", "System OOM encountered"),
        about("node-b", "ScaleDown", "node removed by cluster autoscaler"),
        about("node-b", "Curious", "what is this"),
        event("BackOff", "about a pod"),
    )

    seen = {(one.component, one.attributes["class"]): one.attributes["alone"] for one in facts(found, "node.event")}
    assert seen == {
        ("node/node-a", "runtime-unreachable"): True,
        ("node/node-a", "rebooted"): False,
        ("node/node-b", "rebooted"): False,
        ("node/node-b", "leaving"): True,
        ("node/node-b", "other"): True,
    }


def system(name: str, host: str, **fields: Any) -> dict[str, Any]:
    return pod(name, node=host, namespace="kube-system", **fields)


def test_parts_of_the_control_plane_are_known_by_their_pods(tmp_path: Path) -> None:
    crashing = [container_status("kube-proxy", ready=False, state={"waiting": {"reason": "CrashLoopBackOff"}})]
    found = look(
        tmp_path,
        *(node(name) for name in ("node-a", "node-b", "node-c")),
        system("kube-proxy-aaaaa", "node-a", statuses=crashing, ready=False),
        system("kube-proxy-bbbbb", "node-b"),
        patch(system("coredns-1", "node-b"), metadata={"creationTimestamp": "2030-05-01T11:59:30Z"}),
        patch(system("etcd-node-m", "node-b", ready=False), status={"containerStatuses": [container_status("etcd")]}),
        system("etcd-operator-1", "node-a", ready=False),
        pod("kube-proxy-fake", ready=False),
    )

    states = {
        (one.component, one.attributes["role"], one.attributes["evidence"]): one.attributes["healthy"]
        for one in facts(found, "control_plane.state")
    }
    assert Coverage(kind="control_plane.state", scope="*") in found
    assert states == {
        ("node/node-a", "kube-proxy", "pod"): False,
        ("node/node-b", "kube-proxy", "pod"): True,
        ("node/node-b", "etcd", "pod"): True,
        ("node/node-c", "kube-proxy", "absent"): False,
    }


def test_a_tainted_or_new_node_or_half_of_the_cluster_may_lack_an_agent(tmp_path: Path) -> None:
    tainted = patch(node("node-c"), spec={"taints": [{"key": "dedicated", "effect": "NoSchedule"}]})
    new = patch(node("node-d"), metadata={"creationTimestamp": "2030-05-01T11:59:00Z"})

    lacking = look(tmp_path / "a", node("node-a"), tainted, new, system("cilium-abcde", "node-a"))
    half = look(tmp_path / "b", node("node-a"), node("node-b"), system("cilium-abcde", "node-a"))

    for found in (lacking, half):
        assert [one.attributes["evidence"] for one in facts(found, "control_plane.state")] == ["pod"]


def test_a_leaders_lease_is_compared_with_those_of_nodes(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        node("node-m"),
        lease("node-m", "2030-05-01T11:53:00Z"),
        lease("kube-scheduler", "2030-05-01T11:50:00Z", "kube-system", "node-m_7a1c"),
        lease("kube-controller-manager", "2030-05-01T11:52:58Z", "kube-system", "elsewhere_1"),
        lease("some-operator", "2030-01-01T00:00:00Z", "kube-system"),
    )

    states = {
        (one.component, one.attributes["role"], one.attributes["healthy"])
        for one in facts(found, "control_plane.state")
    }
    assert states == {
        ("namespace/kube-system", "controller-manager", True),
        ("node/node-m", "scheduler", False),
    }


def test_a_healthy_cluster_is_silent(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        node("node-a"),
        node("node-b"),
        lease("node-a", "2030-05-01T11:59:55Z"),
        lease("node-b", "2030-05-01T11:59:50Z"),
        pod("cart-1"),
        units={"node-a/kubelet": RUNNING, "node-b/kubelet": RUNNING},
    )

    assert {one.kind for one in found if isinstance(one, Fact)} == {"node.lease", "unit.state"}
    assert all(one.attributes["healthy"] for one in facts(found, "unit.state"))


def test_the_plugin_registers_the_agent() -> None:
    assert [one.name for one in register_agents(Settings())] == ["nodes"]


def static_pod(name: str) -> dict[str, Any]:
    return pod(f"{name}-node-m", namespace="kube-system", node="node-m", containers=[{"name": name, "image": name}])


@pytest.mark.parametrize(
    ("name", "line", "expected"),
    [
        ("etcd", '{"level":"warn","ts":"2030-05-01T11:MM:02.1Z","msg":"slow fdatasync","took":"3.2s"}', "slow"),
        ("etcd", "2030-05-01 11:MM:02.114 W | etcdserver: read-only range request took too long, ReadIndex", "slow"),
        ("etcd", '{"level":"info","ts":"2030-05-01T11:MM:02.1Z","msg":"raft.node: 8e lost leader 91"}', "no-leader"),
        (
            "etcd",
            '{"level":"warn","ts":"2030-05-01T11:MM:02.1Z","msg":"alarm raised","alarm":"NOSPACE"}',
            "out-of-space",
        ),
        ("kube-apiserver", 'E0501 11:MM:06.001 1 status.go:71] err="etcdserver: request timed out"', "etcd-fails"),
        ("kube-apiserver", 'E0501 11:MM:06.001 1 writers.go:135] err="http: Handler timeout"', "too-late"),
    ],
)
def test_what_a_static_pod_says_is_sorted_into_classes(tmp_path: Path, name: str, line: str, expected: str) -> None:
    said = "".join(f"{line}\n".replace("MM", str(minute)) for minute in (40, 40, 57, 58))

    found = look(tmp_path, static_pod(name), node("node-m"), logs={f"kube-system/{name}-node-m/{name}": said})

    one = only(found, "control_plane.log")
    assert (one.component, one.attributes["class"]) == ("node/node-m", expected)
    assert (one.attributes["minutes"], one.attributes["latest"]) == (3, True)
    assert Coverage(kind="control_plane.log", scope="node/node-m") in found


def test_what_etcd_said_before_it_was_well_again_is_not_the_latest(tmp_path: Path) -> None:
    said = (
        '{"level":"warn","ts":"2030-05-01T09:00:02Z","msg":"slow fdatasync"}\n'
        '{"level":"warn","ts":"2030-05-01T11:20:02Z","msg":"slow fdatasync"}\n'
        "a line without a time\n"
        '{"level":"info","ts":"2030-05-01T11:55:02Z","msg":"finished scheduled compaction"}\n'
    )

    found = look(tmp_path, static_pod("etcd"), logs={"kube-system/etcd-node-m/etcd": said})

    one = only(found, "control_plane.log")
    assert (one.attributes["minutes"], one.attributes["latest"]) == (1, False)


def test_a_control_plane_without_logs_says_nothing(tmp_path: Path) -> None:
    found = look(tmp_path, static_pod("etcd"), static_pod("kube-scheduler"))

    assert facts(found, "control_plane.log") == []
    assert not any(one.kind == "control_plane.log" for one in found if isinstance(one, Coverage))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("node.cloudprovider.kubernetes.io/shutdown", True),
        ("node.kubernetes.io/out-of-service", True),
        ("node.kubernetes.io/unreachable", False),
    ],
)
def test_a_taint_tells_that_a_silent_machine_is_off(tmp_path: Path, key: str, expected: bool) -> None:
    silent = not_ready("node-a", "Unknown", "Kubelet stopped posting node status.")
    tainted = patch(silent, spec={"taints": [{"key": key, "effect": "NoSchedule"}]})

    found = look(tmp_path, tainted, node("node-b"))

    assert only(found, "node.not_ready").attributes["switched_off"] is expected
