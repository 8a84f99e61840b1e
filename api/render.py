"""Renders a report: JSON, Markdown, text."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sre_orchestrator.core.models import Fact, Hypothesis, Proof, Report
from sre_orchestrator.core.report import worded

SHOWN = 5
MOMENTS = 12


def json_text(report: Report) -> str:
    """Return the Report as indented JSON (schema: docs/reference/report.md)."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def markdown(report: Report) -> str:
    """Return the report as Markdown."""
    return "\n".join(_lines(report))


def print_report(report: Report) -> None:
    """Print the report for a person; colours only where the terminal has them."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, needed only here
    from rich.markdown import Markdown  # noqa: PLC0415

    console = Console()
    if console.is_terminal:
        console.print(Markdown(markdown(report)))
    else:
        print(markdown(report))


def proof_text(report: Report, hypothesis: Hypothesis) -> str:
    """Return the proof tree of ``hypothesis``: rules, facts, and the command that shows each fact."""
    lines = [f"{hypothesis.title}: {hypothesis.component} (confidence {hypothesis.confidence:.2f})"]
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


def _lines(report: Report) -> Iterator[str]:
    incident = report.incident
    yield f"# {report.verdict.capitalize()}: {incident.description}"
    yield ""
    where = f"namespace {incident.namespace}, " if incident.namespace else ""
    yield f"{where}{incident.at:%Y-%m-%d %H:%M:%S} UTC, {len(report.symptoms)} symptoms, {report.cost.elapsed_ms} ms, {report.cost.tokens} tokens"
    if not report.hypotheses:
        yield ""
        yield "Nothing that was observed points to a cause."
    for number, hypothesis in enumerate(report.hypotheses[:SHOWN], start=1):
        yield from _hypothesis(report, number, hypothesis)
    yield from _section(
        "Ruled out", [f"- {one.title}: {one.component}. {one.against[0].because}" for one in report.ruled_out[:SHOWN]]
    )
    yield from _section(
        "Timeline",
        [f"- {one.at:%H:%M:%S} {one.what}: {one.component} {one.text}" for one in report.timeline[-MOMENTS:]],
    )
    yield from _section(
        "Gaps",
        [f"- {gap.what}: {gap.why}" + (f" (to see it: {gap.remedy})" if gap.remedy else "") for gap in report.gaps],
    )


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"## {title}"
        yield ""
        yield from lines


def _hypothesis(report: Report, number: int, hypothesis: Hypothesis) -> Iterator[str]:
    yield ""
    yield f"## {number}. {hypothesis.title}: {hypothesis.component}"
    yield ""
    yield f"confidence {hypothesis.confidence:.2f} ({hypothesis.category}, {hypothesis.cause}), explains {len(hypothesis.explains)} of {len(report.symptoms)} symptoms"
    if hypothesis.explained_by:
        yield f"probably a consequence of {hypothesis.explained_by}"
    yield ""
    for proof in hypothesis.proof:
        yield f"- {proof.because}"
    for proof in hypothesis.against:
        yield f"- against: {proof.because}"
    for change in hypothesis.changes[:SHOWN]:
        yield f"- shortly before: {worded(report.facts[change])}"
    for one in hypothesis.missing[:SHOWN]:
        yield f"- undecided: {one.condition}"
    if number == 1:
        for step in hypothesis.remedy:
            yield f"- next: {step.text}" + (f": `{step.command}`" if step.command else "")
    for runbook in hypothesis.runbooks:
        yield f"- runbook: {runbook.title} ({runbook.address})"
