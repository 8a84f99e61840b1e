"""Asks a model within the caps of one incident; whatever goes wrong is a note, never an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import msgspec

from sre_orchestrator.core.boundary import Failure, Success, guarded
from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language.lists import Schema
from sre_orchestrator.core.language.ports import Allowance, Completion, LanguageModel, Message
from sre_orchestrator.core.models import Fact, ModelUse, Struct
from sre_orchestrator.core.redact import MASK, without_secrets
from sre_orchestrator.core.settings import ModelSettings

BYTES_A_TOKEN = 3  # fewer than any tokenizer gives for English or JSON: what is estimated is rather too much
Outcome = Success[Completion | ModelError] | Failure | None
T = TypeVar("T", bound=Struct)


class Disguise(Protocol):
    """Hides what names a customer's things from a model that is elsewhere, and puts it back into its answers."""

    def learn(self, facts: Iterable[Fact]) -> None:
        """Hide from now on what ``facts`` name, too."""
        ...

    def hide(self, text: str) -> str:
        """Return ``text`` without secrets, and with pseudonyms for names."""
        ...

    def restore(self, text: str) -> str:
        """Return ``text`` with the names again."""
        ...

    def masked(self) -> dict[str, int]:
        """Return how often each kind of thing was hidden until now."""
        ...


class Plain:
    """Hides secrets only: the model is on this machine, or may know the names."""

    def __init__(self) -> None:
        self._secrets = 0

    def learn(self, facts: Iterable[Fact]) -> None:
        """Do nothing."""

    def hide(self, text: str) -> str:
        """Return ``text`` without secrets."""
        clean = without_secrets(text)
        self._secrets += max(clean.count(MASK) - text.count(MASK), 0)
        return clean

    def restore(self, text: str) -> str:
        """Return ``text``."""
        return text

    def masked(self) -> dict[str, int]:
        """Return how many secrets were hidden."""
        return {"secrets": self._secrets} if self._secrets else {}


class _Asked(Struct, frozen=True, kw_only=True):
    """One call, as the model sees it."""

    messages: Sequence[Message]
    schema: Schema
    completion_tokens: int


class Conversation:
    """The calls of one incident: ``limits`` caps their sum, and what each cost is kept under its step."""

    def __init__(
        self,
        model: LanguageModel,
        *,
        limits: ModelSettings,
        disguise: Disguise | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.uses: dict[str, ModelUse] = {}
        self._tokens = limits.tokens
        self._seconds = limits.seconds
        self._call_seconds = limits.call_seconds
        self._disguise = disguise or Plain()
        self._clock = clock

    def ask(
        self,
        step: str,
        messages: Sequence[Message],
        answer: type[T],
        completion_tokens: int,
        *,
        schema: Schema | None = None,
    ) -> T | None:
        """Return the model's answer, or ``None`` where there is none that fits; ``uses`` then says why.

        ``schema`` is that of ``answer`` with closed lists of this incident, where the type leaves more open. It is not
        disguised: write in it what stands for a name, never the name.
        """
        asked = _Asked(
            messages=self._hidden(step, messages),
            schema=schema or msgspec.json.schema(answer),
            completion_tokens=completion_tokens,
        )
        try:
            return self._answered(step, asked, answer)
        except ModelError as error:
            self.fail(step, str(error))
            return None

    def learn(self, facts: Iterable[Fact]) -> None:
        """Hide what ``facts`` name from now on, as what was known before."""
        self._disguise.learn(facts)

    def fail(self, step: str, why: str) -> None:
        """Note why what a model answered in a step is not used."""
        self._note(step, ModelUse(failures=(why,)))

    def _hidden(self, step: str, messages: Sequence[Message]) -> Sequence[Message]:
        """Return the messages as they may leave, and note what was masked in them."""
        before = self._disguise.masked()
        hidden = [msgspec.structs.replace(one, content=self._disguise.hide(one.content)) for one in messages]
        after = self._disguise.masked()
        masked = {kind: count - before.get(kind, 0) for kind, count in after.items() if count != before.get(kind, 0)}
        self._note(step, ModelUse(masked=masked))
        return hidden

    def _answered(self, step: str, asked: _Asked, answer: type[T]) -> T:
        estimate = sum(len(one.content.encode()) for one in asked.messages) // BYTES_A_TOKEN + asked.completion_tokens
        if estimate > min(self._tokens - self._spent(), self.model.context_tokens):
            raise ModelError(f"not asked: about {estimate} tokens are more than is left")
        if self._seconds <= 0:
            raise ModelError("not asked: no time is left")
        done = self._timed(step, asked)
        try:
            return msgspec.json.decode(self._disguise.restore(done.text), type=answer)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ModelError(f"the answer does not fit: {error}") from error

    def _timed(self, step: str, asked: _Asked) -> Completion:
        """Return an answer, and note what it cost, whether it came or not."""
        seconds = min(self._seconds, self._call_seconds)
        allowance = Allowance(completion_tokens=asked.completion_tokens, seconds=seconds)
        begun = self._clock()
        outcome = self._within(asked, allowance)
        took = self._clock() - begun
        self._seconds -= took
        use = ModelUse(calls=1, elapsed_ms=round(took * 1000))
        if isinstance(outcome, Success):
            done = outcome.value
            use = msgspec.structs.replace(
                use,
                prompt_tokens=done.prompt_tokens,
                completion_tokens=done.completion_tokens,
                estimated=done.estimated if isinstance(done, Completion) else done.prompt_tokens > 0,
            )
        self._note(step, use)
        if isinstance(outcome, Success) and isinstance(outcome.value, Completion):
            return outcome.value
        raise ModelError(_reason(outcome))

    def _within(self, asked: _Asked, allowance: Allowance) -> Outcome:
        """Call in a thread of its own: a model that never returns does not hold up the incident."""
        outcomes: list[Outcome] = []

        def complete() -> Completion | ModelError:
            try:
                return self.model.complete(asked.messages, asked.schema, allowance)
            except ModelError as error:
                return error

        def work() -> None:
            outcomes.append(guarded(complete))

        thread = threading.Thread(target=work, name="model", daemon=True)
        thread.start()
        thread.join(allowance.seconds)
        return outcomes[0] if outcomes else None

    def _spent(self) -> int:
        return sum(one.prompt_tokens + one.completion_tokens for one in self.uses.values())

    def _note(self, step: str, use: ModelUse) -> None:
        self.uses[step] = self.uses.get(step, ModelUse()).plus(use)


def _reason(outcome: Outcome) -> str:
    if isinstance(outcome, Success):
        return without_secrets(f"ModelError: {outcome.value}")
    return outcome.why if outcome else "no answer in time"
