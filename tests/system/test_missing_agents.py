"""What an agent that is not there could have ruled out is said to be missing, never taken for absent."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.rules.book import read_checked
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.model import Case, FactPattern, Rule
from sre_orchestrator.rules.testing import helpers, infer_case

RULING_OUT = ("logs", "metrics", "network", "nodes", "startup")  # the others' facts are never the only doubt


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def kinds_of(installation: Installation, name: str) -> frozenset[str]:
    """Return the kinds that nobody but this agent tells."""
    others = {kind for agent in installation.agents if agent.name != name for kind in agent.kinds}
    return next(agent.kinds for agent in installation.agents if agent.name == name) - others


def ruled_out_by(rule: Rule, kinds: frozenset[str]) -> frozenset[str]:
    """Return the kinds of these that must not be there, each in a condition of its own."""
    alone = [group[0] for group in rule.none if len(group) == 1]
    return frozenset(one.kind for one in alone if isinstance(one, FactPattern) and one.kind in kinds)


@pytest.fixture(scope="module")
def written(installation: Installation) -> list[tuple[Rule, tuple[Case, ...]]]:
    """Return every rule of the book with its tests."""
    book = installation.book
    return [
        read_checked(Path(rule.path).read_bytes(), rule.path, installation.vocabulary, book.causes)
        for rule in book.rules
    ]


def without(case: Case, kinds: frozenset[str]) -> Case:
    """Return the test with nothing of these kinds: neither seen nor read."""
    return msgspec.structs.replace(
        case,
        facts=tuple(fact for fact in case.facts if fact.kind not in kinds),
        coverage=tuple(one for one in case.coverage if one[0] not in kinds),
    )


@pytest.mark.parametrize("agent", RULING_OUT)
def test_what_a_missing_agent_could_have_ruled_out_is_missing(
    installation: Installation, written: list[tuple[Rule, tuple[Case, ...]]], agent: str
) -> None:
    kinds, book = kinds_of(installation, agent), installation.book.rules
    said: set[str] = set()

    for rule, cases in written:
        plan = Plan([rule, *helpers(rule, book)], {}, "test")
        for case in cases:
            for one in infer_case(plan, without(case, kinds)).derivations:
                if one.rule == rule.id:
                    missing = {lack.kind for lack in one.missing}
                    assert ruled_out_by(rule, kinds) <= missing, (rule.id, case.name)
                    said |= missing & kinds

    assert said
