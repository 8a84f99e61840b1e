"""Language models of servers that speak OpenAI's chat API: OpenAI, Azure, vLLM, Ollama, llama-server and others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from sre_orchestrator.core.hookspecs import hookimpl
from sre_orchestrator.core.language.ports import LanguageModel, ModelKind
from sre_orchestrator.core.settings import ModelSettings, Settings
from sre_orchestrator.plugins.models.openai.address import read_address
from sre_orchestrator.plugins.models.openai.keys import Keys


class OpenAi:
    """Opens ``openai:NAME``, a model of the server at ``model.base_url``."""

    name = "openai"

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def open(self, reference: str, settings: ModelSettings) -> LanguageModel:
        """Look at the settings; the server itself is asked when there is something to ask.

        Raises:
            InputError: name, address, key or certificates cannot be used.

        """
        address = read_address(settings.base_url)
        keys = Keys(settings, address, self._environment)
        from sre_orchestrator.plugins.models.openai.model import ServedModel  # noqa: PLC0415 - it opens slowly

        return ServedModel(reference, settings, address, keys)


@hookimpl
def register_models(settings: Settings) -> Sequence[ModelKind]:
    """Return what opens models of servers."""
    del settings
    return [OpenAi()]
