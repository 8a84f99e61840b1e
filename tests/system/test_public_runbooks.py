"""The runbook of an alert is found by its name, and by what the alert says of itself without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from extras import need
from local_models import minilm
from public_runbooks import documents, first, names, questions, unpacked, within

from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.knowledge.library import Library
from sre_orchestrator.plugins.knowledge.vectors import VectorFile
from sre_orchestrator.plugins.models.llama_cpp import LlamaCpp


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("public"))


@pytest.fixture(scope="module")
def library(folder: Path) -> Iterator[Library]:
    made = Library()
    made.keep(documents(folder))
    yield made
    made.close()


def test_the_name_of_an_alert_finds_its_runbook_first(library: Library, folder: Path) -> None:
    alerts = names(folder)

    assert len(alerts) > 300
    assert first(library.search, alerts) >= 0.98


@pytest.mark.timeout(300)
def test_what_an_alert_says_finds_its_runbook_among_three(library: Library, folder: Path, tmp_path: Path) -> None:
    """Only the beginnings of documents are embedded here, which is what a library embeds first: 10 CPU seconds."""
    need("txtai", "txtai, see .ci/models")
    from sre_orchestrator.plugins.knowledge.meaning import Meaning  # noqa: PLC0415 - needs txtai

    asked = questions(folder)
    words = within(library.search, asked)
    embedder = LlamaCpp().open_embedder(str(minilm(tmp_path)), ModelSettings(threads=1))
    meaning = Meaning(library, VectorFile(tmp_path / "vectors.db"), embedder)
    for progress in meaning.embed():
        if progress.done >= len(library.documents()):
            break
    library.meaning = meaning

    meant = within(library.search, asked)
    library.meaning = None
    meaning.close()
    embedder.close()

    print(f"within three: {words:.3f} by words, {meant:.3f} with the beginnings embedded")
    assert len(asked) > 100
    assert meant >= 0.80
    assert meant > words
