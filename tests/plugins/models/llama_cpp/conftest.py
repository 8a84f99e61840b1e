"""One model that answers and one that embeds, loaded once for the session: a thread each, and small contexts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_models import minilm, smollm2

from sre_orchestrator.core.language.ports import Embedder, LanguageModel
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.llama_cpp import LlamaCpp

SMALL = ModelSettings(threads=1, context_tokens=1024)


@pytest.fixture(scope="session")
def chat() -> Iterator[LanguageModel]:
    model = LlamaCpp().open(str(smollm2()), SMALL)
    yield model
    model.close()


@pytest.fixture(scope="session")
def embedding_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return minilm(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def embedder(embedding_file: Path) -> Iterator[Embedder]:
    found = LlamaCpp().open_embedder(str(embedding_file), SMALL)
    yield found
    found.close()
