"""What separates two hypotheses, and two reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sre_orchestrator.core.models import Hypothesis, Report, Struct
from sre_orchestrator.core.proof import facts_of


class Comparison(Struct, frozen=True, kw_only=True):
    """Facts that only one of two hypotheses rests on, symptoms that only one explains, and the terms of their confidence.

    ``terms`` maps the name of each term to its log odds in the first and in the second hypothesis.
    """

    first_only: tuple[str, ...] = ()
    second_only: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    first_explains: tuple[str, ...] = ()
    second_explains: tuple[str, ...] = ()
    terms: dict[str, tuple[float, float]] = {}


def compare(first: Hypothesis, second: Hypothesis) -> Comparison:
    """Return what separates ``first`` from ``second``."""
    one, other = _facts(first), _facts(second)
    explains, others = set(first.explains), set(second.explains)
    names = sorted({*first.terms, *second.terms})
    return Comparison(
        first_only=tuple(sorted(one - other)),
        second_only=tuple(sorted(other - one)),
        shared=tuple(sorted(one & other)),
        first_explains=tuple(sorted(explains - others)),
        second_explains=tuple(sorted(others - explains)),
        terms={name: (first.terms.get(name, 0.0), second.terms.get(name, 0.0)) for name in names},
    )


def differences(before: Report, after: Report) -> Iterator[str]:
    """Yield, in words, how the hypotheses of ``after`` differ from those of ``before``, and why."""
    if before.versions.rule_book != after.versions.rule_book:
        yield f"rule book {before.versions.rule_book} → {after.versions.rule_book}"
    if before.verdict != after.verdict:
        yield f"verdict {before.verdict} → {after.verdict}"
    old, new = _ranked(before), _ranked(after)
    for name in [*new, *(name for name in old if name not in new)]:
        yield from _moved(name, old, new)


def _ranked(report: Report) -> dict[str, tuple[int, Hypothesis]]:
    every = (*report.hypotheses, *report.ruled_out)
    return {f"{one.cause} at {one.component}": (rank, one) for rank, one in enumerate(every, start=1)}


def _moved(
    name: str, old: Mapping[str, tuple[int, Hypothesis]], new: Mapping[str, tuple[int, Hypothesis]]
) -> Iterator[str]:
    if name not in old:
        rank, one = new[name]
        yield f"{name}: new at rank {rank} ({one.confidence:.2f}), by {_rules(one)}"
    elif name not in new:
        rank, one = old[name]
        yield f"{name}: gone (was rank {rank}, {one.confidence:.2f}), was held by {_rules(one)}"
    elif old[name] != new[name]:
        (was, before), (now, after) = old[name], new[name]
        yield f"{name}: rank {was} → {now}, confidence {before.confidence:.2f} → {after.confidence:.2f}{_why(before, after)}"


def _why(before: Hypothesis, after: Hypothesis) -> str:
    old, new = _by_rule(before), _by_rule(after)
    parts = [
        *(f"no longer {rule}" for rule in sorted(old - new)),
        *(f"now {rule}" for rule in sorted(new - old)),
        *(f"{term} {a:+.2f} → {b:+.2f}" for term, (a, b) in compare(before, after).terms.items() if a != b),
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def _by_rule(hypothesis: Hypothesis) -> set[str]:
    return {f"{proof.rule}: {proof.because}" for proof in (*hypothesis.proof, *hypothesis.against)}


def _rules(hypothesis: Hypothesis) -> str:
    return ", ".join(sorted({proof.rule for proof in hypothesis.proof}))


def _facts(hypothesis: Hypothesis) -> set[str]:
    return set(facts_of((*hypothesis.proof, *hypothesis.against)))
