"""Sources are found by the port that they implement; hooks keep what was promised."""

from __future__ import annotations

import inspect
from typing import Protocol, runtime_checkable

import pytest

from sre_orchestrator.core import hookspecs
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import HOOKS, Sources

PROMISED = {  # in version 1: a line that must change here is a reason for version 2
    "register_agents": ["settings"],
    "register_sources": ["settings", "cluster"],
    "register_snapshot_sources": ["settings", "snapshot"],
    "register_vocabulary": [],
    "register_causes": [],
    "register_rules": [],
    "register_runbooks": [],
    "register_signals": [],
    "register_alert_formats": [],
    "register_models": ["settings"],
    "register_embedders": ["settings"],
}
NEEDED = {  # of what plugins give us; more would break those that there are
    "Agent": {"name", "description", "kinds", "gather"},
    "Source": {"name", "sync"},
    "Recordable": {"name", "record"},
    "AlertFormat": {"name", "notices"},
}


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


def test_hooks_and_their_arguments_are_only_added_within_a_version() -> None:
    given = {name: list(inspect.signature(one).parameters) for name, one in vars(hookspecs).items() if name in PROMISED}

    assert HOOKS == 1
    assert given.keys() == PROMISED.keys()
    assert {name for name, arguments in PROMISED.items() if not set(arguments) <= set(given[name])} == set()


def test_nothing_more_is_asked_of_plugins_within_a_version() -> None:
    asked = {name: _members(getattr(hookspecs, name)) for name in NEEDED}

    assert asked == NEEDED


def _members(protocol: type) -> set[str]:
    return {name for name in {**protocol.__annotations__, **vars(protocol)} if not name.startswith("_")}
