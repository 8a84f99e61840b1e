"""Deliveries of PagerDuty: only those that are signed are taken, once a secret is known."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from secured import USED, Client, Secured

ADDRESS = "/api/v1/alerts/pagerduty"
OLD, NEW = "0ld-secret-of-the-subscription", "n3w-secret-of-the-subscription"
BODY = json.dumps(
    {"event": {"id": "1", "event_type": "incident.triggered", "data": {"id": "Q1", "title": "checkout answers 500"}}}
).encode()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    USED.extend((OLD, NEW))
    return tmp_path_factory.mktemp("secret") / "pagerduty"


@pytest.fixture(scope="module")
def secured(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Secured:
    return Secured(tmp_path_factory.mktemp("state"), pagerduty_secret_file=str(file))


@pytest.fixture(scope="module")
def key(secured: Secured) -> dict[str, str]:
    return secured.key("pagerduty", "report")


def signed(secret: str, body: bytes = BODY) -> str:
    """Return a signature as PagerDuty makes it."""
    return f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def sent(client: Client, key: dict[str, str], signatures: str | None, body: bytes = BODY) -> int:
    """Return the status of a delivery."""
    headers = key if signatures is None else key | {"X-PagerDuty-Signature": signatures}
    return client.post(ADDRESS, content=body, headers=headers).status_code


def test_a_signed_delivery_is_taken_while_secrets_are_rotated(client: Client, key: dict[str, str], file: Path) -> None:
    file.write_text(f"{OLD}\n\n{NEW}\n", encoding="utf-8")

    told = [sent(client, key, one) for one in (signed(OLD), signed(NEW), f"v1=00, {signed(NEW)}")]
    file.write_text(f"{NEW}\n", encoding="utf-8")

    assert (told, sent(client, key, signed(OLD)), sent(client, key, signed(NEW))) == ([202] * 3, 401, 202)


@pytest.mark.parametrize(
    "signatures", [None, "", "v1=", "v0=00", signed("guessed"), signed(OLD).replace("v1=", ""), "é"]
)
def test_a_forged_delivery_is_refused(client: Client, key: dict[str, str], file: Path, signatures: str | None) -> None:
    file.write_text(OLD, encoding="utf-8")
    headers = key if signatures is None else key | {"X-PagerDuty-Signature": signatures}

    answer = client.post(ADDRESS, content=BODY, headers={name: text.encode() for name, text in headers.items()})

    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthorized")
    assert "X-PagerDuty-Signature" in answer.json()["detail"]


def test_a_signature_is_of_one_body(client: Client, key: dict[str, str], file: Path) -> None:
    file.write_text(OLD, encoding="utf-8")

    assert sent(client, key, signed(OLD), BODY.replace(b"500", b"502")) == 401


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"])
def test_without_a_secret_nothing_is_taken(
    client: Client, key: dict[str, str], file: Path, content: bytes | None
) -> None:
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_bytes(content)

    answer = client.post(ADDRESS, content=BODY, headers=key | {"X-PagerDuty-Signature": signed("")})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_signature_is_no_key(client: Client, file: Path) -> None:
    file.write_text(OLD, encoding="utf-8")

    assert sent(client, {}, signed(OLD)) == 401
