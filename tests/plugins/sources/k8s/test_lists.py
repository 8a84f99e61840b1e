"""Lists of kinds, as a server gives, refuses or breaks them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from api_server import Answer, Attach, api_server, listed, refused, said
from shop import pod, thing

from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.custom import (
    Application,
    Certificate,
    HelmRelease,
    Middleware,
    Rollout,
    ScaledObject,
)
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import HTTPRoute, VirtualService
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import CUSTOM
from sre_orchestrator.plugins.objects.workloads import Deployment, HorizontalPodAutoscaler
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.ports import Listing

PODS = "/api/v1/pods"
IN_SHOP = "/api/v1/namespaces/shop/pods"


def read(cluster: Cluster, kind: type[Object] = Pod) -> Listing[Any]:
    return anyio.run(cluster.list, kind)


def names(listing: Listing[Any]) -> list[str]:
    return [one.metadata.name for one in listing.items]


def test_pages_are_read_to_the_last(attach: Attach) -> None:
    pages = [listed(pod("a"), pod("b"), more="next"), listed(pod("c"))]
    with api_server({PODS: pages}) as server:
        listing = read(attach(server, page_size=2))

    assert names(listing) == ["a", "b", "c"]
    assert (listing.complete_in, listing.gaps) == ({"*"}, ())
    assert [one.query for one in server.asked if one.path == PODS] == [
        {"limit": "2"},
        {"limit": "2", "continue": "next"},
    ]


def test_a_list_is_read_once_whichever_thread_asks(attach: Attach) -> None:
    with api_server({PODS: listed(pod("a"))}) as server:
        cluster = attach(server)
        ready = threading.Barrier(4)

        def ask(_: int) -> Listing[Any]:
            ready.wait(timeout=10)
            return read(cluster)

        with ThreadPoolExecutor(4) as threads:
            listings = list(threads.map(ask, range(4)))

    assert all(one is listings[0] for one in listings)
    assert server.paths.count(PODS) == 1


def test_a_list_that_expires_between_pages_is_read_again(attach: Attach) -> None:
    answers = [listed(pod("a"), more="x"), refused(410), listed(pod("a"), more="x"), listed(pod("b"))]
    with api_server({PODS: answers}) as server:
        listing = read(attach(server))

    assert names(listing) == ["a", "b"]
    assert listing.complete_in == {"*"}


def test_a_list_that_expires_twice_keeps_what_was_read_and_is_not_complete(attach: Attach) -> None:
    answers = [listed(pod("a"), more="x"), refused(410), listed(pod("a"), more="x"), refused(410, "too old")]
    with api_server({PODS: answers}) as server:
        listing = read(attach(server))

    assert names(listing) == ["a"]
    assert listing.complete_in == frozenset()
    assert [(one.what, one.why) for one in listing.gaps] == [("all pods", "410 too old")]


def test_a_refused_kind_is_a_gap_that_names_the_rule_to_grant(attach: Attach) -> None:
    with api_server({"/api/v1/nodes": refused(403), PODS: listed(pod("a"))}) as server:
        cluster = attach(server)
        nodes, pods = read(cluster, Node), read(cluster)

    assert names(pods) == ["a"]
    assert (nodes.items, nodes.complete_in) == ((), frozenset())
    assert [(one.agent, one.what, one.why) for one in nodes.gaps] == [
        ("cluster", "all nodes", "listing them is forbidden (403)")
    ]
    assert nodes.gaps[0].remedy == 'ClusterRole: {apiGroups: [""], resources: ["nodes"], verbs: [get, list, watch]}'


def test_where_the_cluster_is_refused_its_namespaces_are_read(attach: Attach) -> None:
    script = {PODS: refused(403), IN_SHOP: listed(pod("a")), "/api/v1/namespaces/bank/pods": refused(403)}
    with api_server(script) as server:
        listing = read(attach(server, namespace="shop,bank"))

    assert names(listing) == ["a"]
    assert listing.complete_in == {"shop"}
    assert [one.what for one in listing.gaps] == ["all pods in namespace bank"]
    assert listing.gaps[0].remedy.startswith("Role in namespace bank: ")


def test_a_namespace_that_fails_does_not_hide_the_others(attach: Attach) -> None:
    script = {PODS: refused(403), IN_SHOP: listed(pod("a")), "/api/v1/namespaces/bank/pods": refused(500, "etcd")}
    with api_server(script) as server:
        listing = read(attach(server, namespace="bank,shop"))

    assert names(listing) == ["a"]
    assert [(one.what, one.why) for one in listing.gaps] == [("all pods in namespace bank", "500 etcd")]


def test_kinds_that_are_in_no_namespace_are_not_looked_for_in_one(attach: Attach) -> None:
    with api_server({"/api/v1/nodes": refused(403)}) as server:
        listing = read(attach(server, namespace="shop"), Node)

    assert [one.what for one in listing.gaps] == ["all nodes"]
    assert [path for path in server.paths if path.endswith("/nodes")] == ["/api/v1/nodes"]


def test_custom_resources_that_nobody_installed_are_none_and_nothing_is_missing(attach: Attach) -> None:
    with api_server({}) as server:
        listing = read(attach(server), VirtualService)

    assert (listing.items, listing.complete_in, listing.gaps) == ((), {"*"}, ())
    assert not [path for path in server.paths if "istio" in path]


def test_programs_that_nobody_installed_cost_one_question_of_all_groups(attach: Attach) -> None:
    with api_server({}) as server:
        cluster = attach(server)
        listings = [read(cluster, kind) for kind in CUSTOM]

    assert {(one.items, one.complete_in, one.gaps) for one in listings} == {((), frozenset({"*"}), ())}
    assert server.paths.count("/apis") == 1
    assert [path for path in server.paths if path.startswith("/apis/")] == []


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (Certificate, "cert-manager.io/v1/certificates"),
        (Application, "argoproj.io/v1alpha1/applications"),
        (Rollout, "argoproj.io/v1alpha1/rollouts"),
        (ScaledObject, "keda.sh/v1alpha1/scaledobjects"),
        (Middleware, "traefik.io/v1alpha1/middlewares"),
        (HelmRelease, "helm.toolkit.fluxcd.io/v2/helmreleases"),
    ],
)
def test_custom_resources_are_read_in_the_version_whose_fields_are_known(
    attach: Attach, kind: type[Object], path: str
) -> None:
    group, version, _ = path.split("/")
    offered = [{"version": "v9"}, {"version": version}]
    groups = said({"groups": [{"name": group, "versions": offered, "preferredVersion": offered[0]}]})
    with api_server({"/apis": groups, f"/apis/{path}": listed(thing(CUSTOM[kind].kind, "web"))}) as server:
        listing = read(attach(server), kind)

    assert names(listing) == ["web"]


def test_a_group_without_the_resource_is_the_same(attach: Attach) -> None:
    groups = said({"groups": [{"name": "gateway.networking.k8s.io", "versions": [{"version": "v1"}]}]})
    path = "/apis/gateway.networking.k8s.io/v1/httproutes"
    with api_server({"/apis": groups, path: refused(404)}) as server:
        listing = read(attach(server), HTTPRoute)

    assert (listing.items, listing.complete_in, listing.gaps) == ((), {"*"}, ())
    assert path in server.paths


def test_a_server_without_a_built_in_kind_is_no_healthy_cluster(attach: Attach) -> None:
    with api_server({PODS: refused(404)}) as server:
        listing = read(attach(server))

    assert listing.complete_in == frozenset()
    assert "does not offer pods" in listing.gaps[0].why
    assert "address" in listing.gaps[0].remedy


@pytest.mark.parametrize(
    ("versions", "preferred", "asked"),
    [(["v2", "v1"], "v1", "v2"), (["v1"], "v1", "v1")],
    ids=["the version whose fields are known", "else the preferred one"],
)
def test_a_served_version_is_asked_for(attach: Attach, versions: list[str], preferred: str, asked: str) -> None:
    group = {
        "name": "autoscaling",
        "versions": [{"version": one} for one in versions],
        "preferredVersion": {"version": preferred},
    }
    with api_server({"/apis": said({"groups": [group]})}) as server:
        read(attach(server), HorizontalPodAutoscaler)

    assert f"/apis/autoscaling/{asked}/horizontalpodautoscalers" in server.paths


@pytest.mark.parametrize("answer", [refused(403), Answer([b"<html>"])], ids=["refused", "a web page"])
def test_without_discovery_the_usual_versions_are_asked_for(attach: Attach, answer: Answer) -> None:
    with api_server({"/apis": answer, "/apis/apps/v1/deployments": listed(thing("Deployment", "web"))}) as server:
        listing = read(attach(server), Deployment)

    assert names(listing) == ["web"]


def test_events_are_read_from_the_newer_api_where_the_older_is_refused(attach: Attach) -> None:
    newer = "/apis/events.k8s.io/v1/events"
    event = thing("Event", "e1", note="back-off", regarding={"kind": "Pod", "name": "a"})
    with api_server({"/api/v1/events": refused(403), newer: listed(event)}) as server:
        listing = read(attach(server), Event)

    assert [(one.text, one.about.name) for one in listing.items] == [("back-off", "a")]
    assert (listing.complete_in, listing.gaps) == ({"*"}, ())


def test_events_that_both_apis_refuse_are_gaps_of_both(attach: Attach) -> None:
    newer = "/apis/events.k8s.io/v1/events"
    with api_server({"/api/v1/events": refused(403), newer: refused(403)}) as server:
        listing = read(attach(server), Event)

    assert [one.remedy.partition("resources")[0] for one in listing.gaps] == [
        'ClusterRole: {apiGroups: [""], ',
        'ClusterRole: {apiGroups: ["events.k8s.io"], ',
    ]


def test_events_of_a_server_that_has_only_the_older_api_are_a_gap_of_it(attach: Attach) -> None:
    with api_server({"/api/v1/events": refused(403), "/apis": said({"groups": []})}) as server:
        listing = read(attach(server), Event)

    assert [one.why for one in listing.gaps] == ["listing them is forbidden (403)"]


def test_no_value_of_a_secret_is_kept_and_releases_are_read_by_name_only(attach: Attach) -> None:
    secret = {**thing("Secret", "database"), "data": {"password": "aHVudGVyMg=="}}

    def secrets(asked: Any) -> Answer:
        by_name = "PartialObjectMetadataList" in asked.headers["accept"]
        return listed(thing("Secret", "sh.helm.release.v1.shop.v1") if by_name else secret)

    with api_server({"/api/v1/secrets": secrets}) as server:
        listing = read(attach(server), Secret)

    assert names(listing) == ["database", "sh.helm.release.v1.shop.v1"]
    assert listing.items[0].keys == {"password"}
    assert "hunter2" not in repr(listing)
    assert "aHVudGVyMg" not in repr(listing)
    assert [one.query["fieldSelector"] for one in server.asked if one.path == "/api/v1/secrets"] == [
        "type!=helm.sh/release.v1",
        "type=helm.sh/release.v1",
    ]


def test_null_where_a_list_belongs_is_nothing(attach: Attach) -> None:
    bare = {"metadata": {"name": "a", "namespace": "shop", "labels": None}, "spec": {"containers": None}}
    with api_server({PODS: listed(bare)}) as server:
        listing = read(attach(server))

    assert names(listing) == ["a"]
    assert listing.complete_in == {"*"}


def test_one_bad_object_loses_only_itself(attach: Attach) -> None:
    with api_server({PODS: listed(pod("a"), {"metadata": {"name": 7}}, pod("c"))}) as server:
        listing = read(attach(server))

    assert names(listing) == ["a", "c"]
    assert listing.complete_in == frozenset()
    assert "one of 3 Pod objects" in listing.gaps[0].what


def test_an_answer_that_is_no_list_is_a_gap(attach: Attach) -> None:
    with api_server({PODS: Answer([b"<html>please log in</html>"])}) as server:
        listing = read(attach(server))

    assert "is no list" in listing.gaps[0].why


def test_what_fails_at_a_later_page_keeps_the_first(attach: Attach) -> None:
    with api_server({PODS: [listed(pod("a"), more="x"), refused(500, "etcd is slow")]}) as server:
        listing = read(attach(server))

    assert names(listing) == ["a"]
    assert listing.gaps[0].why == "500 etcd is slow"
