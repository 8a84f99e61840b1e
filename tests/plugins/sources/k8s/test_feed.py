"""Following what changes: nothing is lost, whatever the server and the line do."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from api_server import Answer, Asked, Attach, Server, api_server, line, listed, refused, said, server_side, watched
from listeners import certificate
from shop import pod, thing

from sre_orchestrator.core.errors import SreError
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import VirtualService
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.k8s import Cluster, feed
from sre_orchestrator.plugins.sources.k8s.follower import Follower, Pace, _Pauses
from sre_orchestrator.plugins.sources.ports import Changed, ObjectFeed, Reached, Relisted

PODS = "/api/v1/pods"
WATCH = "watch /api/v1/pods"
QUICK = Pace(watch_seconds=60, first_pause=0.01, longest_pause=0.02, absent_pause=0.02, settled_seconds=60)
LONGEST = 20.0


@pytest.fixture
def follow(attach: Attach) -> Any:
    """Return what follows a server until so many news have come: ``follow(server, 3, kinds=[Node], since={…})``."""

    def to(server: Server, count: int, *, pace: Pace = QUICK, **more: Any) -> list[str]:
        kinds, since = more.pop("kinds", [Pod]), more.pop("since", {})
        cluster = attach(server, **more)
        cluster._pace = pace
        return told(cluster, count, kinds, since)

    return to


def told(
    cluster: Cluster, count: int, kinds: Sequence[type[Object]] = (Pod,), since: Mapping[type[Object], str] = {}
) -> list[str]:
    """Return the first news, without those that only say again how far it is."""
    stop = threading.Event()
    timer = threading.Timer(LONGEST, stop.set)
    timer.start()
    found: list[str] = []
    at = ""
    for news in cluster.follow(kinds, since, stop):
        if not (isinstance(news, Reached) and news.resource_version == at):
            found.append(worded(news))
        at = news.resource_version or at
        if len(found) >= count:
            stop.set()
    timer.cancel()
    return found


def worded(news: Relisted | Changed | Reached) -> str:
    if isinstance(news, Relisted):
        return f"list {[one.metadata.name for one in news.listing.items]} {news.resource_version}".strip()
    if isinstance(news, Reached):
        return f"reached {news.resource_version}"
    return f"{'gone' if news.deleted else 'is'} {news.item.metadata.name} {news.resource_version}"


def versions(server: Server, path: str = WATCH) -> list[str]:
    """Return after which versions was watched."""
    return [one.query["resourceVersion"] for one in server.asked if one.path == path]


def is_added(name: str, version: str) -> bytes:
    return line("ADDED", pod(name), version)


def test_the_list_comes_first_and_then_what_changes(follow: Any) -> None:
    changes = watched(is_added("b", "8"), line("MODIFIED", pod("b"), "9"), line("DELETED", pod("a"), "10"))
    with api_server({PODS: listed(pod("a")), WATCH: changes}) as server:
        news = follow(server, 4)

    assert news == ["list ['a'] 7", "is b 8", "is b 9", "gone a 10"]
    query = next(one.query for one in server.asked if one.path == WATCH)
    assert query["allowWatchBookmarks"] == "true"
    assert query["resourceVersion"] == "7"
    assert 60 <= int(query["timeoutSeconds"]) <= 120


def test_it_goes_on_after_a_known_version_without_a_list(follow: Any) -> None:
    with api_server({WATCH: watched(is_added("b", "12"))}) as server:
        news = follow(server, 1, since={Pod: "11"})

    assert news == ["is b 12"]
    assert versions(server) == ["11"]
    assert PODS not in server.paths


def test_a_watch_that_ends_is_resumed_where_it_was(follow: Any) -> None:
    with api_server({WATCH: [watched(is_added("a", "8"), end="whole"), watched(is_added("b", "9"))]}) as server:
        news = follow(server, 3)

    assert news == ["list [] 7", "is a 8", "is b 9"]
    assert versions(server) == ["7", "8"]
    assert server.paths.count(PODS) == 1


def test_a_bookmark_tells_where_to_resume(follow: Any) -> None:
    bookmark = line("BOOKMARK", {"metadata": {}}, "90")
    with api_server({WATCH: [watched(bookmark, end="whole"), watched(is_added("b", "91"))]}) as server:
        news = follow(server, 3)

    assert news == ["list [] 7", "reached 90", "is b 91"]
    assert versions(server) == ["7", "90"]


@pytest.mark.parametrize(
    "gone",
    [refused(410, "too old"), watched(line("ERROR", {"code": 410, "message": "too old"}), end="whole")],
    ids=["answer", "event"],
)
def test_a_version_that_is_too_old_begins_with_a_list(follow: Any, gone: Answer) -> None:
    with api_server({PODS: listed(pod("a"), version="20"), WATCH: [gone, watched(is_added("b", "21"))]}) as server:
        news = follow(server, 2, since={Pod: "3"})

    assert news == ["list ['a'] 20", "is b 21"]
    assert versions(server) == ["3", "20"]


def test_a_line_that_is_cut_off_is_told_when_it_comes_whole(follow: Any) -> None:
    half = is_added("b", "9")[:40]
    cut = watched(is_added("a", "8"), half, end="cut")
    with api_server({WATCH: [cut, watched(is_added("b", "9"))]}) as server:
        news = follow(server, 3)

    assert news == ["list [] 7", "is a 8", "is b 9"]
    assert versions(server) == ["7", "8"]


def test_garbage_after_something_good_is_asked_for_again(follow: Any) -> None:
    broken = watched(is_added("a", "8"), b"}{\n", end="whole")
    with api_server({WATCH: [broken, watched(is_added("b", "9"))]}) as server:
        news = follow(server, 3)

    assert news == ["list [] 7", "is a 8", "is b 9"]
    assert server.paths.count(PODS) == 1


def test_garbage_at_once_begins_with_a_list(follow: Any) -> None:
    lists = [listed(), listed(pod("b"), version="9")]
    with api_server({PODS: lists, WATCH: [watched(b"}{\n"), watched(is_added("c", "10"))]}) as server:
        news = follow(server, 3)

    assert news == ["list [] 7", "list ['b'] 9", "is c 10"]


def test_a_line_that_has_gone_quiet_is_opened_again(follow: Any) -> None:
    pace = Pace(quiet_seconds=0.1, first_pause=0.01, longest_pause=0.02)
    with api_server({WATCH: [watched(is_added("a", "8")), watched(is_added("b", "9"))]}) as server:
        news = follow(server, 3, pace=pace)

    assert news == ["list [] 7", "is a 8", "is b 9"]
    assert versions(server) == ["7", "8"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_stumbles_is_asked_again(follow: Any, status: int) -> None:
    with api_server({WATCH: [refused(status), refused(status), watched(is_added("a", "8"))]}) as server:
        news = follow(server, 2)

    assert news == ["list [] 7", "is a 8"]
    assert versions(server) == ["7", "7", "7"]


def test_an_error_in_the_stream_that_passes_is_resumed(follow: Any) -> None:
    error = watched(is_added("a", "8"), line("ERROR", {"code": 500, "message": "etcd"}), end="whole")
    with api_server({WATCH: [error, watched(is_added("b", "9"))]}) as server:
        news = follow(server, 3)

    assert news == ["list [] 7", "is a 8", "is b 9"]
    assert versions(server) == ["7", "8"]


def test_a_list_that_fails_is_asked_for_again_soon(follow: Any) -> None:
    patient = msgspec.structs.replace(QUICK, absent_pause=10 * LONGEST)
    with api_server({PODS: [refused(400, "what?"), listed(pod("a"))]}) as server:
        news = follow(server, 2, pace=patient)

    assert news == ["list []", "list ['a'] 7"]


def test_what_is_forbidden_is_a_listing_with_a_gap_and_asked_for_again(attach: Attach) -> None:
    with api_server({"/api/v1/nodes": [refused(403), listed(thing("Node", "n", namespace=""))]}) as server:
        cluster = attach(server)
        cluster._pace = QUICK
        stop = threading.Event()
        news = cluster.follow([Node], {}, stop)
        first, second = next(news), next(news)
        stop.set()

    assert isinstance(first, Relisted)
    assert (first.listing.complete_in, first.resource_version) == (frozenset(), "")
    assert first.listing.gaps[0].remedy.startswith("ClusterRole: ")
    assert worded(second) == "list ['n'] 7"


def test_a_list_that_is_forbidden_from_now_on_is_told(follow: Any) -> None:
    with api_server({PODS: [listed(pod("a")), refused(403)], WATCH: refused(403)}) as server:
        news = follow(server, 2)

    assert news == ["list ['a'] 7", "list []"]


def test_a_custom_resource_that_is_installed_later_is_followed_then(follow: Any) -> None:
    group = {"name": "networking.istio.io", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}}
    path = "/apis/networking.istio.io/v1/virtualservices"
    script = {
        "/apis": [said({"groups": []}), said({"groups": []}), said({"groups": [group]})],
        path: listed(thing("VirtualService", "web")),
    }
    with api_server(script) as server:
        news = follow(server, 2, kinds=[VirtualService])

    assert news[0] == "list []"
    assert news[-1] == "list ['web'] 7"


def in_namespaces(shop: Sequence[Answer], bank: Sequence[Answer]) -> dict[str, Any]:
    """Return a server on which pods can be read in two namespaces only."""
    return {
        PODS: refused(403),
        WATCH: refused(403),
        "/api/v1/namespaces/shop/pods": [listed(pod("a"), version="7"), listed(pod("a"), version="20")],
        "/api/v1/namespaces/bank/pods": [
            listed(pod("b", namespace="bank"), version="8"),
            listed(pod("c", namespace="bank"), version="21"),
        ],
        "watch /api/v1/namespaces/shop/pods": shop,
        "watch /api/v1/namespaces/bank/pods": bank,
    }


def test_in_namespaces_no_version_is_told_that_one_of_them_has_not_reached(follow: Any) -> None:
    script = in_namespaces([watched()], [watched(is_added("d", "30"))])
    with api_server(script) as server:
        news = follow(server, 2, namespace="shop,bank")

    assert news == ["list ['a', 'b'] 7", "is d 7"]


def test_a_new_list_of_one_namespace_is_one_of_all(follow: Any) -> None:
    script = in_namespaces([watched()], [refused(410), watched(is_added("d", "30"))])
    with api_server(script) as server:
        news = follow(server, 3, namespace="shop,bank")

    assert news == ["list ['a', 'b'] 7", "list ['a', 'c'] 20", "is d 20"]


def test_versions_that_are_no_numbers_are_never_told_too_far(follow: Any) -> None:
    script = in_namespaces([watched(is_added("e", "x9"))], [watched()])
    with api_server(script) as server:
        news = follow(server, 2, namespace="shop,bank")

    assert news == ["list ['a', 'b'] 7", "is e 7"]


def test_secrets_are_watched_with_values_dropped_and_releases_by_name(follow: Any) -> None:
    secret = {**thing("Secret", "database"), "data": {"password": "aHVudGVyMg=="}}

    def watch(asked: Asked) -> Answer:
        by_name = asked.query["fieldSelector"] == "type=helm.sh/release.v1"
        assert by_name is ("as=PartialObjectMetadata;" in asked.headers["accept"])
        return watched() if by_name else watched(line("ADDED", secret, "8"))

    with api_server({"watch /api/v1/secrets": watch}) as server:
        news = follow(server, 2, kinds=[Secret])

    assert news == ["list [] 7", "is database 7"]


def test_several_kinds_are_followed_each_in_its_order(follow: Any) -> None:
    script = {
        WATCH: watched(*(is_added(f"p{one}", str(one)) for one in range(8, 28))),
        "watch /api/v1/nodes": watched(*(line("ADDED", thing("Node", f"n{one}"), str(one)) for one in range(8, 28))),
    }
    with api_server(script) as server:
        news = follow(server, 42, kinds=[Pod, Node])

    pods = [one for one in news if one.startswith("is p")]
    nodes = [one for one in news if one.startswith("is n")]
    assert pods == [f"is p{one} {one}" for one in range(8, 28)]
    assert nodes == [f"is n{one} {one}" for one in range(8, 28)]


def test_a_slow_reader_loses_nothing(follow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "WAITING", 2)
    monkeypatch.setattr(feed, "TURN_SECONDS", 0.01)
    many = watched(*(is_added(f"p{one}", str(one)) for one in range(8, 308)))
    with api_server({WATCH: many}) as server:
        news = follow(server, 301)

    assert news[1:] == [f"is p{one} {one}" for one in range(8, 308)]


def test_a_full_queue_holds_the_follower_until_there_is_room(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "WAITING", 1)
    monkeypatch.setattr(feed, "TURN_SECONDS", 0.01)
    with api_server({WATCH: watched(is_added("a", "8"), is_added("b", "9"))}) as server:
        cluster = attach(server)
        stop = threading.Event()
        news = cluster.follow([Pod], {}, stop)
        first = next(news)
        threading.Event().wait(0.1)
        rest = [worded(next(news)), worded(next(news))]
        stop.set()

    assert [worded(first), *rest] == ["list [] 7", "is a 8", "is b 9"]


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_it_stops_at_once_although_the_server_is_quiet(attach: Attach, tmp_path: Path, secure: bool) -> None:
    pem = certificate(tmp_path, ["127.0.0.1"])
    with api_server({WATCH: watched()}, tls=server_side(pem) if secure else None) as server:
        authority = {"certificate-authority": str(pem)} if secure else {}
        cluster = attach(server, kubeconfig=server.kubeconfig(tmp_path, **authority))
        stop = threading.Event()
        news = cluster.follow([Pod], {}, stop)
        next(news)
        wait_for(lambda: WATCH in server.paths)
        stop.set()
        rest = list(news)
        wait_for(lambda: not followers())

    assert [one for one in rest if not isinstance(one, Reached)] == []


def test_who_stops_listening_ends_it_too(attach: Attach) -> None:
    with api_server({WATCH: watched()}) as server:
        news = attach(server).follow([Pod], {}, threading.Event())
        next(iter(news))
        close_of(news)
        wait_for(lambda: not followers())

    assert followers() == []


def test_one_that_was_ended_before_it_watched_does_not_begin(attach: Attach) -> None:
    with api_server({}) as server:
        cluster = attach(server)
        follower = Follower(Pod, cluster._connection, cluster._lists, QUICK, random.Random())
        told: list[Any] = []

        def end_at_once(news: Any) -> None:
            told.append(news)
            follower.end()

        follower.run("", end_at_once)

    assert len(told) == 1
    assert WATCH not in server.paths


def test_in_quiet_seconds_it_says_how_far_it_is(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "TURN_SECONDS", 0.05)
    with api_server({WATCH: watched(is_added("a", "8"))}) as server:
        cluster = attach(server)
        stop = threading.Event()
        news = cluster.follow([Pod], {}, stop)
        found = [next(news) for _ in range(4)]
        stop.set()

    assert found[-1] == Reached(kind=Pod, resource_version="8")


def test_a_bug_is_raised_and_not_swallowed(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    with api_server({}) as server:
        cluster = attach(server)

        def broken(*_: object, **__: object) -> None:
            raise ValueError("a bug")

        monkeypatch.setattr(cluster._lists, "read", broken)
        with pytest.raises(SreError, match="Pod objects cannot be followed: ValueError: a bug"):
            next(cluster.follow([Pod], {}, threading.Event()))


def test_pauses_double_up_to_the_longest_and_begin_anew_when_something_worked() -> None:
    waits: list[float] = []

    class Clock(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    pauses = _Pauses(Pace(first_pause=1, longest_pause=4, absent_pause=9, settled_seconds=5), Middle())
    for lasted in (0.0, 0.1, 0.2, 0.3, 6.0, 0.0):
        pauses.after(lasted, Clock())
    pauses.wait(Clock(), absent=True)

    assert waits == [1, 2, 4, 4, 1, 9]


def test_a_cluster_is_an_object_feed(attach: Attach) -> None:
    with api_server({}) as server:
        assert isinstance(attach(server), ObjectFeed)


class Middle(random.Random):
    """Chance that always takes the middle."""

    def uniform(self, a: float, b: float) -> float:
        """Return the middle."""
        return (a + b) / 2


def followers() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("follow-")]


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def close_of(news: Iterator[Any]) -> None:
    news.close()  # type: ignore[attr-defined]  # it is a generator
