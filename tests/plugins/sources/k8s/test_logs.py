"""Container logs over the API: which there are, their ends, and what may not be read."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from api_server import Answer, Asked, Attach, Json, Script, api_server, listed, refused
from shop import container_status, pod

from sre_orchestrator.plugins.sources.k8s import Cluster, logs
from sre_orchestrator.plugins.sources.ports import LogStream, PodLogs

PODS = "/api/v1/pods"
RUNNING = {"running": {"startedAt": "2030-05-01T11:00:00Z"}}
WAITING = {"waiting": {"reason": "CrashLoopBackOff"}}
KILLED = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}


def log_of(name: str, container: str = "app", namespace: str = "shop") -> LogStream:
    return LogStream(namespace=namespace, pod=name, container=container)


def path_of(name: str, namespace: str = "shop") -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{name}/log"


def with_log(*lines: str) -> Any:
    """Return what answers as a kubelet does: the last ``tailLines``, of these the first ``limitBytes``."""

    def answer(asked: Asked) -> Answer:
        kept = lines[-int(asked.query["tailLines"]) :] if "tailLines" in asked.query else lines
        text = "".join(f"{one}\n" for one in kept).encode()
        return Answer([text[: int(asked.query.get("limitBytes", len(text)))]])

    return answer


def running(name: str, **fields: Any) -> Json:
    return pod(name, statuses=[container_status("app", state=RUNNING)], **fields)


def served(*pods: Json, **more: Any) -> Script:
    return {PODS: listed(*pods), **more}


def streams(cluster: Cluster, namespace: str = "shop") -> list[LogStream]:
    return list(anyio.run(cluster.streams, namespace))


def test_a_cluster_has_logs(attach: Attach) -> None:
    with api_server({}) as server:
        assert isinstance(attach(server), PodLogs)


def test_each_container_that_ran_has_a_log_and_one_that_restarted_a_former_one(attach: Attach) -> None:
    statuses = [
        container_status("web", state=RUNNING),
        container_status("app", state=WAITING, restarts=3, last=KILLED),
        container_status("late", state={"waiting": {"reason": "ContainerCreating"}}),
    ]
    first = container_status("setup", state={"terminated": {"exitCode": 0}})
    one = pod("a", statuses=statuses)
    one["status"]["initContainerStatuses"] = [first]
    with api_server({PODS: listed(one), path_of("a"): with_log("x")}) as server:
        found = {(one.container, one.previous) for one in streams(attach(server))}

    assert found == {("setup", False), ("web", False), ("app", False), ("app", True)}


def test_logs_of_other_namespaces_are_left_alone(attach: Attach) -> None:
    with api_server({PODS: listed(running("a", namespace="bank"))}) as server:
        found = streams(attach(server))

    assert found == []
    assert path_of("a", "bank") not in server.paths


@pytest.mark.parametrize("status", [400, 404])
def test_a_log_that_is_not_there_is_none(attach: Attach, status: int) -> None:
    absent = refused(status, 'previous terminated container "app" in pod "a" not found')
    with api_server({PODS: listed(running("a")), path_of("a"): absent}) as server:
        cluster = attach(server)
        found = streams(cluster)

    assert found == []
    assert cluster.gaps() == ()


def test_the_lines_are_read_once_for_every_agent(attach: Attach) -> None:
    with api_server({PODS: listed(running("a")), path_of("a"): with_log("one", "two", "three")}) as server:
        cluster = attach(server)
        (stream,) = streams(cluster)
        newest = list(cluster.lines(stream, newest_bytes=1000))
        again = streams(cluster)
        every = list(cluster.lines(stream))

    assert newest == every == ["one", "two", "three"]
    assert again == [stream]
    assert server.paths.count(path_of("a")) == 1


def test_only_the_newest_bytes_are_given_from_a_whole_line_on(attach: Attach) -> None:
    with api_server({PODS: listed(running("a")), path_of("a"): with_log("first", "second", "third")}) as server:
        cluster = attach(server)
        lines = list(cluster.lines(streams(cluster)[0], newest_bytes=9))

    assert lines == ["third"]


def test_more_of_a_long_log_is_asked_for_when_it_is_wanted(attach: Attach) -> None:
    text = [f"{number:06} something happened" for number in range(20_000)]
    with api_server({PODS: listed(running("a")), path_of("a"): with_log(*text)}) as server:
        cluster = attach(server)
        (stream,) = streams(cluster)
        some = list(cluster.lines(stream, newest_bytes=logs.NEWEST_BYTES))
        more = list(cluster.lines(stream, newest_bytes=4 * logs.NEWEST_BYTES))
        first = list(cluster.lines(stream))

    assert some == text[-len(some) :]
    assert more == text[-len(more) :]
    assert len(some) < len(more) < len(text)
    assert first == text[: len(first)]
    assert [one.query.get("tailLines") for one in server.asked if one.path == path_of("a")] == ["1024", "4096", None]


def test_the_end_of_a_log_with_long_lines_is_still_its_end(attach: Attach) -> None:
    text = [f"{number:03} {'x' * 2000}" for number in range(100)]
    with api_server({PODS: listed(running("a")), path_of("a"): with_log(*text)}) as server:
        cluster = attach(server, log_bytes=20_000)
        lines = list(cluster.lines(streams(cluster)[0], newest_bytes=logs.NEWEST_BYTES))

    assert lines[-1] == text[-1]
    assert sum(map(len, lines)) <= 20_000


def test_one_line_that_is_longer_than_all_that_is_read_is_cut(attach: Attach) -> None:
    with api_server({PODS: listed(running("a")), path_of("a"): with_log("x" * 5000)}) as server:
        cluster = attach(server, log_bytes=1000)
        lines = list(cluster.lines(streams(cluster)[0], newest_bytes=500))

    assert 0 < len(lines[0]) <= 1000


def test_an_over_long_line_is_cut_and_bytes_that_are_no_text_are_replaced(attach: Attach) -> None:
    text = Answer([b"\xff\xfe ok\n" + b"y" * 100_000 + b"\n"])
    with api_server({PODS: listed(running("a")), path_of("a"): text}) as server:
        cluster = attach(server)
        lines = list(cluster.lines(streams(cluster)[0]))

    assert lines[0] == "\ufffd\ufffd ok"
    assert len(lines[1]) == 64 * 1024


def test_logs_that_may_not_be_read_are_a_gap_with_the_rule_to_grant(attach: Attach) -> None:
    script = {
        PODS: listed(running("a"), running("b")),
        path_of("a"): refused(403),
        path_of("b"): refused(403),
    }
    with api_server(script) as server:
        cluster = attach(server)
        found = streams(cluster)

    assert found == []
    assert [(one.what, one.remedy) for one in cluster.gaps()] == [
        (
            "all logs in namespace shop",
            'Role in namespace shop: {apiGroups: [""], resources: ["pods/log"], verbs: [get]}',
        )
    ]


def test_a_log_that_no_kubelet_gives_is_a_gap(attach: Attach) -> None:
    script = {PODS: listed(running("a")), path_of("a"): refused(500, "dial tcp 10.0.0.7:10250: i/o timeout")}
    with api_server(script) as server:
        cluster = attach(server)
        found = streams(cluster)

    assert found == []
    assert [one.what for one in cluster.gaps()] == ["the log of app in a in namespace shop"]
    assert "i/o timeout" in cluster.gaps()[0].why


def test_a_log_that_goes_away_in_between_is_empty(attach: Attach) -> None:
    with api_server({PODS: listed(), path_of("a"): refused(404)}) as server:
        lines = list(attach(server).lines(log_of("a"), newest_bytes=10))

    assert lines == []


def test_of_too_many_logs_those_of_pods_in_trouble_are_read(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "HEALTHY", 2)
    pods = [running("a"), running("b"), running("z", ready=False)]
    script = {PODS: listed(*pods), path_of("a"): with_log("x"), path_of("z"): with_log("x")}
    with api_server(script) as server:
        cluster = attach(server)
        found = {one.pod for one in streams(cluster)}

    assert found == {"z", "a"}
    assert [one.what for one in cluster.gaps()] == ["the logs of 1 containers"]


def test_the_first_namespace_leaves_logs_for_the_next(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "HEALTHY", 4)
    pods = [running(name, namespace=space) for space in ("bank", "shop") for name in ("a", "b", "c")]
    script = {path_of(name, space): with_log("x") for space in ("bank", "shop") for name in ("a", "b", "c")}
    with api_server({PODS: listed(*pods), **script}) as server:
        cluster = attach(server)
        found = [len(streams(cluster, space)) for space in ("bank", "shop")]

    assert found == [2, 1]


def test_what_does_not_fit_is_read_again(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "KEPT_BYTES", 3)
    with api_server({PODS: listed(running("a")), path_of("a"): with_log("one", "two")}) as server:
        cluster = attach(server)
        lines = list(cluster.lines(streams(cluster)[0], newest_bytes=100))

    assert lines == ["one", "two"]
    assert server.paths.count(path_of("a")) == 2
