"""Tells an examination in lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from sre_orchestrator.api.examination.marks import Result
from sre_orchestrator.api.examination.stored import Examination

DIGITS = 12
SECOND_MS = 1000
DEFAULT = "default_"


def table(found: Examination) -> Iterator[str]:
    """Yield the scores, then what follows from them."""
    yield f"{'step':8} {'papers':>6} {'right':>6} {'without':>7} {'valid':>6} {'p50 s':>6} {'p95 s':>6} {'tokens':>6}"
    for one in found.results:
        yield _row(one)
    for one in found.results:
        if more := ", ".join(_measures(one)):
            yield f"{one.step}: {more}"
    for one in found.results:
        yield one.verdict()


def headline(found: Examination) -> str:
    """Return which model it is, when it was examined, and what it may do."""
    may = ", ".join(found.passed) or "nothing"
    return f"{found.model}  {found.digest[:DIGITS]}  examined {found.at:%Y-%m-%d %H:%MZ}  may: {may}"


def _row(one: Result) -> str:
    seconds = " ".join(f"{value / SECOND_MS:6.1f}" for value in (one.p50_ms, one.p95_ms))
    valid = one.measures["validity"]
    return f"{one.step:8} {one.papers:6} {one.right:6} {one.default_right:7} {valid:6.0%} {seconds} {one.tokens:6}"


def _measures(one: Result) -> Iterator[str]:
    for name, value in one.measures.items():
        if name in ("right", "validity") or name.startswith(DEFAULT):
            continue
        without = one.measures.get(DEFAULT + name)
        words = name.replace("_", " ")
        yield f"{words} {value:.2f}" + ("" if without is None else f" (without it {without:.2f})")
