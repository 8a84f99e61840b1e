"""Lets msgspec learn values in one thread: two that do it at the same moment for the first time can crash it (0.22)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import TypeVar

import msgspec

T = TypeVar("T")
_LEARNING = Lock()


def learn_structs() -> None:
    """Learn every struct that is loaded and not learnt yet; call it before threads decode, and after a late import."""
    with _LEARNING:
        for one in set(_below(msgspec.Struct)):
            _learn(one)


def decoder_of(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Return a decoder of a generic struct, each of which msgspec learns by itself (``Page[Pod]``)."""
    with _LEARNING:
        return msgspec.json.Decoder(kind)


@cache
def _learn(one: type[msgspec.Struct]) -> None:
    with suppress(NameError, TypeError):  # that one is never decoded: its fields are no data
        msgspec.json.Decoder(one)


def _below(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
