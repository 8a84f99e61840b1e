"""Whatever a server or a file holds: recording and serving never fail at it, and nothing leaves the folder."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sre_orchestrator.api.taking.objects import custom_kinds, record_kind
from sre_orchestrator.api.wire import Store
from sre_orchestrator.api.wire.answers import Refusal
from sre_orchestrator.api.wire.podlogs import Reading
from sre_orchestrator.api.wire.requests import LogQuery
from sre_orchestrator.api.wire.requests import Path as Place
from sre_orchestrator.api.wire.selectors import fields_match, labels_match
from sre_orchestrator.api.wire.tables import table
from sre_orchestrator.plugins.objects.registry import KINDS, Listed
from sre_orchestrator.plugins.sources.k8s.raw import DEFINITIONS, RawPage, RawReader
from sre_orchestrator.plugins.sources.snapshot.layouts import SupportBundle
from sre_orchestrator.plugins.sources.snapshot.raw import raw_objects
from sre_orchestrator.plugins.sources.snapshot.recording import Terms, open_recording

NOW = datetime(2026, 3, 12, 14, 20, tzinfo=UTC)
WORDS = st.sampled_from(
    [
        "name",
        "namespace",
        "labels",
        "annotations",
        "spec",
        "status",
        "data",
        "containers",
        "env",
        "value",
        "type",
        "key",
        "conditions",
        "state",
        "terminated",
        "waiting",
        "initContainerStatuses",
        "containerStatuses",
        "names",
        "versions",
        "group",
        "plural",
        "kind",
        "metrics",
        "selector",
        "matchExpressions",
        "operator",
        "ports",
        "rules",
        "owner",
        "helm",
        "../../x",
        "..",
        "a/b",
        "shop",
        "password",
        "2026-03-12T14:00:00Z",
        "9999-99-99T00:00:00",
        "*",
        "\x00",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-5, 2**40) | st.floats(allow_nan=False, allow_infinity=False) | WORDS
TREES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(WORDS, one, max_size=4), max_leaves=20
)
DEFINED = st.fixed_dictionaries(
    {"names": TREES | st.dictionaries(st.sampled_from(["kind", "plural", "shortNames"]), TREES), "group": WORDS},
    optional={"versions": TREES | st.lists(st.fixed_dictionaries({"name": TREES, "additionalPrinterColumns": TREES}))},
)
PARTS = st.fixed_dictionaries({"spec": DEFINED}) | st.dictionaries(
    st.sampled_from(["spec", "status", "data", "stringData", "subsets", "involvedObject", "endpoints", "ports"]), TREES
)
METADATA = st.dictionaries(st.sampled_from(["labels", "annotations", "namespace", "creationTimestamp"]), TREES)
LISTED = st.sampled_from([*KINDS.values(), DEFINITIONS])


class Pages:
    """A reader that has one page."""

    def __init__(self, *items: object) -> None:
        self._items = items

    def pages(self, listed: Listed, _: object) -> list[RawPage]:
        """Return it."""
        del listed
        return [
            RawPage(
                scope="*", api_version="v1", items=tuple(msgspec.Raw(json.dumps(one).encode()) for one in self._items)
            )
        ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(listed=LISTED, metadata=METADATA, parts=PARTS, odd=TREES)
def test_anything_can_be_recorded(listed: Listed, metadata: dict[str, Any], parts: dict[str, Any], odd: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "a" / "taken"
        recording = open_recording(place, Terms(server="test"), NOW)

        record_kind(
            cast("RawReader", Pages({"metadata": {**metadata, "name": "a"}, **parts}, odd)), recording, listed, ()
        )
        custom_kinds(place)

        written = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert all(place in path.parents for path in written)
        assert all(json.loads(path.read_bytes()) for path in written if path.suffix == ".json")
        assert all(raw_objects(SupportBundle(place)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(listed=LISTED, metadata=METADATA, parts=PARTS)
def test_anything_can_be_served(listed: Listed, metadata: dict[str, Any], parts: dict[str, Any]) -> None:
    store = Store()
    version = f"{listed.group}/v1" if listed.group else "v1"
    store.apply({"kind": listed.kind, "apiVersion": version, "metadata": {**metadata, "name": "a"}, **parts})
    [resource] = [one for one in store.resources() if (one.kind, one.group) == (listed.kind, listed.group)]

    for include in ("None", "Metadata", "Object"):
        msgspec.json.encode(table(resource, store.items(resource), {}, now=NOW, include=include))
    place = Place(resource=resource, version="v1", namespace=next(store.items(resource)).key[0], name="a")
    with pytest.raises(Refusal):
        Reading(store, place, LogQuery())
    for test in (labels_match("a=b,!c"), fields_match("spec.name=a,status.type!=b")):
        assert test is not None
        for item in store.items(resource):
            test(item)
