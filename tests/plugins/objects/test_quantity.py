"""Quantities by Kubernetes' documented grammar."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_orchestrator.plugins.objects.quantity import LARGEST, amount, parse_quantity

DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
digits = st.text("0123456789", min_size=1, max_size=6)
numbers = (
    digits
    | st.tuples(digits, digits).map(".".join)
    | digits.map(lambda whole: f"{whole}.")
    | digits.map(lambda part: f".{part}")
)
signs = st.sampled_from(["", "+", "-"])


@given(signs, numbers, st.sampled_from(sorted(DECIMAL)))
def test_a_decimal_suffix_is_a_power_of_ten(sign: str, number: str, suffix: str) -> None:
    exact = Decimal(sign + number) * Decimal(10) ** DECIMAL[suffix]

    assert parse_quantity(f"{sign}{number}{suffix}") == max(-LARGEST, min(exact, LARGEST))


@given(signs, numbers, st.sampled_from(sorted(BINARY)))
def test_a_binary_suffix_is_a_power_of_1024(sign: str, number: str, suffix: str) -> None:
    exact = Decimal(sign + number) * 1024 ** BINARY[suffix]

    assert parse_quantity(f"{sign}{number}{suffix}") == max(-LARGEST, min(exact, LARGEST))


@given(signs, numbers, st.sampled_from(["e", "E"]), signs, st.integers(0, 12))
def test_an_exponent_is_a_power_of_ten(sign: str, number: str, letter: str, exponent_sign: str, exponent: int) -> None:
    exact = Decimal(f"{sign}{number}E{exponent_sign}{exponent}")

    assert parse_quantity(f"{sign}{number}{letter}{exponent_sign}{exponent}") == max(-LARGEST, min(exact, LARGEST))


@given(numbers, st.integers(0, 6))
def test_spellings_of_one_amount_are_equal(number: str, zeros: int) -> None:
    assert parse_quantity(number) == parse_quantity(f"{number}e0") == parse_quantity("0" * zeros + number)
    assert parse_quantity(f"{number}k") == parse_quantity(f"{number}e3") == parse_quantity(f"{number}E+3")


@pytest.mark.parametrize(
    ("text", "value"),
    [("128974848", 128974848), ("129e6", 129_000_000), ("129M", 129_000_000), ("128974848000m", 128974848), ("123Mi", 128974848)],
)  # fmt: skip
def test_the_examples_of_the_documentation(text: str, value: int) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["1e999999999", "9" * 60 + "Ei", 1e300])
def test_no_quantity_is_larger_than_kubernetes_allows(text: str | float) -> None:
    assert parse_quantity(text) == LARGEST
    assert amount({"cpu": text}, "cpu") == float(LARGEST)


def test_numbers_are_quantities() -> None:
    assert parse_quantity(2) == 2
    assert parse_quantity(0.5) == Decimal("0.5")


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", "-", "1 Gi", "1KiB", "1ki", "1K", "1g", "1e", "1e1.5", "0x10", "1_000", "1,5", "--1", "٣", "NaN", "inf", "1Gi\nx", "9" * 65, True],
)  # fmt: skip
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no Kubernetes quantity such as 100m, 1Gi or 1e3"):
        parse_quantity(text)

    assert amount({"cpu": text}, "cpu") == 0


@given(st.text(max_size=8) | st.floats() | st.integers())
def test_an_amount_is_always_a_finite_number(text: str | float) -> None:
    assert abs(amount({"memory": text}, "memory")) <= float(LARGEST)


def test_what_is_absent_is_none_at_all() -> None:
    assert amount({}, "cpu") == 0
