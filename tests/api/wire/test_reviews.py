"""What clients may do, asked in JSON or protobuf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sre_orchestrator.api.wire import Store, serving

ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


@pytest.fixture
def store() -> Store:
    store = Store()
    store.allows = lambda ask: ask.resource.plural != "secrets" and (ask.namespace == "shop" or ask.verb == "list")
    return store


@pytest.fixture
def client(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as url, httpx.Client(base_url=url) as client:
        yield client


def field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def protobuf(spec: bytes, extra: bytes = b"") -> bytes:
    """Return a review as client-go encodes it: magic, a runtime.Unknown around type and object."""
    kind = field(1, b"authorization.k8s.io/v1") + field(2, b"SelfSubjectAccessReview")
    return b"k8s\0" + field(1, kind) + field(2, field(1, b"") + extra + field(2, spec)) + field(3, b"") + field(4, b"")


def asked(**attributes: str) -> dict[str, Any]:
    return {"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}


@pytest.mark.parametrize(
    ("attributes", "allowed"),
    [
        ({"verb": "get", "resource": "pods", "namespace": "shop"}, True),
        ({"verb": "get", "resource": "pods"}, False),
        ({"verb": "list", "resource": "deployments", "group": "apps"}, True),
        ({"verb": "list", "resource": "deployments"}, False),
        ({"verb": "list", "resource": "secrets"}, False),
        ({"verb": "list", "resource": "*", "group": "*"}, False),
        ({"verb": "list", "resource": "*", "group": "apps"}, True),
        ({"verb": "delete", "resource": "pods", "namespace": "shop"}, False),
        ({"verb": "list", "resource": "nothing"}, False),
    ],
)
def test_what_is_allowed_is_what_is_served(client: httpx.Client, attributes: dict[str, str], allowed: bool) -> None:
    answer = client.post(ACCESS, json=asked(**attributes))

    assert answer.status_code == 201
    assert answer.json()["status"]["allowed"] is allowed


def test_a_review_in_protobuf_is_understood(client: httpx.Client) -> None:
    names = {1: b"shop", 2: b"get", 3: b"", 4: b"v1", 5: b"pods"}
    attributes = b"".join(field(number, value) for number, value in names.items())
    numbers = b"\x20\x96\x01" + b"\x29" + b"\0" * 8 + b"\x2d" + b"\0" * 4

    answer = client.post(ACCESS, content=protobuf(field(1, attributes), numbers))

    assert answer.json()["spec"]["resourceAttributes"] == {
        "namespace": "shop",
        "verb": "get",
        "group": "",
        "version": "v1",
        "resource": "pods",
    }
    assert answer.json()["status"]["allowed"] is True


def test_paths_may_be_read(client: httpx.Client) -> None:
    path = {"spec": {"nonResourceAttributes": {"path": "/version", "verb": "get"}}}

    assert client.post(ACCESS, json=path).json()["status"]["allowed"] is True
    assert client.post(ACCESS, content=protobuf(field(2, b""))).json()["status"]["allowed"] is True


@pytest.mark.parametrize("body", [b"{", b"[]", b"k8s\0\x12\x50cut", b"k8s\0\x0b", b"k8s\0\x80", b"\xff"])
def test_a_review_that_cannot_be_read_is_a_bad_request(client: httpx.Client, body: bytes) -> None:
    answer = client.post(ACCESS, content=body)

    assert answer.status_code == 400
    assert "cannot be read" in answer.json()["message"]


def test_a_review_without_a_spec_asks_for_nothing(client: httpx.Client) -> None:
    assert client.post(ACCESS, json={"spec": None}).json()["status"]["allowed"] is True


@pytest.mark.parametrize("namespace", ["shop", "billing"])
def test_rules_list_what_may_be_read_in_a_namespace(client: httpx.Client, namespace: str) -> None:
    in_json = client.post(RULES, json={"spec": {"namespace": namespace}}).json()["status"]
    in_protobuf = client.post(RULES, content=protobuf(field(1, namespace.encode()))).json()["status"]

    verbs = {name: tuple(one["verbs"]) for one in in_json["resourceRules"] for name in one["resources"]}
    assert in_json == in_protobuf
    assert verbs["pods"] == verbs["pods/log"] == (("get", "list", "watch") if namespace == "shop" else ("list",))
    assert "secrets" not in verbs
