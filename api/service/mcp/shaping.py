"""Makes short forms: lists end after so many, texts after so many characters, and what was left out is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from sre_orchestrator.api.service.components import Connected, Impact
from sre_orchestrator.api.service.mcp.answers import (
    About,
    Explanation,
    Findings,
    Line,
    Lines,
    Passage,
    Reached,
    Seen,
    Summary,
    Suspect,
    Tried,
)
from sre_orchestrator.api.service.models import IncidentRecord, IncidentView, Page, RunbookRecord, RunbookView
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Fact, Hypothesis, Proof, Report, Scalar, Step
from sre_orchestrator.core.proof import facts_of
from sre_orchestrator.rules.whynot import Trial

LONG = 500
PASSAGE = 4000
SUSPECTS = 5
STEPS = 4
GAPS = 8
PROOFS = 5
CHILDREN = 12
FACTS = 60
TRIALS = 8
UNMET = 12
RELATED = 200
ATTRIBUTES = 40


def clipped(text: str, most: int = LONG) -> str:
    """Return a text of at most ``most`` characters.

    >>> clipped("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def summary(view: IncidentView) -> Summary:
    """Return an incident in short."""
    return Summary(
        id=view.id,
        status=view.status,
        description=clipped(view.reported.description),
        namespace=view.reported.namespace,
        cluster=view.reported.cluster,
        created_at=view.created_at,
        updated_at=view.updated_at,
        resolved_at=view.resolved_at,
        seen=view.seen,
        merged_into=view.merged_into,
        verdict=view.verdict,
        error=clipped(view.error),
        findings=_findings(view.report) if view.report else None,
        next=_next(view),
    )


def line(record: IncidentRecord) -> Line:
    """Return an incident as a line of a list."""
    return Line(
        id=record.id,
        status=record.status,
        description=clipped(record.reported.description, LONG // 2),
        created_at=record.created_at,
        seen=record.seen,
        resolved_at=record.resolved_at,
        verdict=record.verdict,
        cause=record.cause,
        component=record.component,
        confidence=record.confidence,
    )


def lines(page: Page) -> Lines:
    """Return a page of incidents as lines."""
    return Lines(items=tuple(map(line, page.items)), next_cursor=page.next_cursor)


def explanation(view: IncidentView, number: int) -> Explanation:
    """Return the proof of hypothesis ``number``.

    Raises:
        InputError: there is no report yet, or no such hypothesis.

    """
    if view.report is None:
        raise InputError(f"incident {view.id} has no report yet; its status is {view.status}")
    known = view.report.hypotheses
    if number > len(known):
        raise InputError(f"hypothesis {number}: incident {view.id} has {len(known)}; 1 is the most probable")
    one = known[number - 1]
    proof, against = _proofs(one.proof), _proofs(one.against)
    cited = list(dict.fromkeys((*facts_of((*proof, *against)), *one.changes, *one.explains)))
    return Explanation(
        incident=view.id,
        number=number,
        cause=one.cause,
        component=one.component,
        title=one.title,
        confidence=one.confidence,
        because=clipped(one.because),
        terms=one.terms,
        proof=proof,
        against=against,
        more_proofs=len(one.proof) + len(one.against) - len(proof) - len(against),
        missing=one.missing[:GAPS],
        changes=one.changes[:GAPS],
        facts={name: _seen(view.report.facts[name]) for name in cited[:FACTS] if name in view.report.facts},
        more_facts=max(len(cited) - FACTS, 0),
    )


def tried(incident: str, cause: str, component: str, trials: Sequence[Trial]) -> Tried:
    """Return what kept a cause from being concluded."""
    return Tried(
        incident=incident,
        cause=cause,
        component=component,
        trials=tuple(msgspec.structs.replace(one, unmet=one.unmet[:UNMET]) for one in trials[:TRIALS]),
        more_trials=max(len(trials) - TRIALS, 0),
    )


def about(found: Connected) -> About:
    """Return a component and its relations."""
    return About(
        id=found.component.id,
        attributes=_attributes(found.component.attributes),
        since=found.component.since,
        edges=found.edges[:RELATED],
        more_edges=max(len(found.edges) - RELATED, 0),
    )


def reached(found: Impact) -> Reached:
    """Return what suffers or is needed."""
    return Reached(
        component=found.component,
        direction=found.direction,
        hops=found.hops,
        components=found.components[:RELATED],
        more_components=max(len(found.components) - RELATED, 0),
    )


def passage(found: RunbookRecord, kept: RunbookView | None) -> Passage:
    """Return a runbook that was found; ``kept`` is what it says, unless it was removed meanwhile."""
    return Passage(
        id=found.id,
        title=found.title,
        excerpt=found.excerpt,
        text=clipped(kept.text, PASSAGE) if kept else "",
        bytes=found.bytes,
        rest=f"/api/v1/runbooks/{found.id}",
    )


def _findings(report: Report) -> Findings:
    return Findings(
        hypotheses=tuple(_suspect(number, one) for number, one in enumerate(report.hypotheses[:SUSPECTS], start=1)),
        more_hypotheses=max(len(report.hypotheses) - SUSPECTS, 0),
        ruled_out=len(report.ruled_out),
        symptoms=len(report.symptoms),
        gaps=report.gaps[:GAPS],
        more_gaps=max(len(report.gaps) - GAPS, 0),
    )


def _suspect(number: int, one: Hypothesis) -> Suspect:
    question = one.next_question
    return Suspect(
        number=number,
        cause=one.cause,
        component=one.component,
        title=one.title,
        confidence=one.confidence,
        because=clipped(one.because),
        explains=len(one.explains),
        explained_by=one.explained_by,
        undecided=len(one.missing),
        remedy=tuple(map(_step, one.remedy[:STEPS])) if number == 1 else (),
        next_question=clipped(question.text or f"look at {question.kind} of {question.component}") if question else "",
    )


def _step(one: Step) -> Step:
    return Step(text=clipped(one.text), command=clipped(one.command))


def _next(view: IncidentView) -> str:
    if view.merged_into:
        return f"It has the same cause as {view.merged_into}; look at that one."
    if view.report is not None:
        return "Call explain for the proof of a hypothesis, why_not for a cause that you miss."
    if view.status == "failed":
        return "The error says why; report it again when that is mended."
    return "It is being investigated; call get_incident again with wait_seconds 20."


def _proofs(proofs: Sequence[Proof]) -> tuple[Proof, ...]:
    """Return one proof for each sentence: the same rule on two replicas is told once."""
    return tuple(map(_proof, list({one.because: one for one in reversed(proofs)}.values())[::-1][:PROOFS]))


def _proof(one: Proof) -> Proof:
    return msgspec.structs.replace(
        one,
        because=clipped(one.because),
        facts=one.facts[:CHILDREN],
        edges=one.edges[:CHILDREN],
        absent=one.absent[:CHILDREN],
        children=tuple(map(_proof, one.children[:PROOFS])),
    )


def _seen(fact: Fact) -> Seen:
    return Seen(
        kind=fact.kind,
        component=fact.component,
        attributes=_attributes(fact.attributes),
        observed_at=fact.observed_at,
        command=clipped(fact.query),
    )


def _attributes(attributes: Mapping[str, Scalar]) -> dict[str, Scalar]:
    kept = list(attributes.items())[:ATTRIBUTES]
    return {name: clipped(value) if isinstance(value, str) else value for name, value in kept}
