"""The auth agent on the tokens that pods get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import container_status, pod, thing

from sre_orchestrator.plugins.agents.auth import AuthAgent

Json = dict[str, Any]
CART = "pod/shop/cart"


def volume(name: str = "vault", **token: Any) -> Json:
    return {"name": name, "projected": {"sources": [{"serviceAccountToken": {"path": "token", **token}}]}}


USUAL = volume("kube-api-access-x7k2p", expirationSeconds=3607)


def test_a_token_for_somebody_else_is_told_with_its_audience_and_life(tmp_path: Path) -> None:
    mine = pod("cart", spec={"volumes": [USUAL, volume(audience="vault", expirationSeconds=600)]})

    fact = look(AuthAgent(), tmp_path, mine, pod("web", spec={"volumes": [USUAL]})).only("token.projected")

    assert fact.component == CART
    assert fact.attributes == {
        "account": "serviceaccount/shop/default",
        "audience": "vault",
        "expires_seconds": 600,
        "path": "token",
        "outlived": True,
    }


def test_a_token_of_its_own_for_the_api_server_has_no_audience(tmp_path: Path) -> None:
    fact = look(AuthAgent(), tmp_path, pod("cart", spec={"volumes": [volume("api")]})).only("token.projected")

    assert "audience" not in fact.attributes
    assert fact.attributes["expires_seconds"] == 3600


def test_what_started_a_moment_ago_has_not_outlived_its_token(tmp_path: Path) -> None:
    started = container_status(state={"running": {"startedAt": "2030-05-01T11:55:00Z"}})
    young = pod("cart", statuses=[started], spec={"volumes": [volume(audience="vault", expirationSeconds=600)]})

    assert look(AuthAgent(), tmp_path, young).only("token.projected").attributes["outlived"] is False


@pytest.mark.parametrize(
    ("spec", "account", "by"),
    [
        ({"automountServiceAccountToken": False}, None, ["pod"]),
        ({}, False, ["account"]),
        ({"automountServiceAccountToken": True}, False, []),
        ({"automountServiceAccountToken": False, "volumes": [USUAL]}, False, []),
        ({}, True, []),
        ({}, None, []),
    ],
)
def test_who_withholds_the_token_of_a_pod_is_told(
    tmp_path: Path, spec: Json, account: bool | None, by: list[str]
) -> None:
    mine = pod("cart", spec={"serviceAccountName": "cart", **spec})
    switched = {} if account is None else {"automountServiceAccountToken": account}
    others = thing("ServiceAccount", "other", automountServiceAccountToken=False)

    seen = look(AuthAgent(), tmp_path, mine, thing("ServiceAccount", "cart", **switched), others)

    assert [(one.component, one.attributes["by"]) for one in seen.of("token.withheld")] == [(CART, one) for one in by]
    assert ("token.withheld", "namespace/shop") in seen.coverage
