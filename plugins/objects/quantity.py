"""Kubernetes quantities: ``100m``, ``1Gi``, ``1e3``.

Source: kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity.
"""

from __future__ import annotations

import re
from decimal import Decimal

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?P<suffix>[eE][+-]?[0-9]{1,9}|[numkMGTPE]|[KMGTPE]i)?"
)
LARGEST = Decimal(2**63 - 1)
MAX_DIGITS = 64
_SUFFIX = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    **{f"{letter}i": Decimal(1024**power) for power, letter in enumerate("KMGTPE", start=1)},
}


def parse_quantity(text: str | float) -> Decimal:
    """Return the value of a quantity: exact, and as Kubernetes has it at most 2^63-1 in magnitude.

    Raises:
        ValueError: the text is no quantity.

    >>> [str(parse_quantity(one)) for one in ("100m", "1Gi", "1e3", 2, ".5")]
    ['0.100', '1073741824', '1E+3', '2', '0.5']

    """
    match = _QUANTITY.fullmatch(str(text).strip())
    if not match or len(match["number"]) > MAX_DIGITS:
        raise ValueError(f"{text!r} is no Kubernetes quantity such as 100m, 1Gi or 1e3")
    suffix = match["suffix"] or ""
    if suffix[:1] in {"e", "E"} and suffix[1:] not in {"", "i"}:
        value = Decimal(match["number"] + suffix)
    else:
        value = Decimal(match["number"]) * _SUFFIX.get(suffix, Decimal(1))
    return max(-LARGEST, min(value, LARGEST))


def amount(amounts: dict[str, int | str | float] | dict[str, int | str], name: str) -> float:
    """Return the amount of ``name`` as a float; 0 when it is absent or no quantity."""
    if name not in amounts:
        return 0.0
    try:
        return float(parse_quantity(amounts[name]))
    except ValueError:
        return 0.0
