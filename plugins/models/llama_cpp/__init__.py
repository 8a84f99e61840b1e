"""Language models and embedders in this process: GGUF files, computed by llama.cpp; nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sre_orchestrator.core.hookspecs import hookimpl
from sre_orchestrator.core.language.ports import Embedder, EmbedderKind, LanguageModel, ModelKind
from sre_orchestrator.core.settings import ModelSettings, Settings


class LlamaCpp:
    """Opens ``llama_cpp:/models/model.gguf``."""

    name = "llama_cpp"

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache

    def open(self, reference: str, settings: ModelSettings) -> LanguageModel:
        """Load the file that ``reference`` names.

        Raises:
            InputError: it is no file that can answer, it is too large for the memory, or llama.cpp is not installed.

        """
        from sre_orchestrator.plugins.models.llama_cpp.model import LocalModel  # noqa: PLC0415 - rarely needed
        from sre_orchestrator.plugins.models.llama_cpp.opening import open_chat  # noqa: PLC0415 - rarely needed

        return LocalModel(open_chat(reference, settings, self._cache))

    def open_embedder(self, reference: str, settings: ModelSettings) -> Embedder:
        """Load the file that ``reference`` names.

        Raises:
            InputError: it is no file that embeds, it is too large for the memory, or llama.cpp is not installed.

        """
        from sre_orchestrator.plugins.models.llama_cpp.embedder import LocalEmbedder  # noqa: PLC0415 - rarely needed
        from sre_orchestrator.plugins.models.llama_cpp.opening import open_embedding  # noqa: PLC0415 - rarely needed

        return LocalEmbedder(open_embedding(reference, settings, self._cache))


@hookimpl
def register_models(settings: Settings) -> Sequence[ModelKind]:
    """Return what opens GGUF files; digests of files are kept with the other caches."""
    return [LlamaCpp(Path(settings.state_dir) / "cache")]


@hookimpl
def register_embedders(settings: Settings) -> Sequence[EmbedderKind]:
    """Return what opens GGUF files that embed."""
    return [LlamaCpp(Path(settings.state_dir) / "cache")]
