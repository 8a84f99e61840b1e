"""What is told of a running cluster: a snapshot behind the wire protocol, with permissions as the test says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from listeners import closed_port, listening, replying
from mcp_servers import kubernetes
from shop import pod, service, thing, write_snapshot

from sre_orchestrator.api.doctor import Check, Checkup, examine
from sre_orchestrator.api.wire import serving, store_of, write_kubeconfig
from sre_orchestrator.api.wire.resources import Resource
from sre_orchestrator.api.wire.store import Ask, Store
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import ClusterAccess, Endpoint, ProbeLimits, Settings, SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

OBJECTS = (pod("cart-1"), service("cart"), thing("Namespace", "shop", namespace=""))


@contextmanager
def cluster(folder: Path, settings: Settings, *objects: dict[str, Any]) -> Iterator[tuple[Store, Settings]]:
    """Yield the store of a cluster and the settings that lead to it."""
    with open_snapshot(write_snapshot(folder / "snapshot", *OBJECTS, *objects), SnapshotLimits()) as snapshot:
        store = store_of(snapshot).store
        with serving(store) as url:
            access = ClusterAccess(kubeconfig=str(write_kubeconfig(folder / "kubeconfig", url, namespace="")))
            yield store, msgspec.structs.replace(settings, cluster=access)


def looked(settings: Settings) -> Checkup:
    return anyio.run(examine, settings)


def named(checkup: Checkup, area: str, name: str) -> Check:
    (one,) = (one for one in checkup.checks if (one.area, one.name) == (area, name))
    return one


def only_in(*namespaces: str) -> Any:
    def allows(ask: Ask) -> bool:
        return ask.namespace in namespaces

    return allows


def test_through_an_mcp_server_nobody_is_asked_about_permissions(tmp_path: Path, settings: Settings) -> None:
    with cluster(tmp_path, settings) as (_, there):
        kube = kubernetes(Path(there.cluster.kubeconfig), replaces="kubernetes")
        found = looked(msgspec.structs.replace(settings, mcp_servers=(kube,)))

    (permissions,) = (one for one in found.checks if one.area == "permissions")
    assert (permissions.name, permissions.state) == ("reviews", "unused")
    assert permissions.why == "the MCP server kube reads with an account of its own and does not tell what that may do"
    assert permissions.remedy.startswith("look at the gaps of a diagnosis")
    assert named(found, "cluster", "changes").found.startswith("listed again every 60 s")
    assert not [one for one in found.checks if one.name == "metrics API" or "bind the ClusterRole" in one.remedy]


def test_it_says_how_the_cluster_is_reached(tmp_path: Path, settings: Settings) -> None:
    with cluster(tmp_path, settings) as (_, there):
        one = named(looked(there), "cluster", "Kubernetes API")

    assert one.state == "ok"
    assert one.found.startswith("v1.34.0 at http://127.0.0.1:")
    assert one.found.endswith(f"by context 'snapshot' of {tmp_path / 'kubeconfig'}")


def test_permissions_are_those_of_the_whole_cluster(tmp_path: Path, settings: Settings) -> None:
    with cluster(tmp_path, settings) as (_, there):
        checkup = looked(there)

    assert named(checkup, "permissions", "pods").found == "list, watch in the whole cluster"
    assert named(checkup, "permissions", "pods/log").found == "get in the whole cluster"


def test_what_is_denied_says_which_line_would_give_it(tmp_path: Path, settings: Settings) -> None:
    with cluster(tmp_path, settings) as (store, there):
        store.allows = lambda ask: ask.resource.plural != "services"
        checkup = looked(there)

    one = named(checkup, "permissions", "services")
    assert (one.state, one.why) == ("missing", "list, watch denied: no Service is seen")
    assert one.remedy == 'ClusterRole: {apiGroups: [""], resources: ["services"], verbs: [get, list, watch]}'
    assert not checkup.complete


def test_a_role_in_the_namespace_is_enough_for_it(tmp_path: Path, settings: Settings) -> None:
    with cluster(tmp_path, settings) as (store, there):
        store.allows = only_in("shop")
        checkup = looked(msgspec.structs.replace(there, namespace="shop"))

    assert named(checkup, "permissions", "pods").found == "list, watch in shop"
    nodes = named(checkup, "permissions", "nodes")
    assert (nodes.state, nodes.why) == ("missing", "list, watch denied: no Node is seen")
    assert nodes.remedy.startswith("ClusterRole: ")


def test_what_is_denied_in_one_of_the_namespaces_names_it(tmp_path: Path, settings: Settings) -> None:
    other = thing("Namespace", "other", namespace="")
    with cluster(tmp_path, settings, other) as (store, there):
        store.allows = only_in("shop")
        one = named(looked(msgspec.structs.replace(there, namespace="shop,other")), "permissions", "pods")

    assert (one.state, one.found, one.why) == (
        "missing",
        "list, watch in shop",
        "list, watch denied in other: no Pod is seen",
    )
    assert one.remedy.startswith("Role in namespace other: ")


def test_secrets_and_custom_resources_are_optional(tmp_path: Path, settings: Settings) -> None:
    with cluster(tmp_path, settings) as (store, there):
        store.allows = lambda ask: ask.resource.plural not in {"secrets", "httproutes"}
        checkup = looked(there)

    assert named(checkup, "permissions", "secrets").state == "unused"
    assert named(checkup, "permissions", "httproutes.gateway.networking.k8s.io").state == "unused"


def test_a_server_that_answers_no_reviews_says_so(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sre_orchestrator.plugins.sources.k8s.permissions.REVIEWS", "/apis/no.such.group/v1")
    with cluster(tmp_path, settings) as (_, there):
        one = named(looked(there), "permissions", "reviews")

    assert one.state == "missing"
    assert "permissions cannot be asked for" in one.why


def test_prometheus_is_looked_for_and_its_absence_told(tmp_path: Path, settings: Settings) -> None:
    with cluster(tmp_path, settings) as (_, there):
        one = named(looked(there), "services", "prometheus")

    assert (one.state, one.remedy) == ("missing", "set prometheus.url to its address")


def test_a_prometheus_of_the_settings_is_told_with_its_version(tmp_path: Path, settings: Settings) -> None:
    answer = b'{"status": "success", "data": {"version": "2.42.0"}}'
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
    with listening(replying(head.encode() + answer)) as port, cluster(tmp_path, settings) as (_, there):
        url = f"http://127.0.0.1:{port}"
        one = named(looked(msgspec.structs.replace(there, prometheus=Endpoint(url=url))), "services", "prometheus")

    assert (one.state, one.found) == ("ok", f"2.42.0 at {url}, by prometheus.url")


def test_a_prometheus_that_does_not_answer_is_missing(tmp_path: Path, settings: Settings) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    with cluster(tmp_path, settings) as (_, there):
        one = named(looked(msgspec.structs.replace(there, prometheus=Endpoint(url=url))), "services", "prometheus")

    assert (one.state, bool(one.why), bool(one.remedy)) == ("missing", True, True)
    assert url in one.found


@pytest.mark.parametrize(
    ("enabled", "found", "why"),
    [
        (True, "from this machine, by probes.enabled", ""),
        (False, "", "switched off"),
        (None, "", "this runs in no pod of the cluster, so that what it could reach says nothing"),
    ],
)
def test_probes_say_whether_they_are_made(
    tmp_path: Path, settings: Settings, enabled: bool | None, found: str, why: str
) -> None:
    with cluster(tmp_path, settings) as (_, there):
        set_so = msgspec.structs.replace(there, probes=ProbeLimits(enabled=enabled))
        one = named(looked(set_so), "services", "probes")

    assert (one.found, one.why, one.state) == (found, why, "unused" if why else "ok")


@pytest.mark.parametrize("served", [True, False])
def test_the_metrics_api_is_found_among_the_groups(tmp_path: Path, settings: Settings, served: bool) -> None:
    with cluster(tmp_path, settings) as (store, there):
        if served:
            store.define(Resource(kind="PodMetrics", plural="pods", group="metrics.k8s.io", versions=("v1beta1",)))
        one = named(looked(there), "services", "metrics API")

    assert one.state == ("ok" if served else "unused")


def test_a_release_of_helm_is_told(tmp_path: Path, settings: Settings) -> None:
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    annotations = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}
    installed = service("web", labels=labels, metadata={"annotations": annotations})
    with cluster(tmp_path, settings, installed) as (_, there):
        one = named(looked(there), "releases", "Helm")

    assert one.state == "ok"
    assert one.found.startswith("1 releases; ")


def test_without_a_release_helm_is_unused(tmp_path: Path, settings: Settings) -> None:
    with cluster(tmp_path, settings) as (_, there):
        assert named(looked(there), "releases", "Helm").state == "unused"


def test_a_namespace_that_does_not_exist_is_bad_input(tmp_path: Path, settings: Settings) -> None:
    with cluster(tmp_path, settings) as (_, there), pytest.raises(InputError, match=r"no namespace 'shp'.*'shop'"):
        looked(msgspec.structs.replace(there, namespace="shp"))
