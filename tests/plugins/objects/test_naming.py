"""Names of services as paths and ids spell them."""

from __future__ import annotations

import pytest

from sre_orchestrator.plugins.objects.naming import ServiceNames, plain, segments

NAMES = ServiceNames(["shop-cart-service", "shop-orders", "shop-order-history", "mail"])


@pytest.mark.parametrize(
    ("term", "service"),
    [
        ("cart", "shop-cart-service"),
        ("shop-cart-service", "shop-cart-service"),
        ("cartservice", "shop-cart-service"),
        ("order", "shop-orders"),
        ("Orders", "shop-orders"),
        ("order_history", "shop-order-history"),
        ("mail", "mail"),
        ("history", None),
        ("shop", None),
        ("", None),
    ],
)
def test_a_term_names_a_service_in_several_spellings(term: str, service: str | None) -> None:
    assert NAMES.named(term) == service


def test_the_word_that_few_services_begin_with_stays() -> None:
    assert ServiceNames(["shop-cart", "shop-orders"]).named("cart") is None


def test_a_path_names_the_service_of_its_first_telling_segment() -> None:
    assert NAMES.of_path("/api/v1/cart/mail") == "shop-cart-service"
    assert NAMES.of_path("/api/v1/unknown/mail/cart") == "mail"
    assert NAMES.of_path("/") is None


def test_a_term_and_a_service_are_the_same_by_any_form() -> None:
    assert NAMES.same("cart", "shop-cart-service")
    assert not NAMES.same("cart", "shop-orders")


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/api/v1/orders/**", ["orders"]), ("^/cart$", ["cart"]), ("/a/b/c", ["a", "b"]), ("/{id}/x", ["x"]), ("/", [])],
)
def test_segments_leave_out_what_names_nothing(path: str, expected: list[str]) -> None:
    assert list(segments(path)) == expected


def test_plain_keeps_words_that_only_look_like_endings() -> None:
    assert (plain("service"), plain("address"), plain("bus")) == ("service", "address", "bu")
