"""Lets msgspec learn our values in one thread: two that do it at the same moment for the first time can crash it (0.22)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import msgspec

OURS = "sre_orchestrator."


def learn_structs() -> None:
    """Learn every struct of ours that is loaded and not learnt yet; call it before threads decode."""
    for one in set(_below(msgspec.Struct)):
        if one.__module__.startswith(OURS):
            _learn(one)


@cache
def _learn(one: type[msgspec.Struct]) -> None:
    with suppress(NameError, TypeError):  # that one is never decoded: its fields are no data
        msgspec.json.Decoder(one)


def _below(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
