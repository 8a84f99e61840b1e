"""Objects with versions: what lists and watches build on."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from sre_orchestrator.api.wire import Store
from sre_orchestrator.api.wire import store as module
from sre_orchestrator.api.wire.store import ExpiredError


def named(kind: str, name: str, namespace: str = "shop", **parts: Any) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {"kind": kind, "apiVersion": "v1", "metadata": {"name": name, **place}, **parts}


def pods(store: Store) -> Any:
    found = store.find("", "v1", "pods")
    assert found is not None
    return found


def names(store: Store, namespace: str = "", after: tuple[str, str] | None = None) -> list[str]:
    return [one.key[1] for one in store.items(pods(store), namespace, after)]


def test_objects_are_in_the_order_of_namespace_and_name() -> None:
    store = Store()
    for namespace, name in (("shop", "b"), ("billing", "c"), ("shop", "a"), ("shop-2", "d")):
        store.apply(named("Pod", name, namespace))

    assert names(store) == ["c", "a", "b", "d"]
    assert names(store, "shop") == ["a", "b"]
    assert names(store, "shop", ("shop", "a")) == ["b"]
    assert names(store, "", ("billing", "c")) == ["a", "b", "d"]


def test_each_change_has_a_version_of_its_own() -> None:
    store = Store()
    first = store.apply(named("Pod", "a"))
    second = store.apply(named("Pod", "a"))
    third = store.delete("Pod", "a", "shop")

    changes = store.changes(pods(store), first - 1)

    assert [one.version for one in changes] == [first, second, third]
    assert [(one.before is None, one.deleted) for one in changes] == [(True, False), (False, False), (False, True)]
    assert changes[2].after.json()["metadata"]["resourceVersion"] == str(third)
    assert names(store) == []


def test_a_recorded_version_is_kept_when_an_object_is_new_and_only_then() -> None:
    store = Store()
    item = named("Pod", "a")
    item["metadata"]["resourceVersion"] = "77"
    store.apply(item)
    before = store.get(pods(store), "shop", "a")

    version = store.apply(item)

    after = store.get(pods(store), "shop", "a")
    assert before is not None
    assert after is not None
    assert before.json()["metadata"]["resourceVersion"] == "77"
    assert after.json()["metadata"]["resourceVersion"] == str(version)


def test_what_does_not_exist_cannot_be_deleted() -> None:
    with pytest.raises(KeyError):
        Store().delete("Pod", "a", "shop")


def test_changes_are_those_of_one_kind() -> None:
    store = Store()
    store.apply(named("Pod", "a"))
    since = store.version
    store.apply(named("Service", "a"))

    assert store.changes(pods(store), since) == []


def test_what_has_expired_is_not_told() -> None:
    store = Store()
    store.apply(named("Pod", "a"))
    old = store.version
    store.apply(named("Pod", "b"))

    store.expire()

    with pytest.raises(ExpiredError, match=f"too old resource version: {old}"):
        store.changes(pods(store), old)
    assert store.changes(pods(store), store.version) == []


def test_a_long_history_forgets_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HISTORY", 3)
    store = Store()
    start = store.version
    for name in "abcd":
        store.apply(named("Pod", name))

    with pytest.raises(ExpiredError):
        store.changes(pods(store), start)
    assert len(store.changes(pods(store), start + 1)) == 3


def test_who_waits_is_woken_by_a_change_of_the_kind() -> None:
    store = Store()
    since, woken = store.version, threading.Event()

    def wait() -> None:
        store.wait(pods(store), since, 30)
        woken.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    store.apply(named("Pod", "a"))
    waiting.join(30)

    assert woken.is_set()


def test_nobody_waits_for_what_has_happened() -> None:
    store = Store()
    since = store.version
    store.apply(named("Pod", "a"))

    store.wait(pods(store), since, 30)

    assert store.changes(pods(store), since)


@pytest.mark.parametrize(
    ("kind", "plural"),
    [("Gateway", "gateways"), ("Policy", "policies"), ("Proxy", "proxies"), ("Mesh", "meshes"), ("Box", "boxes")],
)
def test_an_unknown_kind_gets_the_plural_of_the_generator(kind: str, plural: str) -> None:
    store = Store()

    store.apply(named(kind, "a") | {"apiVersion": "example.org/v1beta1"})

    found = store.find("example.org", "v1beta1", plural)
    assert found is not None
    assert (found.kind, found.namespaced, found.qualified) == (kind, True, f"{plural}.example.org")


def test_an_unknown_kind_without_a_namespace_belongs_to_the_cluster() -> None:
    store = Store()

    store.apply(named("Widget", "a", "") | {"apiVersion": "example.org/v1"}, plural="widgetry")

    found = store.find("example.org", "v1", "widgetry")
    assert found is not None
    assert not found.namespaced


def test_a_definition_describes_its_kind() -> None:
    store = Store()
    names = {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"], "categories": ["all"]}
    versions = [
        {"name": "v1", "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]},
        {"name": "v1alpha1", "served": False},
    ]
    spec = {"group": "example.org", "names": names, "scope": "Cluster", "versions": versions}
    definition = named("CustomResourceDefinition", "widgets.example.org", "", spec=spec)

    store.apply(definition | {"apiVersion": "apiextensions.k8s.io/v1"})

    found = store.find("example.org", "v1", "widgets")
    assert found is not None
    assert (found.short_names, found.categories, found.namespaced) == (("wd",), ("all",), False)
    assert found.columns[0].path == ".spec.size"
    assert store.find("example.org", "v1alpha1", "widgets") is None


def test_a_definition_that_says_too_little_is_an_object_like_others() -> None:
    store = Store()

    store.apply(named("CustomResourceDefinition", "odd", "") | {"apiVersion": "apiextensions.k8s.io/v1"})

    assert [one.kind for one in store.resources() if one.group == "apiextensions.k8s.io"] == [
        "CustomResourceDefinition"
    ]


def test_a_recorded_version_of_a_group_is_served_beside_the_known_one() -> None:
    store = Store()

    store.apply(named("HorizontalPodAutoscaler", "a") | {"apiVersion": "autoscaling/v1"})

    assert store.find("autoscaling", "v1", "horizontalpodautoscalers") is not None
    assert store.find("autoscaling", "v2", "horizontalpodautoscalers") is not None


def test_labels_that_are_no_map_are_none() -> None:
    store = Store()
    item = named("Pod", "a")
    item["metadata"]["labels"] = ["odd"]

    store.apply(item)

    found = store.get(pods(store), "shop", "a")
    assert found is not None
    assert found.labels == {}
