"""Puts messages into the form that a model was trained on, so that no text can pretend to be another's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language.ports import Message
from sre_orchestrator.core.models import Struct

# It stands for a message while the template is filled in, which so never sees the messages themselves.
PLACE = "@@MESSAGE-{}@@"
PLACES = re.compile(r"@@MESSAGE-(\d+)@@")


class Segment(Struct, frozen=True, kw_only=True):
    """A piece of a prompt; only in those of the template (``markers``) are markers more than their letters."""

    text: str
    markers: bool


class Template(Protocol):
    """Fills in a chat template: the role and text of each message."""

    def __call__(self, turns: Sequence[tuple[str, str]]) -> str:
        """Return the prompt, to its last character before the answer."""
        ...


def jinja_template(source: str, *, bos: str, eos: str) -> Template:
    """Return the template that a model's file holds, with llama-cpp-python's Jinja, which runs in a sandbox."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter  # noqa: PLC0415 - it is optional, and opens slowly

    formatter = Jinja2ChatFormatter(template=source, bos_token=bos, eos_token=eos)

    def fill(turns: Sequence[tuple[str, str]]) -> str:
        messages = [{"role": role, "content": content} for role, content in turns]
        return str(formatter(messages=messages, enable_thinking=False).prompt)

    return fill


def segments(template: Template, messages: Sequence[Message]) -> tuple[Segment, ...]:
    """Return the prompt of ``messages`` in pieces.

    A model whose template knows no system messages, or no two messages of a user, gets all in one.

    Raises:
        ModelError: the template cannot be used.

    """
    each = [(one.role, one.content) for one in messages]
    together = [("user", "\n\n".join(one.content for one in messages))]
    why = ""
    for turns in (each, together):
        places = [(role, PLACE.format(number)) for number, (role, _) in enumerate(turns)]
        filled = guarded(lambda: template(places))  # noqa: B023 - called at once
        if isinstance(filled, Failure):
            why = filled.why
        elif sorted(PLACES.findall(filled.value)) == sorted(str(number) for number in range(len(turns))):
            return _split(filled.value, [content for _, content in turns])
        else:
            why = "it leaves messages out, or repeats them"
    raise ModelError(f"the model's chat template cannot be used: {why}")


def _split(filled: str, contents: Sequence[str]) -> tuple[Segment, ...]:
    pieces = PLACES.split(filled)  # text, number, text, …, text
    found = [
        Segment(text=contents[int(piece)], markers=False) if odd % 2 else Segment(text=piece, markers=True)
        for odd, piece in enumerate(pieces)
    ]
    return tuple(one for one in found if one.text)
