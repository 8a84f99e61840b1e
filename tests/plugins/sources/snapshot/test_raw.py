"""Objects of a dump as they are, also of kinds that no struct describes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sre_orchestrator.plugins.sources.snapshot.layouts import find_layout
from sre_orchestrator.plugins.sources.snapshot.raw import Problem, RawObject, objects_in, raw_objects, recorded_kinds


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def objects(folder: Path) -> list[tuple[str, str, str]]:
    return [
        (str(one.value["apiVersion"]), one.kind, str(one.value["metadata"]["name"]))
        for one in everything(folder)
        if isinstance(one, RawObject)
    ]


def everything(folder: Path) -> list[RawObject | Problem]:
    layout = find_layout(folder)
    assert layout is not None
    return list(raw_objects(layout))


def named(name: str, **parts: object) -> dict[str, object]:
    return {"metadata": {"name": name}, **parts}


@pytest.mark.parametrize(
    ("place", "content", "expected"),
    [
        ("pods/shop.json", {"kind": "PodList", "items": [named("a")]}, ("v1", "Pod", "a")),
        ("pods/shop.json", [named("a")], ("v1", "Pod", "a")),
        ("deployments/shop.json", {"items": [named("a")]}, ("apps/v1", "Deployment", "a")),
        ("hpas/shop.json", {"kind": "List", "items": [named("a")]}, ("autoscaling/v2", "HorizontalPodAutoscaler", "a")),
        ("nodes.json", named("a", kind="Node", apiVersion="v1"), ("v1", "Node", "a")),
        (
            "custom-resources/certificates.cert-manager.io/shop.json",
            {"items": [named("a", kind="Certificate", apiVersion="cert-manager.io/v1")]},
            ("cert-manager.io/v1", "Certificate", "a"),
        ),
        (
            "custom-resources/widgets.example.org/shop.yaml",
            "apiVersion: example.org/v1beta1\nkind: WidgetList\nitems: [{metadata: {name: a}}]",
            ("example.org/v1beta1", "Widget", "a"),
        ),
    ],
)
def test_kind_and_version_come_from_the_item_its_list_or_its_folder(
    tmp_path: Path, place: str, content: object, expected: tuple[str, str, str]
) -> None:
    write(tmp_path / "cluster-resources" / place, content)

    assert objects(tmp_path) == [expected]


def test_the_plural_of_a_custom_resource_is_its_folder(tmp_path: Path) -> None:
    item = named("a", kind="Gateway", apiVersion="example.org/v1")
    write(tmp_path / "cluster-resources/custom-resources/gatewaies.example.org/shop.json", [item])

    [found] = everything(tmp_path)

    assert isinstance(found, RawObject)
    assert (found.plural, found.group) == ("gatewaies", "example.org")


def test_logs_errors_and_what_is_no_object_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/pods/shop.json", [named("a"), {"metadata": {}}, {"metadata": None}, 5, None])
    write(tmp_path / "cluster-resources/pods/logs/shop/a/web.json", [named("log")])
    write(tmp_path / "cluster-resources/nodes-errors.json", ["nodes is forbidden"])
    write(tmp_path / "cluster-resources/auth-cani-list/shop.json", {"status": {}})

    assert objects(tmp_path) == [("v1", "Pod", "a")]


def test_a_file_that_cannot_be_read_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/pods/billing.json", '{"items": [')
    write(tmp_path / "cluster-resources/pods/shop.json", [named("a")])
    write(tmp_path / "cluster-resources/services/shop.json", "")

    found = everything(tmp_path)

    assert [one.where for one in found if isinstance(one, Problem)] == [
        "cluster-resources/pods/billing.json",
        "cluster-resources/services/shop.json",
    ]
    assert objects(tmp_path) == [("v1", "Pod", "a")]


def test_invalid_utf8_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "cluster-resources/configmaps/shop.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'[{"metadata": {"name": "a"}, "data": {"key": "caf\xe9"}}]')

    [found] = everything(tmp_path)

    assert isinstance(found, RawObject)
    assert found.value["data"] == {"key": "caf\ufffd"}


def test_other_dumps_are_read(tmp_path: Path) -> None:
    dump, gathered = tmp_path / "dump", tmp_path / "gathered"
    write(dump / "nodes.json", {"kind": "NodeList", "items": [named("n")]})
    write(dump / "shop" / "pods.json", {"kind": "PodList", "items": [named("a")]})
    write(gathered / "cluster-scoped-resources/core/nodes/n.yaml", "{kind: Node, apiVersion: v1, metadata: {name: n}}")
    write(
        gathered / "namespaces/shop/core/pods.yaml", "{kind: PodList, apiVersion: v1, items: [{metadata: {name: a}}]}"
    )

    assert objects(dump) == objects(gathered) == [("v1", "Node", "n"), ("v1", "Pod", "a")]


def test_one_folder_can_be_read_alone(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/pods/shop.json", [named("a")])
    write(tmp_path / "cluster-resources/nodes.json", [named("n")])
    layout = find_layout(tmp_path)
    assert layout is not None

    assert [one.kind for one in objects_in(layout, "nodes") if isinstance(one, RawObject)] == ["Node"]
    assert [one.kind for one in objects_in(layout, "pods") if isinstance(one, RawObject)] == ["Pod"]


def test_an_empty_list_is_recorded(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/secrets/shop.json", {"kind": "SecretList", "items": []})
    layout = find_layout(tmp_path)
    assert layout is not None

    assert [listed.kind for listed in recorded_kinds(layout)] == ["Secret"]
