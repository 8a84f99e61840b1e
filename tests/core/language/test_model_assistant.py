"""What helps with an incident takes part in the steps that it may, and in no other."""

from __future__ import annotations

import msgspec
import pytest
from investigation import Scripted as Agent
from investigation import parts, scope
from reports import KILLED, hypothesis, report
from tests.support.models import Scripted

from sre_orchestrator.core.language.conversation import Conversation
from sre_orchestrator.core.language.model_assistant import ModelAssistant
from sre_orchestrator.core.models import Cause, Component, ModelUse, Question, Said, Suggestion
from sre_orchestrator.core.narrate import TemplateNarrator
from sre_orchestrator.core.rank import Ranking
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.core.vocabulary import FactKind, Vocabulary
from sre_orchestrator.rules.engine import Plan

CLOSE = Ranking(hypotheses=(hypothesis(confidence=0.6), hypothesis("another", confidence=0.5)))
QUESTIONS = (Question(kind="a"), Question(kind="b"))
AGENTS = (Agent("logs"), Agent("metrics"))
SCOPE = scope("logs", "metrics")
TWIN = parts([], components=[Component(id="deployment/shop/cart")]).twin
BROKEN = Cause(id="broken", title="Broken", category="runtime", blamed_on="component", symptoms=("unavailable",))
VOCABULARY = Vocabulary({"pod.unready": FactKind(about="", component="pod", symptom="unavailable")})


def assistant(*steps: str, answer: str = "") -> tuple[ModelAssistant, Scripted]:
    model = Scripted(answer)
    conversation = Conversation(model, limits=ModelSettings(), clock=lambda: 0.0)
    plan = Plan((), {BROKEN.id: BROKEN}, "test")
    return ModelAssistant("test", conversation, steps, plan=plan, vocabulary=VOCABULARY), model


def test_without_a_step_it_does_what_nobody_does() -> None:
    one, model = assistant()

    assert one.read(SCOPE, TWIN, AGENTS) == SCOPE
    assert one.choose(CLOSE, QUESTIONS) == QUESTIONS
    assert one.narrate(report(hypothesis())) == TemplateNarrator().narrate(report(hypothesis()))
    assert one.suggest(report()) == report()
    assert (one.said(), one.uses(), model.heard) == (Said(), {}, [])


def test_what_the_model_reads_only_puts_agents_in_front() -> None:
    reading = {"components": ["C1"], "symptoms": ["slow"], "agents": ["metrics"], "confidence": "high"}
    one, _ = assistant("read", answer=msgspec.json.encode(reading).decode())

    after = one.read(SCOPE, TWIN, AGENTS)

    assert after == msgspec.structs.replace(SCOPE, agents=("metrics", "logs"))
    assert one.said() == Said(components=("deployment/shop/cart",), symptoms=("slow",), agents=("metrics",))


def test_an_answer_that_does_not_fit_leaves_the_scope_as_it_is() -> None:
    one, _ = assistant("read", answer="nonsense")

    assert one.read(SCOPE, TWIN, AGENTS) == SCOPE
    assert one.said() == Said()


def test_all_questions_are_asked_in_the_order_that_the_model_gives() -> None:
    one, _ = assistant("ask", answer='{"first": ["Q2"]}')

    assert one.choose(CLOSE, QUESTIONS) == QUESTIONS[::-1]
    assert one.said() == Said(asked=QUESTIONS[1:])
    assert one.uses() == {"ask": ModelUse(calls=1, prompt_tokens=10, completion_tokens=10)}


def test_the_model_words_the_report() -> None:
    said = {"summary": {"text": "The cart was OOMKilled.", "facts": ["F1"]}, "explanation": []}
    one, _ = assistant("narrate", answer=msgspec.json.encode(said).decode())

    assert one.narrate(report(hypothesis())) == f"The cart was OOMKilled. [{KILLED.id}]"


@pytest.mark.parametrize("verdict", ["unresolved", "diagnosed"])
def test_what_the_model_suggests_stays_apart(verdict: str) -> None:
    before = report(hypothesis(), verdict=verdict)
    one, _ = assistant("suggest", answer='{"suggestions": [{"cause": "broken", "component": "C1"}]}')

    after = one.suggest(before)

    why = "pod.unready phase=Running"
    suggestion = Suggestion(cause="broken", component="pod/shop/cart-1", title="Broken", why=why)
    assert after.suggestions == ((suggestion,) if verdict == "unresolved" else ())
    assert msgspec.structs.replace(after, suggestions=()) == before
