"""The registry of what is put into the railway: a case returns the cause and component that must come first."""

from __future__ import annotations

from collections.abc import Callable

from railway import Railway

Case = Callable[[Railway], tuple[str, str]]
Quiet = Callable[[Railway], None]
CASES: dict[str, Case] = {}
QUIET: dict[str, Quiet] = {}


def case(make: Case) -> Case:
    """Register a fault under its name."""
    CASES[make.__name__] = make
    return make


def quiet(make: Quiet) -> Quiet:
    """Register something healthy under its name."""
    QUIET[make.__name__] = make
    return make
