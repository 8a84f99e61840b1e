"""Recording a list whose items are odd."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec
import pytest

from sre_orchestrator.api.taking.objects import record_kind
from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import KINDS, Listed
from sre_orchestrator.plugins.sources.k8s.raw import RawPage, RawReader
from sre_orchestrator.plugins.sources.snapshot.recording import Recording, Terms, open_recording

GAP = Gap(agent="cluster", what="all pods", why="broke off", remedy="")


class Pages:
    """A reader that has its pages already."""

    def __init__(self, *pages: RawPage | Gap) -> None:
        self._pages = pages

    def pages(self, listed: Listed, only: Sequence[str] = ()) -> Iterator[RawPage | Gap]:
        """Yield them."""
        assert (listed.kind, only) == ("Pod", [])
        yield from self._pages


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return open_recording(tmp_path / "taken", Terms(server="test"), datetime(2026, 3, 12, tzinfo=UTC))


def page(*items: object) -> RawPage:
    return RawPage(scope="*", api_version="v1", items=tuple(msgspec.Raw(json.dumps(one).encode()) for one in items))


def record(recording: Recording, *pages: RawPage | Gap) -> tuple[Gap, ...]:
    record_kind(cast("RawReader", Pages(*pages)), recording, KINDS[Pod], ())
    return recording.gaps()


def test_items_that_are_no_objects_are_counted_and_the_others_kept(recording: Recording) -> None:
    good = {"metadata": {"name": "a", "namespace": "shop"}}

    [gap] = record(recording, page(5, None, [good], good, {"metadata": {"namespace": "../up"}}))

    assert gap.what == "all pods"
    assert gap.why.startswith("4 of them have no name")
    recorded = json.loads((recording.root / "cluster-resources/pods/shop.json").read_text())
    assert recorded["items"] == [good]


def test_a_list_that_broke_off_does_not_say_that_none_was_left_out(recording: Recording) -> None:
    gaps = record(recording, page({"metadata": {"name": "a", "namespace": "shop"}}), GAP)

    assert gaps == (GAP,)
    assert not (recording.root / "cluster-resources/pods.json").exists()


def test_an_object_without_a_namespace_is_kept_with_the_cluster_s(recording: Recording) -> None:
    record(recording, page({"metadata": {"name": "a"}}))

    recorded = json.loads((recording.root / "cluster-resources/pods.json").read_text())
    assert len(recorded["items"]) == 1
