"""The flow asks the same questions and concludes the same, whatever a model does that may order them."""

from __future__ import annotations

import dataclasses
import threading

import anyio
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from investigation import Scripted, incident, parts, symptomatic
from misbehaving import Misbehaving, Way, forging, ways
from rulebook import CONCLUDE, OBSERVE, edge, pod, rule

from sre_orchestrator.core.language.conversation import Conversation
from sre_orchestrator.core.language.model_assistant import ModelAssistant
from sre_orchestrator.core.models import Component, Coverage
from sre_orchestrator.core.pipeline import Bundle, diagnose
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.rules.engine import Plan

CALM = rule("all:\n  a: {kind: crash}\nnone:\n  - {kind: pressure, component|ref: a.node}", CONCLUDE)
NAMES = ("a", "b", "c")
CRASHES = [OBSERVE("crash", pod(name), node=f"node/{name}") for name in NAMES]
ANSWERS = [Coverage(kind="pressure", scope="node/a"), OBSERVE("pressure", "node/b", level=3)]
OVER = threading.Event()


def diagnosed(*some: Way) -> Bundle:
    """Diagnose three equal causes that questions tell apart, with a model if there are ways in which it behaves."""
    looking = Scripted("looking", *CRASHES)
    installation = parts(
        [looking, *(Scripted(f"answering-{number}", one, answers=["pressure"]) for number, one in enumerate(ANSWERS))],
        [CALM],
        components=[Component(id=pod(name)) for name in NAMES],
        edges=[edge(pod("a"), "runs_on", "node/a")],
        vocabulary=symptomatic("crash"),
    )
    if some:
        model = Misbehaving()
        model.ways = list(some)
        conversation = Conversation(model, limits=ModelSettings(call_seconds=0.05), clock=lambda: 0.0)
        steps = ("read", "ask", "narrate", "suggest")
        plan = Plan((), {}, "test")
        assistant = ModelAssistant("test", conversation, steps, plan=plan, vocabulary=installation.vocabulary)
        installation = dataclasses.replace(installation, assistant=assistant, narrator=assistant)
    return anyio.run(diagnose, incident(), installation)


def concluded(bundle: Bundle) -> bytes:
    report = bundle.report
    return msgspec.json.encode([report.verdict, report.hypotheses, report.ruled_out, report.facts, bundle.seen.facts])


@pytest.fixture(scope="module")
def alone() -> bytes:
    return concluded(diagnosed())


def test_a_model_may_put_other_questions_first(alone: bytes) -> None:
    bundle = diagnosed(forging("all", 0), forging("reversed", 0))

    assert [one.component for one in bundle.said.asked] == ["node/c", "node/b", "node/a"]
    assert concluded(bundle) == alone


@settings(max_examples=80, deadline=None)
@given(some=st.lists(ways(OVER), min_size=1, max_size=4))
def test_however_it_behaves_the_same_is_asked_and_concluded(alone: bytes, some: list[Way]) -> None:
    assert concluded(diagnosed(*some)) == alone


def teardown_module() -> None:
    OVER.set()
