"""Who is near, who suffers, and how two components hang together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

import pytest

from sre_orchestrator.core.models import Edge, EdgeKind
from sre_orchestrator.twin.graph import MAX_HOPS, MAX_PATHS
from sre_orchestrator.twin.store import TwinStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOP = """
    ingress/shop/web routes_to service/shop/web
    service/shop/web selects pod/shop/web-1
    deployment/shop/web owns replicaset/shop/web-a
    replicaset/shop/web-a owns pod/shop/web-1
    deployment/shop/web depends_on service/shop/cart
    service/shop/cart depends_on deployment/shop/cart
    service/shop/cart selects pod/shop/cart-1
    service/shop/cart selects pod/shop/cart-2
    deployment/shop/cart owns replicaset/shop/cart-a
    replicaset/shop/cart-a owns pod/shop/cart-1
    replicaset/shop/cart-a owns pod/shop/cart-2
    pod/shop/cart-1 runs_on node/worker-1
    pod/shop/cart-2 runs_on node/worker-2
    pod/shop/web-1 runs_on node/worker-2
    pod/shop/cart-1 mounts persistentvolumeclaim/shop/carts
    persistentvolumeclaim/shop/carts binds persistentvolume/disk-1
    resourcequota/shop/small limits namespace/shop
    horizontalpodautoscaler/shop/cart scales deployment/shop/cart
"""


def twin_of(relations: str) -> TwinStore:
    store = TwinStore()
    words = [line.split() for line in relations.strip().splitlines()]
    store.sync([], [Edge(source=a, kind=cast("EdgeKind", kind), target=b) for a, kind, b in words], NOON)
    return store


@pytest.fixture
def shop() -> Iterator[TwinStore]:
    store = twin_of(SHOP)
    yield store
    store.close()


def test_neighbours_are_near_in_either_direction(shop: TwinStore) -> None:
    assert shop.neighbours("node/worker-1") == ("pod/shop/cart-1",)
    assert shop.neighbours("node/worker-1", hops=2) == (
        "persistentvolumeclaim/shop/carts",
        "pod/shop/cart-1",
        "replicaset/shop/cart-a",
        "service/shop/cart",
    )


def test_a_component_that_nobody_knows_has_no_neighbours(shop: TwinStore) -> None:
    assert shop.neighbours("pod/shop/gone") == ()


def test_a_broken_node_reaches_its_pods_their_services_and_callers(shop: TwinStore) -> None:
    affected = shop.impact("node/worker-1", hops=12)

    assert affected[0] == "pod/shop/cart-1"
    assert {"service/shop/cart", "deployment/shop/cart", "deployment/shop/web", "ingress/shop/web"} <= set(affected)
    assert not {"node/worker-2", "persistentvolume/disk-1", "horizontalpodautoscaler/shop/cart"} & set(affected)


def test_a_broken_pod_does_not_break_its_sibling(shop: TwinStore) -> None:
    affected = shop.impact("pod/shop/cart-1", hops=12)

    assert "deployment/shop/cart" in affected
    assert "pod/shop/cart-2" not in affected


def test_a_broken_volume_reaches_the_pod_that_uses_it(shop: TwinStore) -> None:
    assert shop.impact("persistentvolume/disk-1", hops=2) == ("persistentvolumeclaim/shop/carts", "pod/shop/cart-1")


def test_what_limits_and_scales_reaches_its_target(shop: TwinStore) -> None:
    assert shop.impact("resourcequota/shop/small") == ("namespace/shop",)
    assert "deployment/shop/cart" in shop.impact("horizontalpodautoscaler/shop/cart", hops=1)


def test_down_is_what_a_component_needs(shop: TwinStore) -> None:
    needed = shop.impact("deployment/shop/web", direction="down", hops=12)

    assert {"pod/shop/web-1", "node/worker-2", "service/shop/cart", "persistentvolume/disk-1"} <= set(needed)
    assert "ingress/shop/web" not in needed


def test_a_pod_needs_what_its_owner_needs_but_not_its_sibling(shop: TwinStore) -> None:
    assert "service/shop/cart" in shop.impact("pod/shop/web-1", direction="down", hops=3)
    assert "pod/shop/cart-2" not in shop.impact("pod/shop/cart-1", direction="down", hops=12)


def test_impact_is_nearest_first_and_bounded() -> None:
    twin = twin_of("\n".join(f"service/x/{n + 1:02} depends_on service/x/{n:02}" for n in range(30)))

    assert twin.impact("service/x/00", hops=2) == ("service/x/01", "service/x/02")
    assert len(twin.impact("service/x/00", hops=1000)) == MAX_HOPS
    twin.close()


def test_circular_calls_end() -> None:
    twin = twin_of("service/x/a depends_on service/x/b\nservice/x/b depends_on service/x/a")

    assert twin.impact("service/x/a", hops=12) == ("service/x/b",)
    assert twin.paths("service/x/a", "service/x/b") == (("service/x/a", "service/x/b"),)
    twin.close()


def test_all_shortest_paths_are_found(shop: TwinStore) -> None:
    assert shop.paths("deployment/shop/web", "deployment/shop/cart") == (
        ("deployment/shop/web", "service/shop/cart", "deployment/shop/cart"),
    )
    assert shop.paths("service/shop/cart", "replicaset/shop/cart-a") == (
        ("service/shop/cart", "deployment/shop/cart", "replicaset/shop/cart-a"),
        ("service/shop/cart", "pod/shop/cart-1", "replicaset/shop/cart-a"),
        ("service/shop/cart", "pod/shop/cart-2", "replicaset/shop/cart-a"),
    )


def test_paths_are_bounded_in_length_and_number(shop: TwinStore) -> None:
    fan = [f"service/x/{end} depends_on service/x/m{n:03}" for n in range(100) for end in ("a", "b")]
    twin = twin_of("\n".join(fan))

    assert shop.paths("ingress/shop/web", "persistentvolume/disk-1", hops=2) == ()
    assert shop.paths("ingress/shop/web", "namespace/shop") == ()
    assert shop.paths("node/worker-1", "node/worker-1") == (("node/worker-1",),)
    assert len(twin.paths("service/x/a", "service/x/b")) == MAX_PATHS
    twin.close()
