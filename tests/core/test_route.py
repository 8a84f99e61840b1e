"""Where to look follows from the words of the incident and from the twin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from investigation import NOW, Scripted, incident, parts

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Component, Edge, Scope
from sre_orchestrator.core.route import route
from sre_orchestrator.core.settings import Settings, UserFlow

COMPONENTS = [
    Component(id=one)
    for one in (
        "deployment/shop/cart",
        "deployment/bank/cart",
        "service/shop/payment-service",
        "pod/shop/cart-7d4b9-x2x1",
        "configmap/shop/settings",
        "node/worker-1",
        "statefulset/bank/ledger",
        "deployment/shop/größe",
    )
]


INSTALLATION = parts([Scripted("one"), Scripted("two")], components=COMPONENTS)


def routed(description: str, *, window: float = 60.0, **more: Any) -> Scope:
    settings = Settings(state_dir="unused", window_minutes=window)
    return route(incident(description, **more), INSTALLATION.twin, INSTALLATION.agents, settings)


@pytest.mark.parametrize(
    ("description", "components"),
    [
        ("The cart is down", ["deployment/bank/cart", "deployment/shop/cart"]),
        ("payment fails", ["service/shop/payment-service"]),
        ("pod cart-7d4b9-x2x1 restarts", ["pod/shop/cart-7d4b9-x2x1"]),
        ("worker-1 is NotReady", ["node/worker-1"]),
        ("the settings are wrong", []),
        ("cartography is slow", []),
        ("nothing works", []),
    ],
)
def test_components_are_found_by_their_names(description: str, components: list[str]) -> None:
    assert list(routed(description).components) == components


FLOWS = (
    UserFlow(name="Check-out", services=("cart", "payment-service")),
    UserFlow(name="audit", services=("ledger", "cart", "settings"), namespace="bank"),
    UserFlow(name="search", host="search.example"),
)


@pytest.mark.parametrize(
    ("description", "components"),
    [
        ("check-out answers 500", ["deployment/bank/cart", "deployment/shop/cart", "service/shop/payment-service"]),
        ("the audit is slow", ["deployment/bank/cart", "statefulset/bank/ledger"]),
        ("search is slow", []),
        ("auditing is slow", []),
    ],
)
def test_a_user_flow_means_its_services(description: str, components: list[str]) -> None:
    settings = Settings(state_dir="unused", user_flows=FLOWS)

    found = route(incident(description), INSTALLATION.twin, INSTALLATION.agents, settings)

    assert list(found.components) == components


def test_the_namespaces_are_those_of_the_incident() -> None:
    found = routed("cart is slow", namespace="shop")

    assert found.namespaces == ("shop",)
    assert found.components == ("deployment/shop/cart",)
    assert routed("cart is slow", namespace="shop, bank").namespaces == ("shop", "bank")


def test_else_the_namespaces_are_those_of_what_it_names() -> None:
    assert routed("ledger answers 500").namespaces == ("bank",)
    assert routed("everything is slow").namespaces == ("bank", "shop")
    assert routed("worker-1 is gone").namespaces == ("bank", "shop")


def test_a_namespace_that_does_not_exist_is_an_error_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"namespace 'shopp' does not exist; did you mean 'shop'\?; known: bank, shop"):
        routed("cart is down", namespace="shopp")


def test_an_empty_twin_takes_the_namespace_as_given() -> None:
    installation = parts([])

    assert route(incident(namespace="shop"), installation.twin, [], installation.settings).namespaces == ("shop",)


@pytest.mark.parametrize(
    ("description", "symptoms"),
    [
        ("pods are crashing and OOMKilled", {"restarts"}),
        ("checkout returns 503", {"unavailable", "errors"}),
        ("timeouts since the release", {"slow"}),
        ("requests fail with connection refused", {"errors"}),
        ("latency is high", {"slow"}),
        ("download count", set()),
    ],
)
def test_symptoms_are_read_from_the_words(description: str, symptoms: set[str]) -> None:
    assert set(routed(description).symptoms) == symptoms


@pytest.mark.parametrize(
    ("description", "ago"),
    [
        ("down since 10 minutes", timedelta(minutes=10)),
        ("errors for half an hour", timedelta(minutes=30)),
        ("slow for the last two hours", timedelta(hours=2)),
        ("it broke an hour ago", timedelta(hours=1)),
        ("restarts over the past 3d", timedelta(days=3)),
        ("failing for 45s", timedelta(seconds=45)),
        ("it is down", timedelta()),
    ],
)
def test_the_window_begins_before_the_time_that_the_text_gives(description: str, ago: timedelta) -> None:
    found = routed(description, window=15)

    assert (found.since, found.until) == (NOW - ago - timedelta(minutes=15), NOW)


@pytest.mark.parametrize(
    "description", ["since 99999999999999999999999 days", "since " + "9" * 5000 + " h", "5 \u017f ago"]
)
def test_no_number_is_too_large(description: str) -> None:
    assert NOW - routed(description).since <= timedelta(days=367)


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_no_clock_is_too_wrong(at: datetime) -> None:
    found = routed("down since 3 days", at=at)

    assert found.since <= found.until == at


def test_every_agent_is_asked() -> None:
    assert routed("anything").agents == ("one", "two")


@given(st.text(max_size=60))
def test_no_words_break_it(description: str) -> None:
    found = routed(description)

    assert found.since <= found.until


CALLS = [
    Edge(source="service/shop/payment-service", kind="selects", target="pod/shop/payment-1"),
    Edge(source="deployment/shop/payment", kind="owns", target="pod/shop/payment-1"),
    Edge(source="deployment/shop/payment", kind="depends_on", target="service/bank/ledger"),
    Edge(source="ingress/edge/shop", kind="routes_to", target="service/shop/payment-service"),
]


@pytest.mark.parametrize(
    ("told", "namespace", "namespaces"),
    [
        ("payment fails", "", ("bank", "shop")),
        ("payment fails", "shop", ("shop",)),
        ("the ledger is slow", "", ("bank",)),
    ],
)
def test_where_the_named_components_look_for_what_they_need_is_in_scope(
    told: str, namespace: str, namespaces: tuple[str, ...]
) -> None:
    asked, agents = incident(told, namespace=namespace), INSTALLATION.agents

    scope = route(asked, INSTALLATION.twin, agents, Settings(state_dir="unused"), edges=CALLS)

    assert scope.namespaces == namespaces
