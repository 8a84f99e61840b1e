"""The arithmetic of confidence: evidence adds up as log odds.

Each strength is the natural logarithm of a Bayes factor on the scale of Kass and Raftery,
"Bayes Factors", JASA 90 (1995): weak about 2 ("barely worth mentioning"), moderate about 6
("positive"), strong about 24 ("strong"). That evidence adds in log odds is Good, "Probability
and the Weighing of Evidence" (1950). The other terms are bounded so that none of them can turn
weak evidence into a diagnosis by itself; ``docs/explanation/ranking.md`` discusses each.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

from sre_orchestrator.core.models import Strength, Struct

WEIGHT: Mapping[Strength, float] = {"weak": 0.7, "moderate": 1.8, "strong": 3.2}
PRIOR = -1.4
REPEATED = 0.5
MAX_PROOF = 5.5
SYMPTOMS = 1.0
NO_SYMPTOM = -0.8
NAMED = 0.5
WORDS = 0.3
CHANGED = 0.3
UNDECIDED = 0.25
MAX_UNDECIDED = 0.75
EXPLAINED_WEAK = 1.5
EXPLAINED_STRONG = 0.3
CHANGE_ALONE = -0.1


class Evidence(Struct, frozen=True, kw_only=True):
    """One derivation as evidence: its strength and the base facts under it."""

    strength: Strength
    facts: frozenset[str]


def combined(evidence: Iterable[Evidence]) -> float:
    """Return the log odds of all evidence, each fact counted once, whatever the facts are called.

    The strongest comes first, of equally strong ones those with most facts; equals count together. What counts is how
    many times the facts that nothing before used would make such evidence, and each further time counts half, since
    facts of one fault are not independent.
    """
    used: frozenset[str] = frozenset()
    total = 0.0
    factor = 1.0
    for (strength, size), together in _equals(evidence):
        left = factor * REPEATED ** (len(together - used) / size)
        total += WEIGHT[strength] * (factor - left) / (1 - REPEATED)
        factor = left
        used |= together
    return min(total, MAX_PROOF)


def _equals(evidence: Iterable[Evidence]) -> Iterable[tuple[tuple[Strength, int], frozenset[str]]]:
    """Return the facts of evidence that is as strong and as large, the strongest and largest first."""
    found: dict[tuple[Strength, int], frozenset[str]] = defaultdict(frozenset)
    for one in evidence:
        if one.facts:
            found[one.strength, len(one.facts)] |= one.facts
    return sorted(found.items(), key=lambda item: (-WEIGHT[item[0][0]], -item[0][1]))


def coverage_term(explained: Set[str], symptoms: Set[str]) -> float:
    """Return what the share of explained symptoms adds; a cause that shows nowhere is unlikely to matter."""
    if not explained:
        return NO_SYMPTOM
    return SYMPTOMS * len(explained) / len(symptoms)


def confidence(log_odds: float) -> float:
    """Return the probability of ``log_odds``, rounded to four digits so that every platform agrees.

    >>> confidence(0.0)
    0.5
    """
    return round(1.0 / (1.0 + math.exp(-log_odds)), 4)
