"""Pods of one owner share what is equal, and nobody can tell."""

from __future__ import annotations

from typing import Any

import msgspec
from shop import container, pod

from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.sharing import Shared

ENV = [{"name": "COLOUR", "value": "blue"}]


def made(name: str, *, owner: str = "web-1", env: Any = ENV, **more: Any) -> Pod:
    whole = pod(name, containers=[container(env=env)], owner=("ReplicaSet", owner), labels={"app": "web"}, **more)
    return msgspec.json.decode(msgspec.json.encode(whole), type=Pod)


def shared(*pods: Pod) -> tuple[Pod, ...]:
    Shared().add(pods)
    return pods


def test_what_is_equal_is_kept_once() -> None:
    before = made("b")
    first, second = shared(made("a"), made("b"))

    assert second == before
    assert second.spec.containers[0].env is first.spec.containers[0].env
    assert second.metadata.labels is first.metadata.labels


def test_what_differs_stays_as_it_is() -> None:
    other = [{"name": "COLOUR", "value": "red"}]
    first, second = shared(made("a"), made("b", env=other))

    assert [one.spec.containers[0].env[0].value for one in (first, second)] == ["blue", "red"]


def test_pods_of_other_owners_and_namespaces_share_nothing() -> None:
    pods = shared(made("a"), made("b", owner="cart-1"), made("c", namespace="bank"))

    assert len({id(one.metadata.labels) for one in pods}) == 3


def test_pods_without_owner_share_nothing() -> None:
    bare = msgspec.json.decode(msgspec.json.encode(pod("a", labels={"app": "web"})), type=Pod)
    again = msgspec.json.decode(msgspec.json.encode(pod("b", labels={"app": "web"})), type=Pod)
    shared(bare, again)

    assert bare.metadata.labels is not again.metadata.labels
