"""What counts as right, as better, and what is kept of a step that was examined."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import comb
from typing import Literal

from sre_orchestrator.core.models import Struct

Step = Literal["read", "ask", "narrate"]
CHANCE = 0.05
VALIDITY = 0.95


class Tally(Struct, frozen=True, kw_only=True):
    """How many were right of those that were given, and of those that were wanted."""

    right: int = 0
    given: int = 0
    wanted: int = 0

    def plus(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(right=self.right + other.right, given=self.given + other.given, wanted=self.wanted + other.wanted)

    @property
    def precision(self) -> float:
        """Return the share of what was given that is right; where nothing was given, 1 if nothing was wanted."""
        return self.right / self.given if self.given else float(not self.wanted)

    @property
    def recall(self) -> float:
        """Return the share of what was wanted that was given; 1 where nothing was."""
        return self.right / self.wanted if self.wanted else 1.0

    @property
    def f1(self) -> float:
        """Return the harmonic mean of both."""
        return 2 * self.right / (self.given + self.wanted) if self.given + self.wanted else 1.0


def tally(given: Collection[str], wanted: Collection[str]) -> Tally:
    """Compare two sets.

    >>> tally({"a", "b"}, {"b"}).precision
    0.5
    """
    return Tally(right=len(set(given) & set(wanted)), given=len(set(given)), wanted=len(set(wanted)))


def together(tallies: Iterable[Tally]) -> Tally:
    """Return the sum."""
    whole = Tally()
    for one in tallies:
        whole = whole.plus(one)
    return whole


def better(wins: int, losses: int) -> bool:
    """Say whether ``wins`` against ``losses`` are more than luck: of as many coins, so many heads fall in one of 20 throws.

    It is the exact sign test of McNemar, "Note on the sampling error of the difference between correlated proportions"
    (1947): papers that both have right, or neither, tell nothing.

    >>> better(5, 0), better(4, 0), better(8, 3)
    (True, False, False)
    """
    coins = wins + losses
    likely = sum(comb(coins, heads) for heads in range(wins, coins + 1))
    return likely <= CHANCE * float(2**coins)


WORDS = {
    "read": ("reading", "words alone"),
    "ask": ("asking", "the order of the flow"),
    "narrate": ("narrating", "the template"),
}


class Result(Struct, frozen=True, kw_only=True):
    """How a model did in one step.

    ``right`` and ``default_right`` count papers, ``asked`` those that the model was asked about before it was given up.
    ``measures`` are shares of 1; those of the deterministic default begin with ``default_``. Milliseconds are of one
    paper, tokens the mean of a paper.
    """

    step: Step
    passed: bool
    why: str
    papers: int
    asked: int
    right: int
    default_right: int
    measures: dict[str, float]
    p50_ms: int
    p95_ms: int
    tokens: int

    def verdict(self) -> str:
        """Return in words whether it passed, and what follows."""
        doing, default = WORDS[self.step]
        score = f"{self.right} of {self.papers} right, {default} {self.default_right}"
        if self.passed:
            return f"passes {doing}: {score}; used for {doing}: {self.why}"
        return f"fails {doing}: {score}; not used for {doing}: {self.why}"
