"""Configuration text as flat settings."""

from __future__ import annotations

import pytest

from sre_orchestrator.plugins.objects.settings_text import MAX_BYTES, expand, settings_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spring:\n  redis: {host: cache, port: 6379}\n", {"spring.redis.host": "cache", "spring.redis.port": "6379"}),
        ("a: [x, {b: true}]\nc:\n", {"a[0]": "x", "a[1].b": "true"}),
        ("a: 1\n---\nb: 2\n", {"[0].a": "1", "[1].b": "2"}),
        ('{"a": {"b": null, "c": 1.5}}', {"a.c": "1.5"}),
        ('["x"]', {"[0]": "x"}),
        ("a.b=1\n# c=2\nd : 3\n", {"a.b": "1", "d": "3"}),
        ("server {\n  listen 80;\n}\n# end", {"line 1": "server {", "line 2": "  listen 80;", "line 3": "}"}),
        ("just words", {"line 1": "just words"}),
        ("{broken", {"line 1": "{broken"}),
        ("a: [unclosed\nb = 1", {"b": "1", "a": "[unclosed"}),
        ("", {}),
        ("-----BEGIN CERTIFICATE-----\nMIIC\n", {}),
        ("a=1\n" * MAX_BYTES, {}),
    ],
)
def test_text_of_many_kinds_becomes_flat(text: str, expected: dict[str, str]) -> None:
    assert settings_in(text) == expected


def test_depth_is_bounded() -> None:
    assert settings_in("[" * 100 + "1" + "]" * 100) == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://$(CART_HOST):80", "http://cart:80"),
        ("${CART_HOST}:${cart.port:8080}", "cart:8080"),
        ("${cart.host}", "cart"),
        ("${CART_PORT:-7070}", "7070"),
        ("${UNKNOWN}", "${UNKNOWN}"),
        ("$plain", "$plain"),
    ],
)
def test_placeholders_are_filled_where_known(value: str, expected: str) -> None:
    assert expand(value, {"CART_HOST": "cart"}) == expected
