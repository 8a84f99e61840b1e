"""What the agent tells of releases that the real helm made, and of those that it left behind."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from helm_api import Cluster, served
from helm_chart import Helm, recorded
from looking import Seen

from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Incident, Scope
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.agents.helm import HelmAgent
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

CART = "release/shop/cart"


class Place:
    """A helm, the API that it writes to, and a folder for snapshots of that."""

    def __init__(self, helm: Helm, cluster: Cluster, folder: Path) -> None:
        self.helm = helm
        self.cluster = cluster
        self.folder = folder

    def seen(self) -> Seen:
        """Return what the agent says now."""
        now = datetime.now(UTC)
        scope = Scope(
            incident=Incident(id="i", description="the upgrade", at=now),
            namespaces=("shop",),
            since=now - timedelta(hours=1),
            until=now + timedelta(seconds=1),
        )
        path = recorded(self.cluster, self.folder / str(time.monotonic_ns()))
        agent = HelmAgent()

        async def gather() -> list[object]:
            with open_snapshot(path, SnapshotLimits()) as source:
                return [one async for one in agent.gather(scope, Sources([source]))]

        return Seen(agent, anyio.run(gather))


@pytest.fixture(params=["3.18", "4.3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    cluster = Cluster()
    with served(cluster) as address:
        helm = Helm(request.param, address, tmp_path)
        helm.install()
        yield Place(helm, cluster, tmp_path)


def test_what_helm_just_applied_does_not_drift_until_somebody_edits_it(place: Place) -> None:
    place.helm.upgrade("--set", "memory=64Mi,database.host=db-1")
    applied = place.seen()
    workload = place.cluster.objects["deployments", "shop", "cart"]
    workload["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/shop/cart:debug"
    del place.cluster.objects["services", "shop", "cart"]

    edited = place.seen()

    assert applied.of("release.drift") == []
    assert {fact.attributes["key"] for fact in applied.of("release.value_changed")} == {"memory", "database.host"}
    assert [fact.component for fact in applied.of("release.object_changed")] == ["configmap/shop/cart-settings"]
    assert {(fact.component, fact.attributes["field"]) for fact in edited.of("release.drift")} == {
        ("deployment/shop/cart", "image"),
        ("service/shop/cart", "object"),
    }


def test_a_hook_that_fails_is_told_as_such(place: Place) -> None:
    place.cluster.failing.add("cart-migrate")
    place.helm.upgrade("--set", "replicas=3", fails=True)

    seen = place.seen()

    failed = seen.only("release.failed")
    assert (failed.attributes["operation"], failed.attributes["failure"]) == ("upgrade", "hook")
    assert (failed.attributes["revision"], failed.attributes["deployed_revision"]) == (2, 1)
    assert [fact.component for fact in seen.of("release.hook_failed")] == ["job/shop/cart-migrate"]


def test_a_field_that_cannot_be_changed_is_told_as_such(place: Place) -> None:
    place.cluster.refused["cart"] = (
        'Deployment.apps "cart" is invalid: spec.selector: Invalid value: field is immutable'
    )
    place.helm.upgrade("--set", "replicas=3", fails=True)

    failed = place.seen().only("release.failed")

    assert failed.attributes["failure"] == "immutable"
    assert "field is immutable" in str(failed.attributes["description"])


def test_a_helm_that_is_killed_leaves_its_release_pending(place: Place) -> None:
    place.cluster.running.add("cart-migrate")
    process = place.helm.begin("upgrade", "cart", str(place.helm.chart), "--disable-openapi-validation")
    assert place.cluster.job_made.wait(20)
    process.kill()
    process.wait(timeout=10)
    waiting = place.seen().only("release.pending")
    place.cluster.objects["jobs", "shop", "cart-migrate"]["status"] = {
        "conditions": [{"type": "Complete", "status": "True"}]
    }

    left = place.seen().only("release.pending")

    assert (waiting.attributes["status"], waiting.attributes["hook_active"]) == ("pending-upgrade", True)
    assert (left.attributes["revision"], left.attributes["hook_active"]) == (2, False)
    refused = place.helm.upgrade(fails=True)
    assert "another operation (install/upgrade/rollback) is in progress" in refused


def test_a_roll_back_that_the_remedy_names_works(place: Place) -> None:
    place.helm.upgrade("--set", "memory=64Mi")
    before = place.seen().of("release.revision")[0]

    place.helm("rollback", before.component.rpartition("/")[2], str(before.attributes["previous_revision"]))

    after = place.seen().of("release.revision")[0]
    assert (after.attributes["revision"], after.attributes["description"]) == (3, "Rollback to 1")
    live = place.cluster.objects["deployments", "shop", "cart"]["spec"]["template"]["spec"]["containers"][0]
    assert json.dumps(live["resources"]) == '{"limits": {"memory": "512Mi"}}'
