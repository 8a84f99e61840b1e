"""Words for numbers of things."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Return how many there are of a thing; ``many`` is its plural where no ``s`` makes it.

    >>> counted(1, "rule"), counted(2, "rule"), counted(0, "hypothesis", "hypotheses")
    ('1 rule', '2 rules', '0 hypotheses')
    """
    return f"{number} {one if number == 1 else many or f'{one}s'}"
