"""A plugin with a kind of language models that answer what a test says: ``--model scripted:NAME``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from unittest.mock import patch

from models import Scripted

from sre_orchestrator.api import wiring
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.hookspecs import hookimpl
from sre_orchestrator.core.language.ports import LanguageModel, ModelKind
from sre_orchestrator.core.settings import ModelSettings, Settings


class Kind:
    """Opens what it is given; ``scripted:broken`` cannot be opened."""

    name = "scripted"

    def __init__(self, open_one: Callable[[], LanguageModel]) -> None:
        self._open = open_one
        self.opened = 0

    def open(self, reference: str, settings: ModelSettings) -> LanguageModel:
        """Open one."""
        del settings
        if reference == "broken":
            raise InputError("broken: holds no model")
        self.opened += 1
        return self._open()


@contextmanager
def scripted(*answers: str | Callable[[], str], local: bool = True) -> Iterator[tuple[Kind, Scripted]]:
    """Yield the kind and the model that installations have which are made meanwhile."""
    model = Scripted(*answers, local=local)
    with offered(model) as kind:
        yield kind, model


@contextmanager
def offered(model: LanguageModel) -> Iterator[Kind]:
    """Yield the kind that opens ``model`` in installations which are made meanwhile."""
    kind = Kind(lambda: model)
    plugin = ModuleType("plugin_of_scripted_models")

    def register_models(settings: Settings) -> Sequence[ModelKind]:
        del settings
        return [kind]

    plugin.register_models = hookimpl(register_models)  # type: ignore[attr-defined]  # a hook of a module
    with (
        patch.dict(sys.modules, {plugin.__name__: plugin}),
        patch.object(wiring, "BUILTIN", (*wiring.BUILTIN, plugin.__name__)),
    ):
        yield kind
