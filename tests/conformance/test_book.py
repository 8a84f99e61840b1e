"""The whole rule book means what the reference says, on the facts of its embedded tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from extras import need
from firings import fired
from reference import infer

from sre_orchestrator.core.models import Coverage, Edge
from sre_orchestrator.core.ports import Budget
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.rules.book import builtin_causes, builtin_rules, read_checked
from sre_orchestrator.rules.catalogue import read_causes, yaml_files
from sre_orchestrator.rules.durable import NetworkPlan
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.model import Case, Rule
from sre_orchestrator.rules.testing import fact_of, helpers


@pytest.fixture(scope="module")
def book() -> Sequence[tuple[Rule, tuple[Case, ...]]]:
    vocabulary = load_vocabulary()
    causes = read_causes(file for folder in builtin_causes() for file in yaml_files(folder))
    files = [file for folder in builtin_rules() for file in yaml_files(folder)]
    return [read_checked(text, path, vocabulary, causes) for path, text in files]


def test_every_embedded_test_gives_what_the_reference_gives(book: Sequence[tuple[Rule, tuple[Case, ...]]]) -> None:
    rules = [rule for rule, _ in book]
    for rule, cases in book:
        some = [rule, *helpers(rule, rules)]
        plan = Plan(some, {}, "test")
        for case in cases:
            facts = [fact_of(fact) for fact in case.facts]
            edges = [Edge(source=source, kind=kind, target=target) for source, kind, target in case.edges]
            coverage = [Coverage(kind=kind, scope=scope) for kind, scope in case.coverage]

            expected = infer(some, facts, edges, coverage)
            found = plan.infer(facts, edges, coverage, Budget()).derivations

            assert Counter(map(fired, found)) == expected, (
                rule.id,
                case.name,
            )


def test_both_engines_read_the_whole_book_alike(
    book: Sequence[tuple[Rule, tuple[Case, ...]]], capsys: pytest.CaptureFixture[str]
) -> None:
    need("durable_rules_engine", "durable")
    rules = [rule for rule, _ in book]
    facts = {fact.id: fact for _, cases in book for case in cases for fact in map(fact_of, case.facts)}
    edges = {edge for _, cases in book for case in cases for edge in case.edges}
    coverage = {one for _, cases in book for case in cases for one in case.coverage}
    world = (
        list(facts.values()),
        [Edge(source=source, kind=kind, target=target) for source, kind, target in sorted(edges)],
        [Coverage(kind=kind, scope=scope) for kind, scope in sorted(coverage)],
        Budget(),
    )
    network = NetworkPlan(rules)

    found, expected = network.infer(*world), Plan(rules, {}, "test").infer(*world)
    network.close()

    with capsys.disabled():
        print(f"\n{_held(network, rules)}; {len(expected.derivations)} derivations from {len(facts)} facts")
    assert msgspec.json.encode(found) == msgspec.json.encode(expected)
    assert expected.gaps == ()
    assert len({one.rule for one in expected.derivations}) > len(rules) / 2


def _held(network: NetworkPlan, rules: Sequence[Rule]) -> str:
    refused = Counter(network.network.refused.values())
    reasons = "; ".join(f"{why}: {count}" for why, count in refused.most_common())
    return f"durable_rules holds {len(rules) - refused.total()} of {len(rules)} rules ({reasons})"
