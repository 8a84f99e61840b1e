"""What a durable_rules network can hold, and in what form; the package itself is not needed."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rulebook import OBSERVE, pod, rule

from sre_orchestrator.rules import network as module
from sre_orchestrator.rules.memory import Row, row_of
from sre_orchestrator.rules.model import Rule
from sre_orchestrator.rules.network import Network, fnv, tagged
from sre_orchestrator.rules.operators import same

JOINED = "all:\n  a: {kind: crash, reason: OOM}\n  b: {kind: limit, component|ref: a.component}"


def refusal(when: str) -> str:
    return Network([rule(when)]).refused.get("r", "")


def chain(patterns: int) -> str:
    """Return conditions in which every pattern is joined to the one before it."""
    names = ["a", *(f"n{number}" for number in range(1, patterns))]
    lines = [f"  {name}: {{kind: limit, node|ref: {before}.node}}" for before, name in pairwise(names)]
    return "\n".join(["all:", "  a: {kind: crash}", *lines])


def test_a_join_is_an_equality_with_a_pattern_before_it() -> None:
    ruleset = json.loads(Network([rule(JOINED)]).ruleset)

    assert ruleset["a0"] == {
        "all": [
            {"m0_": {"$and": [{"kind_": "crash"}, {"p_reason": "s:OOM"}, {"$ex": {"p_component": 1}}]}},
            {"m1_": {"$and": [{"kind_": "limit"}, {"p_component": {"m0_": "p_component"}}, {"one_": {"m0_": "one_"}}]}},
        ],
        "pri": 1,
        "dist": 1,
    }


def test_a_join_that_is_written_backwards_is_turned_round() -> None:
    backwards = (
        "all:\n  a: {kind: crash, node|ref: b.node}\n  b: {kind: limit, component|ref: c.node}\n  c: {kind: probe}"
    )

    (found,) = Network([rule(backwards)]).found.values()

    assert found.names == ("a", "b", "c")


def test_only_what_rules_join_by_is_told() -> None:
    network = Network([rule(JOINED)])
    crash = row_of(OBSERVE("crash", pod("a"), reason="OOM", node="n", level=3))

    assert network.message(crash) == {
        "kind_": "crash", "one_": 1, "p_reason": "s:OOM", "p_component": "s:pod/shop/a",
    }  # fmt: skip
    assert network.message(row_of(OBSERVE("limit", pod("a")))) == {
        "kind_": "limit",
        "one_": 1,
        "p_component": "s:pod/shop/a",
    }
    assert network.message(row_of(OBSERVE("probe", pod("a")))) == {"kind_": "probe", "one_": 1}
    assert network.message(Row({})) == {"kind_": "", "one_": 1}
    assert set(network.kinds) == {"crash", "limit"}


def test_each_alternative_is_a_rule_of_its_own() -> None:
    network = Network([rule("any:\n  - a: {kind: crash}\n  - a: {kind: limit}")])

    assert [(one.rule.id, one.place) for one in network.found.values()] == [("r", 0), ("r", 1)]


@pytest.mark.parametrize(
    "when",
    [
        JOINED,
        f"{JOINED}\n  e: {{edge: runs_on, from|ref: a.component}}",
        f"{JOINED}\ncount:\n  - {{of: {{kind: probe, node|ref: a.node}}, as: n, gte: 1}}\nnone:\n  - {{kind: pressure}}",
        f"{JOINED}\n  z: {{kind: probe, level|ref: n.count, node|ref: a.node}}\ncount:\n  - {{of: {{kind: probe}}, as: n, gte: 1}}",
        "all:\n  a: {kind: crash, message|matches: 'x', level|gt: 3, node|ref: a.reason}",
        chain(16),
    ],
)
def test_what_is_decided_in_python_does_not_keep_a_rule_out(when: str) -> None:
    assert refusal(when) == ""


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("all:\n  a: {edge: runs_on, to: node/n}", "it begins with no fact"),
        ("count:\n  - {of: {kind: crash}, as: a, by: [component], gte: 1}", "it begins with no fact"),
        (
            "all:\n  a: {kind: crash}\n  b: {kind: limit}\n  e: {edge: runs_on, from|ref: a.component, to|ref: b.node}",
            "its facts are not all joined by equalities",
        ),
        (
            "all:\n  a: {kind: crash}\n  b: {kind: limit, observed_at|within_seconds|ref: [a.observed_at, 5]}",
            "its facts are not all joined by equalities",
        ),
        (
            "all:\n  a: {kind: crash, message|matches: '(?P<host>.+)'}\n  b: {kind: limit, node|ref: a.host}",
            "its facts are not all joined by equalities",
        ),
        (
            "all:\n  a: {kind: crash}\n  b: {kind: limit, observed_at|ref: a.observed_at}",
            "its facts are not all joined by equalities",
        ),
        (chain(17), "it has more than 16 patterns"),
    ],
)
def test_what_a_network_cannot_hold_is_refused_with_the_reason(when: str, why: str) -> None:
    one = rule(when, "then: {cause: broken, component: node/n, strength: weak, because: x}")

    assert Network([one]).refused == {"r": why}


def many(count: int, when: Any) -> list[Rule]:
    return [rule(when(number), name=f"r{number}") for number in range(count)]


def test_the_fifty_first_joined_pattern_of_a_kind_is_refused() -> None:
    refused = Network(many(51, lambda number: JOINED.replace("OOM", f"R{number}"))).refused

    assert refused == {"r50": "50 patterns of limit are joined already"}


def test_the_251st_rule_with_the_same_pattern_is_refused() -> None:
    refused = Network(many(251, lambda _: "all:\n  a: {kind: crash, reason: OOM}")).refused

    assert refused == {"r250": "250 rules share a pattern of crash already"}


def test_the_501st_pattern_that_begins_alike_is_refused() -> None:
    refused = Network(many(501, lambda number: f"all:\n  a: {{kind: crash, reason: R{number}}}")).refused

    assert refused == {"r500": "500 patterns begin as one of crash does"}


def test_names_that_share_a_hash_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    known = module.fnv
    monkeypatch.setattr(module, "fnv", lambda text: known("p_node" if text == "p_reason" else text))

    refused = Network(
        [rule("all:\n  a: {kind: crash, reason: x}", name="r0"), rule("all:\n  a: {kind: crash, node: x}", name="r1")]
    ).refused

    assert refused == {"r1": "'p_node' and 'p_reason' share a hash"}


def test_a_rule_that_is_refused_leaves_nothing_behind() -> None:
    network = Network([rule(chain(17), name="r0"), rule("all:\n  a: {kind: crash}", name="r1")])

    assert list(network.kinds) == ["crash"]
    assert [one.rule.id for one in network.found.values()] == ["r1"]


values = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(
        ["1", "True", "b:True", "n:1.0", "s:x", "h:", "x" * 70_000, 'a"b', 2**60 + 1, float(2**60), 10**400]
    )
)


@example(10**400, 10**400)
@example(float("nan"), 1.0)
@given(values, values)
def test_tags_are_equal_where_values_are(left: Any, right: Any) -> None:
    if same(left, left) and same(right, right):
        assert (tagged(left) == tagged(right)) == same(left, right)
    else:
        assert None in (tagged(left), tagged(right))


@given(values)
def test_a_tag_is_plain_text(value: Any) -> None:
    text = tagged(value)

    assert text is None or (text.isascii() and text.isprintable() and not {*"\"'\\"} & {*text})
    assert tagged(None) is None


def test_hashes_are_those_of_the_engine() -> None:
    assert fnv("") == 0x811C9DC5
    assert fnv("a") == 0xE40C292C
    assert fnv("kæse") != fnv("kase")
