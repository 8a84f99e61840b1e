"""Examines how a model words reports: what would be shown of its sentences, and whether their citations are right.

The checks that incidents have drop sentences; here other checks, that are not those, look at what they let through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sre_orchestrator.api.examination.marks import VALIDITY, Result, Tally, together
from sre_orchestrator.api.examination.papers import AT
from sre_orchestrator.api.examination.sitting import Room, Sitting, Watched, sit
from sre_orchestrator.core.cite import CITATION
from sre_orchestrator.core.identity import name_of
from sre_orchestrator.core.language.narrating import Narration, narrate
from sre_orchestrator.core.models import Fact, Report, Struct
from sre_orchestrator.core.narrate import TemplateNarrator
from sre_orchestrator.core.report import worded

PRECISION = 0.98
RECALL = 0.6
WORD = re.compile(r"\w+(?:[-./:=]\w+)*")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
SHORT = 3


class Shown(Struct, frozen=True, kw_only=True):
    """What would be shown of a report.

    ``citations`` counts citations, ``told`` the statements of the first hypothesis (or the symptoms) that a shown
    sentence cites; ``sentences`` are those that the model wrote, ``kept`` those that survived the checks of incidents,
    ``wrong`` those shown that say a number that no fact which they cite has, or cite what is not there.
    """

    citations: Tally
    told: Tally
    sentences: int = 0
    kept: int = 0
    wrong: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """One line of a narrative, and the facts that it cites."""

    text: str
    facts: tuple[str, ...]


def examine_narrating(papers: Sequence[Report], room: Room) -> Result:
    """Return what would be shown of the model's sentences, beside those of the template."""
    sitting = sit(papers, room, _shown, _components)
    marks = [one.mark for one in sitting.marked]
    missed = (statements(paper) for paper in papers[len(marks) :])
    citations = together(one.citations for one in marks)
    told = together([*(one.told for one in marks), *(Tally(wanted=len(one)) for one in missed)])
    default = [graded(paper, lines(TemplateNarrator().narrate(paper))) for paper in papers]
    wrong = sum(one.wrong for one in marks)
    why = sitting.gone or " and ".join(_failures(sitting, citations, told, wrong))
    return Result(
        step="narrate",
        passed=not why,
        why=why or "what it says is in the facts",
        papers=len(papers),
        asked=len(marks),
        right=sum(_good(one) for one in marks),
        default_right=sum(_good(one) for one in default),
        measures={
            "citation_precision": citations.precision,
            "default_citation_precision": together(one.citations for one in default).precision,
            "citation_recall": told.recall,
            "default_citation_recall": together(one.told for one in default).recall,
            "sentences_kept": sum(one.kept for one in marks) / max(sum(one.sentences for one in marks), 1),
            "wrong_sentences_shown": float(wrong),
            "validity": sitting.validity(),
        },
        p50_ms=sitting.latency(0.5),
        p95_ms=sitting.latency(0.95),
        tokens=sitting.tokens(),
    )


def graded(report: Report, shown: Sequence[Line], sentences: int = 0) -> Shown:
    """Return how right the citations of the lines of a narrative are."""
    own = _own({fact: _words(report, fact) for fact in report.facts})
    expected = statements(report)
    cited = frozenset(fact for line in shown for fact in line.facts)
    told = sum(not facts.isdisjoint(cited) for facts in expected)
    given = [fact in _citable(report, line.text, own) for line in shown for fact in line.facts]
    return Shown(
        citations=Tally(right=sum(given), given=len(given), wanted=len(expected)),
        told=Tally(right=told, given=told, wanted=len(expected)),
        sentences=sentences,
        kept=len(shown),
        wrong=sum(_wrong(report, line) for line in shown),
    )


def lines(narrative: str) -> tuple[Line, ...]:
    """Return the lines of a narrative."""
    return tuple(_line(one) for one in narrative.splitlines())


def statements(report: Report) -> tuple[frozenset[str], ...]:
    """Return the facts of each statement that a narrative should tell: those that prove the first hypothesis, or the symptoms."""
    if report.hypotheses:
        return tuple(frozenset(proof.facts) for proof in report.hypotheses[0].proof)
    return tuple(frozenset((one,)) for one in report.symptoms)


def _shown(paper: Report, conversation: Watched) -> Shown:
    template = TemplateNarrator().narrate(paper).splitlines()
    narrative = narrate(conversation, paper).splitlines()
    written = [one for one in conversation.answers if isinstance(one, Narration)]
    mine = [_line(one) for one in narrative if one not in template]
    return graded(paper, mine, sum(1 + len(one.explanation) for one in written))


def _components(paper: Report) -> frozenset[str]:
    return frozenset((*(one.component for one in paper.facts.values()), *(one.component for one in paper.hypotheses)))


def _good(one: Shown) -> bool:
    return bool(one.kept) and not one.wrong and one.citations.precision == 1 and one.told.recall >= RECALL


def _failures(sitting: Sitting[Shown], citations: Tally, told: Tally, wrong: int) -> Iterator[str]:
    if sitting.validity() < VALIDITY:
        yield f"only {sitting.validity():.0%} of its answers have the form that is asked for"
    if citations.precision < PRECISION:
        yield f"only {citations.precision:.0%} of its citations are right"
    if told.recall < RECALL:
        yield f"what can be shown cites only {told.recall:.0%} of what was proved"
    if wrong:
        yield f"{wrong} wrong sentences would be shown"


def _line(text: str) -> Line:
    cited = [fact.strip() for group in CITATION.findall(text) for fact in group.split(",")]
    return Line(text=CITATION.sub("", text).strip(), facts=tuple(cited))


def _words(report: Report, fact: str) -> frozenset[str]:
    """Return the words that tell of a fact: its own, and those of what it proves."""
    return frozenset(
        word for text in _says(report, (fact,)) for word in WORD.findall(text.casefold()) if len(word) >= SHORT
    )


def _says(report: Report, facts: Iterable[str]) -> Iterator[str]:
    """Yield all that facts say, and what they prove."""
    cited = frozenset(facts)
    for fact in (report.facts[one] for one in cited if one in report.facts):
        yield f"{fact.component} {worded(fact)} {_at(fact)}"
    for hypothesis in report.hypotheses:
        proofs = [proof for proof in (*hypothesis.proof, *hypothesis.against) if not cited.isdisjoint(proof.facts)]
        yield from (proof.because for proof in proofs)


def _at(fact: Fact) -> str:
    return f"{fact.observed_at:%Y-%m-%d %H:%M:%S} {fact.observed_at:%H:%M}" if fact.observed_at else ""


def _own(words: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the words of each fact that not all facts of the report have."""
    common = frozenset.intersection(*words.values()) if len(words) > 1 else frozenset()
    return {fact: of - common for fact, of in words.items()}


def _citable(report: Report, text: str, own: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the facts that a sentence may cite: those that it has words of, and what proves a hypothesis that it names.

    One that has no words of any of them may cite what it should tell of, and the symptoms.
    """
    said = text.casefold()
    words = frozenset(WORD.findall(said))
    found = {fact for fact, of in own.items() if words & of}
    for one in report.hypotheses:
        if name_of(one.component).casefold() in said or one.title.casefold() in said:
            found |= {fact for proof in one.proof for fact in proof.facts}
    return frozenset(found) or frozenset(report.symptoms).union(*statements(report))


def _wrong(report: Report, line: Line) -> bool:
    if not line.facts or not report.facts.keys() >= set(line.facts):
        return True
    allowed = [*_says(report, line.facts), f"{AT:%Y-%m-%d %H:%M}"]
    for one in report.hypotheses:
        allowed.append(f"{one.title} {one.cause} {one.component} {one.confidence:.2f} {one.confidence:.0%}")
    numbers = {_number(one) for text in allowed for one in NUMBER.findall(text)} | {str(len(report.symptoms))}
    return any(_number(one) not in numbers for one in NUMBER.findall(line.text))


def _number(text: str) -> str:
    return text.replace(",", ".")
