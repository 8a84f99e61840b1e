"""Finds the name that somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

ALIKE = 0.8


def similar(word: str, words: Iterable[str], least: float = ALIKE) -> str:
    """Return the one of ``words`` that is nearly, not quite, ``word``; ``""`` when none is, or when ``word`` is among them.

    >>> similar("codewise", ["codewiser", "library"]), similar("cart", ["cart", "carts"])
    ('codewiser', '')
    """
    known = set(words)
    if not word or word in known:
        return ""
    ratio, best = max(((SequenceMatcher(None, word, one).ratio(), one) for one in sorted(known)), default=(0.0, ""))
    return best if ratio >= least else ""
