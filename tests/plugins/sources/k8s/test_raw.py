"""Lists and logs as they are on the wire, for recordings."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from api_server import Answer, Attach, api_server, listed, refused
from shop import pod, thing

from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import HTTPRoute
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.workloads import Deployment
from sre_orchestrator.plugins.sources.k8s import Cluster, raw
from sre_orchestrator.plugins.sources.k8s.connection import ApiError
from sre_orchestrator.plugins.sources.k8s.raw import DEFINITIONS, RawPage, Restarted
from sre_orchestrator.plugins.sources.ports import LogStream

PODS = "/api/v1/pods"
LOG = "/api/v1/namespaces/shop/pods/web-1/log"
STREAM = LogStream(namespace="shop", pod="web-1", container="web")


def text(body: bytes) -> Answer:
    return Answer(parts=[body])


def pages(cluster: Cluster, kind: type[Object] = Pod, only: tuple[str, ...] = ()) -> list[RawPage | Gap]:
    return list(cluster.raw.pages(KINDS[kind], only))


def names(found: list[RawPage | Gap]) -> list[tuple[str, list[str]]]:
    return [
        (one.scope, [msgspec.json.decode(item)["metadata"]["name"] for item in one.items])
        for one in found
        if isinstance(one, RawPage)
    ]


def gaps(found: list[RawPage | Gap]) -> list[tuple[str, str]]:
    return [(one.what, one.why) for one in found if isinstance(one, Gap)]


def test_every_page_of_a_list_is_read(attach: Attach) -> None:
    with api_server({PODS: [listed(pod("a"), more="next"), listed(pod("b"))]}) as server:
        found = pages(attach(server))

    assert names(found) == [("*", ["a"]), ("*", ["b"])]
    assert {one.api_version for one in found if isinstance(one, RawPage)} == {"v1"}


def test_only_some_namespaces_are_read_and_nodes_with_them(attach: Attach) -> None:
    routes: Any = {
        "/api/v1/namespaces/shop/pods": listed(pod("a")),
        "/api/v1/namespaces/billing/pods": refused(403),
        "/api/v1/nodes": listed(thing("Node", "n")),
    }
    with api_server(routes) as server:
        cluster = attach(server)
        found, nodes = pages(cluster, only=("shop", "billing")), pages(cluster, Node, ("shop",))

    assert names(found) == [("shop", ["a"])]
    assert gaps(found) == [("all pods in namespace billing", "listing them is forbidden (403)")]
    assert names(nodes) == [("*", ["n"])]


def test_the_namespaces_of_the_settings_are_read_where_the_cluster_is_forbidden(attach: Attach) -> None:
    with api_server({PODS: refused(403), "/api/v1/namespaces/shop/pods": listed(pod("a"))}) as server:
        found = pages(attach(server, namespace="shop"))

    assert names(found) == [("shop", ["a"])]


def test_what_is_forbidden_everywhere_is_a_gap(attach: Attach) -> None:
    with api_server({PODS: refused(403)}) as server:
        found = pages(attach(server))

    assert gaps(found) == [("all pods", "listing them is forbidden (403)")]


def test_a_server_that_fails_is_a_gap_in_the_cluster_and_in_a_namespace(attach: Attach) -> None:
    with api_server({PODS: refused(500), "/api/v1/namespaces/shop/pods": refused(500)}) as server:
        cluster = attach(server)
        found = pages(cluster) + pages(cluster, only=("shop",))

    assert [what for what, _ in gaps(found)] == ["all pods", "all pods in namespace shop"]


def test_a_kind_that_need_not_exist_is_an_empty_list(attach: Attach) -> None:
    with api_server({"/apis": listed()}) as server:
        cluster = attach(server)
        found, definitions = pages(cluster, HTTPRoute), list(cluster.raw.pages(DEFINITIONS))

    assert names(found) == names(definitions) == [("*", [])]


def test_a_kind_that_should_exist_and_does_not_is_a_gap(attach: Attach) -> None:
    with api_server({"/apis/apps/v1/deployments": refused(404)}) as server:
        found = pages(attach(server), Deployment)

    assert "does not offer deployments" in gaps(found)[0][1]


def test_a_list_that_breaks_off_keeps_its_first_pages_and_is_a_gap(attach: Attach) -> None:
    with api_server({PODS: [listed(pod("a"), more="next"), *[refused(500)] * 9]}) as server:
        found = pages(attach(server))

    assert names(found) == [("*", ["a"])]
    assert gaps(found)[0][0] == "all pods"


def test_a_list_that_expires_between_pages_has_to_be_read_again(attach: Attach) -> None:
    with api_server({PODS: [listed(pod("a"), more="next"), refused(410)]}) as server, pytest.raises(Restarted):
        pages(attach(server))


def test_of_releases_only_names_are_asked_for(attach: Attach) -> None:
    def secrets(asked: Any) -> Any:
        by_name = "PartialObjectMetadataList" in asked.headers["accept"]
        return listed(thing("Secret", "sh.helm.release.v1.shop.v1" if by_name else "database"))

    with api_server({"/api/v1/secrets": secrets}) as server:
        found = pages(attach(server), Secret)

    assert [one.names_only for one in found if isinstance(one, RawPage)] == [False, True]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"items": 5}'])
def test_what_is_no_list_is_a_gap(attach: Attach, body: bytes) -> None:
    with api_server({PODS: text(body)}) as server:
        found = pages(attach(server))

    assert "is no list" in gaps(found)[0][1]


def test_pages_of_very_large_objects_hold_fewer_of_them(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "MAX_PAGE_BYTES", 4000)
    large = [thing("Pod", f"web-{number}", note="x" * 1000) for number in range(8)]

    def answer(asked: Any) -> Any:
        start, limit = int(asked.query.get("continue", "0")), int(asked.query["limit"])
        more = str(start + limit) if start + limit < len(large) else ""
        return listed(*large[start : start + limit], more=more)

    with api_server({PODS: answer}) as server:
        found = pages(attach(server, page_size=8))

    assert [len(items) for _, items in names(found)] == [2, 2, 2, 2]


def test_one_object_that_is_too_large_is_a_gap(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "MAX_PAGE_BYTES", 400)

    with api_server({PODS: listed(thing("Pod", "web", note="x" * 1000))}) as server:
        found = pages(attach(server, page_size=8))

    assert "one object of the list is larger than 400 bytes" in gaps(found)[0][1]


def test_a_list_that_never_ends_is_a_gap(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "MAX_PAGES", 5)

    with api_server({PODS: listed(pod("a"), more="again")}) as server:
        found = pages(attach(server))

    assert len(names(found)) == 5
    assert "does not end within 5 pages" in gaps(found)[0][1]


def test_a_log_is_asked_for_by_age_and_that_of_a_previous_life_is_not(attach: Attach) -> None:
    with api_server({LOG: text(b"one\n")}) as server:
        cluster = attach(server)
        now = cluster.raw.log(STREAM, 60, 100)
        before = cluster.raw.log(msgspec.structs.replace(STREAM, previous=True), 60, 100)

    assert now == before == b"one\n"
    assert [one.query for one in server.asked if one.path == LOG] == [
        {"container": "web", "sinceSeconds": "60"},
        {"container": "web", "previous": "true"},
    ]


def test_of_a_long_log_the_end_is_read(attach: Attach) -> None:
    lines = [b"line %03d\n" % number for number in range(100)]

    def answer(asked: Any) -> Any:
        return text(b"".join(lines[-int(asked.query.get("tailLines", 100)) :]))

    with api_server({LOG: answer}) as server:
        log = attach(server).raw.log(STREAM, 0, 300)

    assert 100 < len(log) <= 300
    assert log.endswith(b"line 099\n")


def test_one_line_that_is_too_long_is_cut(attach: Attach) -> None:
    with api_server({LOG: text(b"x" * 1000)}) as server:
        assert attach(server).raw.log(STREAM, 0, 300) == b"x" * 300


def test_a_log_that_cannot_be_had_is_an_error(attach: Attach) -> None:
    with api_server({LOG: refused(403)}) as server, pytest.raises(ApiError, match="403"):
        attach(server).raw.log(STREAM, 0, 300)
