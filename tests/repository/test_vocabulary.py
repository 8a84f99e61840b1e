"""Agents and vocabulary promise the same facts, and somebody looks at each of them."""

from __future__ import annotations

import os

import pytest

from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import read_settings
from sre_orchestrator.core.vocabulary import FactKind, load_vocabulary
from sre_orchestrator.rules.book import load_book
from sre_orchestrator.rules.stratify import derived_kinds, read_kinds

KINDS = load_vocabulary().kinds
RULES = load_book(load_vocabulary()).rules
FOR_PEOPLE = {"pod.phase", "event"}  # no rule of ours reads them: they complete what a report and other books can use


@pytest.fixture(scope="module")
def claims() -> dict[str, set[str]]:
    """Return what each agent of the installation says that it may emit."""
    agents = Installation(read_settings(None, os.environ)).agents
    return {agent.name: set(agent.kinds) for agent in agents}


def test_agents_emit_what_the_vocabulary_says(claims: dict[str, set[str]]) -> None:
    named = {agent for kind in KINDS.values() for agent in kind.agents}
    promised = {name: {kind for kind, declared in KINDS.items() if name in declared.agents} for name in claims}

    assert named <= claims.keys()
    assert claims == promised


def test_derived_kinds_are_those_that_rules_assert() -> None:
    asserted = {kind for rule in RULES for kind in derived_kinds(rule)}

    assert {name for name, kind in KINDS.items() if kind.derived} == asserted
    assert all(bool(kind.agents) != kind.derived for kind in KINDS.values())


def test_every_kind_is_read_by_a_rule_or_shown_to_people() -> None:
    read = {kind for rule in RULES for kind in read_kinds(rule)}

    assert {name for name, kind in KINDS.items() if not shown(kind)} - read == FOR_PEOPLE


def shown(kind: FactKind) -> bool:
    return bool(kind.symptom) or kind.change
