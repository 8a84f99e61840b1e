"""The default engine: stratified, semi-naive forward chaining over hash-indexed joins.

A first pass joins every rule of a stratum over all facts, starting at its rarest kind; after
that only what was newly derived is joined again. Facts are sets, so positive recursion ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

from sre_orchestrator.core.models import Cause, Coverage, Edge, Fact
from sre_orchestrator.core.ports import Budget, Inference
from sre_orchestrator.rules.compiled import CompiledRule, CompiledVariant, compile_rule
from sre_orchestrator.rules.counts import counted
from sre_orchestrator.rules.firing import Exhausted, Firings, gap, until, within
from sre_orchestrator.rules.joins import join
from sre_orchestrator.rules.memory import Memory, Row
from sre_orchestrator.rules.model import Rule
from sre_orchestrator.rules.stratify import derived_kinds, pattern_kinds, read_kinds, stratify

Delta = dict[str, list[Row]]


class Plan:
    """A compiled rule book (``core.ports.Plan``): immutable, shared between threads."""

    def __init__(self, rules: Sequence[Rule], causes: Mapping[str, Cause], digest: str) -> None:
        self.rules = stratify(rules)
        self.causes = causes
        self.digest = digest
        self._compiled: dict[str, CompiledRule] = {}
        self.derived_kinds = frozenset(kind for rule in self.rules for kind in derived_kinds(rule))
        self.read_kinds = frozenset(kind for rule in self.rules for kind in read_kinds(rule))

    def infer(
        self,
        facts: Sequence[Fact],
        edges: Sequence[Edge],
        coverage: Sequence[Coverage],
        budget: Budget,
        clock: Callable[[], float] = time.monotonic,
    ) -> Inference:
        """Run every rule to the fixpoint.

        The derivations come in a total order that does not depend on the order of ``facts``. A
        budget that is used up ends the run with what was derived so far and a Gap.
        """
        facts, gaps = within(budget, facts)
        wanted = [fact for fact in facts if fact.kind in self.read_kinds]
        memory = Memory(wanted, edges, coverage, until(budget, clock))
        run = self._run(Firings(memory, self.derived_kinds, budget))
        try:
            possible = self._possible({fact.kind for fact in wanted})
            for _, group in groupby(possible, key=lambda compiled: compiled.rule.stratum):
                rules = tuple(group)
                delta = run.begin(rules)
                while delta:
                    delta = run.follow(rules, delta)
        except Exhausted as spent:
            gaps.append(gap(str(spent)))
        return Inference(derivations=run.firings.derivations(), gaps=tuple(gaps))

    def _run(self, firings: Firings) -> Run:
        return Run(firings)

    def _possible(self, kinds: set[str]) -> list[CompiledRule]:
        """Return the rules, by stratum, whose positive facts there are or could be derived; compiled when first used."""
        known = kinds | self.derived_kinds
        found = []
        for rule in self.rules:
            if any(pattern_kinds(variant.patterns) <= known for variant in rule.variants):
                found.append(self.compiled(rule))
        return found

    def compiled(self, rule: Rule) -> CompiledRule:
        """Return ``rule`` ready to run."""
        if rule.id not in self._compiled:
            self._compiled[rule.id] = compile_rule(rule)
        return self._compiled[rule.id]


class Run:
    """One inference in progress, stratum by stratum."""

    def __init__(self, firings: Firings) -> None:
        self.firings = firings
        self.memory = firings.memory

    def begin(self, rules: Sequence[CompiledRule]) -> Delta:
        """Fire the rules of a stratum on every fact; return what is new."""
        delta: Delta = {}
        for rule in rules:
            self._fire_all(rule, self._whole, delta)
        return delta

    def follow(self, rules: Sequence[CompiledRule], new: Delta) -> Delta:
        """Fire the rules on what is ``new``, joined with everything; return what is new then."""
        delta: Delta = {}
        for rule in rules:
            if not rule.starts.isdisjoint(new):
                self._fire_all(rule, partial(self._touched, new), delta)
        return delta

    def add(self, facts: Iterable[Fact], delta: Delta) -> None:
        """Remember derived facts, and note in ``delta`` those that nobody knew."""
        for fact in facts:
            row = self.memory.add(fact)
            if row is not None:
                delta.setdefault(fact.kind, []).append(row)

    def _whole(self, variant: CompiledVariant) -> Iterator[dict[str, Row]]:
        """Join a variant over everything, from its rarest kind."""
        starts = variant.starts
        if not starts:
            return join(variant.from_any, self.memory, {})
        rarest = min(starts, key=lambda place: (self.memory.size(starts[place].kind), place))
        return join(variant.steps[rarest], self.memory, {})

    def _touched(self, delta: Delta, variant: CompiledVariant) -> Iterator[dict[str, Row]]:
        """Join a variant from each newly derived fact."""
        for place, pattern in variant.starts.items():
            for row in delta.get(pattern.kind, ()):
                yield from join(variant.steps[place], self.memory, {}, start=row)

    def _fire_all(
        self, rule: CompiledRule, bindings: Callable[[CompiledVariant], Iterator[dict[str, Row]]], delta: Delta
    ) -> None:
        """Fire on every binding, the first alternative first; what is derived counts from then on."""
        made: list[Fact] = []
        for variant in rule.variants:
            for start in bindings(variant):
                for binding in counted(rule, variant.after, self.memory, start):
                    made += self.firings.fire(rule, binding)
        self.add(made, delta)
