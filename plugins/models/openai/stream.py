"""Reads what a server streams: events of JSON, or one JSON document where it does not stream; bounded, and never trusted."""

from __future__ import annotations

from typing import Annotated

import msgspec

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.models import Struct

Count = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
MOST_OVERHEAD = 64 * 1024
MOST_A_TOKEN = 2048  # of an event around a token; some servers send what a filter thought of it, too
LONGEST_TOKEN = 16
SPARE_TOKENS = 16
CUT = "the answer broke off"
STRANGE = "answers with something else than a chat completion"


class Answer(Struct, frozen=True, kw_only=True):
    """A whole answer; ``prompt_tokens`` and ``completion_tokens`` are 0 where the server does not say them."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Said(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: object = None
    error: object = None


class _Usage(msgspec.Struct):
    prompt_tokens: Count = 0
    completion_tokens: Count = 0


_CHUNKS = msgspec.json.Decoder(_Chunk)


class Reading:
    """One answer of at most ``tokens``, while it comes."""

    def __init__(self, tokens: int) -> None:
        self.done = False
        self.begun = False
        self._tokens = tokens
        self._size = 0
        self._rest = bytearray()
        self._document = False
        self._events = 0
        self._texts: list[str] = []
        self._text_bytes = 0
        self._declined = False
        self._finish = ""
        self._usage = _Usage()

    def feed(self, piece: bytes) -> None:
        """Take what came.

        Raises:
            ModelError: it is longer than it may be, or no chat completion.

        """
        self._size += len(piece)
        if self._size > MOST_OVERHEAD + MOST_A_TOKEN * self._tokens:
            raise self._too_long()
        self._rest += piece
        if not self.begun:
            self.begun = bool(self._rest.strip())
            self._document = self._rest.lstrip()[:1] == b"{"
        if not self._document and (b"\n" in piece or b"\r" in piece):
            *lines, last = bytes(self._rest + b".").splitlines()
            self._rest = bytearray(last[:-1])
            for line in lines:
                self._line(line)

    def end(self) -> Answer:
        """Return the answer.

        Raises:
            ModelError: it is not whole, the model declined, or a filter withheld it.

        """
        if not self.done:
            if self._document:
                self._event(bytes(self._rest))
                self.done = True
            else:
                self._line(bytes(self._rest))
        if self._declined:
            raise ModelError("the model declined to answer")
        if self._finish == "length":
            raise self._too_long()
        if self._finish == "content_filter":
            raise ModelError("a filter of the server withheld the answer")
        if self._finish in {"tool_calls", "function_call"}:
            raise ModelError("the model called a tool instead of answering; it was offered none")
        if not self.done and not self._finish:
            raise ModelError(CUT if self._events else STRANGE if self.begun else "answers with nothing")
        text = "".join(self._texts)
        if not text.strip():
            raise ModelError("the model answered nothing")
        return Answer(
            text=text, prompt_tokens=self._usage.prompt_tokens, completion_tokens=self._usage.completion_tokens
        )

    @property
    def heard_bytes(self) -> int:
        """Return how much of an answer came."""
        return self._text_bytes

    def _line(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.strip()
        if name != b"data" or not value or self.done:
            return
        if value == b"[DONE]":
            self.done = True
        else:
            self._event(value)

    def _event(self, value: bytes) -> None:
        try:
            chunk = _CHUNKS.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ModelError(CUT if self._document else STRANGE) from error
        self._events += 1
        if chunk.error:
            raise ModelError("the server failed while it answered")
        if chunk.usage:
            self._count(chunk.usage)
        for choice in (chunk.choices or [])[:1]:
            self._finish = choice.finish_reason or self._finish
            said = choice.delta or choice.message or _Said()
            self._declined = self._declined or bool(said.refusal)
            if said.content:
                self._hear(said.content)

    def _hear(self, content: str) -> None:
        self._texts.append(content)
        self._text_bytes += len(content.encode())
        longest = (self._tokens + SPARE_TOKENS) * LONGEST_TOKEN
        if self._text_bytes > longest or len(self._texts) > self._tokens + SPARE_TOKENS:
            raise self._too_long()

    def _count(self, usage: object) -> None:
        try:
            self._usage = msgspec.convert(usage, _Usage)
        except msgspec.ValidationError:
            self._usage = _Usage()

    def _too_long(self) -> ModelError:
        return ModelError(f"the answer is longer than {self._tokens} tokens and was cut off")
