"""Components are found by their names, however people spell them; what does not exist is not named."""

from __future__ import annotations

import time

import pytest

from sre_orchestrator.core.models import Component
from sre_orchestrator.core.reading.names import named

CART = "deployment/shop/cart"
CHECKOUT = "deployment/shop/checkout-service"
COMPONENTS = [
    Component(id=one)
    for one in (CART, CHECKOUT, "service/shop/frontend", "configmap/shop/cart", "node/worker-1", "deployment/bank/cart")
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("checkout-service fails", [CHECKOUT]),
        ("check out service", [CHECKOUT]),
        ("the check-out is slow", [CHECKOUT]),
        ("CheckoutService throws", [CHECKOUT]),
        ("checkoutservice", [CHECKOUT]),
        ("checkout_service", [CHECKOUT]),
        ("die Checkout-Pods starten neu", [CHECKOUT]),
        ("den Warenkorb-Dienst cart", [CART]),
        ("Der Cart-Dienst", [CART]),
        ("the cart's pods", [CART]),
        ("all carts are empty", [CART]),
        ("cart.shop.svc.cluster.local", [CART]),
        ("cartサービスが遅い", [CART]),
        ("http://cart:8080/", [CART]),
        ("front end", ["service/shop/frontend"]),
        ("worker 1", ["node/worker-1"]),
        ("chec. kout", []),
        ("a cartographer, a wagon, check in", []),
        ("", []),
    ],
)
def test_names(text: str, expected: list[str]) -> None:
    assert list(named(text, COMPONENTS, ["shop"])) == expected


def test_a_service_that_is_called_so_is_not_every_word() -> None:
    components = [Component(id="deployment/shop/service")]

    assert named("the shop is down", components, ["shop"]) == ()
    assert named("the service is down", components, ["shop"]) == ("deployment/shop/service",)


@pytest.mark.parametrize("part", ["pod-", "a-", "a ", "aB", "-", "a."])
def test_a_long_text_takes_no_long_time(part: str) -> None:
    begun = time.process_time()

    named(part * 100_000, COMPONENTS, ["shop"])

    assert time.process_time() - begun < 3
