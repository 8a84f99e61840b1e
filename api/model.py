"""The language model of an installation: opened once, when it is first asked for, and what it may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import TypeVar

from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.language.examined import UNEXAMINED, Examined
from sre_orchestrator.core.language.ports import LanguageModel, ModelKind
from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.core.structs import learn_structs
from sre_orchestrator.core.vocabulary import nearest

T = TypeVar("T")


class Enabled(Struct, frozen=True, kw_only=True):
    """A model, what reports call it, the steps that it takes part in, and whether names are hidden from it."""

    model: LanguageModel
    name: str
    steps: frozenset[str]
    disguised: bool


class ChosenModel:
    """The model that the settings name, if any; safe to ask from several threads."""

    def __init__(self, settings: ModelSettings, kinds: Callable[[], Sequence[ModelKind]], examined: Examined) -> None:
        self._settings = settings
        self._kinds = kinds
        self._examined = examined
        self._opening = Lock()
        self._model: LanguageModel | None = None
        self._problem = ""
        if settings.required:
            self.need()

    def need(self) -> LanguageModel:
        """Return the model.

        Raises:
            InputError: it cannot be opened, or none is named.

        """
        with self._opening:
            self._model = self._model or opened("--model", self._settings.use, self._openers())
            return self._model

    def enabled(self) -> Enabled | None:
        """Return the model; ``None`` where none is named, or it cannot be opened, which is then a gap."""
        if not self._settings.use or self._problem:
            return None
        try:
            model = self.need()
        except InputError as error:
            self._problem = str(error)
            return None
        passed = self._examined(model.digest)
        steps = (UNEXAMINED if passed is None else passed).intersection(self._settings.steps)
        suggests = self._settings.suggest and passed is not None
        hidden = self._settings.redact
        return Enabled(
            model=model,
            disguised=not model.local if hidden is None else hidden,
            name=model.name if passed is not None else f"{model.name} (unexamined)",
            steps=steps | {"suggest"} if suggests else steps,
        )

    def gaps(self) -> tuple[Gap, ...]:
        """Return a gap if the model could not be opened."""
        if not self._problem:
            return ()
        what = f"the help of the language model {self._settings.use}"
        return (
            Gap(agent="model", what=what, why=self._problem, remedy="set model.use in the settings, or leave it out"),
        )

    def _openers(self) -> dict[str, Callable[[str], LanguageModel]]:
        return {one.name: self._opener(one) for one in self._kinds()}

    def _opener(self, kind: ModelKind) -> Callable[[str], LanguageModel]:
        return lambda reference: kind.open(reference, self._settings)

    def close(self) -> None:
        """Give back what the model holds."""
        with self._opening:
            if self._model:
                self._model.close()
            self._model = None


def opened(setting: str, name: str, kinds: Mapping[str, Callable[[str], T]]) -> T:
    """Open what ``setting`` names as ``KIND:NAME``, with what opens a NAME of each kind.

    Raises:
        InputError: it cannot be opened.

    """
    kind, colon, reference = name.partition(":")
    if not colon or not reference or kind not in kinds:
        hint = nearest(kind, kinds) if colon else ""
        raise InputError(f"{setting} {name!r}: write KIND:NAME, with one of the kinds {', '.join(sorted(kinds))}{hint}")
    problems: list[InputError] = []

    def opening() -> T | None:
        try:
            return kinds[kind](reference)
        except InputError as error:
            problems.append(error)
            return None

    outcome = guarded(opening)
    learn_structs()  # its module is imported only now, and several investigations ask it at the same time
    if problems:
        raise problems[0]
    if isinstance(outcome, Failure) or outcome.value is None:
        why = outcome.why if isinstance(outcome, Failure) else "its plugin gave nothing"
        raise InputError(f"{setting} {name!r}: cannot be opened: {why}")
    return outcome.value
