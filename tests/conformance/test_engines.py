"""Every engine gives exactly what the brute-force reference gives, whatever order things come in."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection

import msgspec
from extras import need
from firings import fired
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from programs import Program, program_of, programs
from reference import Fired, infer

from sre_orchestrator.core.ports import Budget
from sre_orchestrator.rules.durable import NetworkPlan
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.network import Network

PROGRAMS = max(200, settings.default.max_examples if settings.default else 0)
ORDERS = 3


def conforms(program: Program, seed: int) -> Counter[Fired]:
    """Compare the default engine with the reference in several orders; return what they agree on."""
    expected = infer(program.rules, program.facts, program.edges, program.coverage)
    orders = random.Random(seed)
    outcomes = set()
    for _ in range(ORDERS):
        rules, facts, edges, coverage = (
            orders.sample(things, len(things))
            for things in (program.rules, program.facts, program.edges, program.coverage)
        )
        outcome = Plan(rules, {}, "test").infer(facts, edges, coverage, Budget())
        outcomes.add(msgspec.json.encode(outcome))
        assert Counter(fired(one) for one in outcome.derivations) == expected
        assert outcome.gaps == ()
    assert len(outcomes) == 1
    return expected


@settings(
    max_examples=PROGRAMS, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(programs(), st.integers(0, 2**32))
def test_the_default_engine_conforms(program: Program, seed: int) -> None:
    conforms(program, seed)


@settings(max_examples=PROGRAMS * 4, deadline=None)
@given(st.integers(0, 2**64))
def test_the_default_engine_conforms_on_many_more_programs(seed: int) -> None:
    for feature, seen in features(conforms(program_of(seed), seed)).items():
        if seen:
            event(feature)


def features(firings: Collection[Fired]) -> dict[str, bool]:
    """Say which parts of the rule format took part."""
    return {
        "fires": bool(firings),
        "derives": any(len(one[-1]) == 4 for one in firings),
        "undecided": any(one[3] for one in firings),
        "absent": any(one[4] for one in firings),
        "paths": any(one[2] for one in firings),
        "counts": any(name in "nm" for one in firings for name, _ in one[1]),
        "joins": any(len(one[1]) > 1 for one in firings),
    }


def test_the_programs_use_every_part_of_the_rule_format() -> None:
    seen = [features(conforms(program_of(seed), seed)) for seed in range(150)]

    assert {name for one in seen for name, used in one.items() if used} == set(seen[0])


@settings(max_examples=PROGRAMS * 4, deadline=None)
@given(st.integers(0, 2**64))
def test_durable_rules_conforms(seed: int) -> None:
    need("durable_rules_engine", "durable")
    program = program_of(seed)
    expected = Plan(program.rules, {}, "test").infer(program.facts, program.edges, program.coverage, Budget())
    plan = NetworkPlan(program.rules)
    orders = random.Random(seed)

    for _ in range(ORDERS):
        facts = orders.sample(program.facts, len(program.facts))
        found = plan.infer(facts, program.edges, program.coverage, Budget())
        assert msgspec.json.encode(found) == msgspec.json.encode(expected)
    plan.close()


def test_durable_rules_holds_much_of_the_programs() -> None:
    held = [
        not Network(program.rules).refused.get(rule.id)
        for program in map(program_of, range(150))
        for rule in program.rules
    ]

    assert sum(held) > len(held) / 4
