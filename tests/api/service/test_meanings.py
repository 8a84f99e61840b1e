"""Runbooks are embedded beside the requests, once each, and until the service ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
from extras import need
from meanings import Dictionary

from sre_orchestrator.api.advice import Advice
from sre_orchestrator.api.blocks import Shelf
from sre_orchestrator.api.service.meanings import Meanings
from sre_orchestrator.core.settings import ModelSettings, Settings
from sre_orchestrator.plugins.knowledge.formats import read_document
from sre_orchestrator.plugins.knowledge.library import Library, library_file
from sre_orchestrator.plugins.knowledge.vectors import TOGETHER


@pytest.fixture(autouse=True)
def _txtai() -> None:
    need("txtai", "txtai, see .ci/models")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(library_file(str(tmp_path)))
    yield made
    made.close()


def keep(library: Library, *names: str) -> None:
    library.keep(read_document(f"# {name}\n\nThe disk is full.\n".encode(), f"/{name}.md").document for name in names)


def advice_of(state: Path, embedder: Dictionary) -> Advice:
    settings = Settings(state_dir=str(state), model=ModelSettings(embedder="dictionary:any"))
    return Advice(Shelf(state), settings, lambda: embedder)


def run_until(meanings: Meanings, holds: Callable[[], bool]) -> None:
    async def scenario() -> None:
        with anyio.fail_after(60):
            async with meanings.running():
                while not holds():
                    await anyio.sleep(0.01)

    anyio.run(scenario)


def test_what_is_new_is_embedded(library: Library, tmp_path: Path) -> None:
    keep(library, "one")
    embedder = Dictionary()
    advice = advice_of(tmp_path, embedder)
    meanings = Meanings(advice, every=0.01)

    run_until(meanings, lambda: len(embedder.asked) == 1)
    keep(library, "two")
    again = Meanings(advice)
    again.refresh()
    again.refresh()

    assert embedder.asked == ["one. The disk is full.", "two. The disk is full."]
    advice.close()


def test_the_work_ends_with_the_service(library: Library, tmp_path: Path) -> None:
    keep(library, *(f"book{number}" for number in range(5 * TOGETHER)))
    embedder = Dictionary()
    advice = advice_of(tmp_path, embedder)
    meanings = Meanings(advice, every=60)
    run_until(meanings, lambda: True)

    meanings.refresh()

    assert embedder.asked == []
    advice.close()


def test_a_model_that_fails_is_told_once(library: Library, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    keep(library, "one")
    embedder = Dictionary(breaks_after=0)
    advice = advice_of(tmp_path, embedder)

    run_until(Meanings(advice, every=0.01), lambda: len(embedder.asked) > 3)

    told = capfd.readouterr()
    assert (told.out + told.err).count("cannot be embedded") == 1
    advice.close()


def test_without_a_library_there_is_nothing_to_do(tmp_path: Path) -> None:
    embedder = Dictionary()

    Meanings(advice_of(tmp_path, embedder)).refresh()

    assert embedder.asked == []
