"""How far the symptoms of a cause travel, and whom it is blamed on."""

from __future__ import annotations

from typing import Any

import pytest
from rulebook import edge

from sre_orchestrator.core.models import Cause, Edge, Propagation
from sre_orchestrator.core.reach import Graph, blamed

POD, SET, CART = "pod/shop/cart-1", "replicaset/shop/cart-abc", "deployment/shop/cart"
SHOP = [
    edge(CART, "owns", SET),
    edge(SET, "owns", POD),
    edge(SET, "owns", "pod/shop/cart-2"),
    edge(POD, "runs_on", "node/a"),
    edge("pod/shop/cart-2", "runs_on", "node/b"),
    edge("service/shop/cart", "selects", POD),
    edge("ingress/shop/web", "routes_to", "service/shop/cart"),
    edge("deployment/shop/web", "depends_on", "service/shop/cart"),
    edge("deployment/shop/web", "owns", "pod/shop/web-1"),
    edge("service/shop/web", "selects", "pod/shop/web-1"),
    edge("deployment/shop/gate", "depends_on", "service/shop/web"),
    edge(POD, "mounts", "persistentvolumeclaim/shop/data"),
    edge("deployment/shop/other", "owns", "pod/shop/other-1"),
]
GRAPH = Graph(SHOP)


def cause(**fields: Any) -> Cause:
    return Cause(**{"id": "c", "title": "c", "category": "x", "blamed_on": "workload", **fields})


def test_a_workloads_fault_shows_at_its_pods_services_and_callers() -> None:
    reach = GRAPH.reach(cause(), CART)

    assert reach[CART] == reach[SET] == reach[POD] == 0
    assert 0 < reach["service/shop/cart"] < reach["deployment/shop/web"] < reach["deployment/shop/gate"]
    assert "ingress/shop/web" in reach
    assert not {"deployment/shop/other", "pod/shop/other-1", "node/a"} & set(reach)


def test_a_fault_shows_at_the_release_whose_upgrade_waits_and_not_at_its_other_members() -> None:
    members = [edge(one, "belongs_to_release", "release/shop/all") for one in (CART, "deployment/shop/other")]

    reach = Graph([*SHOP, *members]).reach(cause(), CART)

    assert reach["release/shop/all"] > 0
    assert "deployment/shop/other" not in reach


def test_a_pods_fault_shows_at_its_owner() -> None:
    assert GRAPH.reach(cause(blamed_on="component"), POD)[CART] == 0


@pytest.mark.parametrize(
    ("blamed_on", "at", "reached"),
    [
        ("node", "node/a", POD),
        ("claim", "persistentvolumeclaim/shop/data", POD),
        ("service", "service/shop/cart", POD),
    ],
)
def test_what_others_stand_on_shows_at_them(blamed_on: str, at: str, reached: str) -> None:
    reach = GRAPH.reach(cause(blamed_on=blamed_on), at)

    assert reached in reach
    assert "deployment/shop/web" in reach
    assert "pod/shop/other-1" not in reach


def test_a_namespace_reaches_what_the_catalogue_says() -> None:
    limits = cause(blamed_on="namespace", propagates=(Propagation(edge="limits", direction="down"),))
    graph = Graph([edge("namespace/shop", "limits", CART), *SHOP])

    assert POD in graph.reach(limits, "namespace/shop")
    assert GRAPH.reach(cause(blamed_on="namespace"), "namespace/shop") == {"namespace/shop": 0}


def test_symptoms_travel_no_further_than_declared() -> None:
    chain = Graph([edge(f"node/{n + 1}", "binds", f"node/{n}") for n in range(5)])
    two = cause(blamed_on="component", propagates=(Propagation(edge="binds", direction="up", hops=2),))

    assert set(chain.reach(two, "node/0")) == {"node/0", "node/1", "node/2"}


def test_a_circle_of_callers_ends() -> None:
    ring = Graph([edge(f"deployment/shop/{a}", "depends_on", f"deployment/shop/{b}") for a, b in ("ab", "bc", "ca")])

    assert len(ring.reach(cause(), "deployment/shop/a")) == 3


def test_owners_that_own_each_other_end() -> None:
    graph = Graph([edge("deployment/x/a", "owns", "deployment/x/b"), edge("deployment/x/b", "owns", "deployment/x/a")])

    assert graph.workload("deployment/x/a").startswith("deployment/x/")


@pytest.mark.parametrize(
    ("blamed_on", "seen_at", "named"),
    [
        ("workload", POD, CART),
        ("workload", "pod/shop/bare", "pod/shop/bare"),
        ("namespace", POD, "namespace/shop"),
        ("namespace", "namespace/shop", "namespace/shop"),
        ("node", POD, "node/a"),
        ("node", "pod/shop/bare", "pod/shop/bare"),
        ("node", "node/a", "node/a"),
        ("component", POD, POD),
        ("service", "service/shop/cart", "service/shop/cart"),
    ],
)
def test_the_blame_goes_to_what_a_report_names(blamed_on: str, seen_at: str, named: str) -> None:
    assert blamed(cause(blamed_on=blamed_on), seen_at, GRAPH) == named


def test_the_order_of_edges_changes_nothing() -> None:
    backwards: list[Edge] = SHOP[::-1]

    assert Graph(backwards).reach(cause(), CART) == GRAPH.reach(cause(), CART)
    assert Graph(backwards).workload(POD) == CART
