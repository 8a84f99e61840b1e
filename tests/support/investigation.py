"""An installation of a few scripted agents over a small twin and the rules of ``rulebook``, for tests of the flow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rulebook import CAUSES, VOCABULARY

from sre_orchestrator.core.hookspecs import Agent, Sources
from sre_orchestrator.core.language.assistant import Nobody
from sre_orchestrator.core.models import (
    Component,
    Coverage,
    Edge,
    Fact,
    Gap,
    Hypothesis,
    Incident,
    Runbook,
    Scope,
    Versions,
)
from sre_orchestrator.core.pipeline import Parts
from sre_orchestrator.core.ports import Around, Guide
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import FactKind, Vocabulary
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.model import Rule
from sre_orchestrator.twin.store import TwinStore

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
KINDS = frozenset(VOCABULARY.kinds)


class Scripted:
    """An agent that yields what it is given; a callable is called and what it returns is yielded."""

    description = "says what it was told to say"

    def __init__(self, name: str, *script: Any, kinds: Iterable[str] = KINDS, answers: Iterable[str] = ()) -> None:
        self.name = name
        self.kinds = frozenset(kinds)
        self.answers = frozenset(answers)
        self.script = script
        self.scopes: list[Scope] = []

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Follow the script; what the agent answers it says only when it is asked."""
        del sources
        self.scopes.append(scope)
        for line in self.script:
            said = line() if callable(line) else line
            if self.answers and not scope.questions and isinstance(said, Fact | Coverage):
                continue
            yield said


class Notes:
    """Progress that is written down."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.agents: list[tuple[str, str]] = []

    def step(self, name: str) -> None:
        """Note a step."""
        self.steps.append(name)

    def agent(self, name: str, state: str) -> None:
        """Note an agent's state."""
        self.agents.append((name, state))


class Shelf:
    """Knowledge that finds the same passage for everything."""

    def advise(self, hypothesis: Hypothesis, around: Around) -> tuple[Runbook, ...]:
        """Return a passage named after the cause."""
        del around
        return (Runbook(title=hypothesis.cause, passage="do this", address="runbook.md"),)


def symptomatic(*kinds: str) -> Vocabulary:
    """Return the small vocabulary with ``kinds`` as symptoms and ``probe`` as a change."""
    changed = {}
    for name, kind in VOCABULARY.kinds.items():
        changed[name] = FactKind(
            about=kind.about,
            component=kind.component,
            agents=kind.agents,
            attributes=kind.attributes,
            symptom="errors" if name in kinds else None,
            change=name == "probe",
            derived=kind.derived,
        )
    return Vocabulary(changed)


def parts(
    agents: Sequence[Agent],
    rules: Sequence[Rule] = (),
    *,
    components: Sequence[Component] = (),
    edges: Sequence[Edge] = (),
    vocabulary: Vocabulary = VOCABULARY,
    clock: Callable[[], float] = lambda: 0.0,
    gaps: tuple[Gap, ...] = (),
    guide: Guide | None = None,
    **settings: Any,
) -> Parts:
    """Return an installation."""
    twin = TwinStore()
    twin.sync(components, edges, NOW)
    return Parts(
        twin=twin,
        sources=Sources([]),
        agents=agents,
        plan=Plan(rules, CAUSES, "test"),
        vocabulary=vocabulary,
        assistant=Nobody(),
        narrator=Nobody(),
        knowledge=Shelf(),
        settings=Settings(state_dir="unused", **settings),
        versions=Versions(program="0", rule_book="test"),
        progress=Notes(),
        clock=clock,
        gaps=gaps,
        guide=guide,
    )


def incident(description: str = "the shop is down", **more: Any) -> Incident:
    """Return an incident at ``NOW``."""
    return Incident(**{"id": "i1", "description": description, "at": NOW, **more})


def scope(*agents: str, **more: Any) -> Scope:
    """Return a scope of the last hour in the namespace ``shop``."""
    basis = {"incident": incident(), "namespaces": ("shop",), "since": NOW - timedelta(hours=1), "until": NOW}
    return Scope(**{**basis, "agents": agents, **more})
