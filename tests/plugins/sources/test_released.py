"""The components of Helm releases, object by object, and what the twin keeps of their revisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sre_orchestrator.core.models import Component
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.meta import Meta, Object
from sre_orchestrator.plugins.objects.workloads import Deployment
from sre_orchestrator.plugins.sources.relations import Relations
from sre_orchestrator.twin.store import TwinStore

CART = "release/shop/cart"
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)


def record(revision: int, status: str, kind: type[Secret | ConfigMap] = Secret, **more: str) -> Object:
    labels = {"owner": "helm", "name": "cart", "version": str(revision), "status": status, **more}
    name = f"sh.helm.release.v1.cart.v{revision}"
    return kind(
        metadata=Meta(name=name, namespace="shop", labels=labels, creation_timestamp=NOON + timedelta(hours=revision))
    )


def member(name: str = "cart") -> Deployment:
    annotations = {"meta.helm.sh/release-name": "cart"}
    return Deployment(metadata=Meta(name=name, namespace="shop", annotations=annotations))


def release(relations: Relations) -> Component | None:
    return next((one for one in relations.take().components if one.id == CART), None)


def test_a_release_is_there_while_an_object_belongs_to_it() -> None:
    relations = Relations()
    relations.change(None, member())
    relations.change(None, member("worker"))

    assert release(relations) == Component(id=CART)

    relations.change(member(), None)
    assert CART not in relations.take().gone
    relations.change(member("worker"), None)
    assert CART in relations.take().gone


def test_the_newest_revision_counts_whatever_the_order() -> None:
    relations = Relations()
    for one in (record(2, "deployed"), record(1, "superseded"), member()):
        relations.change(None, one)

    found = release(relations)
    assert found == Component(
        id=CART, attributes={"revision": 2, "status": "deployed"}, since=NOON + timedelta(hours=2)
    )


def test_a_state_that_changes_and_a_revision_that_comes_change_the_release() -> None:
    relations = Relations()
    relations.change(None, record(1, "pending-install"))
    relations.take()

    relations.change(record(1, "pending-install"), record(1, "deployed"))
    first = release(relations)
    relations.change(record(1, "deployed"), record(1, "superseded"))
    relations.change(None, record(2, "deployed", ConfigMap))
    second = release(relations)
    relations.change(None, record(0, "odd", version="one"))
    relations.change(None, record(3, "odd", name=""))
    relations.change(None, record(4, "odd", owner="somebody"))

    assert first is not None
    assert first.attributes == {"revision": 1, "status": "deployed"}
    assert second is not None
    assert second.attributes == {"revision": 2, "status": "deployed"}
    assert release(relations) is None


def test_the_twin_tells_when_a_revision_came() -> None:
    relations, twin = Relations(), TwinStore()
    relations.change(None, record(1, "deployed"))
    delta = relations.take()
    twin.sync(delta.components, delta.edges, NOON)
    relations.change(None, record(2, "deployed"))

    twin.apply(relations.take(), NOON + timedelta(minutes=5))

    changes = twin.changes(NOON + timedelta(minutes=1), NOON + timedelta(hours=1))
    twin.close()
    assert "revision" in next(one.text for one in changes if one.component == CART)
