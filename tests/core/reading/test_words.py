"""Symptoms and HTTP codes are read from words of many languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_orchestrator.core.reading.words import http_codes, symptoms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the pods keep crashing", {"restarts"}),
        ("der Pod startet neu", {"restarts"}),
        ("Der Warenkorb ist langsam und meldet Fehler", {"slow", "errors"}),
        ("le panier redémarre sans arrêt", {"restarts"}),
        ("la caisse ne répond plus", {"unavailable"}),
        ("el servicio está caído", {"unavailable"}),
        ("o site está fora do ar", {"unavailable"}),
        ("il carrello è lento", {"slow"}),
        ("de winkel is onbereikbaar", {"unavailable"}),
        ("koszyk działa wolno i zgłasza błędy", {"slow", "errors"}),
        ("ödeme yavaş ve hata veriyor", {"slow", "errors"}),
        ("корзина недоступна", {"unavailable"}),
        ("カートが遅い", {"slow"}),
        ("支付服务无法访问 报错", {"unavailable", "errors"}),
        ("결제 서비스가 느려요", {"slow"}),
        ("checkout answers 502", {"unavailable", "errors"}),
        ("checkout answers 500", {"errors"}),
        ("time-outs", {"slow"}),
        ("p99 rises", {"slow"}),
        ("worker-1 is NotReady", {"unavailable"}),
        ("500 pods of the download service", set()),
        ("", set()),
    ],
)
def test_symptoms(text: str, expected: set[str]) -> None:
    assert set(symptoms(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTP 503 and 5xx, then http-500", ("503", "5xx", "500")),
        ("502/504 from the gateway", ("502", "504")),
        ("status 404.", ("404",)),
        ("503エラー", ("503",)),
        ("HTTP 500 requests fail", ("500",)),
        ("503, 503", ("503",)),
        ("port 443, :500, /500, #404, 500.5, 500:1, v500, $500", ()),
        ("500 pods, 450 ms, 500m, 502 users, 500 Anfragen, 450MB", ()),
        ("status 477 or 200", ()),
    ],
)
def test_http_codes(text: str, expected: tuple[str, ...]) -> None:
    assert http_codes(text) == expected


@given(st.text(max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    assert set(symptoms(text)) <= {"restarts", "unavailable", "errors", "slow"}
