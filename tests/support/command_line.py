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

Call = Callable[..., str]
"""``call("kubectl-1.37", "get", "pods")``: what a program prints; ``fails=True`` expects a failure and returns its errors."""
