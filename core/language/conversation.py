"""Asks a model within the caps of one incident; whatever goes wrong is a note, never an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from sre_orchestrator.core.boundary import Failure, Success, guarded
from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language.ports import Allowance, Completion, LanguageModel, Message
from sre_orchestrator.core.models import ModelUse, Struct
from sre_orchestrator.core.settings import ModelSettings

BYTES_A_TOKEN = 3  # fewer than any tokenizer gives for English or JSON: what is estimated is rather too much
T = TypeVar("T", bound=Struct)


class Disguise(Protocol):
    """Hides what names a customer's things from a model that is elsewhere, and puts it back into its answers."""

    def hide(self, text: str) -> str:
        """Return ``text`` without secrets, and with pseudonyms for names."""
        ...

    def restore(self, text: str) -> str:
        """Return ``text`` with the names again."""
        ...


class Plain:
    """Hides nothing: the model is on this machine."""

    def hide(self, text: str) -> str:
        """Return ``text``."""
        return text

    def restore(self, text: str) -> str:
        """Return ``text``."""
        return text


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

    def ask(self, step: str, messages: Sequence[Message], answer: type[T], completion_tokens: int) -> T | None:
        """Return the model's answer, or ``None`` where there is none that fits; ``uses`` then says why."""
        try:
            return self._asked(step, messages, answer, completion_tokens)
        except ModelError as error:
            self._note(step, ModelUse(failures=(str(error),)))
            return None

    def _asked(self, step: str, messages: Sequence[Message], answer: type[T], completion_tokens: int) -> T:
        hidden = [msgspec.structs.replace(one, content=self._disguise.hide(one.content)) for one in messages]
        estimate = sum(len(one.content.encode()) for one in hidden) // BYTES_A_TOKEN + completion_tokens
        if estimate > min(self._tokens - self._spent(), self.model.context_tokens):
            raise ModelError(f"not asked: about {estimate} tokens are more than is left")
        if self._seconds <= 0:
            raise ModelError("not asked: no time is left")
        done = self._timed(step, hidden, answer, completion_tokens)
        try:
            return msgspec.json.decode(self._disguise.restore(done.text), type=answer)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ModelError(f"the answer does not fit: {error}") from error

    def _timed(
        self, step: str, messages: Sequence[Message], answer: type[Struct], completion_tokens: int
    ) -> Completion:
        """Return an answer, and note what it cost, whether it came or not."""
        allowance = Allowance(completion_tokens=completion_tokens, seconds=min(self._seconds, self._call_seconds))
        begun = self._clock()
        outcome = self._within(messages, answer, allowance)
        took = self._clock() - begun
        self._seconds -= took
        done = outcome.value if isinstance(outcome, Success) else None
        use = ModelUse(calls=1, elapsed_ms=round(took * 1000))
        if done:
            use = msgspec.structs.replace(
                use, prompt_tokens=done.prompt_tokens, completion_tokens=done.completion_tokens
            )
        self._note(step, use)
        if done is None:
            raise ModelError(outcome.why if isinstance(outcome, Failure) else "no answer in time")
        return done

    def _within(
        self, messages: Sequence[Message], answer: type[Struct], allowance: Allowance
    ) -> Success[Completion] | Failure | None:
        """Call in a thread of its own: a model that never returns does not hold up the incident."""
        schema = msgspec.json.schema(answer)
        outcomes: list[Success[Completion] | Failure] = []

        def work() -> None:
            outcomes.append(guarded(lambda: self.model.complete(messages, schema, allowance)))

        thread = threading.Thread(target=work, name="model", daemon=True)
        thread.start()
        thread.join(allowance.seconds)
        return outcomes[0] if outcomes else None

    def _spent(self) -> int:
        return sum(one.prompt_tokens + one.completion_tokens for one in self.uses.values())

    def _note(self, step: str, use: ModelUse) -> None:
        self.uses[step] = self.uses.get(step, ModelUse()).plus(use)
