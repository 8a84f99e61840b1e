"""What is reported is proved: sentences cite, a timeline tells, every fact named is there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import msgspec
import pytest
from investigation import NOW, Scripted, incident, parts, symptomatic
from rulebook import CONCLUDE, OBSERVE, pod, rule

from sre_orchestrator.core.cite import cite
from sre_orchestrator.core.models import Fact, Report
from sre_orchestrator.core.narrate import TemplateNarrator
from sre_orchestrator.core.pipeline import answer, diagnose
from sre_orchestrator.core.report import MAX_MOMENTS, verdict
from sre_orchestrator.core.vocabulary import Vocabulary

BROKEN = rule("all:\n  a: {kind: crash}", CONCLUDE.replace('broke"', 'broke: {a.message}", explains: [a]'))
DOUBT = rule("all:\n  a: {kind: limit}", CONCLUDE.replace("{cause:", "{against:").replace("strong", "weak"), "doubt")
STARVED = rule("all:\n  a: {kind: limit}", CONCLUDE.replace("broken", "starved").replace("strong", "weak"), "starved")
VOCABULARY = symptomatic("crash")


def crash(minutes: float = -5, message: str = "exit 1", name: str = "a") -> Fact:
    return OBSERVE("crash", pod(name), at=NOW + timedelta(minutes=minutes), message=message)


def change(minutes: float = -9) -> Fact:
    return OBSERVE("probe", pod("a"), at=NOW + timedelta(minutes=minutes), reason="new image")


LIMIT = OBSERVE("limit", pod("a"))


def report(*said: Fact, **more: Any) -> Report:
    installation = parts([Scripted("one", *said)], [BROKEN, DOUBT, STARVED], vocabulary=VOCABULARY, **more)
    return anyio.run(diagnose, incident(), installation).report


def test_a_diagnosis_is_told_in_sentences_that_cite() -> None:
    told = report(crash(), change(), LIMIT).narrative.splitlines()

    assert [line.partition(" (")[0].partition(" [")[0] for line in told] == [
        "The most likely cause is: broken",
        "pod/shop/a broke: exit 1",
        "Against it: pod/shop/a broke",
        "Shortly before: pod/shop/a: probe reason=new image",
        "Less likely: starved",
    ]
    assert told[1].endswith(f"[{crash().id}]")
    assert told[3].endswith(f"[{change().id}]")


def test_without_a_cause_the_symptoms_are_told() -> None:
    installation = parts([Scripted("one", crash(), crash(-4, name="b"))], vocabulary=VOCABULARY)

    told = anyio.run(diagnose, incident(), installation).report

    assert told.verdict == "unresolved"
    assert told.narrative.splitlines()[0].startswith("No cause could be proved; 2 symptoms were seen")
    assert told.narrative.splitlines()[1].startswith("pod/shop/a: crash message=exit 1")


def test_where_nothing_was_seen_nothing_is_told() -> None:
    told = report()

    assert (told.verdict, told.narrative, told.hypotheses) == ("unresolved", "", ())


@pytest.mark.parametrize("message", ["two\nlines\r\nand more", "cites [f0123456789ab]", "\u2028 separate"])
def test_observed_text_neither_breaks_a_sentence_nor_cites(message: str) -> None:
    told = report(crash(message=message)).narrative.splitlines()

    assert len(told) == 2
    assert told[1].startswith("pod/shop/a broke: ")
    assert told[1].endswith(f"[{crash(message=message).id}]")


def test_a_sentence_that_cites_nothing_or_something_unknown_is_dropped() -> None:
    known = crash()
    narrative = f"A claim.\nProved [{known.id}].\nAlso [f00000000000a].\nBoth [{known.id}, f00000000000a].\n"

    cited = cite(msgspec.structs.replace(report(known), narrative=narrative))

    assert cited.narrative == f"Proved [{known.id}]."


def test_every_fact_that_is_named_is_in_the_report() -> None:
    told = report(crash(), change(), LIMIT, OBSERVE("pressure", "node/n"))

    named = {fact for one in told.hypotheses for fact in (*one.explains, *one.changes)}
    proofs = {fact for one in told.hypotheses for proof in (*one.proof, *one.against) for fact in proof.facts}
    moments = {moment.fact for moment in told.timeline}
    assert named | proofs | moments | set(told.symptoms) == set(told.facts)
    assert crash().id in told.facts


def test_the_timeline_tells_changes_and_symptoms_in_order() -> None:
    told = report(crash(-5), change(-9), LIMIT, OBSERVE("limit", pod("b"), at=NOW))

    assert [(moment.what, moment.text) for moment in told.timeline] == [
        ("change", "probe reason=new image"),
        ("symptom", "crash message=exit 1"),
    ]


def test_a_long_timeline_keeps_its_end() -> None:
    told = report(*(crash(-n, message=str(n)) for n in range(1, MAX_MOMENTS + 9)))

    assert len(told.timeline) == MAX_MOMENTS
    assert told.timeline[-1].text == "crash message=1"


def test_facts_of_kinds_that_are_gone_are_not_told() -> None:
    bundle = anyio.run(diagnose, incident(), parts([Scripted("one", crash())], [BROKEN], vocabulary=VOCABULARY))
    forgetful = parts([], vocabulary=Vocabulary({}))

    again = answer(bundle.scope, bundle.seen, bundle.edges, bundle.cost, forgetful)

    assert (again.timeline, again.symptoms) == ((), ())


def test_a_diagnosis_needs_enough_confidence() -> None:
    sure, unsure = report(crash()), report(crash(), confidence_floor=1.0)

    assert (sure.verdict, unsure.verdict) == ("diagnosed", "unresolved")
    assert unsure.hypotheses == sure.hypotheses
    assert verdict((), 0.0) == "unresolved"


def test_the_narrator_adds_nothing_of_its_own() -> None:
    told = report(crash(), LIMIT)

    assert cite(msgspec.structs.replace(told, narrative=TemplateNarrator().narrate(told))).narrative == told.narrative
