"""A language model in this process: a GGUF file, on the processor, with nothing sent anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.errors import InputError, ModelError
from sre_orchestrator.core.language.ports import Allowance, Completion, Message
from sre_orchestrator.plugins.models.llama_cpp.chat import jinja_template, segments
from sre_orchestrator.plugins.models.llama_cpp.engine import Engine
from sre_orchestrator.plugins.models.llama_cpp.grammar import grammar
from sre_orchestrator.plugins.models.llama_cpp.opening import Opened

SECONDS_TO_BEGIN = 60.0


class LocalModel:
    """Answers with the likeliest words that fit the schema; the same question gets the same answer on one machine."""

    local = True

    def __init__(self, opened: Opened) -> None:
        self.name = opened.name
        self.digest = opened.digest
        self.context_tokens = opened.sizes.context_tokens
        self._worker = opened.worker
        bos, eos = self._worker.do(lambda engine: (engine.marker("bos"), engine.marker("eos")), SECONDS_TO_BEGIN)
        template = guarded(lambda: jinja_template(opened.header.template, bos=bos, eos=eos))
        if isinstance(template, Failure):
            self.close()
            raise InputError(f"{opened.header.files[0]}: its chat template cannot be used: {template.why}")
        self._template = template.value

    def complete(self, messages: Sequence[Message], schema: Mapping[str, object], allowance: Allowance) -> Completion:
        """Return an answer that fits ``schema``; one that is longer than its allowance is cut off.

        Raises:
            ModelError: it was not done in time, prompt and answer do not fit the context, or the model is closed.

        """
        rules = grammar(schema)
        return self._worker.do(
            lambda engine: self._answer(engine, messages, rules, allowance.completion_tokens), allowance.seconds
        )

    def close(self) -> None:
        """Stop answering, and give the memory back."""
        self._worker.close()

    def _answer(self, engine: Engine, messages: Sequence[Message], rules: str, most: int) -> Completion:
        prompt = self._prompt(engine, messages)
        if len(prompt) + most > self.context_tokens:
            raise ModelError(
                f"not asked: {len(prompt)} tokens and an answer of {most} do not fit the context of {self.context_tokens}"
            )
        engine.read(prompt)
        answer = engine.answer(rules, most)
        return Completion(text=engine.text(answer), prompt_tokens=len(prompt), completion_tokens=len(answer))

    def _prompt(self, engine: Engine, messages: Sequence[Message]) -> list[int]:
        found = [
            token
            for one in segments(self._template, messages)
            for token in engine.tokens(one.text, markers=one.markers)
        ]
        begin = list(engine.beginning)
        return found if found[: len(begin)] == begin else begin + found
