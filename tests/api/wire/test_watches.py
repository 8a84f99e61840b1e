"""Watches: from a version, from the start, with selectors, bookmarks, expiry and an end."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from sre_orchestrator.api.wire import Store, serving

PODS = "/api/v1/namespaces/shop/pods"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
METADATA = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}


def pod(name: str, namespace: str = "shop", **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"containers": []}}


@pytest.fixture
def store() -> Store:
    store = Store()
    store.apply(pod("a"))
    store.apply(pod("other", "billing"))
    return store


@contextmanager
def watching(
    store: Store, headers: dict[str, str] | None = None, **parameters: object
) -> Iterator[Iterator[dict[str, Any]]]:
    """Yield the lines of a watch, decoded."""
    query = {"watch": "true", **{key: str(value) for key, value in parameters.items()}}
    with (
        serving(store, bookmark_seconds=0.05) as url,
        httpx.stream("GET", url + PODS, params=query, headers=headers, timeout=20) as answer,
    ):
        yield (json.loads(line) for line in answer.iter_lines())


def told(line: dict[str, Any]) -> tuple[str, str]:
    return line["type"], line["object"]["metadata"]["name"]


def test_a_watch_without_a_version_begins_with_what_exists(store: Store) -> None:
    with watching(store) as lines:
        first = told(next(lines))
        store.apply(pod("b"))
        second = told(next(lines))

    assert [first, second] == [("ADDED", "a"), ("ADDED", "b")]


def test_a_watch_goes_on_after_its_version_in_its_namespace(store: Store) -> None:
    since = store.version
    store.apply(pod("a", app="web"))
    store.apply(pod("other", "billing", app="web"))

    with watching(store, resourceVersion=since) as lines:
        changed = next(lines)
        store.delete("Pod", "a", "shop")
        gone = next(lines)

    assert [told(changed), told(gone)] == [("MODIFIED", "a"), ("DELETED", "a")]
    assert changed["object"]["kind"] == "Pod"
    assert gone["object"]["metadata"]["resourceVersion"] == str(store.version)


def test_an_object_that_comes_to_match_is_added_and_one_that_ceases_to_is_deleted(store: Store) -> None:
    with watching(store, resourceVersion=store.version, labelSelector="app=web") as lines:
        store.apply(pod("a", app="db"))
        store.apply(pod("a", app="web"))
        store.apply(pod("a", app="web", more="yes"))
        store.apply(pod("a", app="db"))
        store.delete("Pod", "a", "shop")
        store.apply(pod("b", app="web"))
        found = [told(next(lines)) for _ in range(4)]

    assert found == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "b")]


def test_the_start_ends_with_a_bookmark_when_it_is_asked_for(store: Store) -> None:
    with watching(store, sendInitialEvents="true", allowWatchBookmarks="true", resourceVersion="0") as lines:
        first, second = next(lines), next(lines)

    assert told(first) == ("ADDED", "a")
    assert second["type"] == "BOOKMARK"
    assert second["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_bookmarks_tell_how_far_a_quiet_watch_is(store: Store) -> None:
    since = store.version

    with watching(store, resourceVersion=since, allowWatchBookmarks="true") as lines:
        bookmark = next(lines)

    assert (bookmark["type"], bookmark["object"]["kind"]) == ("BOOKMARK", "Pod")
    assert bookmark["object"]["metadata"]["resourceVersion"] == str(since)


def test_a_watch_ends_when_it_wants_to_with_a_bookmark(store: Store) -> None:
    with watching(store, resourceVersion=store.version, timeoutSeconds=1, allowWatchBookmarks="true") as lines:
        found = list(lines)

    assert {line["type"] for line in found} == {"BOOKMARK"}


def test_bookmarks_are_sent_to_those_who_ask(store: Store) -> None:
    with watching(store, resourceVersion=store.version, timeoutSeconds=1) as lines:
        assert list(lines) == []


def test_a_version_that_has_expired_ends_the_watch_with_410(store: Store) -> None:
    old = store.version
    store.apply(pod("b"))
    store.expire()

    with watching(store, resourceVersion=old) as lines:
        found = list(lines)

    assert [(line["type"], line["object"]["code"]) for line in found] == [("ERROR", 410)]


def test_a_watch_that_is_open_when_versions_expire_goes_on(store: Store) -> None:
    with watching(store, resourceVersion=store.version) as lines:
        store.apply(pod("b"))
        first = told(next(lines))
        store.expire()
        store.apply(pod("c"))
        second = told(next(lines))

    assert [first, second] == [("ADDED", "b"), ("ADDED", "c")]


def test_a_version_that_is_yet_to_come_ends_the_watch(store: Store) -> None:
    with watching(store, resourceVersion=999) as lines:
        found = list(lines)

    assert [(line["type"], line["object"]["code"]) for line in found] == [("ERROR", 504)]


@pytest.mark.parametrize(("headers", "kind"), [(TABLE, "Table"), (METADATA, "PartialObjectMetadata")])
def test_changes_have_the_form_that_is_asked_for(store: Store, headers: dict[str, str], kind: str) -> None:
    with watching(store, headers) as lines:
        line = next(lines)

    assert (line["type"], line["object"]["kind"]) == ("ADDED", kind)


def test_a_server_that_stops_ends_its_watches(store: Store) -> None:
    with serving(store) as url:
        answer = httpx.Client().stream("GET", url + PODS, params={"watch": "1"}, timeout=20)
        with answer as open_watch:
            lines = open_watch.iter_lines()
            next(lines)
            stopping = threading.Thread(target=store.wake)
            stopping.start()
            stopping.join()
            store.apply(pod("b"))
            assert '"b"' in next(lines)


def test_a_client_that_hangs_up_ends_its_watch(store: Store) -> None:
    with serving(store) as url:
        host, port = httpx.URL(url).host, httpx.URL(url).port or 0
        with socket.create_connection((host, port), timeout=10) as raw:
            raw.sendall(f"GET {PODS}?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert raw.makefile("rb").readline().startswith(b"HTTP/1.1 200")
        store.apply(pod("b"))
        store.apply(pod("c"))

        assert httpx.get(f"{url}/healthz").text == "ok"
