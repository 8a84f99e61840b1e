"""Names, asked of a real name server on loopback."""

from __future__ import annotations

import dns.resolver
import pytest
from listeners import name_server

from sre_orchestrator.plugins.sources.probes.names import Names, UnresolvedError

CART = "cart.shop.svc.cluster.local."


def test_a_short_name_is_found_through_the_search_list() -> None:
    with name_server({CART: "10.96.0.4"}) as resolver:
        assert Names(10, resolver).addresses("cart.shop.svc") == ("10.96.0.4",)


def test_an_address_of_version_6_is_found() -> None:
    with name_server({CART: "fd00::4"}) as resolver:
        assert Names(10, resolver).addresses("cart.shop.svc") == ("fd00::4",)


def test_a_name_that_nobody_has_is_told() -> None:
    with (
        name_server({}) as resolver,
        pytest.raises(UnresolvedError, match=r"could not resolve cart\.shop\.svc: no such host"),
    ):
        Names(10, resolver).addresses("cart.shop.svc")


def test_a_server_that_does_not_answer_is_told_within_the_time() -> None:
    with (
        name_server({}, mute=[CART]) as resolver,
        pytest.raises(UnresolvedError, match="no name server answers in time"),
    ):
        Names(0.2, resolver).addresses("cart.shop.svc")


def test_a_server_that_fails_is_told() -> None:
    with name_server({}, broken=True) as resolver, pytest.raises(UnresolvedError, match="could not resolve cart"):
        Names(10, resolver).addresses("cart.shop.svc")


def test_a_name_that_can_be_none_is_told() -> None:
    with pytest.raises(UnresolvedError, match="could not resolve"):
        Names(1, dns.resolver.Resolver(configure=False)).addresses("a" * 64 + ".svc")


def test_a_question_that_is_lost_is_asked_again() -> None:
    with name_server({CART: "10.96.0.4"}, lost=1) as resolver:
        assert Names(3, resolver).addresses("cart.shop.svc") == ("10.96.0.4",)


def test_the_name_servers_are_those_of_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    with name_server({CART: "10.96.0.4"}) as resolver:
        monkeypatch.setattr(dns.resolver, "Resolver", lambda: resolver)

        assert Names(2).addresses("cart.shop.svc") == ("10.96.0.4",)
