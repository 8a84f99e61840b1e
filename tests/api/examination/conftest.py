"""An installation and the papers, once for all tests of examinations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import closing

import pytest
from examinees import Examinee

from sre_orchestrator.api.examination.papers import Papers, papers_in
from sre_orchestrator.api.examination.sitting import Room, Watched
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.language.ports import LanguageModel
from sre_orchestrator.core.settings import ModelSettings, Settings


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return an installation without a model."""
    with closing(Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))) as made:
        yield made


@pytest.fixture(scope="session")
def papers(installation: Installation) -> Papers:
    """Return all papers."""
    return papers_in(installation.book.causes)


@pytest.fixture
def room() -> Callable[[LanguageModel], Room]:
    """Return ``room(model)``, where a model sits."""

    def made(model: LanguageModel) -> Room:
        def converse(components: Collection[str]) -> Watched:
            del components
            return Watched(model, limits=ModelSettings())

        return Room(converse=converse, done=lambda: None)

    return made


@pytest.fixture
def knowing(papers: Papers) -> Callable[..., Examinee]:
    """Return ``knowing("ask")``: a model that knows the answers of these steps."""
    return lambda *steps: Examinee(papers, steps)
