"""Secrets never become the value of a fact, and no text makes the search slow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_orchestrator.core.redact import MASK, without_secrets

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("DB_PASSWORD: hunter2, user: app", "DB_PASSWORD: ***, user: app"),
        ("password='it is a phrase' port=1", "password='***' port=1"),
        ('{"api_key": "abc def", "a": 1}', '{"api_key": "***", "a": 1}'),
        (r"{\"password\": \"hunter2\", \"a\": 1}", r"{\"password\": \"***\", \"a\": 1}"),
        ("redis://:p@ss@cache:6379/0", "redis://:***@cache:6379/0"),
        ("amqp://shop:hunter2@mq", "amqp://shop:***@mq"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        (f"sent {JWT} to web", "sent *** to web"),
        ("id AKIAIOSFODNN7EXAMPLE used", "id *** used"),
        ("remote ghp_0123456789abcdefghijABCDEFGHIJ", "remote ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nxyz\n-----END", "-----BEGIN RSA PRIVATE KEY-----***-----END"),
        ("-----BEGIN PRIVATE KEY-----\ncut off", "-----BEGIN PRIVATE KEY-----***"),
    ],
)
def test_a_secret_is_masked(text: str, clean: str) -> None:
    assert without_secrets(text) == clean


def test_a_token_after_its_name_is_masked_too() -> None:
    assert "opaque0token" not in without_secrets("token: Bearer opaque0token")


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication failed for user app",
        'secret "db-credentials" not found',
        "https://registry.example:5000/app@sha256:0123",
        "couldn't find key password in Secret shop/db",
        "password=*** was masked before",
        "monkey business, a passing token",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


PIECES = [
    "password",
    "=",
    ":",
    " ",
    "'",
    '"',
    "\\",
    "Bearer ",
    "basic ",
    "://",
    "@",
    "/",
    "a1B2c3D4e5",
    "eyJ",
    ".",
    "\n",
]


@given(st.lists(st.sampled_from([*PIECES, MASK]), max_size=14).map("".join))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = without_secrets(text)

    assert without_secrets(once) == once


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "a." * 32_000 + " token",
        "eyJ-" * 16_000,
        "a-" * 32_000 + "://",
        "password='" * 6_000,
        "token" + " " * 60_000,
        "basic " + "a." * 30_000,
        "x://a:" * 10_000,
        "x://" + "@a:" * 20_000,
        "-----BEGIN " * 6_000,
    ],
)
def test_a_hostile_log_line_takes_no_time(text: str) -> None:
    assert len(without_secrets(text)) <= len(text)
