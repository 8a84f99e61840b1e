"""Language models for tests: they answer what they are told to, or fail in one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sre_orchestrator.core.language.ports import Allowance, Completion, Message


class Scripted:
    """Answers the next of ``answers``: text, or something to call, which may raise or take long."""

    name = "scripted:test"
    digest = "scripted"

    def __init__(
        self, *answers: str | Callable[[], str], local: bool = True, context_tokens: int = 4096, tokens: int = 10
    ) -> None:
        self._answers = list(answers)
        self._tokens = tokens
        self.local = local
        self.context_tokens = context_tokens
        self.heard: list[Sequence[Message]] = []
        self.schemas: list[Mapping[str, object]] = []
        self.closed = False

    def complete(self, messages: Sequence[Message], schema: Mapping[str, object], allowance: Allowance) -> Completion:
        """Return the next answer."""
        del allowance
        self.heard.append(messages)
        self.schemas.append(schema)
        answer = self._answers.pop(0)
        text = answer if isinstance(answer, str) else answer()
        return Completion(text=text, prompt_tokens=self._tokens, completion_tokens=self._tokens)

    def close(self) -> None:
        """Note that it is over."""
        self.closed = True
