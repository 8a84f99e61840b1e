"""What the kubelet says about probes, in the wordings of many versions, servers and tools."""

from __future__ import annotations

import pytest

from sre_orchestrator.plugins.agents.kubernetes.probe_messages import read_killing, read_unhealthy


@pytest.mark.parametrize(
    ("text", "failure", "port", "status"),
    [
        ('Liveness probe failed: Get "http://10.0.0.7:8080/live": dial tcp 10.0.0.7:8080: connect: connection refused', "refused", 8080, 0),
        ("Readiness probe failed: dial tcp 10.0.0.7:5432: connect: connection refused", "refused", 5432, 0),
        ("Readiness probe failed: dial tcp [fd00::7]:5432: connect: connection refused", "refused", 5432, 0),
        ("Readiness probe failed: curl: (7) Failed to connect to localhost port 8080: Connection refused", "refused", 8080, 0),
        ('Startup probe failed: Get "https://10.0.0.7:8443/": dial tcp 10.0.0.7:8443: connect: no route to host', "unreachable", 8443, 0),
        ("Liveness probe failed: dial tcp 10.0.0.7:8080: i/o timeout", "unreachable", 8080, 0),
        ('Liveness probe failed: timeout: failed to connect service "10.0.0.7:9000" within 1s: context deadline exceeded', "no-connection", 9000, 0),
        ('Liveness probe failed: timeout: failed to connect service ":9000" within 1s', "no-connection", 9000, 0),
        ("Liveness probe failed: timeout: health rpc did not complete within 1s", "timeout", 0, 0),
        ('Readiness probe failed: Get "http://10.0.0.7:8080/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)', "timeout", 8080, 0),
        ('Readiness probe failed: command "check" timed out', "timeout", 0, 0),
        ("Readiness probe failed: HTTP probe failed with statuscode: 404", "http-status", 0, 404),
        ("Readiness probe failed: curl: (22) The requested URL returned error: 503", "http-status", 0, 503),
        ('Liveness probe failed: Get "http://10.0.0.7:9000/": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x00\\x00\\x06"', "not-http", 9000, 0),
        ('Liveness probe failed: Get "https://10.0.0.7:8080/": http: server gave HTTP response to HTTPS client', "not-tls", 8080, 0),
        ('Liveness probe failed: Get "https://10.0.0.7:8080/": tls: first record does not look like a TLS handshake', "not-tls", 8080, 0),
        ("Liveness probe failed: error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service", "not-grpc", 0, 0),
        ('Liveness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service "cart"', "not-grpc", 0, 0),
        ('Readiness probe failed: service unhealthy (responded with "NOT_SERVING")', "not-serving", 0, 0),
        ('Readiness probe failed: Get "http://10.0.0.7:6379/": EOF', "reset", 6379, 0),
        ('Readiness probe failed: Get "http://10.0.0.7:6379/": read tcp 10.0.0.1:5->10.0.0.7:6379: read: connection reset by peer', "reset", 6379, 0),
        ("Liveness probe errored: couldn't find port: health", "unresolved", 0, 0),
        ('Liveness probe failed: OCI runtime exec failed: exec failed: unable to start container process: exec: "curl": executable file not found in $PATH: unknown', "exec-missing", 0, 0),
        ("Readiness probe failed: not ready yet", "other", 0, 0),
    ],
)  # fmt: skip
def test_each_failure_has_a_class(text: str, failure: str, port: int, status: int) -> None:
    answer = read_unhealthy(text)

    assert answer is not None
    assert (answer.failure, answer.port, answer.status_code) == (failure, port, status)
    assert answer.probe == text.split(maxsplit=1)[0].lower()


@pytest.mark.parametrize("text", ["Readiness probe warning: Probe terminated redirects", "Pod is sandboxed again"])
def test_what_is_no_failure_of_a_probe_is_left_out(text: str) -> None:
    assert read_unhealthy(text) is None


@pytest.mark.parametrize(
    ("text", "container", "by"),
    [
        ("Container app failed liveness probe, will be restarted", "app", "liveness"),
        ("Container app failed startup probe, will be restarted", "app", "startup"),
        ("Killing container with id docker://app:Container failed liveness probe.. Container will be killed and recreated.", "", "liveness"),
        ("Stopping container app", "app", "stop"),
        ("Container app failed preStop hook", "app", "hook"),
        ("FailedPostStartHook", "", "hook"),
        ("Container app definition changed, will be restarted", "", "other"),
    ],
)  # fmt: skip
def test_each_kill_says_by_whom(text: str, container: str, by: str) -> None:
    kill = read_killing(text)

    assert (kill.container, kill.by) == (container, by)
