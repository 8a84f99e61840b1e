"""The startup agent on sandboxes, container starts and init containers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import container, container_status, event, patch, pod

from sre_orchestrator.plugins.agents.startup import StartupAgent
from sre_orchestrator.plugins.agents.startup.starts import start_failure
from sre_orchestrator.plugins.agents.startup.view import MAX_MESSAGE

Json = dict[str, Any]


def creating(name: str, state: Json | None = None, last: Json | None = None, **fields: Any) -> Json:
    waits = {"waiting": {"reason": "ContainerCreating"}}
    status = container_status(ready=False, state=state or waits, last=last)
    return pod(name, statuses=[status], phase="Pending", ready=False, **fields)


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (
            'failed to setup network for sandbox: plugin type="flannel" failed (add): open /run/flannel/subnet.env',
            "cni",
        ),
        ("networkPlugin cni failed to set up pod: calico: connect: connection refused", "cni"),
        (
            'plugin type="host-local" failed: no IP addresses available in range set: 10.0.1.1-10.0.1.254',
            "addresses-exhausted",
        ),
        ("add cmd: failed to assign an IP address to container", "addresses-exhausted"),
        ("failed to create containerd task: OCI runtime create failed: container init was OOM-killed", "out-of-memory"),
        ("set memory limit 4194304 too low; should be at least 12582912", "out-of-memory"),
        ('failed to get sandbox image "r.example/pause:3.9": i/o timeout', "image"),
        ("dial unix /run/containerd/containerd.sock: connect: connection refused", "runtime"),
        ("rpc error: code = DeadlineExceeded desc = context deadline exceeded", "runtime"),
        ('no runtime for "gvisor" is configured', "runtime"),
        ("something else", "other"),
    ],
)
def test_each_failed_sandbox_has_a_failure(tmp_path: Path, text: str, failure: str) -> None:
    told = event("FailedCreatePodSandBox", f"Failed to create pod sandbox: {text}", about=("Pod", "web-1"), count=3)

    fact = look(StartupAgent(), tmp_path, creating("web-1"), told).only("sandbox.failed")

    assert (fact.attributes["failure"], fact.attributes["count"], fact.attributes["node"]) == (
        failure,
        3,
        "node/node-a",
    )


def test_sandboxes_that_came_up_later_are_not_told(tmp_path: Path) -> None:
    text = 'Failed to create pod sandbox: plugin type="flannel" failed (add)'
    probing = pod("probing-1", ready=False)

    seen = look(
        StartupAgent(),
        tmp_path,
        pod("well-1"),
        event("FailedCreatePodSandBox", text, about=("Pod", "well-1")),
        probing,
        event("FailedCreatePodSandBox", text, about=("Pod", "probing-1")),
        creating("new-1"),
        event("FailedSync", "error determining status", about=("Pod", "new-1")),
        event("Scheduled", "assigned", about=("Pod", "new-1"), type="Normal"),
    )

    assert seen.of("sandbox.failed") == []


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (
            'OCI runtime create failed: runc create failed: exec: "serve": executable file not found in $PATH',
            "command-not-found",
        ),
        ('exec: "/app/serve": stat /app/serve: no such file or directory', "command-not-found"),
        ("container create failed: open executable: No such file or directory", "command-not-found"),
        ('exec: "/app/run.sh": permission denied', "permission"),
        ('exec: "/app": is a directory: permission denied', "permission"),
        ("exec /app/serve: exec format error", "exec-format"),
        ("container init was OOM-killed (memory limit too low?)", "out-of-memory"),
        ("container has runAsNonRoot and image will run as root", "root-refused"),
        ("container has runAsNonRoot and image has non-numeric user (app)", "root-refused"),
        ('secret "login" not found', "config"),
        ("couldn't find key user in Secret shop/login", "config"),
        ('error mounting "/var/lib/x" to rootfs at "/data": permission denied', "mount-permission"),
        ("error mounting: not a directory: Are you trying to mount a directory onto a file (or vice-versa)?", "mount"),
        ('failed to generate spec: failed to mkdir "/data": mkdir /data: permission denied', "mount-permission"),
        ("error while creating mount source path '/data': mkdir /data: read-only file system", "mount-permission"),
        ("apparmor failed to apply profile: write /proc/self/attr/exec: no such file", "other"),
        ("something else", "other"),
    ],
)
def test_each_failed_start_has_a_failure(text: str, failure: str) -> None:
    assert start_failure(text) == failure


def test_a_container_that_cannot_be_started_is_told_from_its_last_end(tmp_path: Path) -> None:
    crash = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}
    text = 'failed to create containerd task: exec: "serve": executable file not found in $PATH'
    ended = {"reason": "StartError", "exitCode": 128, "message": text, "finishedAt": "2030-05-01T11:40:00Z"}

    fact = look(StartupAgent(), tmp_path, creating("cart-1", crash, {"terminated": ended})).only(
        "container.start_failed"
    )

    assert fact.attributes["failure"] == "command-not-found"
    assert fact.attributes["init"] is False
    assert fact.observed_at is not None
    assert fact.observed_at.hour == 11


def test_an_event_tells_where_the_status_does_not(tmp_path: Path) -> None:
    text = "Error: failed to create containerd container: " + "x" * MAX_MESSAGE + ": exec format error"
    bare = pod("cart-1", statuses=[], phase="Pending", ready=False)

    fact = look(StartupAgent(), tmp_path, bare, event("Failed", text)).only("container.start_failed")

    assert fact.attributes["failure"] == "exec-format"
    assert len(str(fact.attributes["message"])) < len(text)


def test_a_reason_without_words_is_told_as_other(tmp_path: Path) -> None:
    state = {"waiting": {"reason": "CreateContainerError"}}

    fact = look(StartupAgent(), tmp_path, creating("cart-1", state)).only("container.start_failed")

    assert fact.attributes["failure"] == "other"


def test_containers_that_run_crash_by_themselves_or_wait_for_an_image_did_start(tmp_path: Path) -> None:
    text = "Error: failed to start container"
    crash = container_status(
        ready=False,
        state={"waiting": {"reason": "CrashLoopBackOff"}},
        last={"terminated": {"reason": "Error", "exitCode": 1}},
    )
    done = container_status(ready=False, state={"terminated": {"reason": "Completed", "exitCode": 0}})
    seen = look(
        StartupAgent(),
        tmp_path,
        pod("well-1"),
        event("Failed", text, about=("Pod", "well-1")),
        pod("crash-1", ready=False, statuses=[crash]),
        event("Failed", text, about=("Pod", "crash-1")),
        pod("done-1", ready=False, statuses=[done]),
        event("Failed", text, about=("Pod", "done-1")),
        creating("pull-1", {"waiting": {"reason": "ErrImagePull", "message": "not found"}}),
        event("Failed", "Error: ErrImagePull", about=("Pod", "pull-1")),
    )

    assert seen.of("container.start_failed") == []


def init_pod(name: str, inside: Json, state: Json) -> Json:
    waits = container_status(ready=False, state={"waiting": {"reason": "PodInitializing"}})
    one = pod(name, statuses=[waits], phase="Pending", ready=False)
    status = container_status(inside["name"], ready=False, state=state)
    return patch(one, spec={"initContainers": [inside]}, status={"initContainerStatuses": [status]})


@pytest.mark.parametrize(
    ("inside", "service"),
    [
        (
            container("wait", command=["sh", "-c", "until nc -z orders-db 3306; do sleep 2; done"]),
            "service/shop/orders-db",
        ),
        (
            container("wait", command=["sh", "-c", "until nslookup queue.bank.svc.cluster.local; do sleep 2; done"]),
            "service/bank/queue",
        ),
        (container("wait", args=["--wait", "tcp://cache:6379"]), "service/shop/cache"),
        (container("copy", command=["cp", "-r", "/a", "/b"]), None),
        (container("wait", command=["sh", "-c", "nc -z a 1 && nc -z b 1"]), None),
    ],
)
def test_an_init_container_that_runs_shows_what_it_waits_for(tmp_path: Path, inside: Json, service: str | None) -> None:
    running = {"running": {"startedAt": "2030-05-01T11:50:00Z"}}

    fact = look(StartupAgent(), tmp_path, init_pod("cart-1", inside, running)).only("init.running")

    assert fact.attributes["for_seconds"] == 600
    assert fact.attributes.get("waits_for") == service


@pytest.mark.parametrize(
    ("inside", "job"),
    [
        (
            container("wait", command=["kubectl", "wait", "--for=condition=complete", "job/migrate-7"]),
            "job/shop/migrate-7",
        ),
        (
            container("wait", command=["sh", "-c", "until kubectl get jobs.batch migrate; do sleep 1; done"]),
            "job/shop/migrate",
        ),
        (container("wait", args=["job", "migrate"]), "job/shop/migrate"),
        (container("wait", args=["job/a", "job/b"]), None),
        (container("wait", args=["pod", "-lapp=orders-db"]), None),
    ],
)
def test_an_init_container_that_runs_shows_the_job_that_it_names(tmp_path: Path, inside: Json, job: str | None) -> None:
    running = {"running": {"startedAt": "2030-05-01T11:50:00Z"}}

    fact = look(StartupAgent(), tmp_path, init_pod("cart-1", inside, running)).only("init.running")

    assert fact.attributes.get("job") == job


def test_sidecars_and_ended_init_containers_hold_nothing_up(tmp_path: Path) -> None:
    sidecar = container("proxy", restartPolicy="Always")
    ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}

    seen = look(
        StartupAgent(),
        tmp_path,
        init_pod("a-1", sidecar, {"running": {"startedAt": "2030-05-01T11:50:00Z"}}),
        init_pod("b-1", container("copy"), ended),
        patch(init_pod("c-1", container("copy"), ended), status={"initContainerStatuses": []}),
    )

    assert seen.of("init.running") == []
