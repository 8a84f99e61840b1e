"""From a conclusion down to what was observed, never in a circle."""

from __future__ import annotations

from rulebook import OBSERVE, derive, edge, infer, pod, rule

from sre_orchestrator.core.models import Derivation, Fact
from sre_orchestrator.core.ports import Inference
from sre_orchestrator.core.proof import Proofs

CRASH, OTHER = OBSERVE("crash", pod("a")), OBSERVE("crash", pod("b"))
SUSPECT = rule("all:\n  a: {kind: crash}", derive("suspect"), "suspect")
SICK = rule("all:\n  a: {kind: suspect}\n  b: {kind: limit, component|ref: a.component}", derive("sick"), "sick")
BROKEN = rule("all:\n  a: {kind: sick}", name="zz-broken")
LIMIT = OBSERVE("limit", pod("a"))


def conclusion(inference: Inference) -> Derivation:
    return next(one for one in inference.derivations if one.conclusion)


def test_a_proof_goes_down_to_what_was_observed() -> None:
    found = infer([SUSPECT, SICK, BROKEN], [CRASH, LIMIT])
    proofs = Proofs(found.derivations)

    tree = proofs.tree(conclusion(found))

    assert (tree.rule, tree.polarity, tree.strength) == ("zz-broken", "for", "strong")
    assert [child.rule for child in tree.children] == ["sick"]
    assert [child.rule for child in tree.children[0].children] == ["suspect"]
    assert tree.children[0].children[0].facts == (CRASH.id,)
    assert proofs.base(conclusion(found)) == {CRASH.id, LIMIT.id}


def test_a_fact_that_is_derived_in_a_circle_is_proved_from_where_it_began() -> None:
    back = rule("all:\n  b: {kind: sick}", 'then: {derive: {kind: suspect, component: "{b.component}"}}', "back")
    forth = rule("all:\n  a: {kind: suspect}", derive("sick"), "forth")
    begin = rule("all:\n  a: {kind: crash}", derive("suspect"), "zz-begin")

    found = infer([back, forth, begin, BROKEN], [CRASH])
    proofs = Proofs(found.derivations)

    assert proofs.base(conclusion(found)) == {CRASH.id}
    assert [child.rule for child in proofs.tree(conclusion(found)).children[0].children] == ["zz-begin"]


def test_the_first_of_several_proofs_is_shown() -> None:
    again = rule("all:\n  a: {kind: limit}", derive("suspect"), "again")

    found = infer([SUSPECT, again, rule("all:\n  a: {kind: suspect}", name="zz")], [CRASH, LIMIT])

    assert Proofs(found.derivations).base(conclusion(found)) == {LIMIT.id}


def test_a_fact_is_shared_by_two_branches_once() -> None:
    both = rule(
        "all:\n  a: {kind: suspect}\n  b: {kind: spared, component|ref: a.component}\n"
        "  e: {edge: runs_on, from|ref: a.component}",
        name="zz",
    )
    spared = rule("all:\n  a: {kind: crash}", derive("spared"), "spared")

    found = infer([SUSPECT, spared, both], [CRASH, OTHER], edges=[edge(pod("a"), "runs_on", "node/n")])
    tree = Proofs(found.derivations).tree(conclusion(found))

    assert Proofs(found.derivations).base(conclusion(found)) == {CRASH.id}
    assert tree.edges == ("pod/shop/a runs_on node/n",)
    assert len(tree.children) == 2


def test_what_has_no_beginning_counts_as_observed() -> None:
    def made(kind: str, out_of: str) -> Derivation:
        return Derivation(
            rule=kind, bound={"a": (out_of,)}, derived=Fact(id=kind, kind=kind, component="x", agent="rules")
        )

    end = Derivation(rule="end", bound={"a": ("one",)})
    proofs = Proofs([made("one", "two"), made("two", "one"), end])

    assert proofs.base(end) == {"one"}
    assert proofs.tree(end).children == ()
