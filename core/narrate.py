"""The narrator that needs no model: sentences from a template, each with its facts."""

from __future__ import annotations

from collections.abc import Iterable

from sre_orchestrator.core.models import Fact, Hypothesis, Proof, Report
from sre_orchestrator.core.report import worded

SHOWN = 3


class TemplateNarrator:
    """Words a report in plain sentences, one a line."""

    def narrate(self, report: Report) -> str:
        """Return what was found, why, what changed and what speaks against it."""
        lines: list[str] = []
        if report.verdict == "diagnosed":
            first = report.hypotheses[0]
            lines.append(
                f"The most likely cause is: {first.title} ({first.component}, confidence {first.confidence:.2f}) "
                f"{_refs(_facts(first.proof))}"
            )
            lines += [f"{proof.because} {_refs(proof.facts)}" for proof in first.proof]
            lines += [f"Against it: {proof.because} {_refs(proof.facts)}" for proof in first.against]
            lines += [f"Shortly before: {_at(report.facts[change])} {_refs([change])}" for change in first.changes]
            lines += [_alternative(other) for other in report.hypotheses[1:SHOWN]]
        elif report.symptoms:
            shown = report.symptoms[:SHOWN]
            lines.append(f"No cause could be proved; {len(report.symptoms)} symptoms were seen {_refs(shown)}")
            lines += [f"{_at(report.facts[symptom])} {_refs([symptom])}" for symptom in shown]
        return "\n".join(lines)


def _at(fact: Fact) -> str:
    return f"{fact.component}: {worded(fact)}"


def _alternative(hypothesis: Hypothesis) -> str:
    return f"Less likely: {hypothesis.title} ({hypothesis.component}, {hypothesis.confidence:.2f}) {_refs(_facts(hypothesis.proof))}"


def _facts(proofs: Iterable[Proof]) -> list[str]:
    return list(dict.fromkeys(fact for proof in proofs for fact in proof.facts))


def _refs(facts: Iterable[str]) -> str:
    return f"[{', '.join(facts)}]"
