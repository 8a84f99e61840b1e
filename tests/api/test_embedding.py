"""The model that embeds is opened once, when an incident needs it; without it, words order the agents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from investigation import Scripted

from sre_orchestrator.api.embedding import ChosenOrder
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.language.ports import Embedder
from sre_orchestrator.core.settings import ModelSettings, Settings

AGENTS = [Scripted("logs"), Scripted("metrics")]


class Backwards:
    """Embeds so that the last agent is meant; it is its own kind."""

    name = digest = "backwards"

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.closed = 0

    def open_embedder(self, reference: str, settings: ModelSettings) -> Embedder:
        """Open it, or not."""
        del settings
        if reference == "missing":
            raise InputError("missing: there is no such file")
        self.opened.append(reference)
        return self

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return a number a text."""
        return [[0.0 if text.startswith("logs") else 1.0] for text in texts]

    def close(self) -> None:
        """Count."""
        self.closed += 1


def chosen(kind: Backwards, embedder: str) -> ChosenOrder:
    return ChosenOrder(ModelSettings(embedder=embedder), lambda: [kind])


def test_the_embedder_is_opened_once_and_closed_with_the_installation() -> None:
    kind = Backwards()
    order = chosen(kind, "backwards:file")
    assert kind.opened == []

    found = [order.get()("anything", AGENTS), order.get()("anything", AGENTS)]
    order.close()

    assert found == [("metrics", "logs")] * 2
    assert (kind.opened, kind.closed, order.gaps()) == (["file"], 1, ())


@pytest.mark.parametrize(
    ("embedder", "why"),
    [
        ("backwards:missing", "missing: there is no such file"),
        ("backward:file", "model.embedder 'backward:file': write KIND:NAME, with one of the kinds backwards"),
        ("file", "model.embedder 'file': write KIND:NAME"),
    ],
)
def test_an_embedder_that_cannot_be_opened_is_a_gap_and_words_decide(embedder: str, why: str) -> None:
    order = chosen(Backwards(), embedder)

    found = order.get()("anything", AGENTS)
    order.close()

    assert found == ("logs", "metrics")
    assert why in order.gaps()[0].why


def test_an_installation_without_an_embedder_opens_none(tmp_path: Path) -> None:
    installation = Installation(Settings(state_dir=str(tmp_path)))

    found = installation.order.get()("anything", AGENTS)
    installation.close()

    assert found == ("logs", "metrics")
    assert installation.order.gaps() == ()


def test_an_installation_knows_the_kinds_of_its_plugins(tmp_path: Path) -> None:
    model = ModelSettings(embedder=f"llama_cpp:{tmp_path}/none.gguf")
    installation = Installation(Settings(state_dir=str(tmp_path), model=model))

    installation.order.get()

    assert "none.gguf" in installation.gaps()[-1].why
