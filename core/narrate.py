"""The narrator that needs no model: sentences from a template, each with its facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sre_orchestrator.core.cite import CITATION
from sre_orchestrator.core.models import Fact, Proof, Report
from sre_orchestrator.core.report import worded
from sre_orchestrator.core.wording import counted

SHOWN = 3


class TemplateNarrator:
    """Words a report in plain sentences, one a line."""

    def narrate(self, report: Report) -> str:
        """Return what was found, why, what changed and what speaks against it."""
        return "\n".join(_diagnosed(report) if report.verdict == "diagnosed" else _unresolved(report))


def _diagnosed(report: Report) -> Iterator[str]:
    first = report.hypotheses[0]
    cause = f"The most likely cause is: {first.title} ({first.component}, confidence {first.confidence:.2f})"
    yield line(cause, _facts(first.proof))
    for proof in first.proof:
        yield line(proof.because, proof.facts)
    for proof in first.against:
        yield line(f"Against it: {proof.because}", proof.facts)
    for change in first.changes:
        yield line(f"Shortly before: {_at(report.facts[change])}", [change])
    for other in report.hypotheses[1:SHOWN]:
        less = f"Less likely: {other.title} ({other.component}, {other.confidence:.2f})"
        yield line(less, _facts(other.proof))


def _unresolved(report: Report) -> Iterator[str]:
    shown = report.symptoms[:SHOWN]
    if shown:
        seen = f"{counted(len(report.symptoms), 'symptom')} {'was' if len(report.symptoms) == 1 else 'were'} seen"
        yield line(f"No cause could be proved; {seen}", shown)
    for symptom in shown:
        yield line(_at(report.facts[symptom]), [symptom])


def _at(fact: Fact) -> str:
    return f"{fact.component}: {worded(fact)}"


def _facts(proofs: Iterable[Proof]) -> list[str]:
    return list(dict.fromkeys(fact for proof in proofs for fact in proof.facts))


def summary_of(report: Report) -> str:
    """Return how a model sums a report up, without citations; empty where no model did."""
    first = report.narrative.partition("\n")[0]
    if not report.versions.model or first == TemplateNarrator().narrate(report).partition("\n")[0]:
        return ""
    return CITATION.sub("", first).rstrip()


def line(text: str, facts: Iterable[str]) -> str:
    """Return one line; observed text in it can neither break the line nor cite."""
    return f"{' '.join(CITATION.sub('', text).split())} [{', '.join(facts)}]"
