"""Payloads from strangers: damaged, huge, old, and what is in them."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from helm_records import record, release

from sre_orchestrator.plugins.sources.helm.history import read_releases, split_chart
from sre_orchestrator.plugins.sources.helm.payload import MAX_BYTES, BadPayload, stored
from sre_orchestrator.plugins.sources.helm.values import flat_values
from sre_orchestrator.plugins.sources.ports import ReleaseRecordList


def packed(text: bytes) -> bytes:
    return base64.b64encode(gzip.compress(text, 1, mtime=0))


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"\xff\xfe", "is no base64"),
        (b"not base64!", "is no base64"),
        (base64.b64encode(b"\x1f\x8b\x08 not gzip at all"), "is no gzip"),
        (base64.b64encode(gzip.compress(b"{}" * 5000, mtime=0)[:-40]), "is cut off"),
        (packed(b" " * (MAX_BYTES + 1)), "unpacks to more than 32 MiB"),
        (packed(b"{"), "is no release"),
        (packed(b"\xff"), "is no release"),
        (packed(b'{"version": "one"}'), "is no release"),
        (packed(b'{"version": 1, "config": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}"), "is no release"),
    ],
    ids=["bytes", "text", "gzip", "cut", "bomb", "json", "utf-8", "type", "deep"],
)
def test_what_cannot_be_decoded_says_why(payload: bytes, why: str) -> None:
    with pytest.raises(BadPayload, match=why):
        stored(payload)


def test_a_record_that_cannot_be_decoded_is_known_by_its_labels_and_a_gap_names_it() -> None:
    damaged = record(2, status="deployed", payload=b"?")

    found = read_releases(ReleaseRecordList(items=(record(1, status="superseded"), damaged)))

    assert [(one.revision, one.status, one.whole) for one in found.items] == [
        (2, "deployed", False),
        (1, "superseded", True),
    ]
    (gap,) = found.gaps
    assert gap.what == "revision 2 of release cart in shop"
    assert "the payload of Secret sh.helm.release.v1.cart.v2 is no base64" in gap.why
    assert gap.remedy == "kubectl get secret sh.helm.release.v1.cart.v2 -n shop -o yaml"


def test_values_that_are_nested_too_deeply_are_named() -> None:
    """At some depth the document can still be decoded, and its values no longer be told."""
    found = []
    for depth in range(900, 1000):
        text = b'{"version": 1, "config": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
        found += read_releases(ReleaseRecordList(items=(record(1, payload=packed(text)),))).gaps

    assert found
    assert {gap.why.partition(" sh.helm.release.v1.cart.v1 ")[2][:9] for gap in found} <= {"is nested", "is no rel"}
    assert any("is nested too deeply" in gap.why for gap in found)


def test_a_payload_of_before_compression_is_read() -> None:
    plain = base64.b64encode(json.dumps(release(1)).encode())

    assert stored(plain).version == 1


def test_times_that_say_nothing_are_none() -> None:
    info = {"first_deployed": "", "last_deployed": "0001-01-01T00:00:00Z", "status": "failed", "deleted": "yesterday"}
    hook = {"name": "h", "kind": "Job", "events": None, "last_run": {"started_at": "soon", "phase": None}}

    (found,) = read_releases(ReleaseRecordList(items=(record(1, info=info, hooks=[hook]),))).items

    assert (found.first_deployed, found.last_deployed, found.hooks[0].started_at, found.hooks[0].events) == (
        None,
        None,
        None,
        (),
    )


def test_a_release_without_chart_values_or_hooks_is_read() -> None:
    (found,) = read_releases(ReleaseRecordList(items=(record(1, chart=None, config=None, hooks=None),))).items

    assert (found.chart, found.values, found.hooks, found.whole) == ("", {}, (), True)


def test_without_a_time_in_the_record_its_label_tells_it() -> None:
    labelled = record(1, payload=None, modified="1903867200", created=None)
    silent = record(2, payload=None, modified="99999999999999", created=None)

    found = read_releases(ReleaseRecordList(items=(labelled, silent))).items

    assert [one.last_deployed for one in found] == [None, datetime(2030, 5, 1, 12, tzinfo=UTC)]


@pytest.mark.parametrize("name", ["", "Cart", "cart; reboot", "-cart", "a" * 54])
def test_what_no_release_can_be_called_is_left_out(name: str) -> None:
    assert read_releases(ReleaseRecordList(items=(record(1, name=name),))).items == ()


def test_the_manifest_is_read_document_by_document() -> None:
    manifest = """---
# Source: cart/templates/list.yaml
apiVersion: v1
kind: List
items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {a: "---"}}]
--- # a comment
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: elsewhere, labels: null}
spec: {template: {spec: {containers: [{name: app, image: x, command: null, env: [null]}]}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
---
apiVersion: example.com/v1
kind: Deployment
metadata: {name: of-another-group}
---
kind: [not: a, manifest
---
just a text
---
apiVersion: v1
kind: Service
metadata: {name: 7}
"""
    (found,) = read_releases(ReleaseRecordList(items=(record(1, manifest=manifest),))).items

    assert [(one.kind, one.metadata.namespace, one.metadata.name) for one in found.objects] == [
        ("ConfigMap", "shop", "one"),
        ("Deployment", "elsewhere", "cart"),
        ("PersistentVolume", "", "disk"),
    ]


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("database.password", "x", "***"),
        ("database.password", 12345, "***"),
        ("database.password", "", ""),
        ("auth.enabled", True, "true"),
        ("auth.username", "cart", "cart"),
        ("auth", "cart:x", "***"),
        ("tls.key", "x", "***"),
        ("secrets.api.value", "x", "***"),
        ("compass.direction", "north", "north"),
        ("url", "postgres://cart:x1y2@db/cart", "postgres://cart:***@db/cart"),
        ("text", "password=abcdef and more", "password=*** and more"),
        ("seed", "3f8a" * 10, "***"),
        ("image.tag", "3f8a" * 10, "3f8a" * 10),
        ("image.digest", "sha256:" + "0" * 64, "sha256:" + "0" * 64),
        ("nothing", None, "null"),
        ("empty", {}, "{}"),
        ("list", [], "[]"),
        ("long", "a b " * 100, ("a b " * 100)[:200]),
        ("ratio", 0.5, "0.5"),
    ],
)
def test_values_are_shown_and_secrets_are_not(path: str, value: object, shown: str) -> None:
    tree: Any = value
    for part in reversed(path.split(".")):
        tree = {part: tree}

    assert flat_values(tree) == {path: shown}


def test_entries_of_lists_go_by_their_names() -> None:
    tree = {
        "env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "DB_HOST", "value": "db"}, {"name": "ALONE"}],
        "args": ["-v"],
    }

    assert flat_values(tree) == {
        "args[0]": "-v",
        "env[2].name": "ALONE",
        "env[DB_HOST].value": "db",
        "env[DB_PASSWORD].value": "***",
    }


@pytest.mark.parametrize(
    ("label", "chart"),
    [("cart-0.3.0", ("cart", "0.3.0")), ("my-shop-v1.2", ("my-shop", "v1.2")), ("cart-next", ("cart-next", "")), ("", ("", ""))],
)  # fmt: skip
def test_the_label_of_a_chart_gives_name_and_version(label: str, chart: tuple[str, str]) -> None:
    assert split_chart(label) == chart
