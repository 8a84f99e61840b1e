"""A model suggests causes of an unresolved incident, from a closed list, apart from what is proved."""

from __future__ import annotations

import msgspec
import pytest
from reports import POD, UNREADY, hypothesis, report
from tests.support.models import Scripted

from sre_orchestrator.core.language.conversation import Conversation
from sre_orchestrator.core.language.suggesting import suggestions
from sre_orchestrator.core.models import Cause, Report, Suggestion
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.core.vocabulary import FactKind, Vocabulary


def cause(name: str, *symptoms: str) -> Cause:
    return Cause(id=name, title=name.upper(), category="runtime", blamed_on="workload", symptoms=symptoms)


CAUSES = {one.id: one for one in (cause("a", "errors"), cause("b", "unavailable"), cause("c", "unavailable", "slow"))}
VOCABULARY = Vocabulary({"pod.unready": FactKind(about="", component="pod", symptom="unavailable")})
UNRESOLVED = report()


def suggested(
    *pairs: tuple[str, str], about: Report = UNRESOLVED
) -> tuple[tuple[Suggestion, ...], Scripted, Conversation]:
    each = [{"cause": cause, "component": component} for cause, component in pairs]
    model = Scripted(msgspec.json.encode({"suggestions": each}).decode())
    conversation = Conversation(model, limits=ModelSettings())
    return suggestions(conversation, about, CAUSES, VOCABULARY), model, conversation


def test_a_cause_of_the_catalogue_is_suggested_where_there_are_symptoms() -> None:
    found, model, _ = suggested(("b", "C1"), ("c", "C1"), ("b", "C1"))

    assert [(one.cause, one.component, one.title) for one in found] == [("b", POD, "B"), ("c", POD, "C")]
    assert found[0].why == "pod.unready phase=Running"
    assert msgspec.json.decode(model.heard[0][1].content)["causes"] == ["b", "c"]
    assert POD not in str(model.schemas)


def test_what_is_not_on_the_list_is_not_suggested() -> None:
    found, _, conversation = suggested(("a", "C1"), ("b", "C9"))

    assert found == ()
    assert conversation.uses["suggest"].failures == ("a at C1 is not on the list", "b at C9 is not on the list")


def test_what_the_rules_judged_is_not_suggested_again() -> None:
    weak = hypothesis(cause="b", component=POD)
    out = hypothesis(cause="c", component=POD)
    about = report(weak, verdict="unresolved", ruled_out=(out,))

    assert suggested(("b", "C1"), ("c", "C1"), about=about)[0] == ()


def test_more_than_three_are_no_answer() -> None:
    assert suggested(*[("b", "C1")] * 4)[0] == ()


@pytest.mark.parametrize(
    "about", [report(hypothesis()), report(symptoms=()), report(facts={UNREADY.id: UNREADY}, symptoms=(UNREADY.id,))]
)
def test_without_need_or_choice_nobody_is_asked(about: Report) -> None:
    model = Scripted()
    none: dict[str, Cause] = {} if len(about.symptoms) == 1 else CAUSES

    assert suggestions(Conversation(model, limits=ModelSettings()), about, none, VOCABULARY) == ()
    assert not model.heard
