"""What a call of the command line gave, for tests that use the fixture ``run``."""

from __future__ import annotations

from collections.abc import Callable

from sre_orchestrator.core.models import Struct


class Result(Struct, frozen=True, kw_only=True):
    """Exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]
