"""The one place where any exception is caught: the edge to code that is not ours."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable
from typing import Generic, TypeVar

from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.redact import without_secrets

T = TypeVar("T")


class Failure(Struct, frozen=True, kw_only=True):
    """What a guarded call raised, as ``Type: text`` without secrets."""

    why: str


class Success(Struct, Generic[T], frozen=True, kw_only=True):
    """What a guarded call returned."""

    value: T


def guarded(call: Callable[[], T]) -> Success[T] | Failure:
    """Call plugin code; whatever it raises comes back as a value, so that it cannot stop the program."""
    try:
        return Success(value=call())
    # A plugin may raise anything, call sys.exit() too, and must not take the others down.
    except (Exception, SystemExit, GeneratorExit, CancelledError) as error:  # noqa: BLE001
        return Failure(why=without_secrets(f"{type(error).__name__}: {error}"))
