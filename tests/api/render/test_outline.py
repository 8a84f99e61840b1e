"""What a report shows people."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from reports import CHANGED, KILLED, NOW, UNREADY, UNREADY_LATER, hypothesis, observe, proof, report, rich_report

from sre_orchestrator.api.render import outline
from sre_orchestrator.api.render.outline import MOMENTS, Section, moments
from sre_orchestrator.core.models import Check, Incident, Moment, Question, Runbook, Step


def titled(sections: tuple[Section, ...], start: str) -> Section:
    return next(section for section in sections if section.title.startswith(start))


def test_sections_come_in_reading_order() -> None:
    sections = outline(rich_report())

    assert [section.title.split(" ")[0] for section in sections] == [
        "Diagnosed:", "1.", "2.", "Ruled", "Timeline", "Not", "Next",
    ]  # fmt: skip


def test_an_empty_report_says_that_nothing_points_to_a_cause() -> None:
    (head,) = outline(report(timeline=()))

    assert head.title == "Unresolved: the cart is down"
    assert [row.text for row in head.rows] == ["Nothing that was observed points to a cause."]


def test_the_head_tells_where_when_and_what_it_cost() -> None:
    wide = report(hypothesis(), incident=Incident(id="i1", description="all is down", at=NOW))

    assert outline(report(hypothesis()))[0].note == (
        "namespace shop · 2030-05-01 12:00:00 UTC · 2 symptoms · 1 agent, 7 ms, 0 tokens"
    )
    assert outline(wide)[0].note.startswith("whole cluster")


def test_a_hypothesis_shows_proof_change_and_share_of_symptoms() -> None:
    section = titled(outline(rich_report()), "1.")

    assert section.aside == "confidence 0.93"
    assert section.note == "deployment/shop/cart · memory-limit-too-low · explains 1 of 2 symptoms"
    assert [(row.mark, row.facts) for row in section.rows] == [("for", (KILLED.id,)), ("change", (CHANGED.id,))]
    assert section.rows[1].text.startswith("shortly before: 11:51:00 container.changed")


def test_nothing_is_shown_as_certain() -> None:
    assert titled(outline(report(hypothesis(confidence=0.9991))), "1.").aside == "confidence 0.99"


def test_a_change_without_a_time_is_shown_without_one() -> None:
    timeless = msgspec.structs.replace(CHANGED, observed_at=None)
    shown = outline(report(hypothesis(), facts={**report().facts, CHANGED.id: timeless}))

    assert titled(shown, "1.").rows[1].text.startswith("shortly before: container.changed")


def test_a_doubtful_hypothesis_shows_what_is_undecided_and_what_it_may_follow_from() -> None:
    section = titled(outline(rich_report()), "2.")

    assert [row.mark for row in section.rows] == ["for", "undecided", "plain", "runbook"]
    assert section.rows[1].text == "MemoryPressure is not True (nobody read node.condition)"


def test_the_same_sentence_is_said_once() -> None:
    twice = hypothesis(proof=(proof("it was killed", KILLED), proof("it was killed", UNREADY)))

    assert [row.text for row in titled(outline(report(twice)), "1.").rows if row.mark == "for"] == [
        "it was killed (strong)"
    ]


def test_against_rows_name_what_speaks_against() -> None:
    doubted = hypothesis(against=(proof("the limit is far away", UNREADY, polarity="against", strength="weak"),))

    assert "the limit is far away (weak)" in [row.text for row in titled(outline(report(doubted)), "1.").rows]


def test_ruled_out_rows_give_the_reason() -> None:
    (row,) = titled(outline(rich_report()), "Ruled").rows

    assert row.text == (
        "A liveness probe gives the container too little time: deployment/shop/cart. the kernel ended it, not the probe"
    )


def test_gaps_say_how_to_see_more_where_that_is_known() -> None:
    rows = titled(outline(rich_report()), "Not seen").rows

    assert [row.text for row in rows] == [
        "all secrets: the snapshot holds none; to see it: record them",
        "metrics of node-c: not scraped",
    ]


def test_next_steps_are_those_of_the_first_hypothesis_and_the_open_questions() -> None:
    worded = hypothesis(
        next_question=Question(kind="node.condition", text="is memory short?", command="kubectl top node")
    )

    assert [(row.text, row.command) for row in titled(outline(rich_report()), "Next").rows] == [
        ("compare use with the limit", "kubectl top pod -n shop"),
        ("raise it", ""),
        ("to decide about 2: look at node.condition of node/node-a", ""),
    ]
    assert titled(outline(report(worded)), "Next").rows[-1].text == "to decide about 1: is memory short?"


def test_the_timeline_keeps_changes_and_the_first_sight_of_each_symptom() -> None:
    assert [(moment.fact, others) for moment, others in moments(rich_report())] == [
        (CHANGED.id, 0),
        (UNREADY.id, 0),
        (UNREADY_LATER.id, 0),
    ]
    assert [row.text for row in titled(outline(rich_report()), "Timeline").rows] == [
        "11:51:00 deployment/shop/cart: container.changed resources 512Mi → 128Mi",
        "11:52:00 pod/shop/cart-1: pod.unready Running",
        "11:55:00 pod/shop/cart-1: pod.unready Running again",
    ]


def test_replicas_that_show_the_same_are_one_line() -> None:
    other = observe("pod.unready", "pod/shop/cart-2", at=NOW, phase="Running", node="node/node-a")
    first = report(hypothesis())
    moment = Moment(at=NOW, what="symptom", component=other.component, text="", fact=other.id)
    both = report(hypothesis(), timeline=(*first.timeline, moment), facts=first.facts | {other.id: other})

    assert titled(outline(both), "Timeline").rows[1].text == (
        "11:52:00 pod/shop/cart-1 and 1 more: pod.unready Running"
    )


def test_a_long_timeline_keeps_what_belongs_to_the_first_hypothesis() -> None:
    others = [observe("pod.created", f"pod/shop/other-{n}", at=NOW - timedelta(seconds=n)) for n in range(40)]
    noise = tuple(
        Moment(at=NOW - timedelta(seconds=n), what="change", component=one.component, text="", fact=one.id)
        for n, one in enumerate(others)
    )
    first = report(hypothesis())
    crowded = report(
        hypothesis(), timeline=(*first.timeline, *noise), facts=first.facts | {one.id: one for one in others}
    )

    kept = moments(crowded)

    assert len(kept) == MOMENTS
    assert {CHANGED.id, UNREADY.id} <= {moment.fact for moment, _ in kept}
    assert kept == sorted(kept, key=lambda one: (one[0].at, one[0].fact))


def test_a_runbook_shows_how_its_checks_stand_and_its_commands_are_next_steps() -> None:
    runbook = Runbook(
        title="Cart",
        passage="",
        address="cart.md:3",
        checks=(
            Check(label="It was killed", state="satisfied", facts=(KILLED.id,)),
            Check(label="No pod waits", state="violated", facts=(UNREADY.id,), why="x"),
            Check(label="The node is well", state="unknown", why="nobody read node.condition there"),
        ),
        steps=(Step(text="look", command="kubectl get pods"), Step(text="again", command="kubectl get pods")),
    )
    shown = outline(report(hypothesis(runbooks=(runbook,), remedy=())))

    rows = titled(shown, "1.").rows
    assert [(row.mark, row.text) for row in rows[-4:]] == [
        ("runbook", "Cart (cart.md:3)"),
        ("satisfied", "It was killed"),
        ("violated", "No pod waits"),
        ("unknown", "The node is well (nobody read node.condition there)"),
    ]
    assert rows[-3].facts == (KILLED.id,)
    assert [row.command for row in titled(shown, "Next steps").rows if row.command] == ["kubectl get pods"]


def test_a_runbook_shows_where_its_passage_is_how_it_begins_and_that_it_is_stale() -> None:
    long = Runbook(
        title="Cart", headings=("Memory", "After a sale"), passage="Give it\nmore. " * 30, address="c.md:3", stale=True
    )
    shown = outline(report(hypothesis(runbooks=(long,))))

    text = titled(shown, "1.").rows[-1].text

    assert text.startswith("Cart > Memory > After a sale (c.md:3, last reviewed long ago): Give it more. Give it more.")
    assert text.endswith("…")
    assert len(text) < 300


def test_a_past_incident_is_told_as_one() -> None:
    past = Runbook(title="cart was killed", passage="This was right.", address="/api/v1/incidents/i1", past=True)
    shown = outline(report(hypothesis(runbooks=(past,))))

    assert titled(shown, "1.").rows[-1].text == "seen before: cart was killed (/api/v1/incidents/i1): This was right."
