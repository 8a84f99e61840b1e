"""Sets what a model had right beside what the deterministic default has right on the same papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sre_orchestrator.api.examination.marks import VALIDITY, Result, Step, better
from sre_orchestrator.api.examination.sitting import M, Sitting


def compared(
    step: Step, sitting: Sitting[M], right: Sequence[bool], default: Sequence[bool], measures: Mapping[str, float]
) -> Result:
    """Return the result of a step in which a model has to be better than the default by more than luck.

    ``right`` is about the papers that the model was asked about, ``default`` about all; of the others it has none right.
    """
    mine = [*right, *[False] * (len(default) - len(right))]
    wins = sum(one and not other for one, other in zip(mine, default, strict=True))
    losses = sum(other and not one for one, other in zip(mine, default, strict=True))
    count, validity = max(len(default), 1), sitting.validity()
    return Result(
        step=step,
        passed=not sitting.gone and validity >= VALIDITY and better(wins, losses),
        why=sitting.gone or _why(wins, losses, validity),
        papers=len(default),
        asked=len(sitting.marked),
        right=sum(mine),
        default_right=sum(default),
        measures={
            "right": sum(mine) / count,
            "default_right": sum(default) / count,
            **measures,
            "validity": validity,
        },
        p50_ms=sitting.latency(0.5),
        p95_ms=sitting.latency(0.95),
        tokens=sitting.tokens(),
    )


def _why(wins: int, losses: int, validity: float) -> str:
    if validity < VALIDITY:
        return f"only {validity:.0%} of its answers have the form that is asked for"
    if better(wins, losses):
        return "better than without it"
    return "no better than without it" if wins <= losses else "not better than without it by more than luck"
