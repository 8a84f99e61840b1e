"""What a server does not tell of a cluster is a gap, as with the API itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from threading import Event
from typing import Any

import anyio
import msgspec
import pytest
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.mcp_servers import ClusterTools, McpServer, StandIn
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.mcp.cluster import RENEWED_SECONDS, Requests, open_mcp_cluster, prove_cluster
from sre_orchestrator.plugins.mcp.server import Server, end_shared
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.custom import Rollout
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.k8s.connection import ApiError
from sre_orchestrator.plugins.sources.k8s.follower import Pace
from sre_orchestrator.plugins.sources.k8s.other import cluster_by
from sre_orchestrator.plugins.sources.ports import LogStream, Relisted

READS = ToolAnnotations(read_only_hint=True)
TOOLS = ClusterTools(
    list=StandIn(
        tool="objects",
        arguments={"version": "$api_version", "kind": "$kind", "namespace": "$namespace", "selector": "$selector"},
        items="$.items",
    ),
    log=StandIn(tool="log", arguments={"pod": "$pod", "previous": "$previous", "lines": "$lines"}),
)
Tell = Callable[[str, str, str], Any]


def named(kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    space = {"namespace": namespace} if namespace else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **space}}


def told(version: str, kind: str, namespace: str) -> Any:
    """Tell of two namespaces with a pod each, and a node."""
    known: Mapping[str, list[dict[str, Any]]] = {
        "Namespace": [named("Namespace", "shop"), named("Namespace", "pay")],
        "Node": [named("Node", "node-a")],
        "Pod": [named("Pod", f"{namespace}-1", namespace)],
    }
    del version
    return {"items": known.get(kind, [])}


@contextmanager
def requests(
    tell: Tell = told, tools: ClusterTools = TOOLS, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Requests]:
    offering = MCPServer("cluster")

    @offering.tool(annotations=READS, structured_output=False)
    def objects(version: str, kind: str, namespace: str = "", selector: str = "") -> Any:
        del selector
        return tell(version, kind, namespace)

    @offering.tool(annotations=READS, structured_output=False)
    def log(pod: str, previous: bool, lines: int) -> str:
        if pod == "gone":
            raise ToolError('pods "gone" not found')
        if pod == "secret":
            raise ToolError("pods/log is forbidden")
        return "".join(f"{pod} {previous} {number}\n" for number in range(min(lines, 9)))

    server = Server(McpServer(name="here", command="x", cluster=tools), transport=lambda *_: offering)
    try:
        yield Requests(server, tools, clock)
    finally:
        server.close()


def cluster(asked: Requests) -> Cluster:
    return cluster_by(asked, Settings(namespace="shop"), place="MCP server here")


def failing(kind: str, why: str) -> Tell:
    def tell(version: str, of: str, namespace: str) -> Any:
        if of == kind:
            raise ToolError(why)
        return told(version, of, namespace)

    return tell


def listed(tell: Tell, kind: type[Object]) -> Any:
    with requests(tell) as asked:
        return anyio.run(cluster(asked).list, kind)


def test_each_namespace_is_asked_for_by_its_name() -> None:
    found = listed(told, Pod)

    assert [one.metadata.name for one in found.items] == ["shop-1", "pay-1"]
    assert found.complete_in == {"*"}
    assert [one.metadata.name for one in listed(told, Node).items] == ["node-a"]


def test_what_may_be_read_in_no_namespace_is_a_gap_with_the_permission() -> None:
    found = listed(failing("Secret", 'secrets is forbidden: User "x" cannot list'), Secret)

    assert (found.items, found.complete_in) == ((), frozenset())
    assert "forbidden" in found.gaps[0].why
    assert 'resources: ["secrets"]' in found.gaps[0].remedy


def test_what_may_be_read_in_one_namespace_only_is_complete_there_alone() -> None:
    def tell(version: str, kind: str, namespace: str) -> Any:
        if kind == "Pod" and namespace != "shop":
            raise ToolError("pods is forbidden")
        return told(version, kind, namespace)

    found = listed(tell, Pod)

    assert [one.metadata.name for one in found.items] == ["shop-1"]
    assert found.complete_in == {"shop"}


def test_a_kind_that_need_not_be_there_is_no_gap() -> None:
    found = listed(failing("Rollout", 'no matches for kind "Rollout" in version "argoproj.io/v1alpha1"'), Rollout)

    assert (found.items, found.gaps) == ((), ())


@pytest.mark.parametrize("told_instead", ["some text", {"items": "none"}, {"objects": []}])
def test_an_answer_without_a_list_is_a_gap(told_instead: Any) -> None:
    found = listed(lambda _, kind, space: told("", kind, space) if kind == "Namespace" else told_instead, Pod)

    assert found.complete_in == frozenset()
    assert len(found.gaps) == 1


def test_an_object_that_cannot_be_read_is_a_gap_of_its_own() -> None:
    def tell(version: str, kind: str, namespace: str) -> Any:
        more = [{"metadata": {"name": 7}}] if kind == "Pod" and namespace == "shop" else []
        return {"items": [*told(version, kind, namespace)["items"], *more]}

    found = listed(tell, Pod)

    assert len(found.items) == 2
    assert "cannot be read" in found.gaps[0].why


def test_too_many_namespaces_are_not_asked_for_one_by_one() -> None:
    many = {"items": [named("Namespace", f"ns-{number}") for number in range(201)]}

    found = listed(lambda version, kind, space: many if kind == "Namespace" else told(version, kind, space), Pod)

    assert [one.metadata.name for one in found.items] == ["shop-1"]  # those of the settings are
    assert found.complete_in == {"shop"}


def test_logs_are_read_as_far_as_they_are_asked_for() -> None:
    stream = LogStream(namespace="shop", pod="web-1", container="web", previous=True)
    with requests() as asked:
        whole = list(cluster(asked).lines(stream))
        path = "/api/v1/namespaces/shop/pods/web-1/log"
        few = asked(path, {"container": "web", "tailLines": 2, "limitBytes": 12})

    assert whole[0] == "web-1 True 0"
    assert len(whole) == 9
    assert few == b"web-1 False "


@pytest.mark.parametrize(("pod", "status"), [("gone", 404), ("secret", 403)])
def test_a_log_that_cannot_be_had_has_the_status_of_the_api(pod: str, status: int) -> None:
    with requests() as asked, pytest.raises(ApiError) as error:
        asked(f"/api/v1/namespaces/shop/pods/{pod}/log", {})

    assert error.value.status == status


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/version", {}, 404),
        ("/apis", {}, 404),
        ("/apis/example.org/v1/things", {}, 404),
        ("/api/v1/pods", {"watch": "1"}, 405),
        ("/api/v1/namespaces/shop/pods/web-1/log", {}, 404),
    ],
)
def test_what_servers_do_not_tell_has_a_status_too(path: str, query: dict[str, str], status: int) -> None:
    with requests(tools=ClusterTools(list=TOOLS.list)) as asked, pytest.raises(ApiError) as error:
        asked(path, query)

    assert error.value.status == status


def quick(asked: Requests, *, absent: float = 60.0) -> Cluster:
    """Return the cluster, to be listed again at once."""
    found = cluster(asked)
    found._pace = Pace(relist_seconds=0.01, first_pause=0.01, longest_pause=0.02, absent_pause=absent)
    return found


def news(asked: Requests, count: int, kind: type[Object] = Node, since: str = "") -> list[Any]:
    """Return the first news of a kind."""
    stop, found = Event(), []
    for one in quick(asked).follow([kind], {kind: since} if since else {}, stop):
        found.append(one)
        if len(found) >= count:
            stop.set()
    return found


def test_nobody_tells_of_changes_so_kinds_are_listed_again_and_again() -> None:
    nodes = ["node-a"]

    def tell(version: str, kind: str, namespace: str) -> Any:
        if kind != "Node":
            return told(version, kind, namespace)
        nodes.append(f"node-{len(nodes)}")
        return {"items": [named("Node", one) for one in nodes[-2:]]}

    with requests(tell) as asked:
        found = news(asked, 3)

    assert {type(one) for one in found} == {Relisted}
    assert [[item.metadata.name for item in one.listing.items] for one in found] == [
        ["node-a", "node-1"],
        ["node-1", "node-2"],
        ["node-2", "node-3"],
    ]
    assert {one.resource_version for one in found} == {""}  # there is nothing to go on from


def test_a_list_that_fails_is_a_gap_and_is_read_again() -> None:
    fails = [True]

    def tell(version: str, kind: str, namespace: str) -> Any:
        if kind == "Node" and fails:
            fails.pop()
            raise ToolError("etcd is busy")
        return told(version, kind, namespace)

    with requests(tell) as asked:
        first, second = news(asked, 2)

    assert (first.listing.items, len(first.listing.gaps)) == ((), 1)
    assert [one.metadata.name for one in second.listing.items] == ["node-a"]


def test_namespaces_are_learnt_again_while_a_cluster_is_followed() -> None:
    spaces, now = ["shop"], [0.0]

    def tell(version: str, kind: str, namespace: str) -> Any:
        if kind == "Namespace":
            return {"items": [named("Namespace", one) for one in spaces]}
        return told(version, kind, namespace)

    def pods() -> int:
        return len(msgspec.json.decode(asked("/api/v1/pods", {}))["items"])

    with requests(tell, clock=lambda: now[0]) as asked:
        before = pods()
        spaces.append("pay")
        same = pods()
        now[0] += RENEWED_SECONDS + 1

        assert (before, same, pods()) == (1, 1, 2)


def test_a_server_is_started_once_for_all_looks_at_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    offering, started = MCPServer("cluster"), []

    @offering.tool(annotations=READS, structured_output=False)
    def objects(version: str, kind: str, namespace: str = "", selector: str = "") -> Any:
        del selector
        return told(version, kind, namespace)

    monkeypatch.setattr(
        "sre_orchestrator.plugins.mcp.session._transport", lambda *_: (started.append(True), offering)[1]
    )
    server = McpServer(name="here", command="x", cluster=TOOLS, replaces="kubernetes")
    try:
        for _ in range(3):
            with closing(open_mcp_cluster(Settings(), server)) as found:
                assert len(anyio.run(found.list, Node).items) == 1
    finally:
        end_shared([server])

    assert len(started) == 1


def test_a_server_that_is_not_there_cannot_be_proven() -> None:
    gone = McpServer(name="here", command="/nowhere/server", cluster=TOOLS, replaces="kubernetes", connect_seconds=5.0)

    with pytest.raises(InputError, match=r"mcp_servers here: .*No such file.*; see sre-orchestrator mcp check"):
        prove_cluster(gone)
    with pytest.raises(InputError, match="has no tools for objects"):
        prove_cluster(msgspec.structs.replace(gone, cluster=None))

    end_shared([gone])
