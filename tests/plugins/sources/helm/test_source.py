"""Releases behind their port: in snapshots, by labels, and by objects where Secrets cannot be listed."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from helm_chart import releases_in
from helm_records import kept
from shop import deployment, patch, service, thing, write_snapshot

from sre_orchestrator.core.hookspecs import Source
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.meta import Meta
from sre_orchestrator.plugins.sources.helm import HelmReleases, register_sources
from sre_orchestrator.plugins.sources.ports import Listing, ReleaseRecordList, Releases

LISTED = ("Secret", "ConfigMap", "Deployment", "Service")
OWNED = {"annotations": {"meta.helm.sh/release-name": "cart", "meta.helm.sh/release-namespace": "shop"}}
CHARTED = {"labels": {"helm.sh/chart": "cart-0.3.0", "app.kubernetes.io/version": "1.4"}}


class Bare:
    """A cluster of which only names and labels of Secrets are seen."""

    name = "bare"

    def __init__(self, *secrets: Secret) -> None:
        self.secrets = secrets
        self.asked = 0

    async def list(self, kind: type[Any]) -> Listing[Any]:
        """Return Secrets only."""
        return Listing(items=self.secrets if kind is Secret else (), complete_in=frozenset({"*"}))

    async def server_version(self) -> str:
        """Return nothing."""
        return ""

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing."""
        for one in ():
            yield one


class Open(Bare):
    """A cluster that gives contents as well."""

    async def release_records(self, namespaces: Sequence[str]) -> ReleaseRecordList:
        """Return none, and count."""
        del namespaces
        self.asked += 1
        return ReleaseRecordList(complete_in=frozenset({"*"}))


def listed_secret() -> Secret:
    labels = {"owner": "helm", "name": "cart", "version": "3", "status": "deployed"}
    return Secret(metadata=Meta(name="sh.helm.release.v1.cart.v3", namespace="shop", labels=labels))


def test_releases_of_other_namespaces_and_other_secrets_are_left_out(tmp_path: Path) -> None:
    path = write_snapshot(
        tmp_path,
        kept(1),
        patch(kept(1, name="bank"), metadata={"namespace": "bank"}),
        thing("Secret", "plain", data={"release": "eA=="}),
        thing("Secret", "odd", labels={"owner": "helm"}),
        kinds=LISTED,
    )

    assert [one.name for one in releases_in(path).items] == ["cart"]


@pytest.mark.parametrize("data", [None, {}, {"release": None}, {"release": ""}, {"release": "***"}, {"release": 7}])
def test_a_recording_without_contents_is_read_by_labels(data: Any, tmp_path: Path) -> None:
    path = write_snapshot(tmp_path, {**kept(4, status="pending-upgrade"), "data": data}, kinds=LISTED)

    found = releases_in(path)

    assert [(one.revision, one.status, one.whole) for one in found.items] == [(4, "pending-upgrade", False)]
    assert len(found.gaps) == 1


def test_what_is_no_base64_twice_is_named(tmp_path: Path) -> None:
    once = base64.b64encode(b"not packed").decode()
    path = write_snapshot(
        tmp_path, {**kept(1), "data": {"release": once}}, {**kept(2), "data": {"release": "no base64!"}}, kinds=LISTED
    )

    assert {gap.what for gap in releases_in(path).gaps} == {
        "revision 1 of release cart in shop",
        "revision 2 of release cart in shop",
    }


@pytest.mark.parametrize("text", [b"{", b"\xff", b"[]", b'{"items": [7, {"metadata": {"name": 1}}]}'])
def test_files_that_cannot_be_read_give_no_releases(text: bytes, tmp_path: Path) -> None:
    path = write_snapshot(tmp_path, deployment("cart"), kinds=LISTED)
    (path / "cluster-resources/secrets/shop.json").parent.mkdir(exist_ok=True, parents=True)
    (path / "cluster-resources/secrets/shop.json").write_bytes(text)

    assert releases_in(path).items == ()


def test_where_secrets_cannot_be_listed_objects_tell_their_releases(tmp_path: Path) -> None:
    path = write_snapshot(
        tmp_path,
        patch(service("cart"), metadata=OWNED),
        patch(deployment("cart"), metadata=patch(OWNED, **CHARTED)),
        patch(deployment("plain"), metadata={"labels": {"helm.sh/chart": "plain-1.0"}}),
        patch(deployment("odd"), metadata={"annotations": {"meta.helm.sh/release-name": "$(reboot)"}}),
    )

    found = releases_in(path)

    (one,) = found.items
    assert (one.name, one.revision, one.status, one.chart, one.chart_version, one.app_version) == (
        "cart",
        0,
        "",
        "cart",
        "0.3.0",
        "1.4",
    )
    assert found.complete_in == frozenset()
    (gap,) = found.gaps
    assert gap.what == "revisions and states of the Helm releases in shop"
    assert gap.remedy == (
        'Role in namespace shop: {apiGroups: [""], resources: ["secrets"], verbs: [get, list, watch]}'
    )


def test_without_releases_nothing_is_said_of_helm(tmp_path: Path) -> None:
    found = releases_in(write_snapshot(tmp_path, deployment("cart")))

    assert (found.items, found.gaps) == ((), ())


@pytest.mark.parametrize(("contents", "asked"), [(True, 1), (False, 0)])
def test_contents_are_read_only_where_the_setting_says_so(contents: bool, asked: int) -> None:
    cluster = Open(listed_secret())
    (source,) = register_sources(Settings(helm_history=contents), cluster)

    assert isinstance(source, Releases)
    found = anyio.run(source.releases, ["shop"])

    assert cluster.asked == asked
    assert [one.revision for one in found.items] == ([] if contents else [3])


def test_a_cluster_that_gives_no_contents_is_read_by_labels() -> None:
    found = anyio.run(HelmReleases(Bare(listed_secret()), contents=True).releases, ["shop"])

    assert [(one.revision, one.whole) for one in found.items] == [(3, False)]


def test_what_lists_no_objects_has_no_releases() -> None:
    class Deaf:
        name = "deaf"

        def sync(self) -> AsyncIterator[Component | Edge | Gap]:
            raise NotImplementedError

    deaf: Source = Deaf()

    assert register_sources(Settings(), deaf) == []


def test_the_source_leaves_the_twin_to_the_objects() -> None:
    async def synced() -> list[object]:
        return [one async for one in HelmReleases(Bare(), contents=False).sync()]

    assert anyio.run(synced) == []


def test_a_payload_in_json_survives_the_way_through_a_snapshot(tmp_path: Path) -> None:
    path = write_snapshot(tmp_path, json.loads(json.dumps(kept(1, config={"a": {"b": [1, 2]}}))), kinds=LISTED)

    assert releases_in(path).items[0].values == {"a.b[0]": "1", "a.b[1]": "2"}
