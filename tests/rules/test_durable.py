"""The second engine answers as the default one, past everything that durable_rules gets wrong by itself."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from extras import need
from rulebook import CAUSES, OBSERVE, concluded, derive, edge, pod, rule

from sre_orchestrator.core.errors import SettingsError
from sre_orchestrator.core.models import Coverage, Edge, Fact
from sre_orchestrator.core.ports import Budget, Inference
from sre_orchestrator.rules import durable, durable_plan
from sre_orchestrator.rules.book import RuleBook
from sre_orchestrator.rules.durable import NetworkPlan, Request
from sre_orchestrator.rules.durable_plan import Child, DurablePlan
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.model import Rule

NODE = "node/n1"


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    need("durable_rules_engine", "durable")


def crash(name: str = "a", **attributes: Any) -> Fact:
    return OBSERVE("crash", pod(name), **attributes)


def limit(name: str = "a", **attributes: Any) -> Fact:
    return OBSERVE("limit", pod(name), **attributes)


def both(
    rules: Sequence[Rule],
    facts: Sequence[Fact],
    edges: Sequence[Edge] = (),
    coverage: Sequence[Coverage] = (),
    budget: Budget = Budget(),  # noqa: B008 - frozen
) -> Inference:
    """Return what both engines infer, whatever the order of the facts."""
    expected = Plan(rules, CAUSES, "x").infer(facts, edges, coverage, budget)
    plan = NetworkPlan(rules)
    for order in (facts, facts[::-1]):
        assert msgspec.json.encode(plan.infer(order, edges, coverage, budget)) == msgspec.json.encode(expected)
    plan.close()
    return expected


SAME_NODE = rule("all:\n  a: {kind: crash}\n  b: {kind: limit, node|ref: a.node}")


@pytest.mark.parametrize("left", [1, 1.0, True, "1", "True", 1e22, 10**18 + 1])
@pytest.mark.parametrize("right", [1, 1.0, True, "1", "True", 1e22, 10**18 + 1])
def test_values_join_only_with_their_own_type(left: Any, right: Any) -> None:
    joined = rule("all:\n  a: {kind: crash}\n  b: {kind: limit, ratio|ref: a.ratio}")

    both([joined], [crash(ratio=left), limit("b", ratio=right)])


@pytest.mark.parametrize("text", ["", "x" * 70_000, "quote \" and \\ and '", "käse 🧀", "line\nbreak", "\x00", "{a.b}"])
def test_any_text_joins(text: str) -> None:
    assert concluded(both([SAME_NODE], [crash(node=text), limit("b", node=text), limit("c", node=text + "?")])) == [
        "broken @ pod/shop/a"
    ]


def test_what_is_absent_joins_with_nothing() -> None:
    assert concluded(both([SAME_NODE], [crash(), limit("b"), limit("c", node=NODE)])) == []


def test_a_join_that_fails_reads_no_foreign_memory() -> None:
    three = rule(
        "all:\n  a: {kind: crash}\n  b: {kind: limit, node|ref: a.node}\n  c: {kind: probe, node|ref: b.node, reason|ref: a.reason}"
    )
    facts = [maker(str(n), node=f"n{n % 3}", reason=f"r{n % 5}") for n in range(9) for maker in (crash, limit)]

    both([three], [*facts, *(OBSERVE("probe", pod(str(n)), node=f"n{n % 2}", reason=f"r{n}") for n in range(9))])


def test_order_is_decided_as_numbers_and_not_as_text() -> None:
    more = rule("all:\n  a: {kind: crash}\n  b: {kind: limit, node|ref: a.node, level|gt|ref: a.level}")

    assert concluded(both([more], [crash(node=NODE, level=9), limit("b", node=NODE, level=10)])) == [
        "broken @ pod/shop/a"
    ]
    assert concluded(both([more], [crash(node=NODE, level=10), limit("b", node=NODE, level=9)])) == []


def test_absence_is_decided_when_everything_is_known() -> None:
    calm = rule("all:\n  a: {kind: crash}\nnone:\n  - {kind: limit, node|ref: a.node}")
    facts = [crash(node=NODE), limit("b", node=NODE)]

    assert concluded(both([calm], facts, coverage=[Coverage(kind="limit", scope="*")])) == []
    assert concluded(both([calm], facts[:1], coverage=[Coverage(kind="limit", scope="*")])) == ["broken @ pod/shop/a"]


def test_what_is_derived_late_still_blocks() -> None:
    first = rule("all:\n  a: {kind: crash, reason: bad}", derive("suspect", node='"{a.node}"'), "first")
    second = rule("all:\n  b: {kind: suspect}", 'then: {derive: {kind: sick, component: "{b.node}"}}', "second")
    last = rule("all:\n  a: {kind: crash}\nnone:\n  - {kind: sick, component|ref: a.node}", name="last")

    found = both(
        [last, second, first], [crash(node=NODE, reason="bad"), crash("b", node=NODE), crash("c", node="node/x")]
    )

    assert concluded(found) == ["broken @ pod/shop/c"]


def test_derivation_goes_round() -> None:
    spread = rule(
        "all:\n  b: {kind: sick}\n  c: {kind: limit, node|ref: b.component}",
        'then: {derive: {kind: sick, component: "{c.component}"}}',
        "spread",
    )
    begin = rule("all:\n  a: {kind: crash}", derive("sick"), "begin")
    ring = [limit(one, node=pod(two)) for one, two in ("ab", "bc", "ca")]

    assert len(both([spread, begin], [crash("a"), *ring]).derivations) == 4


def test_regular_expressions_paths_and_counts_are_decided_here() -> None:
    whole = rule(
        "all:\n  a: {kind: crash, message|matches: 'on (?P<host>.+)'}\n  b: {kind: limit, node|ref: a.node}\n"
        "  e: {edge: runs_on, from|ref: a.component, to|ref: b.reason}\n"
        "count:\n  - {of: {kind: probe, node|ref: a.host}, as: n, gte: 2}"
    )
    facts = [
        crash(message="on x", node=NODE),
        limit("b", node=NODE, reason=NODE),
        limit("c", node=NODE, reason="node/y"),
    ]
    facts += [OBSERVE("probe", pod(name), node="x") for name in "de"]

    assert concluded(both([whole], facts, [edge(pod("a"), "runs_on", NODE)])) == ["broken @ pod/shop/a"]


def test_the_first_alternative_that_holds_words_it() -> None:
    either = rule(
        "any:\n  - a: {kind: crash, message|matches: '(?P<w>x)'}\n  - a: {kind: crash, reason: y, message|matches: '(?P<w>.)'}\n"
        "  - a: {kind: limit, message|matches: '(?P<w>.)'}",
        'then: {cause: broken, component: "{a.component}", strength: weak, because: "{a.w}"}',
    )

    found = both(
        [either], [crash(message="ax", reason="y"), crash("b", message="a", reason="y"), limit("c", message="z")]
    )

    assert {one.because for one in found.derivations} == {"x", "a", "z"}


def test_alternatives_may_hold_a_path_where_another_holds_a_fact() -> None:
    mixed = rule(
        "any:\n  - a: {kind: crash}\n    o: {edge: runs_on, from|ref: a.component}\n"
        "  - a: {kind: crash}\n    o: {kind: limit, component|ref: a.component}"
    )

    assert len(both([mixed], [crash(), limit(), limit("b")], [edge(pod("a"), "runs_on", NODE)]).derivations) == 2


def test_a_fact_is_bound_once() -> None:
    pair = rule("all:\n  a: {kind: crash}\n  b: {kind: crash, node|ref: a.node}")

    assert len(both([pair], [crash(str(n), node=NODE) for n in range(3)]).derivations) == 6


def test_rules_that_do_not_fit_run_beside_the_network() -> None:
    apart = rule(
        "all:\n  a: {kind: sick}\n  b: {kind: limit}\n  e: {edge: runs_on, from|ref: a.component, to|ref: b.node}",
        derive("spared"),
        "apart",
    )
    begin = rule("all:\n  a: {kind: crash}", derive("sick"), "begin")
    end = rule("all:\n  a: {kind: spared}", name="end")

    plan = NetworkPlan([apart, begin, end])
    assert set(plan.network.refused) == {"apart"}
    plan.close()
    assert concluded(
        both([apart, begin, end], [crash(), limit("b", node=NODE)], [edge(pod("a"), "runs_on", NODE)])
    ) == ["broken @ pod/shop/a"]


def test_more_joins_than_the_engine_survives_are_kept_from_it() -> None:
    rules = [
        rule(f"all:\n  a: {{kind: crash, reason: R{n}}}\n  b: {{kind: limit, node|ref: a.node}}", name=f"r{n}")
        for n in range(70)
    ]

    assert (
        len(
            both(
                rules, [*(crash(str(n), reason=f"R{n}", node=NODE) for n in range(70)), limit("b", node=NODE)]
            ).derivations
        )
        == 70
    )


def test_a_session_in_which_nothing_was_found_can_be_deleted() -> None:
    plan = NetworkPlan([SAME_NODE])

    for _ in range(3):
        assert plan.infer([], [], [], Budget()).derivations == ()
    plan.close()


def test_sessions_do_not_pile_up() -> None:
    plan = NetworkPlan([SAME_NODE])

    for number in range(1100):
        facts = [crash(node=f"n{number}"), limit("b", node=f"n{number}")]
        assert len(plan.infer(facts, [], [], Budget()).derivations) == 1
    plan.close()


def test_facts_whose_names_share_a_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    known = durable.fnv
    monkeypatch.setattr(durable, "fnv", lambda text: known(text) % 7 if len(text) < 4 else known(text))

    assert (
        len(both([SAME_NODE], [*(crash(str(n), node=NODE) for n in range(12)), limit("b", node=NODE)]).derivations)
        == 12
    )


def test_budgets_end_it_with_a_gap() -> None:
    facts = [crash(str(n), node=NODE) for n in range(9)]
    pair = rule("all:\n  a: {kind: crash}\n  b: {kind: crash, node|ref: a.node}")

    plan = NetworkPlan([pair])
    found = plan.infer(facts, [], [], Budget(firings=5))
    plan.close()

    assert len(found.derivations) == 5
    assert [gap.why for gap in found.gaps] == ["the inference stopped after 5 firings (budget)"]


def asked(plan: Plan, facts: Sequence[Fact], budget: Budget = Budget()) -> Inference:  # noqa: B008 - frozen
    return plan.infer(facts, [], [], budget)


FACTS = [crash(node=NODE), limit("b", node=NODE)]


@pytest.fixture
def plan() -> Iterator[DurablePlan]:
    made = DurablePlan([SAME_NODE], CAUSES, "x")
    yield made
    made.close()


def test_the_engine_is_chosen_by_its_name() -> None:
    book = RuleBook(digest="d", rules=(SAME_NODE,), causes=CAUSES)

    chosen = book.compile("durable-rules")

    assert isinstance(chosen, DurablePlan)
    assert not isinstance(book.compile("semi-naive"), DurablePlan)
    assert (chosen.accepts(chosen.rules[0]), chosen.digest) == ("", "d")
    chosen.close()


def test_it_runs_in_a_process_of_its_own(plan: DurablePlan) -> None:
    for _ in range(2):
        assert asked(plan, FACTS) == asked(Plan([SAME_NODE], CAUSES, "x"), FACTS)


def test_the_process_imports_nothing_from_where_it_is_started(
    plan: DurablePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit(9)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert asked(plan, FACTS).gaps == ()


def test_too_many_facts_are_cut_with_a_gap(plan: DurablePlan) -> None:
    found = asked(plan, [*FACTS, OBSERVE("probe", pod("x"))], Budget(facts=2))

    assert [gap.why for gap in found.gaps] == ["only 2 facts were considered (budget)"]


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import os; os.kill(os.getpid(), 11)", "durable_rules ended with signal 11"),
        ("raise SystemExit(3)", "durable_rules ended with exit code 3"),
        (
            "import sys; sys.stdin.buffer.read(20); sys.stdout.close(); sys.exit(4)",
            "durable_rules ended with exit code 4",
        ),
        ("import time; time.sleep(60)", "durable_rules did not answer within 0.3 s"),
    ],
)
def test_a_child_that_crashes_or_hangs_is_a_gap_and_the_answer_is_there(
    monkeypatch: pytest.MonkeyPatch, program: str, why: str
) -> None:
    monkeypatch.setattr(durable_plan, "PROGRAM", program)
    monkeypatch.setattr(durable_plan, "GRACE_SECONDS", 0.2)
    plan = DurablePlan([SAME_NODE], CAUSES, "x")
    budget = Budget(seconds=0.1 if "sleep" in program else 30)

    found = asked(plan, FACTS, budget)
    again = asked(plan, FACTS, budget)
    plan.close()

    assert concluded(found) == concluded(again) == ["broken @ pod/shop/a"]
    assert [(gap.why, gap.what) for gap in found.gaps] == [(why, "nothing: the default engine answered instead")]


def test_a_child_that_cannot_be_started_is_gone() -> None:
    with pytest.raises(durable_plan.ChildGone, match="ended with exit code 0"):
        Child(["/no/such/program"], b"").ask(b"", 1)


def test_a_child_ends_with_its_plan() -> None:
    plan = DurablePlan([SAME_NODE], CAUSES, "x")
    asked(plan, FACTS)
    process = plan._child._process
    assert process is not None

    del plan

    assert process.poll() is not None


def test_the_child_answers_until_nothing_more_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    questions, answers = io.BytesIO(), io.BytesIO()
    durable.send(questions, msgspec.msgpack.encode([SAME_NODE]))
    for _ in range(2):
        request = Request(facts=tuple(FACTS), edges=(), coverage=(), budget=Budget())
        durable.send(questions, msgspec.msgpack.encode(request))
    questions.seek(0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(questions))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(answers))

    durable.main()

    size = int.from_bytes(answers.getvalue()[:8], "big")
    assert concluded(msgspec.msgpack.decode(answers.getvalue()[8 : 8 + size], type=Inference)) == [
        "broken @ pod/shop/a"
    ]
    assert len(answers.getvalue()) == 2 * (8 + size)


def test_without_the_package_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable_plan, "find_spec", lambda _: None)

    with pytest.raises(SettingsError, match=r"not installed; pip install 'sre-orchestrator\[durable\]'"):
        DurablePlan([SAME_NODE], CAUSES, "x")
