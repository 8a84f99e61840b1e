"""A draft of a post-mortem says what the report says, and leaves the rest to people."""

from __future__ import annotations

from datetime import timedelta

from reports import CHANGED, KILLED, NOW, POD, UNREADY, hypothesis, observe, proof, report, rich_report

from sre_orchestrator.core.models import Incident, Moment, Suggestion, Versions
from sre_orchestrator.core.narrate import TemplateNarrator
from sre_orchestrator.core.postmortem import MOMENTS, postmortem


def test_a_draft_has_summary_impact_timeline_cause_and_actions() -> None:
    rich = rich_report()

    lines = postmortem(rich).splitlines()

    assert lines[0] == "# Post-mortem: the cart is down"
    titles = [line for line in lines if line.startswith("## ")]
    assert titles == [
        "## Summary",
        "## Impact",
        "## Timeline",
        "## Root cause",
        "## What went well",
        "## What was not seen",
        "## Actions",
        "## Facts",
    ]
    assert f"- 2 symptoms at `{POD}`." in lines
    assert "- From 2030-05-01 11:52:00 UTC on; last seen 11:55:00 UTC." in lines
    assert f"- Because: app was OOMKilled (rule `some-rule`) [`{KILLED.id}`]" in lines
    assert "- [ ] compare use with the limit: `kubectl top pod -n shop`" in lines
    assert "- [ ] raise it" in lines
    assert "- [ ] To see more the next time: record them" in lines
    assert "- Ruled out: A liveness probe gives the container too little time: `deployment/shop/cart`." in lines
    assert f"- `{KILLED.id}` `{POD}`: container.terminated reason=OOMKilled (`{KILLED.query}`)" in lines


def test_the_words_of_the_report_are_the_summary() -> None:
    told = report(hypothesis(), narrative=f"The cart was OOMKilled. [{KILLED.id}, {CHANGED.id}]\nNothing cites.")
    told = report(hypothesis(), narrative=told.narrative, versions=Versions(program="0", rule_book="b", model="m"))

    text = postmortem(told)

    assert f"- The cart was OOMKilled. [`{KILLED.id}`, `{CHANGED.id}`]\n- Nothing cites.\n" in text
    assert "worded by m." in text


def test_what_speaks_against_the_cause_is_said() -> None:
    one = hypothesis(against=(proof("it was calm", UNREADY, polarity="against", strength=None),))

    assert f"- Against it: it was calm (rule `some-rule`) [`{UNREADY.id}`]" in postmortem(report(one))


def test_without_a_cause_people_say_what_it_was() -> None:
    why = Suggestion(cause="x", component=POD, title="Something", why="")
    near = report(hypothesis(confidence=0.3), verdict="unresolved", suggestions=(why,))

    text = postmortem(near)

    assert "It was not proved. *What was it?*" in text
    assert "needs more memory than its limit allows: `deployment/shop/cart` (confidence 0.30)" in text
    assert f"- Unproven suggestion: Something: `{POD}`" in text
    assert "- [ ] compare use" not in text


def test_an_empty_report_has_a_draft() -> None:
    text = postmortem(report(symptoms=(), timeline=(), facts={}))

    assert "- Nothing that was observed points to a cause." in text
    assert "- No symptom was seen." in text
    assert "What comes nearest" not in text


def test_long_lists_are_cut() -> None:
    facts = [observe("pod.unready", f"pod/shop/p{number}", at=NOW - timedelta(seconds=number)) for number in range(40)]
    moments = tuple(Moment(at=NOW, what="symptom", component=f.component, text="unready", fact=f.id) for f in facts)
    many = report(symptoms=tuple(f.id for f in facts), timeline=moments, facts={f.id: f for f in facts})

    text = postmortem(many)

    assert "`pod/shop/p9` and 30 more." in text
    assert f"- {40 - MOMENTS} more in the report." in text


def test_observed_text_is_shown_as_it_is() -> None:
    evil = Incident(id="i1", description="<b>*x*</b>\n# [y](http://z)", at=NOW)

    text = postmortem(report(hypothesis(component="a`b"), incident=evil))

    assert text.startswith("# Post-mortem: \\<b\\>\\*x\\*\\</b\\> \\# \\[y\\](http://z)\n")
    assert "`a'b`" in text


def test_the_template_of_a_report_is_a_summary_too() -> None:
    told = report(hypothesis())

    text = postmortem(report(hypothesis(), narrative=TemplateNarrator().narrate(told)))

    assert "- The most likely cause is: A container needs more memory" in text
