"""The kubernetes agent on probes, as declared and as failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import container, container_status, event, patch, pod, service

from sre_orchestrator.plugins.agents.kubernetes import KubernetesAgent

Json = dict[str, Any]
REFUSED = "probe failed: dial tcp 10.0.0.7:8081: connect: connection refused"
FIRST, LAST, JUST_NOW = "2030-05-01T11:50:00Z", "2030-05-01T11:58:00Z", "2030-05-01T11:59:30Z"
LIVENESS = {"tcpSocket": {"port": 8081}, "initialDelaySeconds": 5, "periodSeconds": 10, "failureThreshold": 3}
READINESS = {"httpGet": {"port": "http", "path": "/ready"}, "timeoutSeconds": 2}


def probed(**fields: Any) -> Json:
    ports = [{"containerPort": 8080, "name": "http"}]
    return container(ports=ports, **{"livenessProbe": LIVENESS, "readinessProbe": READINESS, **fields})


def unhealthy(text: str = f"Liveness {REFUSED}", name: str = "cart-1", **fields: Any) -> Json:
    return event("Unhealthy", text, about=("Pod", name), **{"first": FIRST, "last": LAST, "count": 5, **fields})


def killing(text: str = "Container app failed liveness probe, will be restarted") -> Json:
    return event("Killing", text, about=("Pod", "cart-1"), type="Normal", first=FIRST, last=LAST, count=2)


def test_a_probe_stands_beside_what_container_and_services_say_of_ports(tmp_path: Path) -> None:
    served = service("cart", port=80, spec={"ports": [{"port": 80, "targetPort": "http"}]})
    broken = pod("cart-1", containers=[probed()], ready=False, labels={"app": "cart"})

    liveness, readiness = look(KubernetesAgent(), tmp_path, broken, served).of("container.probe")

    assert liveness.attributes == {
        "container": "app",
        "probe": "liveness",
        "protocol": "tcp",
        "port": 8081,
        "port_declared": False,
        "declared_ports": "8080",
        "port_served": False,
        "port_known": False,
        "other_port": 8080,
        "other_protocol": "http",
        "initial_delay_seconds": 5,
        "timeout_seconds": 1,
        "period_seconds": 10,
        "failure_threshold": 3,
        "grace_seconds": 35,
    }
    assert (readiness.attributes["port"], readiness.attributes["path"]) == (8080, "/ready")
    assert (readiness.attributes["port_declared"], readiness.attributes["port_served"]) == (True, True)


def test_where_nothing_is_declared_or_asked_nothing_is_compared(tmp_path: Path) -> None:
    bare = container(livenessProbe=LIVENESS)
    command = container("tool", livenessProbe={"exec": {"command": ["true"]}})
    named = container("named", ports=[{"containerPort": 9}], livenessProbe={"tcpSocket": {"port": "absent"}})

    facts = look(KubernetesAgent(), tmp_path, pod("cart-1", containers=[bare, command, named], ready=False)).of(
        "container.probe"
    )

    undeclared, no_port, unknown = (one.attributes for one in facts)
    assert not {"port_declared", "port_served", "other_port"} & undeclared.keys()
    assert "port" not in no_port
    assert ("port" in unknown, unknown["port_declared"]) == (False, False)


@pytest.mark.parametrize(
    ("command", "port", "known"),
    [
        (["/bin/grpc_health_probe", "-addr=:8080"], 8080, True),
        (["grpc_health_probe", "-addr", "127.0.0.1:9090"], 9090, False),
        (["sh", "-c", "curl -fsS http://localhost:8080/ready"], 8080, True),
    ],
)
def test_the_port_that_a_command_asks_is_compared(tmp_path: Path, command: list[str], port: int, known: bool) -> None:
    app = container(ports=[{"containerPort": 8080}], livenessProbe={"exec": {"command": command}})

    (probe,) = look(KubernetesAgent(), tmp_path, pod("cart-1", containers=[app], ready=False)).of("container.probe")

    assert (probe.attributes["protocol"], probe.attributes["port"]) == ("exec", port)
    assert probe.attributes["port_known"] is known


def test_a_probe_that_a_mesh_rewrote_is_shown_as_it_was_declared(tmp_path: Path) -> None:
    rewritten = {"httpGet": {"port": 15020, "path": "/app-health/app/livez"}, "periodSeconds": 7}
    kept = {"/app-health/app/livez": {"grpc": {"port": 9000}, "timeoutSeconds": 1}}
    app = container(livenessProbe=rewritten)
    proxy = container("istio-proxy", env=[{"name": "ISTIO_KUBE_APP_PROBERS", "value": json.dumps(kept)}])
    broken = pod("cart-1", containers=[app, proxy], ready=False)
    told = unhealthy("Liveness probe failed: HTTP probe failed with statuscode: 500", last=JUST_NOW)

    seen = look(KubernetesAgent(), tmp_path, broken, told)

    probe = seen.only("container.probe").attributes
    assert (probe["protocol"], probe["port"], probe["period_seconds"]) == ("grpc", 9000, 7)
    failed = seen.only("probe.failed").attributes
    assert (failed["failure"], failed["port"]) == ("other", 9000)


@pytest.mark.parametrize("value", ["{", "{}"])
def test_without_what_the_mesh_kept_the_rewritten_probe_is_shown(tmp_path: Path, value: str) -> None:
    app = container(livenessProbe={"httpGet": {"port": 15020, "path": "/app-health/app/livez"}})
    proxy = container("istio-proxy", env=[{"name": "ISTIO_KUBE_APP_PROBERS", "value": value}])

    seen = look(KubernetesAgent(), tmp_path, pod("cart-1", containers=[app, proxy], ready=False))

    assert seen.only("container.probe").attributes["port"] == 15020


def test_a_failed_probe_of_an_unready_container_shows(tmp_path: Path) -> None:
    seen = look(
        KubernetesAgent(),
        tmp_path,
        pod("cart-1", containers=[probed()], ready=False),
        unhealthy(f"Readiness {REFUSED}"),
        unhealthy(f"Readiness {REFUSED}", name="gone-1"),
    )

    assert seen.only("probe.failed").attributes == {
        "container": "app",
        "probe": "readiness",
        "failure": "refused",
        "port": 8081,
        "count": 5,
        "latest": True,
        "message": f"Readiness {REFUSED}",
    }


def test_a_kill_makes_the_failure_of_its_probe_show_on_a_ready_pod(tmp_path: Path) -> None:
    seen = look(
        KubernetesAgent(),
        tmp_path,
        pod("cart-1", containers=[probed()]),
        unhealthy(),
        unhealthy(f"Readiness {REFUSED}", count=1, last=FIRST),
        killing(),
    )

    assert seen.only("probe.failed").attributes["probe"] == "liveness"
    assert seen.only("container.killed").attributes == {"container": "app", "by": "liveness", "count": 2}


@pytest.mark.parametrize(
    ("begun", "last", "count", "shows"),
    [
        ("2030-05-01T11:57:50Z", LAST, 5, False),  # while it started
        ("2030-05-01T09:00:00Z", LAST, 5, True),  # long after, often enough to fail
        ("2030-05-01T09:00:00Z", LAST, 1, False),  # once, and over
        ("2030-05-01T09:00:00Z", "2030-05-01T11:59:30Z", 1, True),  # just now
        ("2030-05-01T09:00:00Z", "2030-05-01T10:00:00Z", 9, False),  # before the window
    ],
)
def test_a_failed_probe_of_a_ready_container(tmp_path: Path, begun: str, last: str, count: int, *, shows: bool) -> None:
    up = pod("cart-1", containers=[probed()], statuses=[container_status(state={"running": {"startedAt": begun}})])

    seen = look(KubernetesAgent(), tmp_path, up, unhealthy(last=last, first="2030-05-01T09:30:00Z", count=count))

    assert bool(seen.of("probe.failed")) is shows


def test_the_latest_of_two_failures_is_marked(tmp_path: Path) -> None:
    early = unhealthy(f"Readiness {REFUSED}", last=FIRST)
    late = patch(unhealthy("Readiness probe failed: HTTP probe failed with statuscode: 404"), metadata={"name": "late"})

    facts = look(KubernetesAgent(), tmp_path, pod("cart-1", containers=[probed()], ready=False), early, late).of(
        "probe.failed"
    )

    assert {one.attributes["failure"]: one.attributes["latest"] for one in facts} == {
        "refused": False,
        "http-status": True,
    }


def test_the_container_of_an_event_is_found_by_path_and_by_port(tmp_path: Path) -> None:
    first = container("first", livenessProbe={"tcpSocket": {"port": 1}})
    second = container("second", livenessProbe={"tcpSocket": {"port": 8081}})
    by_path = patch(
        unhealthy(last=JUST_NOW), involvedObject={"fieldPath": "spec.containers{first}"}, metadata={"name": "a"}
    )
    by_port = patch(unhealthy(last=JUST_NOW), metadata={"name": "b"})
    neither = patch(unhealthy("Liveness probe failed: no", last=JUST_NOW), metadata={"name": "c"})
    no_such = patch(unhealthy("Startup probe failed: no", last=JUST_NOW), metadata={"name": "d"})
    both = pod("cart-1", containers=[first, second], ready=False)

    facts = look(KubernetesAgent(), tmp_path, both, by_path, by_port, neither, no_such).of("probe.failed")

    assert sorted(str(one.attributes["container"]) for one in facts) == ["first", "first", "second"]


def test_liveness_of_an_unready_container_shows_only_while_it_fails(tmp_path: Path) -> None:
    broken = pod("cart-1", containers=[probed()], ready=False)
    over = unhealthy(count=2, last="2030-05-01T11:50:10Z")
    going_on = patch(unhealthy(count=2, last=JUST_NOW, name="cart-2"), metadata={"name": "now"})

    seen = look(KubernetesAgent(), tmp_path, broken, patch(broken, metadata={"name": "cart-2"}), over, going_on)

    assert [one.component for one in seen.of("probe.failed")] == ["pod/shop/cart-2"]


def test_a_container_without_status_has_no_failed_probe_yet(tmp_path: Path) -> None:
    seen = look(
        KubernetesAgent(), tmp_path, pod("cart-1", containers=[probed()], statuses=[], ready=False), unhealthy()
    )

    assert seen.of("probe.failed") == []


def test_kills_and_back_offs_name_their_container(tmp_path: Path) -> None:
    backoff = event(
        "BackOff", "Back-off restarting failed container app in pod cart-1_shop(uid)", first=FIRST, last=LAST
    )
    pulls = event("BackOff", 'Back-off pulling image "app:1"', first=FIRST, last=LAST)
    hook = patch(
        event("FailedPostStartHook", "exec failed", first=FIRST, last=LAST),
        involvedObject={"fieldPath": "spec.containers{proxy}"},
    )
    two = pod("cart-1", containers=[container(), container("proxy")])

    seen = look(
        KubernetesAgent(), tmp_path, two, backoff, patch(pulls, metadata={"name": "pulls"}), hook, killing("Killing")
    )

    kills = {str(one.attributes["by"]): one.attributes.get("container") for one in seen.of("container.killed")}
    assert kills == {"hook": "proxy", "other": None}


def test_other_warnings_of_the_window_are_events(tmp_path: Path) -> None:
    clash = event("NetworkNotReady", "network is not ready", first=FIRST, last=LAST, count=4)
    old = event("NodeNotReady", "Node is not ready", first="2030-05-01T08:00:00Z", last="2030-05-01T08:01:00Z")
    normal = event("Pulled", "Container image already present", type="Normal", first=FIRST, last=LAST)
    worded = event("FailedMount", "MountVolume.SetUp failed", first=FIRST, last=LAST)

    fact = look(KubernetesAgent(), tmp_path, pod("cart-1"), clash, old, normal, worded).only("event")

    assert fact.attributes == {
        "reason": "NetworkNotReady",
        "type": "Warning",
        "message": "network is not ready",
        "count": 4,
        "reporter": "kubelet",
    }
