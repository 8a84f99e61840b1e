"""A running cluster as a whole: what it tells the twin, and that it only reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
from api_server import Attach, api_server, listed, refused
from shop import deployment, pod, service

from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.ports import ClusterObjects

PODS = "/api/v1/pods"
SHOP = {
    PODS: listed(pod("web-1", labels={"app": "web"})),
    "/apis/apps/v1/deployments": listed(deployment("web")),
    "/api/v1/services": listed(service("web")),
}


def synced(cluster: Cluster) -> Sequence[Component | Edge | Gap]:
    async def read() -> Sequence[Component | Edge | Gap]:
        return [one async for one in cluster.sync()]

    return anyio.run(read)


def test_it_holds_the_objects_of_a_cluster(attach: Attach) -> None:
    with api_server({}) as server:
        cluster = attach(server)
        version = anyio.run(cluster.server_version)

    assert isinstance(cluster, ClusterObjects)
    assert (version, cluster.context, cluster.address) == ("v1.34.0", "test", server.url)


def test_components_and_relations_are_told_and_nothing_is_missing(attach: Attach) -> None:
    with api_server(SHOP) as server:
        told = synced(attach(server))

    assert {one.id for one in told if isinstance(one, Component)} == {
        "pod/shop/web-1",
        "deployment/shop/web",
        "service/shop/web",
    }
    assert ("service/shop/web", "selects", "pod/shop/web-1") in {
        (one.source, one.kind, one.target) for one in told if isinstance(one, Edge)
    }
    assert [one for one in told if isinstance(one, Gap)] == []


def test_each_kind_is_listed_once_and_nothing_but_get_is_sent(attach: Attach) -> None:
    with api_server(SHOP) as server:
        cluster = attach(server)
        synced(cluster)
        synced(cluster)

    lists = [path for path in server.paths if path not in ("/version", "/apis")]
    assert len(lists) == len(set(lists)) + 1  # Secrets come in two parts
    assert cluster.requests <= len(KINDS) + 3


def test_what_may_be_read_in_a_namespace_only_leaves_the_rest_a_gap(attach: Attach) -> None:
    script = {
        PODS: refused(403),
        "/api/v1/services": refused(403),
        "/api/v1/namespaces/shop/pods": listed(pod("web-1")),
    }
    with api_server(script) as server:
        told = synced(attach(server, namespace="shop"))

    (gap,) = (one for one in told if isinstance(one, Gap))
    assert gap.what == "objects outside the namespaces shop"
    assert gap.why == "listing pods and 1 other kinds of all namespaces is forbidden"
    assert gap.remedy.startswith('ClusterRole: {apiGroups: [""], resources: ["pods"]')


def test_namespaces_are_those_of_the_settings_else_of_the_context(attach: Attach, tmp_path: Path) -> None:
    with api_server({}) as server:
        given = attach(server, namespace="shop, bank,")
        of_context = attach(server, kubeconfig=server.kubeconfig(tmp_path, namespace="web"))

    assert given.namespaces == ("shop", "bank")
    assert of_context.namespaces == ("web",)


def test_api_groups_are_those_that_the_server_offers(attach: Attach) -> None:
    with api_server({}) as server:
        groups = anyio.run(attach(server).api_groups)

    assert {"", "apps", "batch"} <= groups
    assert "networking.istio.io" not in groups
