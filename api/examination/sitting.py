"""Puts papers before a model, one after the other, and gives up one that does not answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

from sre_orchestrator.api.evaluation import percentile
from sre_orchestrator.core.language.conversation import Conversation
from sre_orchestrator.core.language.lists import Schema
from sre_orchestrator.core.language.ports import Message
from sre_orchestrator.core.models import ModelUse, Struct

SILENT = 3
A = TypeVar("A", bound=Struct)
P = TypeVar("P")
M = TypeVar("M")


class Watched(Conversation):
    """A conversation that keeps the answers: ``None`` for one that did not come, or did not fit."""

    answers: tuple[Struct | None, ...] = ()

    def ask(
        self,
        step: str,
        messages: Sequence[Message],
        answer: type[A],
        completion_tokens: int,
        *,
        schema: Schema | None = None,
    ) -> A | None:
        """Ask as incidents do."""
        told = super().ask(step, messages, answer, completion_tokens, schema=schema)
        self.answers = (*self.answers, told)
        return told

    def fits(self) -> bool:
        """Say whether the model was asked, and each answer had the form that was asked for."""
        return bool(self.answers) and None not in self.answers

    def use(self) -> ModelUse:
        """Return what all of it cost."""
        whole = ModelUse()
        for one in self.uses.values():
            whole = whole.plus(one)
        return whole


class Marked(Struct, Generic[M], frozen=True, kw_only=True):
    """How one paper was marked; ``fits`` says whether the answer had the form that was asked for."""

    mark: M
    fits: bool
    use: ModelUse


class Sitting(Struct, Generic[M], frozen=True, kw_only=True):
    """The papers that the model was asked about; ``gone`` says why there were no more."""

    marked: tuple[Marked[M], ...]
    gone: str = ""

    def validity(self) -> float:
        """Return the share of answers that had the form that was asked for."""
        return sum(one.fits for one in self.marked) / max(len(self.marked), 1)

    def latency(self, share: float) -> int:
        """Return in how many milliseconds ``share`` of the papers were answered, or given up."""
        return round(percentile([float(one.use.elapsed_ms) for one in self.marked], share))

    def tokens(self) -> int:
        """Return the tokens of a paper, prompt and answer."""
        spent = sum(one.use.prompt_tokens + one.use.completion_tokens for one in self.marked)
        return round(spent / max(len(self.marked), 1))


class Room(Struct, frozen=True, kw_only=True):
    """Where an examination takes place: ``converse`` begins a conversation about components, ``done`` ends a paper."""

    converse: Callable[[Collection[str]], Watched]
    done: Callable[[], None]


def sit(
    papers: Sequence[P], room: Room, mark: Callable[[P, Watched], M], components: Callable[[P], Collection[str]]
) -> Sitting[M]:
    """Have the model answer each of ``papers``; one that is silent ``SILENT`` times in a row is given up."""
    marked: list[Marked[M]] = []
    silent = 0
    for paper in papers:
        conversation = room.converse(components(paper))
        one = Marked(mark=mark(paper, conversation), fits=conversation.fits(), use=conversation.use())
        marked.append(one)
        silent = 0 if one.use.completion_tokens else silent + 1
        if silent == SILENT:
            why = one.use.failures[-1] if one.use.failures else "it was not asked"
            return Sitting(marked=tuple(marked), gone=f"{SILENT} papers in a row without an answer ({why})")
        room.done()
    return Sitting(marked=tuple(marked))
