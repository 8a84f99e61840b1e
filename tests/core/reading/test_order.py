"""The agents that an incident is about are asked first; none is left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from incident_texts import TUNED
from investigation import Scripted, incident, parts
from local_models import minilm

from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.reading.order import AgentOrder
from sre_orchestrator.core.route import route
from sre_orchestrator.core.settings import ModelSettings, Settings
from sre_orchestrator.plugins.models.llama_cpp import LlamaCpp


class Letters:
    """Embeds a text as how much of it is ``x``."""

    name = digest = "letters"

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return two numbers a text."""
        self.asked.append(texts)
        return [[1.0, 0.0] if "x" in text else [0.0, 1.0] for text in texts]

    def close(self) -> None:
        """Close nothing."""


class Broken(Letters):
    """Fails."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Fail."""
        del texts
        raise ModelError("closed")


class Speciality(Scripted):
    """An agent that says what it is for."""

    def __init__(self, name: str, description: str, *examples: str) -> None:
        super().__init__(name)
        self.description = description
        self.examples = examples


DISKS = Speciality("disks", "volumes and claims", "the database has no disk", "xylophone")
PIPES = Speciality("pipes", "network policies", "traffic is blocked")
PLAIN = Scripted("plain")
AGENTS = [PLAIN, PIPES, DISKS]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("no disk for the database", "disks"),
        ("Die Festplatte der Datenbank fehlt", "disks"),
        ("le réseau bloque tout, network policy", "pipes"),
        ("PersistentVolumeClaims", "disks"),
        ("blocking traffics", "pipes"),
    ],
)
def test_words_put_an_agent_in_front(text: str, first: str) -> None:
    order = AgentOrder()(text, AGENTS)

    assert order[0] == first
    assert sorted(order) == ["disks", "pipes", "plain"]


@pytest.mark.parametrize("order", [AgentOrder(), AgentOrder(Broken())])
def test_agents_that_nothing_tells_apart_stay_in_order(order: AgentOrder) -> None:
    assert order("zzz", AGENTS) == ("plain", "pipes", "disks")
    assert order("", []) == ()


def test_meaning_counts_more_than_words() -> None:
    assert AgentOrder(Letters())("traffic of x", AGENTS)[0] == "disks"


def test_what_an_agent_is_known_by_is_embedded_once() -> None:
    letters = Letters()
    order = AgentOrder(letters)

    order("x", AGENTS)
    order("y", AGENTS)

    assert [len(texts) for texts in letters.asked] == [1, 2, 3, 1, 1]


def test_agents_of_the_same_name_are_one() -> None:
    assert AgentOrder()("x", [PLAIN, PLAIN]) == ("plain",)


def test_a_scope_has_the_agents_in_order() -> None:
    installation = parts(AGENTS)
    about = incident("traffic of x is blocked")

    words = route(about, installation.twin, AGENTS, installation.settings)
    meaning = route(about, installation.twin, AGENTS, installation.settings, order=AgentOrder(Letters()))

    assert (words.agents[0], meaning.agents[0]) == ("pipes", "disks")


@given(st.text(max_size=80))
def test_no_text_breaks_it_and_no_agent_is_left_out(text: str) -> None:
    assert sorted(AgentOrder()(text, AGENTS)) == ["disks", "pipes", "plain"]


def right(order: AgentOrder, tmp_path: Path) -> int:
    agents = Installation(Settings(state_dir=str(tmp_path))).agents
    return sum(order(text, agents)[0] == agent for text, agent in TUNED)


def test_most_incidents_reach_the_right_agent_first_by_words(tmp_path: Path) -> None:
    assert right(AgentOrder(), tmp_path) >= 28


def test_most_incidents_reach_the_right_agent_first_by_meaning(tmp_path: Path) -> None:
    embedder = LlamaCpp().open_embedder(str(minilm(tmp_path)), ModelSettings(threads=1))

    found = right(AgentOrder(embedder), tmp_path)

    embedder.close()
    assert found >= 28
