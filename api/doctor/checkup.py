"""What a look at an installation gives."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Literal

from sre_orchestrator.core.models import Struct

State = Literal["ok", "missing", "unused"]


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked for.

    ``ok``: ``found`` says what and how. ``missing``: diagnoses are weaker without it; ``why`` says what is wrong and
    ``remedy`` what to do. ``unused``: it is optional, and not there or switched off.
    """

    area: str
    name: str
    state: State = "ok"
    found: str = ""
    why: str = ""
    remedy: str = ""


class Checkup(Struct, frozen=True, kw_only=True):
    """All that was looked for; ``complete`` when nothing is missing. ``program`` is the version of this program."""

    program: str
    complete: bool
    checks: tuple[Check, ...]


def checkup_of(checks: Iterable[Check]) -> Checkup:
    """Return a checkup of ``checks``."""
    kept = tuple(checks)
    return Checkup(
        program=version("sre-orchestrator"), complete=all(one.state != "missing" for one in kept), checks=kept
    )
