"""Prints the proof tree of a hypothesis: rules, facts, and the command that shows each fact."""

from __future__ import annotations

from collections.abc import Iterator

from sre_orchestrator.api.render.outline import shown
from sre_orchestrator.core.models import Fact, Hypothesis, Proof, Report
from sre_orchestrator.core.report import worded


def proof_text(report: Report, hypothesis: Hypothesis) -> str:
    """Return the proof tree of ``hypothesis``: rules, facts, and the command that shows each fact."""
    lines = [f"{hypothesis.title}: {hypothesis.component} (confidence {shown(hypothesis.confidence)})"]
    for proof in hypothesis.proof:
        lines += _tree(proof, report, "  ")
    for proof in hypothesis.against:
        lines += _tree(proof, report, "  against: ")
    lines += [
        f"  undecided: {one.condition} (nobody read {one.kind} of {one.component or 'this scope'})"
        for one in hypothesis.missing
    ]
    return "\n".join(lines)


def _tree(proof: Proof, report: Report, indent: str) -> Iterator[str]:
    strength = f" ({proof.strength})" if proof.strength else ""
    yield f"{indent}{proof.because}  — rule {proof.rule}{strength}"
    deeper = " " * len(indent) + "  "
    for fact in proof.facts:
        yield from _fact(report.facts[fact], deeper)
    for edge in proof.edges:
        yield f"{deeper}· {edge} (twin)"
    for absent in proof.absent:
        yield f"{deeper}· {absent} (read completely)"
    for child in proof.children:
        yield from _tree(child, report, deeper + "  ")


def _fact(fact: Fact, indent: str) -> Iterator[str]:
    at = f" at {fact.observed_at:%Y-%m-%dT%H:%M:%SZ}" if fact.observed_at else ""
    yield f"{indent}· [{fact.id}] {fact.component}: {worded(fact)}{at}"
    if fact.query:
        yield f"{indent}    see: {fact.query}"
