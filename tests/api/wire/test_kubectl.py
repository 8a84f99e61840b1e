"""kubectl, the oldest and the newest that are tested, looks at the demo incident."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from command_line import Call
from extras import program

from sre_orchestrator.api.wire import Store, serving, write_kubeconfig

pytestmark = pytest.mark.parametrize("kubectl", ["kubectl-1.33", "kubectl-1.37"])
CRASHING = "pricing-6f8b9d7c5-5gkqz"


def test_get_prints_pods_as_they_were(call: Call, kubectl: str) -> None:
    lines = call(kubectl, "get", "pods", "--all-namespaces").splitlines()

    assert lines[0].split() == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    row = next(line for line in lines if CRASHING in line)
    assert row.split() == ["shop", CRASHING, "0/1", "CrashLoopBackOff", "6", "(99s", "ago)", "17m"]


def test_get_wide_adds_columns(call: Call, kubectl: str) -> None:
    lines = call(kubectl, "get", "deployments", "-o", "wide").splitlines()

    assert lines[0].split()[-3:] == ["CONTAINERS", "IMAGES", "SELECTOR"]


def test_get_json_gives_every_object_whole(call: Call, kubectl: str) -> None:
    listed = json.loads(call(kubectl, "get", "pods,deployments", "-o", "json"))

    assert {one["apiVersion"] for one in listed["items"]} == {"v1", "apps/v1"}
    assert all(one["metadata"]["resourceVersion"] for one in listed["items"])


def test_get_yaml_gives_one_object(call: Call, kubectl: str) -> None:
    text = call(kubectl, "get", "pod", CRASHING, "-o", "yaml")

    assert "reason: CrashLoopBackOff" in text


def test_selectors_select(call: Call, kubectl: str) -> None:
    names = call(
        kubectl, "get", "pods", "-l", "app in (pricing)", "--field-selector", "spec.nodeName=node-a", "-o", "name"
    )

    assert names == "pod/pricing-6f8b9d7c5-xw9lm\n"


def test_describe_finds_the_events(call: Call, kubectl: str) -> None:
    text = call(kubectl, "describe", "pod", CRASHING)

    assert "Back-off restarting failed container pricing" in text


def test_events_lists_them(call: Call, kubectl: str) -> None:
    assert "ScalingReplicaSet" in call(kubectl, "events")


def test_logs_prints_the_end(call: Call, kubectl: str) -> None:
    text = call(kubectl, "logs", "checkout-5b7f9c4d8-zm2vq", "--tail", "1")

    assert text.count("\n") == 1
    assert "answered 502 Bad Gateway" in text


def test_a_log_that_was_not_recorded_is_not_empty(call: Call, kubectl: str) -> None:
    error = call(kubectl, "logs", "orders-db-backup-29551320-k7c4p", fails=True)

    assert "the snapshot did not record it" in error


def test_api_resources_are_discovered(call: Call, kubectl: str) -> None:
    lines = call(kubectl, "api-resources").splitlines()

    assert "deploy" in next(line for line in lines if line.startswith("deployments"))


def test_reading_is_allowed_and_writing_is_not(call: Call, kubectl: str) -> None:
    assert call(kubectl, "auth", "can-i", "list", "pods") == "yes\n"
    call(kubectl, "auth", "can-i", "delete", "pods", fails=True)
    assert "configmaps" in call(kubectl, "auth", "can-i", "--list")


def test_what_was_not_recorded_is_forbidden_not_empty(call: Call, kubectl: str) -> None:
    error = call(kubectl, "get", "secrets", fails=True)

    assert "Forbidden" in error
    assert "the snapshot holds none" in error


def test_what_does_not_exist_is_not_found(call: Call, kubectl: str) -> None:
    assert 'pods "nosuch" not found' in call(kubectl, "get", "pod", "nosuch", fails=True)


def test_writes_are_refused(call: Call, kubectl: str) -> None:
    assert "read-only snapshot" in call(kubectl, "delete", "pod", CRASHING, fails=True)


def test_version_is_answered(call: Call, kubectl: str) -> None:
    assert "Server Version: v1." in call(kubectl, "version")


def test_get_watch_sees_what_changes(kubectl: str, tmp_path: Path) -> None:
    store = Store()
    pod = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "web", "namespace": "shop"}}
    store.apply(pod | {"status": {"phase": "Pending"}})

    with serving(store) as url:
        config = write_kubeconfig(tmp_path / "kubeconfig", url, namespace="shop")
        with subprocess.Popen(
            [program(kubectl), "get", "pods", "--watch", "--kubeconfig", str(config), "--cache-dir", str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        ) as watching:
            assert watching.stdout is not None
            header, first = watching.stdout.readline(), watching.stdout.readline()
            store.apply(pod | {"status": {"phase": "Running"}})
            second = watching.stdout.readline()
            watching.terminate()

    assert header.startswith("NAME")
    assert [first.split()[2], second.split()[2]] == ["Pending", "Running"]
