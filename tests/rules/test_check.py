"""No rule may wait for a key that no agent writes, or say what cannot be said."""

from __future__ import annotations

import pytest
from rulebook import ATTRIBUTES, CAUSES, CONCLUDE, FIRES, VOCABULARY, derive, read, rule, rule_text

from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.rules.book import read_checked

CRASH = "all:\n  a: {kind: crash}"
JOINED = "all:\n  a: {kind: crash}\n  b: {kind: limit, component|ref: a.component}"


def refusal(when: str = CRASH, then: str = CONCLUDE, tests: str = FIRES) -> str:
    with pytest.raises(RuleError) as caught:
        read(rule_text(when, then, tests=tests))
    return str(caught.value).partition(": ")[2]


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("all:\n  a: {kind: crush}", "unknown fact kind 'crush'; did you mean 'crash'?"),
        ("all:\n  a: {kind: crash, raeson: x}", "crash has no attribute 'raeson'; did you mean 'reason'?"),
        ("all:\n  a: {kind: crash, level: high}", "level is integer; 'high' can never fit"),
        ("all:\n  a: {kind: crash, level: true}", "level is integer; True can never fit"),
        ("all:\n  a: {kind: crash, level|in: [1, x]}", "level is integer; 'x' can never fit"),
        ("all:\n  a: {kind: crash, mode: onn}", "mode is never 'onn'; did you mean 'on'?"),
        ("all:\n  a: {kind: crash, message|contains: 7}", "message is string; 7 can never fit"),
        ("all:\n  a: {kind: crash, at|before: yesterday}", "at is time; 'yesterday' can never fit"),
        ("all:\n  a: {kind: crash, observed_at|after: soon}", "observed_at is time; 'soon' can never fit"),
        ("all:\n  a: {kind: crash, reason|before: '2030-01-01'}", "before compares times; reason is none"),
        ("all:\n  a: {kind: crash, component|after: '2030-01-01'}", "after compares times; component is none"),
        ("all:\n  a: {kind: crash, message|matches: '(?P<reason>.)'}", "the group 'reason' would hide the attribute of crash"),
        ("all:\n  a: {kind: crash, message|matches: '(?P<component>.)'}", "the group 'component' would hide"),
        ("all:\n  a: {kind: crash, reason|ref: x.reason}", "unbound name 'x'"),
        (f"{JOINED}\n  c: {{kind: limit, node|ref: b.nod}}", "b has no attribute 'nod'; did you mean 'node'?"),
        ("all:\n  a: {kind: crash}\n  e: {edge: runs_on, from|ref: b.component}", "unbound name 'b'"),
        ("all:\n  a: {kind: crash}\n  e: {edge: runs_on, from|ref: a.to}", "a has no attribute 'to'"),
        ("all:\n  a: {kind: crash}\n  e: {edge: depends_on, within: 2}", "a path of several hops needs one end"),
        ("all:\n  a: {kind: crash}\n  b: {kind: limit}", "[['a'], ['b']] are not joined"),
        ("all:\n  a: {kind: crash}\n  b: {kind: limit, level|gt|ref: a.level}", "[['a'], ['b']] are not joined"),
        ("all:\n  a: {kind: crash}\ncount:\n  - {of: {kind: limit}, by: [node], as: n, gte: 1}", "[['a'], ['n']] are not joined"),
        (f"{CRASH}\nnone:\n  - {{kind: limit, component|ref: b.component}}", "unbound name 'b'"),
        (f"{CRASH}\nnone:\n  - {{kind: limitt}}", "unknown fact kind 'limitt'; did you mean 'limit'?"),
        (f"{CRASH}\nnone:\n  - all: {{a: {{kind: limit}}}}", "'a' is already bound; choose another name"),
        (f"{CRASH}\ncount:\n  - {{of: {{kind: limit}}, as: a, gte: 1}}", "'a' is already bound; choose another name"),
        (f"{CRASH}\ncount:\n  - {{of: {{kind: limits}}, as: n, gte: 1}}", "unknown fact kind 'limits'; did you mean 'limit'?"),
        (f"{CRASH}\ncount:\n  - {{of: {{kind: limit, node|ref: a.node}}, by: [nod], as: n, gte: 1}}", "has no attribute 'nod'; did you mean 'node'?"),
        (f"{CRASH}\ncount:\n  - {{of: {{kind: limit}}, distinct: x, as: n, gte: 1}}", "has no attribute 'x'"),
        (f"{CRASH}\ncount:\n  - {{of: {{kind: limit}}, as: n, gt|ref: m.count}}\n  - {{of: {{kind: probe}}, as: m, gte: 0}}", "unbound name 'm'"),
        (f"{CRASH}\n  b: {{kind: limit, level|ref: n.count, node|ref: a.node}}\ncount:\n  - {{of: {{kind: probe, component|ref: b.component}}, as: n, gte: 1}}", "unbound name 'b'"),
    ],
)  # fmt: skip
def test_conditions_that_can_never_hold_are_refused(when: str, why: str) -> None:
    assert why in refusal(when)


SAME = ", ".join(f"{name}|ref: a.{name}" for name in ("component", *ATTRIBUTES) if name != "mode")


@pytest.mark.parametrize(
    ("when", "why"),
    [
        (f"{CRASH}\nnone:\n  - {{kind: crash, {SAME}, mode|ref: a.mode}}", "only the fact that 'a' is bound to can match"),
        (f"all:\n  a: {{kind: crash, mode: on}}\nnone:\n  - {{kind: crash, {SAME}, mode: on}}", "leave out an attribute"),
        (f"{CRASH}\nnone:\n  - {{kind: limit, level: 3, level|gt: 3}}", "its conditions on 'level' exclude each other"),
        (f"{CRASH}\nnone:\n  - all: {{b: {{kind: limit, reason: x, reason|in: [y]}}}}", "its conditions on 'reason'"),
    ],
)  # fmt: skip
def test_absences_that_always_hold_are_refused(when: str, why: str) -> None:
    assert why in refusal(when.replace("on}", "'on'}").replace("mode: on,", "mode: 'on',"))


@pytest.mark.parametrize(
    "when",
    [
        f"{CRASH}\nnone:\n  - {{kind: crash, {SAME}}}",
        f"{CRASH}\nnone:\n  - {{kind: limit, {SAME}, mode|ref: a.mode}}",
        f"{CRASH}\nnone:\n  - {{kind: crash, {SAME}, mode|not|ref: a.mode}}",
        f"all:\n  a: {{kind: crash, mode: 'on'}}\nnone:\n  - {{kind: crash, {SAME}, mode: 'off'}}",
        f"{CRASH}\nnone:\n  - {{kind: limit, level: 3, level|gt: 2, component|ref: a.component}}",
        f"{CRASH}\nnone:\n  - all: {{e: {{edge: runs_on, from|ref: a.component}}}}",
        f"any:\n  - a: {{kind: crash}}\n  - a: {{kind: limit}}\nnone:\n  - {{kind: crash, {SAME}, mode|ref: a.mode}}",
        f"{CRASH}\n  e: {{edge: runs_on, from|ref: a.component}}\nnone:\n  - {{kind: limit, component|ref: e.to}}",
    ],
)
def test_absences_that_some_fact_can_fail_are_taken(when: str) -> None:
    assert rule(when).none


def test_the_line_of_the_pattern_is_told() -> None:
    with pytest.raises(RuleError, match=r"^r\.yaml:8: unknown fact kind 'crush'"):
        read(
            rule_text("all:\n  a: {kind: crash}\n  b: {kind: crush, component|ref: a.component}").replace(
                b"why: A test.\n", b"why: A\n"
            )
        )


@pytest.mark.parametrize(
    "when",
    [
        JOINED,
        "all:\n  a: {kind: crash}\n  b: {kind: limit, observed_at|within_seconds|ref: [a.observed_at, 60]}",
        "all:\n  a: {kind: crash}\n  b: {kind: limit}\n  e: {edge: runs_on, from|ref: a.component, to|ref: b.component}",
        f"{CRASH}\ncount:\n  - {{of: {{kind: limit}}, as: n, gte: 1}}",
        "all:\n  a: {kind: crash}\n  b: {kind: limit}\ncount:\n  - {of: {kind: probe, node|ref: a.node, reason|ref: b.reason}, as: n, gte: 1}",
        "all:\n  a: {kind: crash, reason|exists: false, at|before: '2030-01-01T00:00:00Z', ratio|gte: 1}",
        "all:\n  a: {kind: crash, component|ref: e.from}\n  e: {edge: depends_on, within: 3, to: service/shop/x}",
    ],
)  # fmt: skip
def test_conditions_that_hang_together_are_accepted(when: str) -> None:
    assert rule(when)


@pytest.mark.parametrize(
    ("then", "why"),
    [
        (CONCLUDE.replace("broken", "brokn"), "unknown cause 'brokn'; did you mean 'broken'?"),
        (CONCLUDE.replace("{a.component} broke", "{b.component} broke"), "unbound name 'b'"),
        (CONCLUDE.replace("{a.component} broke", "{a.componet} broke"), "did you mean 'component'?"),
        (CONCLUDE.replace("{a.component} broke", "{a.level|byte}"), "unknown filter 'byte'; did you mean 'bytes'?"),
        (CONCLUDE.replace("{a.component} broke", "{a} broke"), "must look like {name.attribute}"),
        (CONCLUDE.replace("}", ", explains: [a, b]}").replace("a.component, explains: [a, b]}", "a.component}"), "unbound name 'b'"),
        (derive("sicc"), "unknown fact kind 'sicc'; did you mean 'sick'?"),
        (derive("crash"), "crash is for agents; only kinds marked derived may be asserted by rules"),
        (derive("sick", nod="x"), "sick has no attribute 'nod'; did you mean 'node'?"),
        (derive("sick", node='"{a.nod}"'), "a has no attribute 'nod'"),
        (derive("sick", level="high"), "level is integer; 'high' can never fit"),
        (derive("sick", mode='"{a.reason}"').replace("{a.reason}", "onn"), "mode is never 'onn'"),
    ],
)  # fmt: skip
def test_conclusions_that_cannot_be_drawn_are_refused(then: str, why: str) -> None:
    assert why in refusal(then=then)


def test_a_count_offers_its_number_and_its_group() -> None:
    when = "count:\n  - {of: {kind: crash}, by: [node], as: n, gte: 1}"

    assert rule(when, CONCLUDE.replace("a.component", "n.node").replace('broke"', '{n.count|bytes}"'))
    assert "n has no attribute 'reason'" in refusal(when, CONCLUDE.replace("a.component", "n.reason"))


def test_a_group_cannot_be_called_count() -> None:
    counting = {**VOCABULARY.kinds}
    kind = counting["crash"]
    counting["crash"] = type(kind)(
        about="x", component="any", attributes={**kind.attributes, "count": kind.attributes["level"]}
    )
    text = rule_text(
        "count:\n  - {of: {kind: crash}, by: [count], as: n, gte: 1}", CONCLUDE.replace("a.component", "n.count")
    )

    with pytest.raises(RuleError, match="the count itself has that name"):
        read_checked(text, "r.yaml", type(VOCABULARY)(counting), CAUSES)


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        ("tests: [{name: silent, expect: []}]", "needs at least one test that fires"),
        ("tests: [{name: fires, expect: [broken]}]", "needs at least one test that stays silent"),
        (FIRES.replace("kind: crash", "kind: crush"), "unknown fact kind 'crush'"),
        (FIRES.replace("pod/shop/a}", "pod/shop/a, nod: x}"), "crash has no attribute 'nod'; did you mean 'node'?"),
        (FIRES.replace("pod/shop/a}", "pod/shop/a, level: x}"), "level is integer; 'x' can never fit"),
        (FIRES.replace("pod/shop/a}", "pod/shop/a, mode: x}"), "mode is never 'x'"),
        (FIRES.replace("pod/shop/a}", "pod/shop/a, at: noon}"), "at is time; 'noon' can never fit"),
        (FIRES.replace("pod/shop/a}", "pod/shop/a, observed_at: noon}"), "'noon' is no ISO 8601 time"),
        (FIRES.replace("expect: [broken]", "expect: [broken], coverage: [crush]"), "unknown fact kind 'crush'"),
        (FIRES.replace("expect: [broken]", "expect: [broken], missing: [crush]"), "unknown fact kind 'crush'"),
    ],
)  # fmt: skip
def test_embedded_tests_that_prove_nothing_are_refused(tests: str, why: str) -> None:
    assert why in refusal(tests=tests)
