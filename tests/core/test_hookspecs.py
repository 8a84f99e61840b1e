"""Sources are found by the port that they implement."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import pytest

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Sources


@runtime_checkable
class Echo(Protocol):
    """A port."""

    def echo(self) -> str:
        """Say it again."""
        ...


class Stone:
    """A source without that port."""

    name = "stone"


class Parrot(Stone):
    """A source with it."""

    def echo(self) -> str:
        """Say hello."""
        return "hello"


def test_the_first_source_with_the_port_is_found() -> None:
    parrot = Parrot()
    sources = Sources([Stone(), parrot, Parrot()], cluster="prod")  # type: ignore[list-item]

    assert sources.find(Echo) is parrot
    assert sources.need(Echo) is parrot
    assert sources.cluster == "prod"


def test_a_missing_source_is_told_in_words() -> None:
    sources = Sources([Stone()])  # type: ignore[list-item]

    assert sources.find(Echo) is None
    with pytest.raises(SourceMissing, match="no echo source: this snapshot or cluster does not offer one"):
        sources.need(Echo)
