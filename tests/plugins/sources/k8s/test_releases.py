"""Releases that the real helm wrote, read from the API: with contents, by labels, and where that is forbidden."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from helm_api import Cluster, served
from helm_chart import Helm, recorded, releases_in

from sre_orchestrator.core.settings import ClusterAccess, Settings
from sre_orchestrator.plugins.sources.helm import register_sources
from sre_orchestrator.plugins.sources.k8s import open_cluster, releases
from sre_orchestrator.plugins.sources.ports import ReleaseHistory, Releases

SECRETS = "/api/v1/namespaces/shop/secrets?fieldSelector=type%3Dhelm.sh%2Frelease.v1"


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


def test_by_default_no_content_of_a_record_is_asked_for(installed: Installed) -> None:
    found = installed.releases(contents=False)

    assert [(one.revision, one.status, one.whole) for one in found.items] == [
        (2, "deployed", False),
        (1, "superseded", False),
    ]
    assert not any(asked.startswith(SECRETS) for asked in installed.cluster.asked)


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
    found = releases.read_release_records(Wrong(), ["shop"])  # type: ignore[arg-type]  # it only has to answer

    assert (found.items, found.complete_in) == ((), frozenset())
    assert [gap.what for gap in found.gaps] == ["all secrets in namespace shop", "all configmaps in namespace shop"]
    assert all(gap.why.startswith("what the server sent is no list") for gap in found.gaps)
