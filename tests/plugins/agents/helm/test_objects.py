"""The helm agent on objects: what a revision changed in them, and where live ones are not as released."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helm_records import kept
from looking import Seen, look
from shop import container, deployment, patch, service, thing, workload

from sre_orchestrator.plugins.agents.helm import HelmAgent

Json = dict[str, Any]
LISTED = (
    "Secret", "ConfigMap", "Deployment", "Service", "Job", "HorizontalPodAutoscaler", "StatefulSet", "DaemonSet", "CronJob",
)  # fmt: skip
CART = "deployment/shop/cart"
VERSIONS = {
    "Deployment": "apps/v1", "StatefulSet": "apps/v1", "CronJob": "batch/v1", "Job": "batch/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
}  # fmt: skip


def manifest(*objects: Json) -> str:
    return "".join(f"---\n{json.dumps({'apiVersion': VERSIONS.get(one['kind'], 'v1'), **one})}\n" for one in objects)


def seen(folder: Path, *objects: Json) -> Seen:
    return look(HelmAgent(), folder, *objects, kinds=LISTED)


def drifts(folder: Path, released: Json, *live: Json, **more: Any) -> list[tuple[Any, ...]]:
    found = seen(folder, *live, kept(3, manifest=manifest(released), **more)).of("release.drift")
    names = ("field", "container", "item", "released", "live")
    return [(one.component, *(one.attributes.get(name) for name in names)) for one in found]


RELEASED = container(
    image="shop/cart:1.4",
    env=[{"name": "HOST", "value": "db"}, {"name": "DB_PASSWORD", "value": "from-chart"}],
    ports=[{"containerPort": 8080}],
    args=["serve"],
    resources={"limits": {"cpu": 1, "memory": "1Gi"}},
)


def cart(inside: Json = RELEASED, *others: Json, **more: Any) -> Json:
    return deployment("cart", containers=[inside, *others], **more)


def test_live_objects_as_released_do_not_drift(tmp_path: Path) -> None:
    """Defaults of the API server, quantities in other units, sidecars and what mutations add are no drift."""
    lived = patch(
        RELEASED,
        image="shop/cart:1.4@sha256:0123",
        ports=[{"containerPort": 8080, "protocol": "TCP"}, {"containerPort": 9090}],
        env=[*RELEASED["env"], {"name": "INJECTED", "value": "x"}],
        imagePullPolicy="IfNotPresent",
        terminationMessagePath="/dev/termination-log",
        resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": "100m"}},
    )

    assert drifts(tmp_path, cart(), cart(lived, container("istio-proxy", image="proxy"))) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image": "shop/cart:debug"}, ("image", "app", None, "shop/cart:1.4", "shop/cart:debug")),
        ({"args": ["sleep"]}, ("command", "app", None, "serve", "sleep")),
        ({"resources": {"limits": {"memory": "64Mi"}}}, ("resources", "app", "memory limit", "1Gi", "64Mi")),
        ({"resources": {"limits": {"memory": "much"}}}, ("resources", "app", "memory limit", "1Gi", "much")),
        ({"ports": [{"containerPort": 9090}]}, ("port", "app", "8080", "8080/TCP", None)),
        (
            {"env": [{"name": "HOST", "value": "x"}, {"name": "DB_PASSWORD", "value": "from-chart"}]},
            ("env", "app", "HOST", "db", "x"),
        ),
        (
            {"env": [{"name": "HOST", "value": "db"}, {"name": "DB_PASSWORD", "value": "other"}]},
            ("env", "app", "DB_PASSWORD", "***", "***"),
        ),
    ],
)
def test_a_container_that_was_edited_drifts(change: Json, told: tuple[Any, ...], tmp_path: Path) -> None:
    assert drifts(tmp_path, cart(), cart(patch(RELEASED, **change))) == [(CART, *told)]


def test_where_a_variable_comes_from_is_compared(tmp_path: Path) -> None:
    def with_key(key: str) -> Json:
        source = {"secretKeyRef": {"name": "db", "key": key}}
        return cart(container(image="a", env=[{"name": "HOST", "valueFrom": source}]))

    same = drifts(tmp_path / "a", with_key("host"), with_key("host"))
    other = drifts(tmp_path / "b", with_key("host"), with_key("name"))

    assert same == []
    assert [(one[1], one[3]) for one in other] == [("env", "HOST")]


def test_a_container_that_was_removed_is_told_once(tmp_path: Path) -> None:
    assert drifts(tmp_path, cart(), cart(container("other"))) == [(CART, "image", "app", None, "shop/cart:1.4", None)]


def test_replicas_drift_unless_something_scales_them(tmp_path: Path) -> None:
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "cart"}}
    scaler = thing("HorizontalPodAutoscaler", "cart", spec=target)

    assert drifts(tmp_path / "a", cart(replicas=2), cart(replicas=0)) == [(CART, "replicas", None, None, "2", "0")]
    assert drifts(tmp_path / "b", cart(replicas=2), cart(replicas=5), scaler) == []
    unset = patch(cart(), spec={"replicas": None})
    assert drifts(tmp_path / "c", unset, cart(replicas=5)) == []


def test_an_autoscaler_of_the_release_scales_too(tmp_path: Path) -> None:
    scaler = thing("HorizontalPodAutoscaler", "cart", spec={"scaleTargetRef": {"kind": "Deployment", "name": "cart"}})
    released = manifest(cart(replicas=2), scaler)

    found = seen(tmp_path, cart(replicas=5), kept(3, manifest=released))

    assert [fact.component for fact in found.of("release.drift")] == ["horizontalpodautoscaler/shop/cart"]


def test_selector_and_ports_of_a_service_drift(tmp_path: Path) -> None:
    edited = patch(
        service("cart", port=80), spec={"selector": {"app": "carts"}, "ports": [{"port": 80, "targetPort": 9}]}
    )

    assert drifts(tmp_path, service("cart", port=80), edited) == [
        ("service/shop/cart", "selector", None, "app", "cart", "carts"),
        ("service/shop/cart", "port", None, "80", "80 → 80/TCP", "80 → 9/TCP"),
    ]


def test_of_long_configuration_the_first_line_that_differs_is_told(tmp_path: Path) -> None:
    def settings(text: str) -> Json:
        return thing("ConfigMap", "cart", data={"app.properties": text, "same": "x\n", "api-key": "a" + text})

    told = drifts(tmp_path / "a", settings("a=1\nhost=db\n"), settings("a=1\nhost=x\nb=2\n"))
    cut = drifts(tmp_path / "b", settings("a=1\nb=2\n"), settings("a=1"))

    where = ("configmap/shop/cart", "data", None)
    assert told == [(*where, "app.properties", "host=db", "host=x"), (*where, "api-key", "***", "***")]
    assert cut[0] == (*where, "app.properties", "b=2", "")


def test_an_object_that_was_deleted_drifts_where_all_are_known(tmp_path: Path) -> None:
    gone = drifts(tmp_path / "a", service("cart"))
    unknown = look(HelmAgent(), tmp_path / "b", kept(3, manifest=manifest(service("cart")))).of("release.drift")
    done = drifts(tmp_path / "c", thing("Job", "seed"))

    assert gone == [("service/shop/cart", "object", None, None, "present", None)]
    assert (unknown, done) == ([], [])


@pytest.mark.parametrize("status", ["failed", "pending-upgrade"])
def test_an_upgrade_that_did_not_end_well_is_no_measure(status: str, tmp_path: Path) -> None:
    assert drifts(tmp_path, cart(replicas=2), cart(replicas=3), status=status) == []


def test_drift_names_the_revision_and_is_capped(tmp_path: Path) -> None:
    data = {f"key-{place}": "x" for place in range(40)}
    live = thing("ConfigMap", "cart", data=dict.fromkeys(data, "y"))

    found = seen(tmp_path, live, kept(3, manifest=manifest(thing("ConfigMap", "cart", data=data)), minutes_ago=9000))

    told = found.of("release.drift")
    assert len(told) == 20
    assert (told[0].attributes["release"], told[0].attributes["revision"]) == ("release/shop/cart", 3)
    assert told[0].query == "kubectl get configmap cart -n shop -o yaml"


def test_what_a_revision_changed_is_told_except_for_deployments(tmp_path: Path) -> None:
    def release(host: str, schedule_image: str, *more: Json) -> str:
        nightly = thing(
            "CronJob",
            "nightly",
            spec={"jobTemplate": {"spec": {"template": {"spec": {"containers": [container(image=schedule_image)]}}}}},
        )
        settings = thing("ConfigMap", "cart", data={"host": host})
        return manifest(cart(container(image=schedule_image)), nightly, settings, workload("StatefulSet", "db"), *more)

    found = seen(
        tmp_path,
        kept(4, manifest=release("db-1", "a:2", service("cart"))),
        kept(3, status="superseded", manifest=release("db", "a:1", service("old")), minutes_ago=900),
    )

    names = ("field", "item", "before", "after")
    told = {
        (one.component, *(one.attributes.get(name) for name in names)) for one in found.of("release.object_changed")
    }
    assert told == {
        ("configmap/shop/cart", "data", "host", "db", "db-1"),
        ("cronjob/shop/nightly", "image", None, "a:1", "a:2"),
        ("service/shop/cart", "object", None, None, "present"),
        ("service/shop/old", "object", None, "present", None),
    }
    one = found.of("release.object_changed")[0]
    assert (one.attributes["revision"], one.attributes["previous_revision"]) == (4, 3)
    assert one.query == "helm get manifest cart -n shop --revision 4"


def test_what_only_the_new_revision_sets_is_a_change(tmp_path: Path) -> None:
    found = seen(
        tmp_path,
        kept(4, manifest=manifest(thing("ConfigMap", "cart", data={"a": "1", "b": "2"}))),
        kept(3, status="superseded", manifest=manifest(thing("ConfigMap", "cart", data={"a": "1"})), minutes_ago=900),
    )

    one = found.only("release.object_changed")
    assert (one.attributes["item"], one.attributes["after"], "before" in one.attributes) == ("b", "2", False)


def test_manifests_that_were_not_read_are_not_compared(tmp_path: Path) -> None:
    found = seen(
        tmp_path,
        kept(4, manifest=manifest(service("cart"))),
        kept(3, status="superseded", contents=False, minutes_ago=900),
    )

    assert found.of("release.object_changed") == []
