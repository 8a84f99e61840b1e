"""Texts with placeholders."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_orchestrator.rules.operators import Value
from sre_orchestrator.rules.templates import as_bytes, as_duration, as_percent, render, typed

VALUES: dict[str, Value] = {
    "text": "{a.number}",
    "number": 1234567.5,
    "ratio": 0.425,
    "size": 3 * 1024**2,
    "on": True,
    "at": datetime(2030, 5, 1, tzinfo=UTC),
}


def value(_: str, attribute: str) -> Value:
    return VALUES.get(attribute)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{a.size|bytes} of {a.ratio|percent}", "3 MiB of 42.5 %"),
        ("{a.ratio} and {a.number}", "0.425 and 1.23457e+06"),
        ("{a.none} and {a.none|bytes}", "? and ?"),
        ("{a.text}", "{a.number}"),
        ("{a.on}", "True"),
    ],
)
def test_a_template_is_filled_once(template: str, text: str) -> None:
    assert render(template, value) == text


def test_a_bare_placeholder_keeps_its_type() -> None:
    assert typed("{a.size}", value) == 3 * 1024**2
    assert typed("{a.on}", value) is True
    assert typed("{a.none}", value) is None
    assert typed("{a.at}", value) is None
    assert typed("{a.size|bytes}", value) == "3 MiB"
    assert typed("at {a.size}", value) == "at 3145728"
    assert typed(7, value) == 7


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (-2048, "-2 KiB"), (5 * 1024**5, "5120 TiB"), (float("inf"), "inf TiB"), ("x", "x")],
)  # fmt: skip
def test_bytes(size: Value, text: str) -> None:
    assert as_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 s"), (90, "1.5 min"), (7200, "2 h"), (259_200, "3 d"), (-90, "-1.5 min"), ("x", "x")],
)
def test_durations(seconds: Value, text: str) -> None:
    assert as_duration(seconds) == text


def test_percentages() -> None:
    assert as_percent(1) == "100 %"
    assert as_percent("x") == "x"
