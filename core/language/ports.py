"""What a language model is to the flow, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.settings import ModelSettings


class Message(Struct, frozen=True, kw_only=True):
    """One message of a chat; what comes from a cluster or a person goes into ``user`` messages only."""

    role: Literal["system", "user"]
    content: str


class Allowance(Struct, frozen=True, kw_only=True):
    """What one completion may cost: tokens of the answer, and seconds until it is given up."""

    completion_tokens: int
    seconds: float


class Completion(Struct, frozen=True, kw_only=True):
    """What a model answered: JSON text, and the tokens as the model counts them, or ``estimated`` where it does not."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False


class LanguageModel(Protocol):
    """A model that answers in JSON; synchronous, safe to call from several threads."""

    name: str
    """As the user names it, such as ``llama_cpp:model.gguf``."""
    digest: str
    """What it is told from others by: the hash of its file, or of its name and address."""
    local: bool
    """Whether nothing leaves the machine."""
    context_tokens: int
    """How much a prompt and its answer may hold together."""

    def complete(self, messages: Sequence[Message], schema: Mapping[str, object], allowance: Allowance) -> Completion:
        """Return an answer that fits the JSON Schema, as far as the model can be held to it.

        Raises:
            ModelError: it did not answer within the allowance, or refused; the message says why and holds no secret.

        """
        ...

    def close(self) -> None:
        """Give back memory and connections."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors of unit length; synchronous, safe to call from several threads."""

    name: str
    digest: str

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one vector a text, all of the same length."""
        ...

    def close(self) -> None:
        """Give back memory."""
        ...


class ModelKind(Protocol):
    """Opens models of one kind; ``name`` is what stands before the colon in ``llama_cpp:/models/model.gguf``."""

    name: str

    def open(self, reference: str, settings: ModelSettings) -> LanguageModel:
        """Open the model that stands after the colon.

        Raises:
            InputError: it cannot be used: not there, too large for the memory, its library is not installed.

        """
        ...


class EmbedderKind(Protocol):
    """Opens models that embed, named as those of ``ModelKind``."""

    name: str

    def open_embedder(self, reference: str, settings: ModelSettings) -> Embedder:
        """Open the model that stands after the colon.

        Raises:
            InputError: it cannot be used.

        """
        ...
