"""The startup agent on volumes: failed mounts, and what unready pods mount."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import container, container_status, event, patch, pod

from sre_orchestrator.plugins.agents.startup import StartupAgent
from sre_orchestrator.plugins.agents.startup.mounts import mount_failure

Json = dict[str, Any]
CREATING = container_status(ready=False, state={"waiting": {"reason": "ContainerCreating"}})


def orders(name: str = "orders-1", volumes: list[Json] | None = None, inside: Json | None = None, **spec: Any) -> Json:
    one = pod(name, containers=[inside or container()], statuses=[CREATING], phase="Pending", ready=False)
    return patch(one, spec={"volumes": volumes or [], **spec})


def mount_event(text: str, name: str = "orders-1", reason: str = "FailedMount", number: int = 0) -> Json:
    return patch(event(reason, text, about=("Pod", name)), metadata={"name": f"{name}-{number}"})


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ('MountVolume.SetUp failed for volume "tls" : secret "cart-tls" not found', "not-found"),
        ('MountVolume.SetUp failed for volume "conf" : configmap "settings" not found', "not-found"),
        ('MountVolume.SetUp failed for volume "tls" : references non-existent secret key: tls.crt', "key-not-found"),
        ('MountVolume.SetUp failed for volume "conf" : references non-existent config keys: a, b', "key-not-found"),
        ('Multi-Attach error for volume "pv-1" Volume is already exclusively attached to one node', "multi-attach"),
        ('Multi-Attach error for volume "pv-1" Volume is already used by pod(s) orders-0', "multi-attach"),
        (
            "AttachVolume.Attach failed: the disk resource 'd' is already being used; currently attached to node-b",
            "multi-attach",
        ),
        ("mount.nfs: access denied by server while mounting storage.example:/export", "permission"),
        ("mount error(13): Permission denied", "permission"),
        ('MountVolume.SetUp failed for volume "data" : mkdir /srv/data: read-only file system', "read-only"),
        (
            'MountVolume.SetUp failed for volume "h" : hostPath type check failed: /srv/data is not a directory',
            "wrong-type",
        ),
        ("mount: /dev/sdb already mounted or mount point busy", "already-mounted"),
        ("driver name disk.csi.example not found in the list of registered CSI drivers", "driver"),
        ("mount: wrong fs type, bad option, bad superblock on storage.example:/export", "driver"),
        (
            'MountVolume.NewMounter initialization failed for volume "pv-1" : path "/mnt/disks/1" does not exist',
            "path-missing",
        ),
        (
            "mount.nfs: mounting storage.example:/x failed, reason given by server: No such file or directory",
            "path-missing",
        ),
        ("Unable to attach or mount volumes: unmounted volumes=[data], timed out waiting for the condition", "timeout"),
        ("MountVolume.SetUp failed : failed to sync configmap cache: timed out waiting for the condition", "transient"),
        (
            'MountVolume.SetUp failed for volume "kube-api-access" : object "shop"/"kube-root-ca.crt" not registered',
            "transient",
        ),
        ("something else", "other"),
    ],
)
def test_each_complaint_about_a_mount_has_a_failure(text: str, failure: str) -> None:
    assert mount_failure(text) == failure


def test_a_timeout_beside_a_known_reason_is_not_told(tmp_path: Path) -> None:
    seen = look(
        StartupAgent(),
        tmp_path,
        orders(),
        mount_event('MountVolume.SetUp failed for volume "tls" : secret "cart-tls" not found', number=1),
        mount_event("Unable to attach or mount volumes: unmounted volumes=[tls data]: timed out", number=2),
    )

    fact = seen.only("mount.failed")

    assert (fact.attributes["failure"], fact.attributes["volume"], fact.attributes["target"]) == (
        "not-found",
        "tls",
        "cart-tls",
    )


def test_a_timeout_alone_is_told_of_the_first_volume_that_is_not_mounted(tmp_path: Path) -> None:
    text = "Unable to attach or mount volumes: unmounted volumes=[data tmp], unattached volumes=[]: timed out"

    fact = look(StartupAgent(), tmp_path, orders(), mount_event(text)).only("mount.failed")

    assert (fact.attributes["failure"], fact.attributes["volume"]) == ("timeout", "data")


def test_a_persistent_volume_is_called_as_the_pod_calls_it(tmp_path: Path) -> None:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "orders"}}, {"name": "tmp", "emptyDir": {}}]
    text = 'Multi-Attach error for volume "pvc-17" Volume is already used by pod(s) orders-0'

    seen = look(StartupAgent(), tmp_path, orders(volumes=volumes), mount_event(text, reason="FailedAttachVolume"))

    assert seen.only("mount.failed").attributes["volume"] == "data"


def test_an_absent_key_is_the_target(tmp_path: Path) -> None:
    text = 'MountVolume.SetUp failed for volume "tls" : references non-existent secret key: tls.crt'

    assert (
        look(StartupAgent(), tmp_path, orders(), mount_event(text)).only("mount.failed").attributes["target"]
        == "tls.crt"
    )


def test_what_passed_is_not_told(tmp_path: Path) -> None:
    text = 'MountVolume.SetUp failed for volume "data" : permission denied'
    started = pod("probing-1", ready=False)

    seen = look(
        StartupAgent(),
        tmp_path,
        pod("web-1"),
        mount_event(text, "web-1"),
        started,
        mount_event(text, "probing-1"),
        orders(),
        mount_event("failed to sync secret cache: timed out waiting for the condition"),
        mount_event("Error: ImagePullBackOff", reason="Failed", number=1),
    )

    assert seen.of("mount.failed") == []


def test_pods_show_what_they_mount_and_who_they_run_as(tmp_path: Path) -> None:
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "orders"}},
        {"name": "conf", "configMap": {"name": "settings"}},
        {"name": "tls", "secret": {"secretName": "tls"}},
        {"name": "host", "hostPath": {"path": "/srv"}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "token", "projected": {"sources": []}},
    ]
    mounts = [{"name": volume["name"], "mountPath": f"/{volume['name']}"} for volume in volumes]
    mounts += [{"name": "unknown", "mountPath": "/unknown"}]
    inside = container(volumeMounts=[*mounts[1:], {**mounts[0], "readOnly": True}], securityContext={"runAsUser": 7})

    seen = look(
        StartupAgent(),
        tmp_path,
        orders(volumes=volumes, inside=inside, securityContext={"runAsUser": 5, "fsGroup": 9}),
        orders("plain-1", volumes=volumes[:1], inside=container(volumeMounts=mounts[:1])),
        pod("web-1", containers=[inside], spec={"volumes": volumes}),
    )

    told = {
        fact.attributes["volume"]: (
            fact.attributes["source"],
            fact.attributes.get("target"),
            fact.attributes["read_only"],
        )
        for fact in seen.of("volume.mounted", "pod/shop/orders-1")
    }
    assert told == {
        "data": ("claim", "persistentvolumeclaim/shop/orders", True),
        "conf": ("config-map", "configmap/shop/settings", True),
        "tls": ("secret", "secret/shop/tls", True),
        "host": ("host-path", None, False),
        "tmp": ("other", None, False),
    }
    assert {
        (one.attributes["run_as_user"], one.attributes["fs_group"])
        for one in seen.of("volume.mounted", "pod/shop/orders-1")
    } == {(7, 9)}
    (plain,) = seen.of("volume.mounted", "pod/shop/plain-1")
    assert not {"run_as_user", "fs_group"} & plain.attributes.keys()
    ready = {fact.attributes["volume"] for fact in seen.of("volume.mounted", "pod/shop/web-1")}
    assert ready == {"data", "host"}
