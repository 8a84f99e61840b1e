"""One incident, from report to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

import anyio
import msgspec
from investigation import NOW, Scripted, incident, parts, symptomatic
from rulebook import CONCLUDE, OBSERVE, edge, pod, rule

from sre_orchestrator.core.ask import next_questions
from sre_orchestrator.core.gather import NOTHING, Observations
from sre_orchestrator.core.models import Check, Component, Coverage, Fact, Gap, Hypothesis, Missing, Runbook
from sre_orchestrator.core.pipeline import Bundle, Parts, answer, diagnose
from sre_orchestrator.core.rank import Ranking

CRASH = OBSERVE("crash", pod("a"), node="node/n")
CALM = rule("all:\n  a: {kind: crash}\nnone:\n  - {kind: pressure, component|ref: a.node}")
READ = Coverage(kind="pressure", scope="node/n")
VOCABULARY = symptomatic("crash")


def diagnosed(installation: Parts, **more: str) -> Bundle:
    return anyio.run(diagnose, incident(**more), installation)


def test_an_incident_is_diagnosed() -> None:
    installation = parts(
        [Scripted("eyes", CRASH, READ)],
        [CALM],
        components=[Component(id=pod("a")), Component(id="deployment/shop/cart")],
        edges=[edge("deployment/shop/cart", "owns", pod("a"))],
        vocabulary=VOCABULARY,
        gaps=(Gap(agent="plugin", what="x", why="broken"),),
    )

    bundle = diagnosed(installation)

    report = bundle.report
    assert report.verdict == "diagnosed"
    assert [(one.cause, one.component) for one in report.hypotheses] == [("broken", pod("a"))]
    assert report.hypotheses[0].runbooks[0].title == "broken"
    assert report.narrative
    assert [gap.agent for gap in report.gaps] == ["plugin"]
    assert set(report.cost.agents_ms) == {"eyes"}
    assert bundle.edges == (edge("deployment/shop/cart", "owns", pod("a")),)
    assert installation.progress.steps == ["gather", "infer", "rank", "infer", "rank", "narrate"]  # type: ignore[attr-defined]


def test_an_open_question_is_asked_of_whoever_can_answer() -> None:
    answering = Scripted("answering", READ, answers=["pressure"])
    looking = Scripted("looking", CRASH)

    bundle = diagnosed(parts([looking, answering], [CALM]))

    assert bundle.report.hypotheses[0].missing == ()
    assert len(looking.scopes) == 1
    (question,) = answering.scopes[1].questions
    assert (question.kind, question.component, question.agents) == ("pressure", "node/n", ("answering",))
    assert question.text == "no pressure with component node/n"


def test_a_question_is_asked_once() -> None:
    silent = Scripted("silent", answers=["pressure"])

    bundle = diagnosed(parts([Scripted("looking", CRASH), silent], [CALM], rounds=5))

    assert len(silent.scopes) == 2
    assert bundle.report.hypotheses[0].missing != ()


def test_no_round_begins_when_the_time_is_over() -> None:
    answering = Scripted("answering", READ, answers=["pressure"])
    ticks = count(0, 1000)

    bundle = diagnosed(parts([Scripted("looking", CRASH), answering], [CALM], clock=lambda: float(next(ticks))))

    assert len(answering.scopes) == 1
    assert bundle.report.cost.elapsed_ms == 2_000_000


def test_without_rounds_nothing_is_asked() -> None:
    answering = Scripted("answering", READ, answers=["pressure"])

    diagnosed(parts([Scripted("looking", CRASH), answering], [CALM], rounds=0))

    assert len(answering.scopes) == 1


def ranking(*missing: Missing) -> Ranking:
    one = Hypothesis(cause="c", component=pod("a"), title="", category="", confidence=0.5, because="", missing=missing)
    return Ranking(hypotheses=(one,) * 9)


def test_questions_are_for_agents_that_can_answer_and_did_not_fail() -> None:
    able, blind, other = (
        Scripted(name, answers=kinds)
        for name, kinds in (("able", ["limit"]), ("blind", ["limit"]), ("other", ["probe"]))
    )
    missing = Missing(kind="limit", condition="no limit")
    seen = Observations(
        gaps=(Gap(agent="able", what="one limit", why="denied"), Gap(agent="blind", what=NOTHING, why="no source"))
    )

    (question,) = next_questions(
        ranking(missing, Missing(kind="crash", condition="x")), seen, [able, blind, other], set()
    )

    assert (question.kind, question.component, question.agents) == ("limit", pod("a"), ("able",))
    assert next_questions(ranking(missing), seen, [able], {("limit", pod("a"))}) == ()
    assert next_questions(ranking(missing), seen, [blind, other], set()) == ()


def test_the_same_observations_give_the_same_bytes() -> None:
    more = [OBSERVE("crash", pod(name), at=NOW) for name in "bcd"]
    forth, back = (
        diagnosed(parts([Scripted("one", *order[:2]), Scripted("two", *order[2:])], [CALM], vocabulary=VOCABULARY))
        for order in (more, more[::-1])
    )

    def told(bundle: Bundle) -> bytes:
        return msgspec.json.encode(msgspec.structs.replace(bundle.report, cost=forth.cost))

    assert told(forth) == told(back)


def test_a_replay_needs_no_twin_and_no_agents() -> None:
    installation = parts([Scripted("eyes", CRASH, READ)], [CALM])
    bundle = diagnosed(installation)

    assert answer(bundle.scope, bundle.seen, bundle.edges, bundle.cost, installation) == bundle.report


def test_the_component_of_the_conclusion_may_be_what_a_fact_names() -> None:
    at_node = rule("all:\n  a: {kind: crash}", CONCLUDE.replace("a.component}", "a.node}", 1))

    assert diagnosed(parts([Scripted("eyes", CRASH)], [at_node])).report.hypotheses[0].component == "node/n"


def test_what_a_runbook_means_now_is_told_with_it_and_its_facts_are_in_the_report() -> None:
    class Reader:
        def guided(
            self, hypothesis: Hypothesis, facts: Mapping[str, Fact], coverage: Sequence[Coverage]
        ) -> tuple[Runbook, ...]:
            assert coverage == (READ,)
            checks = (Check(label="it is calm", state="satisfied", facts=tuple(facts)),)
            return tuple(msgspec.structs.replace(one, checks=checks) for one in hypothesis.runbooks)

    silent = OBSERVE("probe", pod("b"))

    report = diagnosed(parts([Scripted("eyes", CRASH, READ, silent)], [CALM], guide=Reader())).report

    assert [check.facts for check in report.hypotheses[0].runbooks[0].checks] == [tuple(sorted((CRASH.id, silent.id)))]
    assert silent.id in report.facts
