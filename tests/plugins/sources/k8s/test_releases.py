"""Releases that the real helm wrote, read from the API: with contents, by labels, and where that is forbidden."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio
import msgspec
import pytest
from helm_api import Cluster, served
from helm_chart import Helm, recorded, releases_in
from helm_records import record

from sre_orchestrator.core.settings import ClusterAccess, Settings
from sre_orchestrator.plugins.sources.helm import register_sources
from sre_orchestrator.plugins.sources.k8s import open_cluster, releases
from sre_orchestrator.plugins.sources.ports import ReleaseHistory, ReleaseRecordList, Releases


class Installed:
    """An API in which helm installed and upgraded a chart."""

    def __init__(self, cluster: Cluster, helm: Helm) -> None:
        self.cluster = cluster
        self.helm = helm

    def releases(self, *, contents: bool) -> ReleaseHistory:
        """Return what the source says now."""
        access = ClusterAccess(kubeconfig=str(self.helm.kubeconfig), timeout_seconds=5)
        settings = Settings(cluster=access, namespace="shop", helm_history=contents)
        with self._opened(settings) as source:
            return anyio.run(source.releases, ["shop"])

    @contextmanager
    def _opened(self, settings: Settings) -> Iterator[Releases]:
        cluster = open_cluster(settings, {})
        try:
            (source,) = register_sources(settings, cluster)
            assert isinstance(source, Releases)
            yield source
        finally:
            cluster.close()


@pytest.fixture(params=["secret", "configmap"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installed]:
    cluster = Cluster()
    with served(cluster) as address:
        helm = Helm("4.3", address, tmp_path)
        helm.install(driver=request.param)
        helm.upgrade("--set", "memory=64Mi", driver=request.param)
        yield Installed(cluster, helm)


def test_contents_are_those_of_a_snapshot(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "PAGE", 1)

    found = installed.releases(contents=True)

    there = releases_in(recorded(installed.cluster, tmp_path / "snapshot"))
    assert [one.whole for one in found.items] == [True, True]
    # of the Secrets in a manifest the dropped values compare by identity
    assert known(found) == known(there)


def known(history: ReleaseHistory) -> list[Any]:
    return [msgspec.structs.replace(one, objects=tuple(item.metadata for item in one.objects)) for one in history.items]


def contents_asked(installed: Installed) -> list[str]:
    return [
        parse_qs(asked.partition("?")[2])["labelSelector"][0] for asked in installed.cluster.asked if "version" in asked
    ]


def test_by_default_no_content_of_a_record_is_asked_for(installed: Installed) -> None:
    found = installed.releases(contents=False)

    assert [(one.revision, one.status, one.whole) for one in found.items] == [
        (2, "deployed", False),
        (1, "superseded", False),
    ]
    assert contents_asked(installed) == []


def test_contents_are_asked_for_of_the_revisions_that_are_compared_only(installed: Installed) -> None:
    for place in [place for place in installed.cluster.objects if place[2].startswith("sh.helm.")]:
        kind, namespace, name = place
        labels = installed.cluster.objects[place]["metadata"]["labels"] | {"version": "9", "status": "failed"}
        copy = {**installed.cluster.objects[place], "metadata": {"name": f"{name}9", "labels": labels}}
        installed.cluster.put((kind, namespace, f"{name}9"), copy)
        break

    found = installed.releases(contents=True)

    assert [(one.revision, one.whole) for one in found.items] == [(1, True), (2, True), (1, False)]
    assert contents_asked(installed) == ["owner=helm,version in (2,9)"]


def test_where_secrets_are_forbidden_objects_tell_and_a_gap_says_what_would_show_more(installed: Installed) -> None:
    installed.cluster.forbidden |= {"secrets"}
    installed.cluster.objects = {
        place: one for place, one in installed.cluster.objects.items() if not place[2].startswith("sh.helm.")
    }

    for contents in (True, False):
        found = installed.releases(contents=contents)

        assert [(one.name, one.revision, one.chart_version) for one in found.items] == [("cart", 0, "0.3.0")]
        assert [gap.what for gap in found.gaps] == ["revisions and states of the Helm releases in shop"]
        assert found.complete_in == frozenset()


class Wrong:
    """A connection whose answers are no lists."""

    def get(self, *_: object) -> bytes:
        """Return a page for people."""
        return b"<html>"


def test_an_answer_that_is_no_list_is_a_gap() -> None:
    kinds = ("Secret", "ConfigMap")
    listed = ReleaseRecordList(items=tuple(record(1, kind=kind, name=kind.lower(), payload=None) for kind in kinds))

    found = releases.with_contents(Wrong(), listed)  # type: ignore[arg-type]  # it only has to answer

    assert found.items == listed.items
    assert [gap.what for gap in found.gaps] == ["all configmaps in namespace shop", "all secrets in namespace shop"]
    assert all(gap.why.startswith("what the server sent is no list") for gap in found.gaps)
