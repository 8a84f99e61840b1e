"""The one place where any exception is caught: the edge to code that is not ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from sre_orchestrator.core.models import Struct

T = TypeVar("T")


class Failure(Struct, frozen=True, kw_only=True):
    """What a guarded call raised, as ``Type: text``."""

    why: str


class Success(Struct, Generic[T], frozen=True, kw_only=True):
    """What a guarded call returned."""

    value: T


def guarded(call: Callable[[], T]) -> Success[T] | Failure:
    """Call plugin code; whatever it raises comes back as a value, so that it cannot stop the program."""
    try:
        return Success(value=call())
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and must not take the others down
        return Failure(why=f"{type(error).__name__}: {error}")
