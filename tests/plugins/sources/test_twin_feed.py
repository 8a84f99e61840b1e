"""The objects of a cluster become components and relations, each with where it was read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from shop import container, deployment, endpoints, node, patch, pod, service, thing, workload, write_snapshot

from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot
from sre_orchestrator.plugins.sources.twin_feed import feed

CART = "deployment/shop/cart"
MANY = {f"key {number}": "a" for number in range(30)}


class Fed:
    """What the twin is fed."""

    def __init__(self, found: list[Component | Edge | Gap]) -> None:
        self.components = {one.id: one for one in found if isinstance(one, Component)}
        self.edges = {(one.source, one.kind, one.target): one.provenance for one in found if isinstance(one, Edge)}
        self.gaps = [one for one in found if isinstance(one, Gap)]

    def of(self, kind: str, source: str) -> dict[str, str]:
        """Return target and provenance of the edges of ``kind`` that leave ``source``."""
        return {to: where for (one, edge, to), where in self.edges.items() if (one, edge) == (source, kind)}


def fed(folder: Path, *objects: dict[str, Any], **more: Any) -> Fed:
    async def collect() -> list[Component | Edge | Gap]:
        with open_snapshot(write_snapshot(folder, *objects, **more), SnapshotLimits()) as source:
            return [one async for one in feed(source)]

    return Fed(anyio.run(collect))


def test_an_object_is_a_component_since_it_was_made(tmp_path: Path) -> None:
    found = fed(tmp_path, node("node-a"), pod("cart-1"), thing("Namespace", "shop", namespace=""))

    assert set(found.components) == {"node/node-a", "pod/shop/cart-1", "namespace/shop"}
    since = found.components["pod/shop/cart-1"].since
    assert since is not None
    assert since.isoformat() == "2030-05-01T09:00:00+00:00"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (deployment("cart"), deployment("cart", replicas=0)),
        (deployment("cart"), deployment("cart", containers=[container(image="cart:2")])),
        (pod("cart-1"), pod("cart-1", node="node-b")),
        (pod("cart-1"), pod("cart-1", phase="Failed")),
        (pod("cart-1"), pod("cart-1", labels={"app": "kart"})),
        (node(), patch(node(), spec={"unschedulable": True})),
        (node(), patch(node(), spec={"taints": [{"key": "gpu", "effect": "NoSchedule"}]})),
        (service("cart"), service("cart", {"app": "kart"})),
        (service("cart"), service("cart", port=81)),
        (thing("ConfigMap", "cart", data={"a": "1"}), thing("ConfigMap", "cart", data={"a": "2"})),
        (thing("ConfigMap", "cart"), thing("ConfigMap", "cart", metadata={"generation": 2})),
        (thing("ConfigMap", "big", data=MANY), thing("ConfigMap", "big", data={**MANY, "key 0": "b"})),
        (
            thing("ResourceQuota", "q", spec={"hard": {"pods": "9"}}),
            thing("ResourceQuota", "q", spec={"hard": {"pods": 8}}),
        ),
        (thing("HorizontalPodAutoscaler", "c"), thing("HorizontalPodAutoscaler", "c", spec={"maxReplicas": 9})),
        (thing("PersistentVolumeClaim", "c"), thing("PersistentVolumeClaim", "c", status={"phase": "Lost"})),
        (thing("NetworkPolicy", "p"), thing("NetworkPolicy", "p", spec={"policyTypes": ["Ingress"]})),
        (thing("CronJob", "nightly"), thing("CronJob", "nightly", spec={"suspend": True})),
    ],
)
def test_a_change_shows_in_the_attributes(tmp_path: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    (one,), (other,) = (fed(tmp_path / name, made).components.values() for name, made in (("a", before), ("b", after)))

    assert one.id == other.id
    assert one.attributes != other.attributes


def attributes(folder: Path, made: dict[str, Any]) -> dict[str, Any]:
    (component,) = fed(folder, made).components.values()
    return component.attributes


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])
@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("environment_digest", {"env": [{"name": "A", "value": "1"}]}),
        ("commands_digest", {"args": ["--verbose"]}),
        ("resources_digest", {"resources": {"limits": {"memory": "1Gi"}}}),
        ("probes_digest", {"readinessProbe": {"tcpSocket": {"port": 80}}}),
        ("images", {"image": "cart:2"}),
    ],
)
def test_a_template_shows_which_part_of_it_differs(
    tmp_path: Path, kind: str, part: str, change: dict[str, Any]
) -> None:
    before = attributes(tmp_path / "a", workload(kind, "cart"))
    after = attributes(tmp_path / "b", workload(kind, "cart", containers=[container(**change)]))

    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert differing == {part, "template_digest"}


def test_keys_of_a_config_map_differ_by_name(tmp_path: Path) -> None:
    found = attributes(tmp_path, thing("ConfigMap", "cart", data={"app.yml": "password: hunter2"}))

    assert set(found) == {"data app.yml_digest"}
    assert "hunter2" not in str(found)


def test_nothing_of_a_secret_or_a_status_shows(tmp_path: Path) -> None:
    secret = thing("Secret", "db", data={"password": "aHVudGVyMg=="})
    found = fed(tmp_path, secret, deployment("cart", ready=0))

    assert found.components["secret/shop/db"].attributes == {}
    assert found.components[CART].attributes == fed(tmp_path / "x", deployment("cart")).components[CART].attributes


def test_owners_own_and_releases_hold(tmp_path: Path) -> None:
    released = patch(deployment("cart"), metadata={"annotations": {"meta.helm.sh/release-name": "shop-1"}})
    mirror = pod("proxy", owner=("Node", "node-a"))

    found = fed(tmp_path, released, pod("cart-1", owner=("ReplicaSet", "cart-abc")), mirror)

    assert found.of("owns", "replicaset/shop/cart-abc") == {"pod/shop/cart-1": "ownerReferences"}
    assert found.of("owns", "node/node-a") == {"pod/shop/proxy": "ownerReferences"}
    assert found.of("belongs_to_release", CART) == {"release/shop/shop-1": "annotation meta.helm.sh/release-name"}


def test_pods_run_on_nodes_and_pending_ones_on_none(tmp_path: Path) -> None:
    found = fed(tmp_path, pod("cart-1"), pod("cart-2", node="", phase="Pending"))

    assert found.of("runs_on", "pod/shop/cart-1") == {"node/node-a": "spec.nodeName"}
    assert found.of("runs_on", "pod/shop/cart-2") == {}


def test_what_a_pod_and_its_template_use(tmp_path: Path) -> None:
    spec = {
        "serviceAccountName": "robot",
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "files", "configMap": {"name": "files"}},
            {"name": "keys", "secret": {"secretName": "keys"}},
            {"name": "mix", "projected": {"sources": [{"configMap": {"name": "part"}}, {"secret": {"name": "half"}}]}},
            {"name": "scratch", "emptyDir": {}},
        ],
        "initContainers": [
            container("init", envFrom=[{"configMapRef": {"name": "all"}}, {"secretRef": {"name": "every"}}])
        ],
        "containers": [
            container(
                env=[
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "one", "key": "a"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "two", "key": "b"}}},
                    {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "D", "value": "x"},
                ]
            )
        ],
    }

    found = fed(tmp_path, pod("cart-1", spec=spec), deployment("cart", spec={"template": {"spec": spec}}))

    for user in ("pod/shop/cart-1", CART):
        assert found.of("uses_account", user) == {"serviceaccount/shop/robot": "spec.serviceAccountName"}
        assert found.of("mounts", user) == {"persistentvolumeclaim/shop/data": "volume data"}
        assert found.of("uses_config", user) == {
            "configmap/shop/files": "volume files",
            "configmap/shop/part": "volume mix",
            "configmap/shop/all": "envFrom of init",
            "configmap/shop/one": "env A",
        }
        assert found.of("uses_secret", user) == {
            "secret/shop/keys": "volume keys",
            "secret/shop/half": "volume mix",
            "secret/shop/every": "envFrom of init",
            "secret/shop/two": "env B",
            "secret/shop/registry": "imagePullSecrets",
        }


def test_services_select_by_labels_and_by_endpoints(tmp_path: Path) -> None:
    found = fed(
        tmp_path,
        service("cart"),
        service("headless", {"app": "none"}),
        patch(service("manual"), spec={"selector": None}),
        pod("cart-1", labels={"app": "cart"}),
        pod("web-1", labels={"app": "web"}),
        pod("cart-9", labels={"app": "cart"}, namespace="bank"),
        endpoints("cart", ready=["cart-1"], not_ready=["cart-2"]),
        thing("Endpoints", "outside", subsets=[{"addresses": [{"ip": "10.9.9.9"}]}]),
    )

    assert found.of("selects", "service/shop/cart") == {
        "pod/shop/cart-1": "endpoints; spec.selector",
        "pod/shop/cart-2": "endpoints",
    }
    assert found.of("selects", "service/shop/headless") == {}
    assert found.of("selects", "service/shop/outside") == {}


def test_ingresses_route_to_services(tmp_path: Path) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    ingress = thing(
        "Ingress",
        "front",
        spec={
            "defaultBackend": {"service": {"name": "fallback"}},
            "rules": [
                {"host": "a", "http": {"paths": [{"path": "/", "backend": backend}, {"backend": {}}]}},
                {"host": "b"},
            ],
        },
    )

    found = fed(tmp_path, ingress, thing("Ingress", "empty"))

    assert set(found.of("routes_to", "ingress/shop/front")) == {"service/shop/web", "service/shop/fallback"}
    assert found.of("routes_to", "ingress/shop/empty") == {}


def test_routes_of_gateways_and_meshes_lead_to_services_too(tmp_path: Path) -> None:
    references = [{"name": "web"}, {"name": "ledger", "namespace": "bank"}, {"kind": "Bucket", "name": "files"}]
    hosts = ["web", "ledger.bank.svc.cluster.local", "api.example.com"]
    found = fed(
        tmp_path,
        thing("HTTPRoute", "front", spec={"rules": [{"backendRefs": references}]}),
        thing(
            "VirtualService", "front", spec={"http": [{"route": [{"destination": {"host": host}} for host in hosts]}]}
        ),
    )

    for kind in ("httproute", "virtualservice"):
        assert set(found.of("routes_to", f"{kind}/shop/front")) == {"service/shop/web", "service/bank/ledger"}
        assert f"{kind}/shop/front" in found.components


def test_custom_resources_that_are_not_there_are_no_gap(tmp_path: Path) -> None:
    missing = {gap.what for gap in fed(tmp_path, node()).gaps}

    assert "all pods" in missing
    assert not missing & {"all httproutes", "all virtualservices"}


def test_claims_bind_autoscalers_scale_and_limits_limit(tmp_path: Path) -> None:
    found = fed(
        tmp_path,
        thing("PersistentVolumeClaim", "data", spec={"volumeName": "pv-1"}),
        thing("PersistentVolumeClaim", "waiting"),
        thing("HorizontalPodAutoscaler", "cart", spec={"scaleTargetRef": {"kind": "Deployment", "name": "cart"}}),
        thing("ResourceQuota", "small"),
        deployment("cart"),
        workload("StatefulSet", "db"),
        deployment("cart", namespace="bank"),
        thing("NetworkPolicy", "deny", spec={"podSelector": {"matchLabels": {"app": "cart"}}}),
        namespaces=("shop", "bank"),
    )

    assert found.of("binds", "persistentvolumeclaim/shop/data") == {"persistentvolume/pv-1": "spec.volumeName"}
    assert found.of("binds", "persistentvolumeclaim/shop/waiting") == {}
    assert found.of("scales", "horizontalpodautoscaler/shop/cart") == {CART: "spec.scaleTargetRef"}
    assert found.of("limits", "resourcequota/shop/small") == {"namespace/shop": "metadata.namespace"}
    assert found.of("limits", "networkpolicy/shop/deny") == {CART: "spec.podSelector"}


def test_callers_depend_on_the_services_that_they_are_configured_with(tmp_path: Path) -> None:
    mounted = {
        "volumes": [{"name": "files", "configMap": {"name": "web"}}],
        "containers": [
            container(
                env=[
                    {"name": "CART_ADDR", "value": "cart:7070"},
                    {"name": "BANK_URL", "value": "http://ledger.bank.svc:80"},
                    {"name": "NOWHERE_URL", "value": "http://nobody:80"},
                    {"name": "DB_HOST", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "host"}}},
                    {"name": "MISSING", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "absent"}}},
                ],
                envFrom=[
                    {"configMapRef": {"name": "common"}},
                    {"configMapRef": {"name": "absent"}},
                    {"secretRef": {"name": "x"}},
                ],
                volumeMounts=[{"name": "files", "mountPath": "/etc/web"}],
            )
        ],
    }

    found = fed(
        tmp_path,
        deployment("web", spec={"template": {"spec": mounted}}),
        deployment("cart"),
        *(service(name) for name in ("cart", "db", "mail", "queue")),
        service("ledger", namespace="bank"),
        thing("ConfigMap", "web", data={"host": "db", "web.yaml": "mail:\n  url: smtp://mail:25\n"}),
        thing("ConfigMap", "common", data={"QUEUE_ADDR": "queue:5672"}),
        thing("CronJob", "nightly", spec={"jobTemplate": {"spec": {"template": {"spec": mounted}}}}),
        namespaces=("shop", "bank"),
    )

    wanted = {"service/shop/cart", "service/bank/ledger", "service/shop/db", "service/shop/mail", "service/shop/queue"}
    assert set(found.of("depends_on", "deployment/shop/web")) == wanted
    assert set(found.of("depends_on", "cronjob/shop/nightly")) == wanted
    assert found.of("depends_on", "deployment/shop/web")["service/shop/cart"] == "env CART_ADDR of container app"
    assert found.of("depends_on", "service/shop/cart") == {CART: "spec.selector"}


def test_declared_calls_are_relations_between_workloads(tmp_path: Path) -> None:
    found = fed(
        tmp_path,
        deployment("web"),
        deployment("cart"),
        service("cart"),
        deployment("cart", namespace="bank"),
        topology={"web": ["cart", "nobody"], "ghost": ["cart"]},
        namespaces=("shop", "bank"),
    )

    assert found.of("depends_on", "deployment/shop/web") == dict.fromkeys(
        [CART, "service/shop/cart"], "topology/service-dependencies.json"
    )


def test_every_kind_that_is_not_there_is_a_gap(tmp_path: Path) -> None:
    found = fed(tmp_path, pod("cart-1"))

    assert "all events" in {gap.what for gap in found.gaps}
    assert "all pods" not in {gap.what for gap in found.gaps}
