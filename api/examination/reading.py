"""Examines how a model reads incidents, beside the words and embeddings that read them anyway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing

from sre_orchestrator.api.examination.comparing import compared
from sre_orchestrator.api.examination.marks import Result, Tally, tally, together
from sre_orchestrator.api.examination.papers import AT, Text, Texts
from sre_orchestrator.api.examination.sitting import Room, Watched, sit
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.language.reading import added, read
from sre_orchestrator.core.models import Component, Scope, Struct
from sre_orchestrator.core.ports import Twin
from sre_orchestrator.core.route import route
from sre_orchestrator.twin.store import TwinStore


class Reading(Struct, frozen=True, kw_only=True):
    """How right a scope is: what it names, the symptoms that it sees, and whether a right agent is asked first."""

    components: Tally
    symptoms: Tally
    agent: bool

    @property
    def right(self) -> bool:
        """Say whether the components are exactly right, no symptom is missing, and a right agent is asked first."""
        exact = self.components.right == self.components.given == self.components.wanted
        return exact and self.symptoms.right == self.symptoms.wanted and self.agent


def examine_reading(papers: Texts, installation: Installation, room: Room) -> Result:
    """Return how often a text is read rightly with the model, beside how often without it."""
    with ExitStack() as opened:
        twins = {name: opened.enter_context(closing(_twin(world))) for name, world in papers.worlds.items()}
        scopes = {paper.id: _routed(paper, twins[paper.world], installation) for paper in papers.texts}

        def mark(paper: Text, conversation: Watched) -> Reading:
            scope = scopes[paper.id]
            said = read(conversation, scope, twins[paper.world], installation.agents)
            return graded(added(scope, said) if said else scope, paper)

        sitting = sit(papers.texts, room, mark, lambda paper: papers.worlds[paper.world])
    default = [graded(scopes[paper.id], paper) for paper in papers.texts]
    mine = [one.mark for one in sitting.marked]
    right = [one.mark.right and one.fits for one in sitting.marked]
    measures = {**_measures(mine), **{f"default_{name}": value for name, value in _measures(default).items()}}
    return compared("read", sitting, right, [one.right for one in default], measures)


def graded(scope: Scope, paper: Text) -> Reading:
    """Compare a scope with what the text says."""
    return Reading(
        components=tally(scope.components, paper.components),
        symptoms=tally(scope.symptoms, paper.symptoms),
        agent=bool(scope.agents) and scope.agents[0] in paper.agents,
    )


def _measures(readings: Sequence[Reading]) -> Mapping[str, float]:
    components = together(one.components for one in readings)
    symptoms = together(one.symptoms for one in readings)
    return {
        "components_precision": components.precision,
        "components_recall": components.recall,
        "components_f1": components.f1,
        "symptoms_f1": symptoms.f1,
        "agents_right": sum(one.agent for one in readings) / max(len(readings), 1),
    }


def _routed(paper: Text, twin: Twin, installation: Installation) -> Scope:
    return route(paper.incident(), twin, installation.agents, installation.settings, order=installation.order.get())


def _twin(world: Iterable[str]) -> TwinStore:
    twin = TwinStore()
    twin.sync([Component(id=one) for one in world], (), AT)
    return twin
