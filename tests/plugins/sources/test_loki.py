"""Loki behind the logs of a cluster: answers as its documentation writes them, served on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from http_services import Asked, Reply, answering, said
from shop import container_status, pod, service, write_snapshot

from sre_orchestrator.core.settings import Endpoint, Settings, SnapshotLimits
from sre_orchestrator.plugins.sources.loki import register_sources
from sre_orchestrator.plugins.sources.loki import source as loki
from sre_orchestrator.plugins.sources.loki.source import Logs
from sre_orchestrator.plugins.sources.ports import Discoverable, LogStream, PodLogs
from sre_orchestrator.plugins.sources.snapshot import Snapshot, open_snapshot

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
LABELS = ["app", "container", "namespace", "node_name", "pod", "stream"]


def nanoseconds(minute: int) -> str:
    return f"{int(datetime(2030, 5, 1, 11, minute, tzinfo=UTC).timestamp())}000000000"


def lines(*streams: Mapping[str, Sequence[tuple[int, str]]]) -> Reply:
    """Return an answer of query_range: for each stream its lines with the minute of each."""
    result = [
        {"stream": {"stream": name}, "values": [[nanoseconds(minute), line] for minute, line in reversed(told)]}
        for one in streams
        for name, told in one.items()
    ]
    return said({"status": "success", "data": {"resultType": "streams", "result": result, "stats": {"ingester": {}}}})


def served(*there: tuple[str, str], answer: Any = None, labels: Sequence[str] = LABELS) -> dict[str, Any]:
    """Return what Loki serves: its version, its labels, the streams of ``there`` (pod, container), lines."""
    names = [one for one in labels if "pod" in one] + [one for one in labels if "container" in one] or [
        "pod",
        "container",
    ]
    return {
        "/loki/api/v1/status/buildinfo": said({"version": "3.1.0", "revision": "935aee7"}),
        "/loki/api/v1/labels": said({"status": "success", "data": list(labels)}),
        "/loki/api/v1/series": said(
            {"status": "success", "data": [dict(zip(names, one, strict=False)) for one in there]}
        ),
        "/loki/api/v1/query_range": answer or lines(),
    }


def cart(**more: Any) -> dict[str, Any]:
    """Return a pod that restarted at 11:30, with its log of the life before."""
    ended = {"terminated": {"exitCode": 1, "startedAt": "2030-05-01T11:00:00Z", "finishedAt": "2030-05-01T11:30:00Z"}}
    status = container_status("app", restarts=1, state={"running": {"startedAt": "2030-05-01T11:31:00Z"}}, last=ended)
    return pod("cart-1", statuses=[status], **more)


class Opened:
    """A cluster that is a snapshot, and Loki's logs beside it."""

    def __init__(self, snapshot: Snapshot, endpoint: Endpoint) -> None:
        self.source = Logs(endpoint, snapshot, clock=lambda: NOW)

    def streams(self) -> list[tuple[str, str, bool]]:
        """Return pod, container and whether it is the life before."""
        return [(one.pod, one.container, one.previous) for one in anyio.run(self.source.streams, "shop")]

    def lines(self, name: str = "cart-1", *, previous: bool = False, newest: int = 65536) -> list[str]:
        """Return the lines of the container app."""
        stream = LogStream(namespace="shop", pod=name, container="app", previous=previous)
        return list(self.source.lines(stream, newest_bytes=newest))


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[Snapshot]:
    own = {"shop/cart-1/app": "own one\nown two\n", "shop/web-1/app": "web one\n"}
    objects = (cart(), pod("web-1"), service("cart"))
    with open_snapshot(write_snapshot(tmp_path, *objects, logs=own), SnapshotLimits()) as opened:
        yield opened


def test_previous_lives_and_pods_that_are_gone_are_told_by_loki(snapshot: Snapshot) -> None:
    answer = lines({"stderr": [(29, "out of memory")]}, {"stdout": [(28, "starting"), (30, "bye")]})
    there = (("cart-1", "app"), ("web-1", "app"), ("cart-0", "app"), ("", ""))
    with answering(served(*there, answer=answer)) as server:
        opened = Opened(snapshot, Endpoint(url=server.address))
        streams = opened.streams()
        told = opened.lines(previous=True)
        gone = opened.lines("cart-0")
        begun = opened.lines("cart-0", newest=0)

    assert streams == [
        ("cart-1", "app", False), ("web-1", "app", False), ("cart-1", "app", True), ("cart-0", "app", False)
    ]  # fmt: skip
    assert told == gone == begun == ["starting", "out of memory", "bye"]
    asked = [one.fields for one in server.requests if one.path.endswith("query_range")]
    assert asked[0] == {
        "query": ['{namespace="shop",pod="cart-1",container="app"}'],
        "direction": ["backward"],
        "limit": ["5000"],
        "start": [nanoseconds(0)],
        "end": [nanoseconds(30)],
    }
    assert [one["direction"] for one in asked] == [["backward"], ["backward"], ["forward"]]
    assert opened.source.gaps() == ()


def test_the_pods_own_lines_count_where_they_are_whole(snapshot: Snapshot) -> None:
    with answering(served(("cart-1", "app"), ("web-1", "app"), answer=lines({"stdout": [(31, "own one")]}))) as server:
        opened = Opened(snapshot, Endpoint(url=server.address))
        opened.streams()

        assert opened.lines() == ["own one", "own two"]
        assert opened.lines("web-1") == ["web one"]
        assert opened.lines(newest=0) == ["own one", "own two"]

    asked = [one.fields["limit"] for one in server.requests if one.path.endswith("query_range")]
    assert asked == [["1"]], "only of a pod in trouble the beginning is looked up"


def test_lines_that_were_rotated_away_come_from_loki(snapshot: Snapshot) -> None:
    every = [(31, "the first error of all"), (40, "own one"), (41, "own two")]

    def answer(asked: Asked) -> Reply:
        return lines({"stdout": every[:1] if asked.fields["direction"] == ["forward"] else every})

    with answering(served(("cart-1", "app"), answer=answer)) as server:
        opened = Opened(snapshot, Endpoint(url=server.address))
        opened.streams()

        assert opened.lines() == ["the first error of all", "own one", "own two"]
        assert opened.lines(newest=30) == ["own one", "own two"], "as many bytes as were asked for"


def test_beginnings_are_looked_up_a_bounded_number_of_times(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loki, "MOST_LOOKED_UP", 0)
    with answering(served(("cart-1", "app"))) as server:
        opened = Opened(snapshot, Endpoint(url=server.address))
        opened.streams()

        assert opened.lines() == ["own one", "own two"]
    assert not [one for one in server.requests if one.path.endswith("query_range")]


@pytest.mark.parametrize(
    "labels",
    [
        ["k8s_namespace_name", "k8s_pod_name", "k8s_container_name"],
        ["kubernetes_namespace_name", "kubernetes_pod_name", "kubernetes_container_name"],
    ],
)
def test_labels_of_other_shippers_are_understood(snapshot: Snapshot, labels: list[str]) -> None:
    with answering(served(("cart-1", "app"), answer=lines({"stdout": [(1, "hello")]}), labels=labels)) as server:
        opened = Opened(snapshot, Endpoint(url=server.address))
        opened.streams()

        assert opened.lines(previous=True) == ["hello"]
    assert server.requests[-1].fields["query"] == [f'{{{labels[0]}="shop",{labels[1]}="cart-1",{labels[2]}="app"}}']


@pytest.mark.parametrize("labels", [["job", "filename"], []])
def test_without_labels_of_pods_the_cluster_is_all_there_is(snapshot: Snapshot, labels: list[str]) -> None:
    with answering(served(labels=labels)) as server:
        opened = Opened(snapshot, Endpoint(url=server.address))

        assert opened.streams() == [("cart-1", "app", False), ("web-1", "app", False)]
        assert opened.lines() == ["own one", "own two"]


def test_an_empty_loki_answers_without_data(snapshot: Snapshot) -> None:
    empty = said({"status": "success"})
    script = served() | {"/loki/api/v1/series": empty}
    with answering(script) as server:
        assert len(Opened(snapshot, Endpoint(url=server.address)).streams()) == 2


def test_no_loki_is_no_gap(snapshot: Snapshot) -> None:
    opened = Opened(snapshot, Endpoint())

    assert opened.streams() == [("cart-1", "app", False), ("web-1", "app", False)]
    assert opened.lines() == ["own one", "own two"]
    assert opened.source.gaps() == ()
    assert "set loki.url" in anyio.run(opened.source.describe).remedy


def test_a_loki_that_wants_a_tenant_is_a_gap_that_says_so(snapshot: Snapshot) -> None:
    with answering({"/loki/api/v1/labels": Reply(401, b"no org id\n")}) as server:
        opened = Opened(snapshot, Endpoint(url=server.address))
        streams = opened.streams()

    assert len(streams) == 2
    (gap,) = opened.source.gaps()
    assert "401" in gap.why
    assert gap.remedy == "name the tenant in loki.headers (X-Scope-OrgID)"


def test_a_query_that_loki_refuses_leaves_the_pods_own_lines(snapshot: Snapshot) -> None:
    refusal = Reply(400, b"max entries limit per query exceeded, limit > max_entries_limit (5000 > 1000)")
    with answering(served(("cart-1", "app"), answer=refusal)) as server:
        opened = Opened(snapshot, Endpoint(url=server.address))
        opened.streams()

        assert opened.lines() == ["own one", "own two"]
        assert opened.lines(previous=True) == []
    assert {one.what for one in opened.source.gaps()} == {"older logs of shop/cart-1"}


def test_the_version_is_told_where_a_gateway_lets_it_through(snapshot: Snapshot) -> None:
    without = {name: reply for name, reply in served().items() if "buildinfo" not in name}
    with answering(served()) as one, answering(without) as two:
        versions = [
            anyio.run(Opened(snapshot, Endpoint(url=url.address)).source.describe).version for url in (one, two)
        ]

    assert versions == ["3.1.0", ""]


def test_the_plugin_completes_the_logs_of_a_cluster(snapshot: Snapshot) -> None:
    (source,) = register_sources(Settings(), snapshot)

    assert isinstance(source, PodLogs)
    assert isinstance(source, Discoverable)
    assert anyio.run(synced, source) == []


def test_a_cluster_without_logs_has_none_to_complete() -> None:
    class Silent:
        name = "silent"

    assert register_sources(Settings(), Silent()) == []  # type: ignore[arg-type]  # what is no cluster


async def synced(source: Any) -> list[Any]:
    return [one async for one in source.sync()]


def test_every_life_of_a_container_has_its_own_time(tmp_path: Path) -> None:
    done = {"terminated": {"exitCode": 0, "startedAt": "2030-05-01T11:10:00Z", "finishedAt": "2030-05-01T11:20:00Z"}}
    early = {"terminated": {"exitCode": 1, "startedAt": "2030-04-01T11:00:00Z", "finishedAt": "2030-04-01T11:30:00Z"}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    job = pod(
        "job-1", statuses=[container_status("app", state=done), container_status("old", state=waiting, last=early)]
    )
    with (
        open_snapshot(write_snapshot(tmp_path, job), SnapshotLimits()) as snapshot,
        answering(served(("job-1", "app"), ("job-1", "old"), answer=lines({"stdout": [(15, "done")]}))) as server,
    ):
        opened = Opened(snapshot, Endpoint(url=server.address))
        streams = opened.streams()
        told = opened.lines("job-1")

    assert streams == [("job-1", "app", False)], "what ended before the window is history"
    assert told == ["done"]
    assert (server.requests[-1].fields["start"], server.requests[-1].fields["end"]) == (
        [nanoseconds(10)],
        [nanoseconds(20)],
    )


def test_a_namespace_is_looked_up_once(snapshot: Snapshot) -> None:
    with answering(served(("cart-1", "app"))) as server:
        opened = Opened(snapshot, Endpoint(url=server.address))
        first = opened.streams()
        asked = len(server.requests)

        assert opened.streams() == first
    assert len(server.requests) == asked
