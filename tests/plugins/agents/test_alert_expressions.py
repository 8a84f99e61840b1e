"""An alert whose words name no signal is known by what its expression measures; ingested rules tell expressions."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sre_orchestrator.plugins.agents.metrics.alerts import alerted
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.sources.ports import Alert


class Cart(Places):
    """Everything is about the cart."""

    def __init__(self) -> None:
        super().__init__([], [], [], [])

    def of(self, prefix: str, labels: Mapping[str, str]) -> str | None:
        """Return the cart."""
        del prefix, labels
        return "deployment/shop/cart"


def shown(expression: str, name: str = "Xyz") -> list[tuple[str, str]]:
    alert = Alert(labels={"alertname": name}, expression=expression)
    return [(one.signal, one.direction) for one in alerted([alert], Cart())]


@pytest.mark.parametrize(
    ("expression", "signals"),
    [
        ('sum(rate(http_requests_total{code=~"5.."}[5m])) > 9', [("traffic", "up")]),
        ("rate(http_requests_total[5m]) < 1", [("traffic", "down")]),
        ("rate(container_cpu_usage_seconds_total[5m]) > 1", [("cpu", "up")]),
        ("container_cpu_usage_seconds_total / container_memory_working_set_bytes > 1", []),
        ("absent(http_requests_total)", []),
        ("apiserver_client_certificate_expiration_seconds_bucket < 9", []),
        ("up == 0", []),
        ("", []),
    ],
)
def test_an_expression_tells_the_signal_of_an_alert(expression: str, signals: list[tuple[str, str]]) -> None:
    assert shown(expression) == signals


def test_words_come_before_the_expression() -> None:
    assert shown("rate(http_requests_total[5m]) > 1", "HighMemory") == [("memory", "up")]
