"""Who orders an installation's agents: words, and the model that embeds if the settings name one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock

from sre_orchestrator.api.model import opened
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.language.ports import Embedder, EmbedderKind
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.reading.order import AgentOrder
from sre_orchestrator.core.settings import ModelSettings


class ChosenOrder:
    """Opens the embedder when the order is first asked for; safe to ask from several threads."""

    def __init__(self, settings: ModelSettings, kinds: Callable[[], Sequence[EmbedderKind]]) -> None:
        self._settings = settings
        self._kinds = kinds
        self._opening = Lock()
        self._embedder: Embedder | None = None
        self._order: AgentOrder | None = None
        self._problem = ""

    def get(self) -> AgentOrder:
        """Return the order; by words alone where no embedder is named, or it cannot be opened, which is then a gap."""
        with self._opening:
            if self._order is None:
                self._embedder = self._opened() if self._settings.embedder else None
                self._order = AgentOrder(self._embedder)
            return self._order

    def embedder(self) -> Embedder | None:
        """Return the model that embeds; ``None`` where none is named, or it cannot be opened."""
        self.get()
        return self._embedder

    def gaps(self) -> tuple[Gap, ...]:
        """Return a gap if the embedder could not be opened."""
        if not self._problem:
            return ()
        what = f"the meaning of words, by {self._settings.embedder}"
        remedy = "set model.embedder in the settings, or leave it out"
        return (Gap(agent="model", what=what, why=self._problem, remedy=remedy),)

    def close(self) -> None:
        """Give back what the embedder holds."""
        with self._opening:
            if self._embedder:
                self._embedder.close()
            self._embedder = self._order = None

    def _opened(self) -> Embedder | None:
        openers = {one.name: partial(one.open_embedder, settings=self._settings) for one in self._kinds()}
        try:
            return opened("model.embedder", self._settings.embedder, openers)
        except InputError as error:
            self._problem = str(error)
            return None
