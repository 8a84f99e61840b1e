"""A rule file is read as it is written, or refused with its line and what to do."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rulebook import CONCLUDE, derive, read, rule, rule_text

from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.rules.model import EdgePattern, End, FactPattern, Ref
from sre_orchestrator.rules.model import Test as Condition
from sre_orchestrator.rules.reader import MAX_BYTES, read_rule

GOOD = """id: r
title: A rule
status: stable
why: Because.
references: [https://kubernetes.io/docs]
when:
  all:
    a: {kind: crash, reason: OOM}
  none:
    - {kind: pressure, component|ref: a.node}
then:
  cause: broken
  component: "{a.component}"
  strength: strong
  because: "{a.component} broke"
  explains: [a]
tests:
  - name: fires
    facts: [{kind: crash, component: pod/shop/a, reason: OOM, observed_at: 2030-05-01T12:00:00Z}]
    edges: [{from: pod/shop/a, edge: runs_on, to: node/n}]
    coverage: [pressure, {kind: limit, scope: namespace/shop}]
    expect: [broken]
    missing: []
    derives: []
  - {name: silent, facts: [], expect: []}
"""


def refusal(text: str | bytes, name: str = "r") -> str:
    with pytest.raises(RuleError) as caught:
        read(text.encode() if isinstance(text, str) else text, name)
    return str(caught.value)


def test_a_good_rule_is_read() -> None:
    one, cases = read(GOOD.encode())

    assert (one.id, one.status, one.why, one.references) == ("r", "stable", "Because.", ("https://kubernetes.io/docs",))
    assert [case.name for case in cases] == ["fires", "silent"]
    assert cases[0].edges == (("pod/shop/a", "runs_on", "node/n"),)
    assert cases[0].coverage == (("pressure", "*"), ("limit", "namespace/shop"))
    assert cases[0].facts[0].observed_at.startswith("2030-05-01")


def test_a_runbook_block_needs_no_file_of_its_own() -> None:
    assert read_rule(GOOD.encode(), "runbook.md")[0].id == "r"


def test_operators_are_read_from_the_key() -> None:
    one = rule(
        "all:\n  a: {kind: crash, level|gte: 3, reason|in: [x, y], message|matches: 'on (?P<host>.+)'}\n"
        "  b: {kind: limit, node|not|ref: a.node, observed_at|within_seconds|ref: [a.observed_at, 60], component|ref: a.component}"
    )
    a, b = one.variants[0].patterns

    assert isinstance(a, FactPattern)
    assert a.tests[:2] == (
        Condition(attribute="level", operator="gte", value=3),
        Condition(attribute="reason", operator="in", value=("x", "y")),
    )
    assert a.captures == ("host",)
    assert isinstance(b, FactPattern)
    assert b.tests[:2] == (
        Condition(attribute="node", operator="not", ref=Ref(name="a", attribute="node")),
        Condition(
            attribute="observed_at", operator="within_seconds", value=60, ref=Ref(name="a", attribute="observed_at")
        ),
    )


def test_edges_are_read_with_their_ends() -> None:
    one = rule("all:\n  a: {kind: crash}\n  e: {edge: runs_on, from|ref: a.component, to: node/n, within: 2}")

    assert one.variants[0].patterns[1] == EdgePattern(
        name="e",
        edge="runs_on",
        source=End(ref=Ref(name="a", attribute="component")),
        target=End(component="node/n"),
        within=2,
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("id: r", "id: Not_An_Id", 1, "id 'Not_An_Id' must be lower-case words joined by '-'"),
        ("id: r", "id: other", 1, "id 'other' must equal the file name 'r'"),
        ("id: r", "id: 7", 1, "must be text, not int"),
        ("id: r\n", "", 1, "missing key 'id'"),
        ("title: A rule\n", "title: A rule\ntitle: Again\n", 3, "the key 'title' is there twice"),
        ("why: Because.", "wy: Because.", 4, "unknown key 'wy'; did you mean 'why'?"),
        ("status: stable", "status: draft", 3, "status 'draft' must be experimental, stable or deprecated"),
        ("https://kubernetes.io/docs", "1", 5, "must be text, not int"),
        ("[https://kubernetes.io/docs]", "none", 5, "must be a list, not str"),
        ("  all:\n    a: {kind: crash, reason: OOM}\n", "", 6, "needs at least one positive pattern"),
        ("    a: {kind: crash, reason: OOM}", "    - crash", 7, "must be a mapping, not list"),
        ("a: {kind: crash, reason: OOM}", "A: {kind: crash}", 8, "name 'A' must be lower-case letters, digits and '_'"),
        ("kind: crash, reason: OOM}\n  none", "reason: OOM}\n  none", 8, "a pattern needs a kind (of fact) or an edge"),
        ("kind: crash, reason: OOM}\n  none", "kind: 1}\n  none", 8, "must be text, not int"),
        ("reason: OOM}\n", "reason|match: OOM}\n", 8, "unknown operator 'match'; did you mean 'matches'?"),
        ("reason: OOM}\n", "reason|gt|lt: 1}\n", 8, "unknown operator 'lt'"),
        ("reason: OOM}\n", "reason: [OOM]}\n", 8, "must be a text, number or boolean, not list"),
        ("reason: OOM}\n", "reason|in: OOM}\n", 8, "must be a list, not str"),
        ("reason: OOM}\n", "reason|in: []}\n", 8, "in takes at least one value"),
        ("reason: OOM}\n", "reason|exists: 1}\n", 8, "exists takes true or false"),
        ("reason: OOM}\n", "reason|matches: '('}\n", 8, "bad regular expression"),
        ("reason: OOM}\n", "reason|matches: 'a{99999999999999}'}\n", 8, "bad regular expression"),
        ("reason: OOM}\n", "reason|matches|ref: a.node}\n", 8, "matches takes a constant, not ref"),
        ("reason: OOM}\n", "reason|in|ref: a.node}\n", 8, "in takes a constant, not ref"),
        ("reason: OOM}\n", "reason|ref: node}\n", 8, "'node' must be name.attribute"),
        ("reason: OOM}\n", "observed_at|within_seconds: 5}\n", 8, "within_seconds|ref takes [name.attribute, seconds]"),
        ("reason: OOM}\n", "observed_at|within_seconds|ref: [a.at, -1]}\n", 8, "within_seconds|ref takes"),
        ("{kind: pressure, component|ref: a.node}", "{edge: runs_onn}", 10, "unknown edge 'runs_onn'; did you mean 'runs_on'?"),
        ("{kind: pressure, component|ref: a.node}", "{edge: runs_on, within: 11}", 10, "from 1 to 10"),
        ("{kind: pressure, component|ref: a.node}", "{edge: runs_on, within: true}", 10, "from 1 to 10"),
        ("{kind: pressure, component|ref: a.node}", "{edge: runs_on, up: 1}", 10, "unknown key 'up'"),
        ("{kind: pressure, component|ref: a.node}", "crash", 10, "must be a mapping, not str"),
        ("  cause: broken\n", "", 11, "needs exactly one of cause, against and derive"),
        ("  cause: broken\n", "  cause: broken\n  against: broken\n", 11, "needs exactly one of cause, against and derive"),
        ("strength: strong", "strength: huge", 14, "strength 'huge' must be weak, moderate or strong"),
        ("  strength: strong\n", "", 11, "missing key 'strength'"),
        ("tests:\n", "tests: 1\nx:\n", 18, "unknown key 'x'"),
        ("name: fires", "nome: fires", 18, "unknown key 'nome'; did you mean 'name'?"),
        ("edge: runs_on", "edge: runs_to", 20, "unknown edge 'runs_to'"),
        ("{kind: limit, scope: namespace/shop}", "{kind: limit}", 21, "missing key 'scope'"),
        ("reason: OOM, observed_at", "reason: [x], observed_at", 19, "must be a text, number or boolean, not list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, line: int, why: str) -> None:
    assert old in GOOD

    told = refusal(GOOD.replace(old, new, 1))

    assert told.startswith(f"r.yaml:{line}: ")
    assert why in told


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("any:\n  - a: {kind: crash}\n  - b: {kind: crash}", "every alternative must bind the same names: ['a']"),
        ("all:\n  a: {kind: crash}\nany:\n  - a: {kind: limit}", "['a'] are already bound in all"),
        ("all:\n  a: {kind: crash}\ncount:\n  - {of: {edge: runs_on}, as: n, gte: 1}", "count takes facts, not edges"),
        ("all:\n  a: {kind: crash}\ncount:\n  - {of: {kind: limit}, as: n}", "a count needs a comparison"),
        ("all:\n  a: {kind: crash}\ncount:\n  - {of: {kind: limit}, as: N, gte: 1}", "name 'N' must be lower-case"),
        ("all:\n  a: {kind: crash}\ncount:\n  - {of: {kind: limit}, as: n, by: node, gte: 1}", "must be a list"),
        ("all:\n  a: {kind: crash}\ncount:\n  - {of: {kind: limit}, as: n, over: 1}", "unknown key 'over'"),
    ],
)
def test_conditions_that_cannot_be_are_refused(when: str, why: str) -> None:
    assert why in refusal(rule_text(when))


def test_a_comparison_of_a_count_is_a_test_of_its_number() -> None:
    one = rule(
        "all:\n  a: {kind: crash}\ncount:\n  - {of: {kind: limit}, as: n, gte: 1, eq|ref: a.level, lt|ref: a.level}"
    )

    assert one.counts[0].tests == (
        Condition(attribute="count", operator="gte", value=1),
        Condition(attribute="count", operator="eq", ref=Ref(name="a", attribute="level")),
        Condition(attribute="count", operator="lt", ref=Ref(name="a", attribute="level")),
    )


def test_a_rule_may_derive_and_conclude_at_once() -> None:
    both = f"then:\n  - {CONCLUDE.removeprefix('then: ')}\n  - {derive('suspect', level='2').removeprefix('then: ')}"

    assert len(rule("all:\n  a: {kind: crash}", both).then) == 2
    assert "unknown key 'cause'" in refusal(rule_text("all:\n  a: {kind: crash}", "then: {derive: {}, cause: x}"))
    assert "missing key 'component'" in refusal(rule_text("all:\n  a: {kind: crash}", "then: {derive: {kind: sick}}"))


@pytest.mark.timeout(10)
def test_a_rule_that_laughs_a_billion_times_is_refused() -> None:
    bomb = "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))

    assert "after expanding aliases" in refusal("a: &a [ha, ha, ha]\n" + bomb)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", b"id: r\x00", b"- a", b"[" * 5000, b"just text"])
def test_what_is_no_rule_at_all_is_refused(text: bytes) -> None:
    assert refusal(text).startswith("r.yaml:1: ")


def test_a_huge_file_is_refused_unread() -> None:
    assert refusal(b"#" * (MAX_BYTES + 1)).startswith(f"r.yaml: {MAX_BYTES + 1} bytes; a rule file has at most")


KEYS = st.sampled_from([
    "id", "title", "status", "why", "when", "then", "tests", "all", "any", "none", "count", "a", "kind", "edge", "of",
    "as", "by", "gte", "from|ref", "within", "cause", "component", "strength", "because", "derive", "name", "facts",
    "expect", "reason|in", "at|within_seconds|ref", "message|matches",
])  # fmt: skip
TREE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["a.component", "crash"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.data())
def test_no_tree_of_keys_and_values_breaks_the_reader(data: st.DataObject) -> None:
    tree = {"id": "r", "title": "t", "status": "stable", "why": "w", "when": {"all": {"a": {"kind": "crash"}}}}
    tree |= {"then": {"cause": "broken", "component": "x", "strength": "weak", "because": "x"}, "tests": []}
    tree[data.draw(st.sampled_from(["when", "then", "tests", "status"]))] = data.draw(TREE)  # type: ignore[assignment]
    with contextlib.suppress(RuleError):
        read(msgspec.yaml.encode(tree))
