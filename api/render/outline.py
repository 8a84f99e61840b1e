"""What a report shows people, before it is text or Markdown: sections of marked rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from sre_orchestrator.core.cite import CITATION
from sre_orchestrator.core.identity import kind_of
from sre_orchestrator.core.models import (
    Check,
    Fact,
    Gap,
    Hypothesis,
    ModelUse,
    Moment,
    Proof,
    Report,
    Runbook,
    Scalar,
    Step,
    Struct,
    Suggestion,
)
from sre_orchestrator.core.narrate import TemplateNarrator
from sre_orchestrator.core.proof import facts_of
from sre_orchestrator.core.wording import counted

Mark = Literal["for", "against", "change", "undecided", "next", "runbook", "satisfied", "violated", "unknown", "plain"]
SHOWN = 5
QUOTED = 200  # characters of a runbook's passage
MOMENTS = 14
LONG = 40
SUREST = 0.99


class Row(Struct, frozen=True, kw_only=True):
    """One line: what kind it is, what it says, the facts behind it, the command that goes with it."""

    mark: Mark = "plain"
    text: str
    facts: tuple[str, ...] = ()
    command: str = ""


class Section(Struct, frozen=True, kw_only=True):
    """A title with something at its right, a line under it, and rows."""

    title: str
    aside: str = ""
    note: str = ""
    rows: tuple[Row, ...] = ()


def outline(report: Report) -> tuple[Section, ...]:
    """Return the sections in reading order; those that have nothing to say are left out."""
    hypotheses = [_hypothesis(report, n, one) for n, one in enumerate(report.hypotheses[:SHOWN], start=1)]
    last = (
        Section(title="Ruled out", rows=tuple(_ruled_out(report.ruled_out[:SHOWN]))),
        Section(title="Timeline", note="UTC", rows=tuple(_moment(report, *one) for one in moments(report))),
        Section(
            title="Not seen", note="Blind is not healthy: these could hide causes.", rows=tuple(_gaps(report.gaps))
        ),
        Section(title="Next steps", rows=tuple(_next_steps(report.hypotheses))),
        Section(
            title="Unproven suggestions",
            note="A language model thinks these possible. No rule and no fact proves them.",
            rows=tuple(_suggested(report.suggestions)),
        ),
        Section(title="Language model", note=report.versions.model, rows=tuple(_uses(report.cost.model))),
    )
    told = Section(title="In words", aside=f"by {report.versions.model}", rows=tuple(_told(report)))
    rest = tuple(section for section in last if section.rows)
    return (_head(report), *((told,) if told.rows else ()), *hypotheses, *rest)


def words(report: Report) -> tuple[str, ...]:
    """Return the sentences that a model found for the report; none where they are those of the template."""
    worded = report.versions.model and report.narrative != TemplateNarrator().narrate(report)
    return tuple(report.narrative.splitlines()) if worded else ()


def moments(report: Report) -> list[tuple[Moment, int]]:
    """Return the changes and the first sight of each symptom, and how many others show the same.

    Those of the first hypothesis come before all others when there are too many.
    """
    first = report.hypotheses[0] if report.hypotheses else None
    telling = {*first.changes, *first.explains, *facts_of(first.proof)} if first else set()
    groups: dict[str, list[Moment]] = {}
    for moment in report.timeline:
        fact = report.facts[moment.fact]
        where = fact.component if moment.what == "change" else kind_of(fact.component)
        what = f"{where} {fact.kind} {' '.join(_texts(fact))}"
        groups.setdefault(what, []).append(moment)
    kept = sorted(groups.values(), key=lambda same: (telling.isdisjoint(m.fact for m in same), -same[0].at.timestamp()))
    found = [(same[0], len({moment.component for moment in same}) - 1) for same in kept[:MOMENTS]]
    return sorted(found, key=lambda one: (one[0].at, one[0].fact))


def shown(confidence: float) -> str:
    """Return a confidence with two digits; nothing is shown as certain.

    >>> shown(0.9991)
    '0.99'
    """
    return f"{min(confidence, SUREST):.2f}"


def short(fact: Fact) -> str:
    """Return the observation in few words: long texts and relations to other components are left out.

    >>> from sre_orchestrator.core.facts import Observer
    >>> short(Observer("x")("container.changed", "deployment/shop/cart", item="memory limit", before="1Gi", after="1Mi"))
    'container.changed memory limit 1Gi → 1Mi'
    """
    values = dict(fact.attributes)
    change = [f"{values.pop('before')} → {values.pop('after')}"] if {"before", "after"} <= values.keys() else []
    brief = {name: value for name, value in values.items() if _brief(value) and not name.endswith("_seconds")}
    kept = (value if isinstance(value, str) else f"{name}={value}" for name, value in brief.items())
    return " ".join([fact.kind, *kept, *change])


def _texts(fact: Fact) -> Iterator[str]:
    return (value for value in fact.attributes.values() if isinstance(value, str) and _brief(value))


def _brief(value: Scalar) -> bool:
    return value is not True and (not isinstance(value, str) or ("/" not in value and len(value) <= LONG))


def _head(report: Report) -> Section:
    incident, cost = report.incident, report.cost
    where = f"namespace {incident.namespace}" if incident.namespace else "whole cluster"
    where = f"cluster {incident.cluster}, {where}" if incident.cluster else where
    note = (
        f"{where} · {incident.at:%Y-%m-%d %H:%M:%S} UTC · {counted(len(report.symptoms), 'symptom')} · "
        f"{counted(len(cost.agents_ms), 'agent')}, {cost.elapsed_ms} ms, {cost.tokens} tokens"
    )
    nothing = Row(text="Nothing that was observed points to a cause.")
    return Section(
        title=f"{report.verdict.capitalize()}: {incident.description}",
        note=note,
        rows=() if report.hypotheses else (nothing,),
    )


def _hypothesis(report: Report, number: int, one: Hypothesis) -> Section:
    share = f"explains {len(one.explains)} of {counted(len(report.symptoms), 'symptom')}"
    return Section(
        title=f"{number}. {one.title}",
        aside=f"confidence {shown(one.confidence)}",
        note=f"{one.component} · {one.cause} · {share}",
        rows=tuple(_evidence(report, one)),
    )


def _evidence(report: Report, one: Hypothesis) -> Iterator[Row]:
    for proof in _distinct(one.proof):
        yield Row(mark="for", text=_strong(proof), facts=proof.facts)
    for proof in _distinct(one.against):
        yield Row(mark="against", text=_strong(proof), facts=proof.facts)
    for change in one.changes[:SHOWN]:
        fact = report.facts[change]
        when = f"{fact.observed_at:%H:%M:%S} " if fact.observed_at else ""
        yield Row(mark="change", text=f"shortly before: {when}{short(fact)}", facts=(change,))
    for missing in one.missing[:SHOWN]:
        yield Row(mark="undecided", text=f"{missing.condition} (nobody read {missing.kind})")
    if one.explained_by:
        yield Row(text=f"probably a consequence of {one.explained_by}")
    for runbook in one.runbooks:
        yield Row(mark="runbook", text=_quoted(runbook))
        yield from map(_checked, runbook.checks)


def _quoted(runbook: Runbook) -> str:
    """Return what a runbook is called, where the passage is, and how it begins."""
    where = " > ".join((f"seen before: {runbook.title}" if runbook.past else runbook.title, *runbook.headings))
    notes = ", ".join((runbook.address, *(["last reviewed long ago"] if runbook.stale else [])))
    said = " ".join(runbook.passage.split())
    begun = said if len(said) <= QUOTED else f"{said[:QUOTED].rstrip()}…"
    return f"{where} ({notes})" + (f": {begun}" if begun else "")


def _checked(check: Check) -> Row:
    why = f" ({check.why})" if check.state == "unknown" else ""
    return Row(mark=check.state, text=check.label + why, facts=check.facts)


def _strong(proof: Proof) -> str:
    return f"{proof.because} ({proof.strength})" if proof.strength else proof.because


def _distinct(proofs: Iterable[Proof]) -> list[Proof]:
    """Return one proof for each sentence: the same rule on two replicas is said once for each, not more."""
    return list({proof.because: proof for proof in proofs}.values())[:SHOWN]


def _ruled_out(hypotheses: Iterable[Hypothesis]) -> Iterator[Row]:
    for one in hypotheses:
        reason = one.against[0]
        yield Row(mark="against", text=f"{one.title}: {one.component}. {reason.because}", facts=reason.facts)


def _moment(report: Report, moment: Moment, others: int) -> Row:
    where = f"{moment.component} and {others} more" if others else moment.component
    text = f"{moment.at:%H:%M:%S} {where}: {short(report.facts[moment.fact])}"
    return Row(mark="change" if moment.what == "change" else "plain", text=text)


def _gaps(gaps: Iterable[Gap]) -> Iterator[Row]:
    for gap in gaps:
        remedy = f"; to see it: {gap.remedy}" if gap.remedy else ""
        yield Row(mark="undecided", text=f"{gap.what}: {gap.why}{remedy}")


def _next_steps(hypotheses: Sequence[Hypothesis]) -> Iterator[Row]:
    for step in (*hypotheses[0].remedy, *_of_runbooks(hypotheses[0])) if hypotheses else ():
        yield Row(mark="next", text=step.text, command=step.command)
    for number, one in enumerate(hypotheses[:SHOWN], start=1):
        question = one.next_question
        if question:
            text = question.text or f"look at {question.kind} of {question.component}"
            yield Row(mark="next", text=f"to decide about {number}: {text}", command=question.command)


def _of_runbooks(one: Hypothesis) -> list[Step]:
    known = {step.command for step in one.remedy}
    steps = {step.command: step for runbook in one.runbooks for step in runbook.steps if step.command not in known}
    return list(steps.values())[:SHOWN]


def _told(report: Report) -> Iterator[Row]:
    for line in words(report):
        cited = CITATION.search(line)
        yield Row(text=CITATION.sub("", line).strip(), facts=tuple(cited[1].split(", ")) if cited else ())


def _suggested(suggestions: Iterable[Suggestion]) -> Iterator[Row]:
    for one in suggestions:
        yield Row(mark="undecided", text=f"{one.title}: {one.component} ({one.cause}), which shows {one.why}")


def _uses(uses: Mapping[str, ModelUse]) -> Iterator[Row]:
    for step, use in uses.items():
        tokens = f"{use.prompt_tokens} + {use.completion_tokens} tokens (prompt + answer)"
        hidden = ", ".join(f"{count} {kind}" for kind, count in use.masked.items())
        yield Row(
            text=f"{step}: {counted(use.calls, 'call')}, {tokens}, {use.elapsed_ms / 1000:.1f} s"
            + f"; hidden: {hidden}" * bool(hidden)
        )
        for why in use.failures:
            yield Row(mark="undecided", text=f"{step}: not used: {why}")
