"""Releases that the real helm wrote, decoded and compared with what helm itself says of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from helm_api import Cluster, served
from helm_chart import Helm, recorded, releases_in

from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.workloads import Deployment
from sre_orchestrator.plugins.sources.ports import Release

VERSIONS = ("3.18", "4.3")


class Story:
    """An installation, an upgrade, a failed hook, a refused upgrade and a rollback."""

    def __init__(self, helm: Helm, cluster: Cluster) -> None:
        self.helm = helm
        self.cluster = cluster
        helm.install()
        helm.upgrade("--set", "memory=64Mi,database.password=hunter2,env[0].name=API_TOKEN,env[0].value=t0ps3cret")
        cluster.failing.add("cart-migrate")
        helm.upgrade("--set", "memory=32Mi", fails=True)
        cluster.failing.clear()
        cluster.refused["cart"] = 'Deployment.apps "cart" is invalid: spec.selector: Invalid value: field is immutable'
        helm.upgrade("--set", "replicas=3", fails=True)
        cluster.refused.clear()
        helm("rollback", "cart", "2")


@pytest.fixture(scope="module", params=VERSIONS)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    cluster = Cluster()
    with served(cluster) as address:
        yield Story(Helm(request.param, address, tmp_path_factory.mktemp("helm")), cluster)


def decoded(story: Story, folder: Path) -> dict[int, Release]:
    found = releases_in(recorded(story.cluster, folder))
    assert (found.gaps, found.complete_in) == ((), frozenset({"shop"}))
    return {one.revision: one for one in found.items}


def test_the_history_is_what_helm_says(story: Story, tmp_path: Path) -> None:
    found = decoded(story, tmp_path)

    told = story.helm.json("history", "cart")
    assert [found[one["revision"]].status for one in told] == [
        "superseded",
        "superseded",
        "failed",
        "failed",
        "deployed",
    ]
    for one in told:
        here = found[one["revision"]]
        assert (here.status, f"{here.chart}-{here.chart_version}", here.app_version) == (
            one["status"],
            one["chart"],
            one["app_version"],
        )
        assert here.description == " ".join(one["description"].split())
        assert here.last_deployed is not None
        assert abs((here.last_deployed - datetime.fromisoformat(one["updated"])).total_seconds()) < 1
    assert [(one.name, one.namespace) for one in found.values()] == [("cart", "shop")] * len(told)


def test_the_newest_revision_comes_first(story: Story, tmp_path: Path) -> None:
    found = releases_in(recorded(story.cluster, tmp_path)).items

    assert [one.revision for one in found] == [5, 4, 3, 2, 1]


def test_values_are_those_that_helm_gets_and_secrets_are_masked(story: Story, tmp_path: Path) -> None:
    found = decoded(story, tmp_path)

    told = story.helm.json("get", "values", "cart", "--revision", "2")
    assert told["database"]["password"] == "hunter2"
    assert found[2].values == {"database.password": "***", "env[API_TOKEN].value": "***", "memory": "64Mi"}
    assert found[3].values == {"memory": "32Mi"}
    assert found[1].values == {}
    assert not any(secret in repr(found) for secret in ("hunter2", "t0ps3cret", "from-the-chart"))


def test_the_manifest_gives_objects_as_live_ones_are(story: Story, tmp_path: Path) -> None:
    found = decoded(story, tmp_path)

    objects = {(type(one).__name__, one.metadata.namespace, one.metadata.name): one for one in found[5].objects}
    assert set(objects) == {
        ("Deployment", "shop", "cart"),
        ("Service", "shop", "cart"),
        ("ConfigMap", "shop", "cart-settings"),
        ("Secret", "shop", "cart-db"),
    }
    workload, secret = objects["Deployment", "shop", "cart"], objects["Secret", "shop", "cart-db"]
    assert isinstance(workload, Deployment)
    assert workload.spec.template.spec.containers[0].resources.limits == {"memory": "64Mi"}
    assert isinstance(secret, Secret)
    assert secret.keys == {"password"}
    # the newest revision is compared with the newest before it that went well, and no other manifest is read
    assert [number for number, one in sorted(found.items()) if one.objects] == [2, 5]


def test_hooks_say_how_they_ended(story: Story, tmp_path: Path) -> None:
    found = decoded(story, tmp_path)

    assert {number: [hook.phase for hook in one.hooks] for number, one in found.items() if number < len(found)} == {
        1: [""],
        2: ["Succeeded"],
        3: ["Failed"],
        4: ["Succeeded"],
    }
    (hook,) = found[3].hooks
    assert (hook.kind, hook.name, hook.events) == ("Job", "cart-migrate", ("pre-upgrade",))
    assert hook.started_at is not None
    assert hook.completed_at is not None


@pytest.mark.parametrize("version", VERSIONS)
def test_config_maps_hold_releases_too(version: str, tmp_path: Path) -> None:
    cluster = Cluster()
    with served(cluster) as address:
        helm = Helm(version, address, tmp_path)
        helm.install("--set", "memory=64Mi", driver="configmap")

    (found,) = releases_in(recorded(cluster, tmp_path / "snapshot")).items
    assert (found.name, found.revision, found.status, found.whole) == ("cart", 1, "deployed", True)
    assert found.values == {"memory": "64Mi"}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_uninstalled_is_gone(version: str, tmp_path: Path) -> None:
    cluster = Cluster()
    with served(cluster) as address:
        helm = Helm(version, address, tmp_path)
        helm.install()
        helm("uninstall", "cart")

    assert releases_in(recorded(cluster, tmp_path / "snapshot")).items == ()


def test_labels_alone_tell_revisions_and_states(story: Story, tmp_path: Path) -> None:
    path = recorded(story.cluster, tmp_path, contents=False)

    found = releases_in(path)

    assert [(one.revision, one.status, one.whole) for one in found.items] == [
        (5, "deployed", False),
        (4, "failed", False),
        (3, "failed", False),
        (2, "superseded", False),
        (1, "superseded", False),
    ]
    told = {one["revision"]: datetime.fromisoformat(one["updated"]) for one in story.helm.json("history", "cart")}
    assert all(
        one.last_deployed and abs((one.last_deployed - told[one.revision]).total_seconds()) < 3 for one in found.items
    )
    assert (found.items[0].chart, found.items[0].chart_version) == ("cart", "0.3.0")
    assert [gap.what for gap in found.gaps] == ["values, manifests and hooks of the Helm releases in shop"]
    assert 'Role in namespace shop: {apiGroups: [""], resources: ["secrets"]' in found.gaps[0].remedy
