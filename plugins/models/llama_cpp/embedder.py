"""A model in this process that turns texts into vectors, such as all-MiniLM-L6-v2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sre_orchestrator.plugins.models.llama_cpp.engine import Engine
from sre_orchestrator.plugins.models.llama_cpp.opening import Opened

SECONDS_A_BATCH = 60.0
MOST_TOGETHER = 64


class LocalEmbedder:
    """Embeds with the pooling that the file asks for; of a longer text, what the model can hold."""

    def __init__(self, opened: Opened) -> None:
        self.name = opened.name
        self.digest = opened.digest
        self._most = opened.sizes.batch_tokens
        self._worker = opened.worker

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one vector of unit length for each text.

        Raises:
            ModelError: a batch was not done within a minute, or the model is closed.

        """
        tokens = self._worker.do(lambda engine: [self._tokens(engine, one) for one in texts], SECONDS_A_BATCH)
        found: list[Sequence[float]] = []
        for some in self._batches(tokens):
            found += self._worker.do(lambda engine: engine.embed(some), SECONDS_A_BATCH)  # noqa: B023 - called at once
        return found

    def close(self) -> None:
        """Stop, and give the memory back."""
        self._worker.close()

    def _tokens(self, engine: Engine, text: str) -> list[int]:
        """Return the tokens of a text, with the model's last marker also where it is cut."""
        found = engine.tokens(text, markers=False, whole=True)
        return found if len(found) <= self._most else [*found[: self._most - 1], found[-1]]

    def _batches(self, texts: Sequence[list[int]]) -> Iterator[list[list[int]]]:
        batch: list[list[int]] = []
        for one in texts:
            if batch and (len(batch) == MOST_TOGETHER or sum(map(len, batch)) + len(one) > self._most):
                yield batch
                batch = []
            batch.append(one)
        if batch:
            yield batch
