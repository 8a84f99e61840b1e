"""The tests that are embedded in rule files say what is wrong."""

from __future__ import annotations

import pytest
from rulebook import derive, read, rule, rule_text

from sre_orchestrator.rules.testing import helpers, run_case

WHEN = "all:\n  a: {kind: crash, reason: OOM}\nnone:\n  - {kind: pressure}"
CRASH = "facts: [{kind: crash, component: pod/shop/a, reason: OOM, observed_at: '2030-05-01T12:00:00Z'}]"
THEN = 'then: [{cause: broken, component: "{a.component}", strength: weak, because: x}, {against: starved, component: x, strength: weak, because: y}]'


def outcome(case: str, then: str = THEN) -> str:
    tests = f"tests: [{{name: one, {case}}}, {{name: fires, expect: [broken]}}, {{name: silent, expect: []}}]"
    one, cases = read(rule_text(WHEN, then, tests=tests))
    return run_case(one, cases[0], [one])


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        (f"{CRASH}, coverage: [pressure], expect: [broken, -starved]", ""),
        (f"{CRASH}, coverage: [pressure], expect: [broken @ pod/shop/a, -starved @ x]", ""),
        (f"{CRASH}, missing: [pressure], expect: [broken, -starved]", ""),
        ("expect: []", ""),
        (
            f"{CRASH}, coverage: [pressure], expect: [broken]",
            "expected ['broken'], got ['-starved @ x', 'broken @ pod/shop/a']",
        ),
        (
            f"{CRASH}, coverage: [pressure], expect: [broken @ pod/shop/b, -starved]",
            "expected ['-starved', 'broken @ pod/shop/b'], got ['-starved @ x', 'broken @ pod/shop/a']",
        ),
        ("expect: [broken]", "expected ['broken'], got nothing"),
        (
            f"{CRASH}, coverage: [pressure], expect: []",
            "expected nothing, got ['-starved @ x', 'broken @ pod/shop/a']",
        ),
        (f"{CRASH}, expect: [broken, -starved]", "expected undecided [], got ['pressure']"),
        (
            f"{CRASH}, coverage: [{{kind: pressure, scope: namespace/shop}}], expect: [broken, -starved], derives: [sick]",
            "expected to derive ['sick'], got []",
        ),
    ],
)
def test_an_embedded_test_compares_everything(case: str, wrong: str) -> None:
    assert outcome(case) == wrong


def test_paths_of_the_test_are_there() -> None:
    when = "all:\n  a: {kind: crash}\n  e: {edge: runs_on, from|ref: a.component}"
    tests = "tests: [{name: fires, facts: [{kind: crash, component: x}], edges: [{from: x, edge: runs_on, to: y}], expect: [broken]}, {name: s, expect: []}]"
    one, cases = read(rule_text(when, tests=tests))

    assert run_case(one, cases[0], []) == ""


def test_the_rules_that_derive_what_is_read_run_too() -> None:
    suspect = rule("all:\n  a: {kind: crash}", derive("suspect"), "suspect")
    sick = rule("all:\n  a: {kind: suspect}", derive("sick"), "sick")
    other = rule("all:\n  a: {kind: limit}", derive("spared"), "other")
    tests = "tests: [{name: fires, facts: [{kind: crash, component: x}], expect: [broken]}, {name: s, expect: []}]"
    one, cases = read(rule_text("all:\n  a: {kind: sick}", tests=tests))

    assert {helper.id for helper in helpers(one, [one, suspect, sick, other])} == {"sick", "suspect"}
    assert run_case(one, cases[0], [one, suspect, sick, other]) == ""
