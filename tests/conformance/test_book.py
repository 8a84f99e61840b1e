"""The whole rule book means what the reference says, on the facts of its embedded tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from firings import fired
from reference import infer

from sre_orchestrator.core.models import Coverage, Edge
from sre_orchestrator.core.ports import Budget
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.rules.book import builtin_causes, builtin_rules, read_checked
from sre_orchestrator.rules.catalogue import read_causes, yaml_files
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
