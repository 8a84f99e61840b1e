"""What a server does not tell of a cluster is a gap, as with the API itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from sre_orchestrator.core.mcp_servers import ClusterTools, McpServer, StandIn
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.mcp.cluster import Requests
from sre_orchestrator.plugins.mcp.server import Server
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.custom import Rollout
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.k8s.connection import ApiError
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
def requests(tell: Tell = told, tools: ClusterTools = TOOLS) -> Iterator[Requests]:
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
        yield Requests(server, tools)
    finally:
        server.close()


def cluster(asked: Requests) -> Cluster:
    return cluster_by(asked, lambda: None, Settings(namespace="shop"), place="MCP server here")


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


def test_changes_are_not_followed_but_lists_are() -> None:
    stop = Event()
    with requests() as asked:
        feed = cluster(asked).follow([Node], {}, stop)
        first = next(iter(feed))
        stop.set()
        feed.close()  # type: ignore[attr-defined]  # a generator

    assert isinstance(first, Relisted)
    assert [one.metadata.name for one in first.listing.items] == ["node-a"]
