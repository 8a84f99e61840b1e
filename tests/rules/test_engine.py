"""What the default engine derives, and what ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count, pairwise, permutations

import pytest
from rulebook import CAUSES, CONCLUDE, OBSERVE, concluded, derive, derived, edge, infer, only, pod, rule

from sre_orchestrator.core.models import Fact
from sre_orchestrator.core.ports import Budget
from sre_orchestrator.rules.engine import Plan

CRASH_AND_LIMIT = """
all:
  a: {kind: crash, reason: OOM}
  b: {kind: limit, component|ref: a.component}
"""
NODE = "node/n1"


def crash(name: str = "a", **attributes: str | int | float | bool) -> Fact:
    return OBSERVE("crash", pod(name), **attributes)


def limit(name: str = "a", **attributes: str | int | float | bool) -> Fact:
    return OBSERVE("limit", pod(name), **attributes)


def test_facts_that_join_conclude() -> None:
    found = infer(rule(CRASH_AND_LIMIT), [crash(reason="OOM"), limit(), limit("b")])

    assert concluded(found) == ["broken @ pod/shop/a"]
    assert only(found).bound == {"a": (crash(reason="OOM").id,), "b": (limit().id,)}
    assert only(found).because == "pod/shop/a broke"


def test_a_fact_is_bound_to_one_name_only() -> None:
    two = rule("all:\n  a: {kind: crash}\n  b: {kind: crash, node|ref: a.node}")

    assert concluded(infer(two, [crash(node=NODE)])) == []
    assert len(infer(two, [crash(node=NODE), crash("b", node=NODE)]).derivations) == 2


def test_a_fact_can_be_compared_with_itself() -> None:
    own = rule("all:\n  a: {kind: crash, message|ref: a.reason}")

    assert concluded(infer(own, [crash(reason="x", message="x"), crash("b", reason="x", message="y")])) == [
        "broken @ pod/shop/a"
    ]


def test_an_absent_attribute_joins_with_nothing() -> None:
    joined = rule("all:\n  a: {kind: crash}\n  b: {kind: limit, node|ref: a.node}")

    assert concluded(infer(joined, [crash(), limit("b")])) == []


def test_a_number_that_is_none_joins_with_nothing() -> None:
    nan = float("nan")
    joined = rule("all:\n  a: {kind: crash}\n  b: {kind: limit, ratio|ref: a.ratio}")
    facts = [
        Fact(id=f"f{n}", kind=kind, component=pod("a"), attributes={"ratio": nan}, agent="x")
        for n, kind in enumerate(("crash", "limit"))
    ]

    assert concluded(infer(joined, facts)) == []


def test_a_join_by_comparison_reads_both_ways() -> None:
    facts = [crash(level=3, node=NODE), limit("b", level=5, node=NODE)]
    forth = rule("all:\n  a: {kind: crash, level|lt|ref: b.level}\n  b: {kind: limit, node|ref: a.node}")
    back = rule("all:\n  a: {kind: crash, node|ref: b.node}\n  b: {kind: limit, level|gt|ref: a.level}")

    assert concluded(infer(forth, facts)) == concluded(infer(back, facts)) == ["broken @ pod/shop/a"]
    assert concluded(infer(forth, [crash(level=7, node=NODE), limit("b", level=5, node=NODE)])) == []


@pytest.mark.parametrize("within", [1, 2, 3])
def test_a_path_reaches_as_far_as_it_may(within: int) -> None:
    chain = [edge(pod(a), "depends_on", pod(b)) for a, b in ("ab", "bc", "cd")]
    far = rule(
        f"all:\n  a: {{kind: crash}}\n  b: {{kind: limit}}\n"
        f"  e: {{edge: depends_on, from|ref: a.component, to|ref: b.component, within: {within}}}"
    )

    found = infer(far, [crash(), *(limit(name) for name in "bcd")], edges=chain)

    assert len(found.derivations) == within


def test_the_hops_of_a_path_can_be_compared_and_told() -> None:
    chain = [edge(pod(a), "depends_on", pod(b)) for a, b in ("ab", "bc")]
    far = rule(
        "all:\n  a: {kind: crash}\n  e: {edge: depends_on, from|ref: a.component, to: pod/shop/c, within: 3}",
        CONCLUDE.replace("{a.component} broke", "{e.hops} hops to {e.to}"),
    )

    found = only(infer(far, [crash()], edges=chain))

    assert found.because == "2 hops to pod/shop/c"
    assert found.edges == ("pod/shop/a depends_on pod/shop/c (2 hops)",)


def test_a_fact_is_joined_by_the_hops_of_a_path() -> None:
    chain = [edge(pod(a), "depends_on", pod(b)) for a, b in ("ab", "bc", "cd")]
    hops = rule(
        "all:\n  a: {kind: crash, level|ref: e.hops}\n  e: {edge: depends_on, from|ref: a.component, within: 3}"
    )

    assert only(infer(hops, [crash(level=2)], edges=chain)).edges == ("pod/shop/a depends_on pod/shop/c (2 hops)",)


def test_a_path_from_what_is_not_known_leads_nowhere() -> None:
    known = rule("all:\n  a: {kind: crash}\n  e: {edge: runs_on, from|ref: a.component, to|ref: a.node}")
    edges = [edge(pod("a"), "runs_on", NODE)]

    assert concluded(infer(known, [crash()], edges=edges)) == []
    assert concluded(infer(known, [crash(node=NODE)], edges=edges)) == ["broken @ pod/shop/a"]


def test_facts_are_joined_by_the_time_between_them() -> None:
    near = rule("all:\n  a: {kind: crash}\n  b: {kind: limit, observed_at|within_seconds|ref: [a.observed_at, 60]}")
    noon = datetime(2030, 5, 1, 12, tzinfo=UTC)

    def seen(seconds: int) -> list[str]:
        later = OBSERVE("limit", pod("b"), at=noon + timedelta(seconds=seconds))
        return concluded(infer(near, [OBSERVE("crash", pod("a"), at=noon), later, limit("c")]))

    assert seen(60) == seen(-60) == ["broken @ pod/shop/a"]
    assert seen(61) == []


def test_a_path_to_itself_needs_a_cycle() -> None:
    loop = rule(
        "all:\n  a: {kind: crash}\n  e: {edge: depends_on, from|ref: a.component, to|ref: a.component, within: 3}"
    )
    chain = [edge(pod(a), "depends_on", pod(b)) for a, b in ("ab", "bc")]

    assert concluded(infer(loop, [crash()], edges=chain)) == []
    assert concluded(infer(loop, [crash()], edges=[*chain, edge(pod("c"), "depends_on", pod("a"))])) == [
        "broken @ pod/shop/a"
    ]


def test_edges_alone_conclude() -> None:
    alone = rule("all:\n  a: {edge: runs_on, to: node/n1}", CONCLUDE.replace("a.component", "a.from"))

    assert concluded(infer(alone, [], edges=[edge(pod("x"), "runs_on", NODE)])) == ["broken @ pod/shop/x"]


def test_a_path_of_several_hops_is_found_before_its_ends_are_known() -> None:
    chain = [edge(pod(a), "depends_on", pod(b)) for a, b in ("ab", "bc", "cd")]
    two_paths = rule(
        "all:\n  far: {edge: depends_on, from|ref: near.to, within: 2}\n"
        "  near: {edge: depends_on, to|ref: far.from, within: 2}",
        CONCLUDE.replace("a.component", "near.from"),
    )

    found = infer(two_paths, [], edges=chain)

    assert {one.edges for one in found.derivations} >= {
        ("pod/shop/b depends_on pod/shop/d (2 hops)", "pod/shop/a depends_on pod/shop/b")
    }


@pytest.mark.timeout(10)
def test_a_dense_graph_is_walked_once() -> None:
    layers = [[f"pod/shop/{layer}-{n}" for n in range(40)] for layer in range(9)]
    dense = [edge(a, "depends_on", b) for one, two in pairwise(layers) for a in one for b in two]
    far = rule("all:\n  a: {kind: crash}\n  e: {edge: depends_on, from|ref: a.component, within: 10}")

    assert len(infer(far, [OBSERVE("crash", layers[0][0])], edges=dense).derivations) == 8 * 40


def test_each_alternative_concludes_and_the_first_words_it() -> None:
    either = rule(
        "any:\n  - a: {kind: crash, message|matches: '(?P<what>x+)'}\n  - a: {kind: crash, message|matches: '(?P<what>y+)'}",
        CONCLUDE.replace("{a.component} broke", "{a.what}"),
    )

    assert only(infer(either, [crash(message="xxyy")])).because == "xx"
    assert only(infer(either, [crash(message="yy")])).because == "yy"


def test_the_first_alternative_decides_also_where_the_rule_feeds_itself() -> None:
    ends = rule(
        "any:\n  - a: {kind: suspect, message|matches: '^(?P<end>.)'}\n  - a: {kind: suspect, message|matches: '(?P<end>.)$'}",
        derive("suspect", message="'x{a.end}'"),
    )

    found = infer(ends, [OBSERVE("suspect", pod("a"), message="12")])

    assert {one.derived.attributes["message"] for one in found.derivations if one.derived} == {"x1", "xx"}


def test_an_alternative_may_need_a_count_where_another_does_not() -> None:
    mixed = rule(
        "count:\n  - {of: {kind: limit}, as: n, gte: 0}\n"
        "any:\n  - a: {kind: crash, level: 7}\n  - a: {kind: crash, level|ref: n.count}"
    )

    assert concluded(infer(mixed, [crash(level=2), crash("b", level=7), crash("c", level=1), limit(), limit("b")])) == [
        "broken @ pod/shop/a",
        "broken @ pod/shop/b",
    ]


def test_what_a_pattern_captured_joins_with_another() -> None:
    named = rule(
        "all:\n  a: {kind: crash, message|matches: 'on (?P<host>\\S+)'}\n  b: {kind: limit, component|ref: a.host}"
    )

    assert concluded(infer(named, [crash(message="died on pod/shop/b"), limit("b"), limit("c")])) == [
        "broken @ pod/shop/a"
    ]


def test_a_captured_group_can_be_looked_up_from_the_other_side() -> None:
    named = rule(
        "all:\n  b: {kind: limit, reason: seen, component|ref: a.host}\n  a: {kind: crash, level: 3, message|matches: 'on (?P<host>\\S+)?'}"
    )

    facts = [
        crash(level=3, message="died on pod/shop/b"),
        crash("c", level=3, message="died on "),
        limit("b", reason="seen"),
    ]
    assert concluded(infer(named, facts)) == ["broken @ pod/shop/a"]


COUNT = """
all:
  a: {kind: pressure}
count:
  - {of: {kind: crash, node|ref: a.component}, as: n, gte: 2}
"""


def test_enough_facts_make_a_count() -> None:
    pressure = OBSERVE("pressure", NODE)
    many = rule(COUNT, CONCLUDE.replace("{a.component} broke", "{n.count} crashed"))

    found = only(infer(many, [pressure, crash(node=NODE), crash("b", node=NODE), crash("c", node="node/n2")]))

    assert found.because == "2 crashed"
    assert found.bound["n"] == tuple(sorted((crash(node=NODE).id, crash("b", node=NODE).id)))
    assert concluded(infer(many, [pressure, crash(node=NODE)])) == []


def test_nothing_counts_as_zero() -> None:
    zero = rule(COUNT.replace("gte: 2", "eq: 0"))

    assert only(infer(zero, [OBSERVE("pressure", NODE)])).bound == {"a": (OBSERVE("pressure", NODE).id,)}


def test_a_count_by_group_binds_the_group() -> None:
    grouped = rule(
        "count:\n  - {of: {kind: crash}, by: [node], as: n, gte: 2}",
        'then: {cause: broken, component: "{n.node}", strength: weak, because: "{n.count}"}',
    )

    facts = [crash("a", node="node/x"), crash("b", node="node/x"), crash("c", node="node/y"), crash("d")]
    assert concluded(infer(grouped, facts)) == ["broken @ node/x"]


def test_distinct_values_are_counted_once() -> None:
    distinct = rule(
        "count:\n  - {of: {kind: crash}, distinct: reason, as: n, eq: 2}",
        'then: {cause: broken, component: node/x, strength: weak, because: "{n.count}"}',
    )

    facts = [crash("a", reason="x"), crash("b", reason="x"), crash("c", reason="y"), crash("d")]
    assert only(infer(distinct, facts)).because == "2"


def test_a_count_is_compared_with_a_count_before_it() -> None:
    more = rule(
        "all:\n  a: {kind: pressure}\ncount:\n"
        "  - {of: {kind: limit}, as: few, gte: 1}\n  - {of: {kind: crash}, as: many, gt|ref: few.count}"
    )

    facts = [OBSERVE("pressure", NODE), limit(), crash()]
    assert concluded(infer(more, facts)) == []
    assert concluded(infer(more, [*facts, crash("b")])) == ["broken @ node/n1"]


def test_long_counts_name_their_first_facts_only() -> None:
    facts = [OBSERVE("pressure", NODE), *(crash(str(n), node=NODE) for n in range(60))]

    assert len(only(infer(rule(COUNT), facts)).bound["n"]) == 50


SUSPECT = rule("all:\n  a: {kind: crash}", derive("suspect", node='"{a.node}"', level="3"), "suspect")


def test_a_derived_fact_is_derived_from() -> None:
    chained = rule("all:\n  a: {kind: suspect, level: 3}", name="chained")

    found = infer([chained, SUSPECT], [crash(node=NODE)])

    made = next(one.derived for one in found.derivations if one.derived)
    assert made.attributes == {"node": NODE, "level": 3}
    assert concluded(found) == ["broken @ pod/shop/a"]
    assert next(one for one in found.derivations if one.conclusion).bound == {"a": (made.id,)}


def test_derivation_goes_round_until_nothing_is_new() -> None:
    spread = rule(
        "all:\n  b: {kind: sick}\n  e: {edge: depends_on, to|ref: b.component}",
        'then: {derive: {kind: sick, component: "{e.from}"}}',
        "spread",
    )
    begin = rule("all:\n  a: {kind: crash}", derive("sick"), "begin")
    ring = [edge(pod(a), "depends_on", pod(b)) for a, b in ("ab", "bc", "ca")]

    found = infer([spread, begin], [crash("c")], edges=ring)

    assert set(derived(found)) == {"sick @ pod/shop/a", "sick @ pod/shop/b", "sick @ pod/shop/c"}


def test_one_rule_may_conclude_several_things() -> None:
    both = rule(
        "all:\n  a: {kind: crash}",
        'then:\n  - {cause: broken, component: "{a.node}", strength: weak, because: x, explains: [a]}\n'
        '  - {against: starved, component: "{a.component}", strength: strong, because: y}',
    )

    told = infer(both, [crash(node=NODE)]).derivations
    assert sorted((one.conclusion.cause, one.conclusion.polarity, one.explains) for one in told if one.conclusion) == [
        ("broken", "for", (crash(node=NODE).id,)),
        ("starved", "against", ()),
    ]
    assert concluded(infer(both, [crash()])) == ["starved @ pod/shop/a"]


def test_a_count_that_is_empty_explains_nothing() -> None:
    zero = rule(COUNT.replace("gte: 2", "eq: 0"), CONCLUDE.replace('broke"', 'broke", explains: [a, n]'))

    assert only(infer(zero, [OBSERVE("pressure", NODE)])).explains == (OBSERVE("pressure", NODE).id,)


def test_the_order_of_facts_edges_and_rules_changes_nothing() -> None:
    facts = [crash(node=NODE), crash("b", node=NODE), OBSERVE("pressure", NODE)]
    edges = [edge(pod("a"), "runs_on", NODE), edge(pod("b"), "runs_on", NODE)]
    rules = [
        SUSPECT,
        rule(COUNT, name="counts"),
        rule(
            "all:\n  a: {kind: suspect}\n  e: {edge: runs_on, from|ref: a.component}\nnone:\n  - {kind: limit}",
            name="last",
        ),
    ]

    results = [
        infer(some, list(order), edges=edges[:: 1 if flip else -1])
        for some in permutations(rules)
        for flip, order in enumerate(permutations(facts))
    ]

    assert len(results[0].derivations) == 5
    assert all(result == results[0] for result in results)


def test_kinds_that_no_rule_reads_are_left_aside() -> None:
    assert concluded(infer(rule(CRASH_AND_LIMIT), [OBSERVE("probe", pod("a")), crash(reason="OOM"), limit()]))


def test_the_same_fact_twice_counts_once() -> None:
    assert len(infer(rule(COUNT), [OBSERVE("pressure", NODE), crash(node=NODE), crash(node=NODE)]).derivations) == 0


PAIRS = rule("all:\n  a: {kind: crash}\n  b: {kind: crash, node|ref: a.node}")


def test_too_many_facts_are_cut_with_a_gap_and_still_reasoned_on() -> None:
    found = infer(PAIRS, [crash(str(n), node=NODE) for n in range(9)], budget=Budget(facts=3))

    assert len(found.derivations) == 6
    assert [gap.why for gap in found.gaps] == ["only 3 facts were considered (budget)"]


def test_derived_facts_stop_at_the_budget() -> None:
    found = infer(SUSPECT, [crash(str(n)) for n in range(4)], budget=Budget(facts=6))

    assert [gap.why for gap in found.gaps] == []
    chain = rule("all:\n  a: {kind: suspect}", derive("sick"), "chain")
    found = infer([SUSPECT, chain], [crash(str(n)) for n in range(4)], budget=Budget(facts=6))
    assert [gap.why for gap in found.gaps] == ["the inference stopped at 8 facts (budget)"]


def test_firings_stop_at_the_budget() -> None:
    found = infer(PAIRS, [crash(str(n), node=NODE) for n in range(9)], budget=Budget(firings=10))

    assert len(found.derivations) == 10
    assert [gap.why for gap in found.gaps] == ["the inference stopped after 10 firings (budget)"]


def test_time_is_up_also_for_a_join_that_never_fires() -> None:
    never = rule("all:\n  a: {kind: crash}\n  b: {kind: crash, node|ref: a.node, level|gt|ref: a.level}")
    ticks = count()

    found = Plan([never], CAUSES, "test").infer(
        [crash(str(n), node=NODE, level=1) for n in range(50)], [], [], Budget(seconds=20), lambda: float(next(ticks))
    )

    assert found.derivations == ()
    assert [gap.why for gap in found.gaps] == ["the inference stopped after 20 s (budget)"]
    assert found.gaps[0].remedy == "narrow the incident to fewer namespaces"


def test_a_plan_is_shared_between_investigations() -> None:
    plan = Plan([SUSPECT], CAUSES, "test")

    first, second = (plan.infer([crash(name)], [], [], Budget()) for name in "ab")

    assert derived(first) == ["suspect @ pod/shop/a"]
    assert derived(second) == ["suspect @ pod/shop/b"]
