"""Drafts a post-mortem from a report, for people to complete; what a model worded is in the summary, if it did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sre_orchestrator.core.cite import CITATION
from sre_orchestrator.core.models import Hypothesis, Proof, Report
from sre_orchestrator.core.report import worded
from sre_orchestrator.core.wording import counted

MOMENTS = 30
PLACES = 10
OTHERS = 3
_SIGNS = re.compile(r"([\\`*_\[\]<>#|~])")


def postmortem(report: Report) -> str:
    """Return the draft as Markdown; what stands in *italics* is for people to write."""
    sections = (
        _head(report),
        _titled("Summary", _summary(report)),
        _titled("Impact", _impact(report)),
        _titled("Timeline", _timeline(report)),
        _titled("Root cause", _root_cause(report)),
        _titled("What went well", _well(report)),
        _titled("What was not seen", _unseen(report)),
        _titled("Actions", _actions(report)),
        _titled("Facts", _facts(report)),
    )
    return "\n\n".join("\n".join(section) for section in sections)


def _head(report: Report) -> list[str]:
    incident = report.incident
    made = f"incident {incident.id}, {incident.at:%Y-%m-%d %H:%M} UTC, sre-orchestrator {report.versions.program}"
    by = f", worded by {report.versions.model}" if report.versions.model else ""
    return [f"# Post-mortem: {_plain(incident.description)}", "", f"Draft of {_plain(made + by)}."]


def _titled(title: str, lines: Iterable[str]) -> list[str]:
    return [f"## {title}", "", *lines]


def _summary(report: Report) -> Iterator[str]:
    for line in report.narrative.splitlines() or ("Nothing that was observed points to a cause.",):
        cited = CITATION.search(line)
        yield f"- {_plain(CITATION.sub('', line))}{_cited(cited[1].split(', ')) if cited else ''}"


def _impact(report: Report) -> Iterator[str]:
    places = list(dict.fromkeys(report.facts[one].component for one in report.symptoms))
    more = f" and {len(places) - PLACES} more" if len(places) > PLACES else ""
    shown = ", ".join(_code(one) for one in places[:PLACES])
    yield f"- {counted(len(report.symptoms), 'symptom')} at {shown}{more}." if places else "- No symptom was seen."
    times = [one.at for one in report.timeline if one.what == "symptom"]
    if times:
        yield f"- From {min(times):%Y-%m-%d %H:%M:%S} UTC on; last seen {max(times):%H:%M:%S} UTC."
    yield "- *Who was affected, how many, what did it cost?*"


def _timeline(report: Report) -> Iterator[str]:
    for one in report.timeline[:MOMENTS]:
        yield f"- {one.at:%H:%M:%S} {one.what}: {_code(one.component)} {_plain(one.text)}{_cited([one.fact])}"
    if len(report.timeline) > MOMENTS:
        yield f"- {len(report.timeline) - MOMENTS} more in the report."
    yield "- *When was it noticed, by whom, when was it over?*"


def _root_cause(report: Report) -> Iterator[str]:
    if report.verdict == "diagnosed":
        yield from _hypothesis(report.hypotheses[0])
        return
    yield "It was not proved. *What was it?*"
    yield from ("", "What comes nearest:", "") if report.hypotheses else ()
    for one in report.hypotheses[:OTHERS]:
        yield f"- {_plain(one.title)}: {_code(one.component)} (confidence {one.confidence:.2f})"
    for suggestion in report.suggestions:
        yield f"- Unproven suggestion: {_plain(suggestion.title)}: {_code(suggestion.component)}"


def _hypothesis(one: Hypothesis) -> Iterator[str]:
    yield f"{_plain(one.title)}: {_code(one.component)} (`{one.cause}`, confidence {one.confidence:.2f})."
    yield ""
    yield from _proved("Because", one.proof)
    yield from _proved("Against it", one.against)
    yield "- *Why was that possible?*"


def _proved(word: str, proofs: Iterable[Proof]) -> Iterator[str]:
    for proof in {proof.because: proof for proof in proofs}.values():
        yield f"- {word}: {_plain(proof.because)} (rule `{proof.rule}`){_cited(proof.facts)}"


def _well(report: Report) -> Iterator[str]:
    seconds, agents = report.cost.elapsed_ms / 1000, counted(len(report.cost.agents_ms), "agent")
    yield f"- {agents} looked for {seconds:.1f} s and found {counted(len(report.facts), 'fact')} that matter."
    for one in report.ruled_out[:OTHERS]:
        yield f"- Ruled out: {_plain(one.title)}: {_code(one.component)}."
    yield "- *What else?*"


def _unseen(report: Report) -> Iterator[str]:
    for gap in report.gaps:
        yield f"- {_plain(gap.what)}: {_plain(gap.why)}"
    yield "- *What else would have helped?*"


def _actions(report: Report) -> Iterator[str]:
    for step in report.hypotheses[0].remedy if report.verdict == "diagnosed" else ():
        yield f"- [ ] {_plain(step.text)}" + (f": {_code(step.command)}" if step.command else "")
    for remedy in dict.fromkeys(gap.remedy for gap in report.gaps if gap.remedy):
        yield f"- [ ] To see more the next time: {_plain(remedy)}"
    yield "- [ ] *So that it does not happen again: …*"


def _facts(report: Report) -> Iterator[str]:
    first = report.hypotheses[:1] if report.verdict == "diagnosed" else ()
    cited = {fact: None for one in first for proof in (*one.proof, *one.against) for fact in proof.facts}
    cited |= {fact: None for group in CITATION.findall(report.narrative) for fact in group.split(", ")}
    cited |= dict.fromkeys(one.fact for one in report.timeline[:MOMENTS])
    for name in cited:
        fact = report.facts[name]
        query = f" ({_code(fact.query)})" if fact.query else ""
        yield f"- `{name}` {_code(fact.component)}: {_plain(worded(fact))}{query}"


def _cited(facts: Iterable[str]) -> str:
    names = ", ".join(f"`{one}`" for one in facts)
    return f" [{names}]" if names else ""


def _plain(text: str) -> str:
    """Return observed text as one line of Markdown that shows it as it is."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    return "`" + " ".join(text.split()).replace("`", "'") + "`"
