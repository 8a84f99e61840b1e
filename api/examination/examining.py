"""Examines a model in steps of an incident, through the same code that incidents use."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from importlib.metadata import version

from sre_orchestrator.api.examination.asking import examine_asking
from sre_orchestrator.api.examination.marks import Result, Step
from sre_orchestrator.api.examination.narrating import examine_narrating
from sre_orchestrator.api.examination.papers import AT, Papers
from sre_orchestrator.api.examination.reading import examine_reading
from sre_orchestrator.api.examination.sitting import Room, Watched
from sre_orchestrator.api.examination.stored import Examination
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.language.ports import LanguageModel
from sre_orchestrator.core.models import Component, Incident

STEPS: tuple[Step, ...] = ("read", "ask", "narrate")


def examine(
    model: LanguageModel,
    installation: Installation,
    papers: Papers,
    *,
    steps: Collection[Step],
    at: datetime,
    done: Callable[[], None] = lambda: None,
) -> Examination:
    """Return what ``model`` passes of ``steps`` with ``papers``; ``done`` is called after each paper.

    What it may cost and what is hidden from it are as in an incident.
    """
    room = Room(converse=lambda components: _conversation(model, installation, components), done=done)
    by_step: dict[Step, Callable[[], Result]] = {
        "read": lambda: examine_reading(papers.texts, installation, room),
        "ask": lambda: examine_asking(papers.choices, room),
        "narrate": lambda: examine_narrating(papers.reports, room),
    }
    results = tuple(by_step[step]() for step in STEPS if step in steps)
    return Examination(
        model=model.name,
        digest=model.digest,
        program=version("sre-orchestrator"),
        at=at,
        passed=tuple(one.step for one in results if one.passed),
        results=results,
    )


def _conversation(model: LanguageModel, installation: Installation, components: Collection[str]) -> Watched:
    """Begin as an incident would in which there are ``components``."""
    settings = installation.settings.model
    hides = not model.local if settings.redact is None else settings.redact
    incident = Incident(id="", description="", at=AT)
    disguise = installation.disguise(incident, [Component(id=one) for one in components]) if hides else None
    return Watched(model, limits=settings, disguise=disguise)
