"""The default engine: stratified, semi-naive forward chaining over hash-indexed joins.

A first pass joins every rule of a stratum over all facts, starting at its rarest kind; after
that only what was newly derived is joined again. Facts are sets, so positive recursion ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

from sre_orchestrator.core.facts import fact_id
from sre_orchestrator.core.models import Cause, Conclusion, Coverage, Derivation, Edge, Fact, Gap
from sre_orchestrator.core.ports import Budget, Inference
from sre_orchestrator.rules.compiled import CompiledRule, CompiledVariant, compile_rule
from sre_orchestrator.rules.counts import counted
from sre_orchestrator.rules.joins import join
from sre_orchestrator.rules.memory import Memory, Row
from sre_orchestrator.rules.model import Conclude, Derive, Rule
from sre_orchestrator.rules.negation import Undecided, absent_or_undecided
from sre_orchestrator.rules.operators import Value
from sre_orchestrator.rules.stratify import derived_kinds, pattern_kinds, read_kinds, stratify
from sre_orchestrator.rules.templates import render, slots, typed

Binding = Mapping[str, Row]
Place = tuple[str, tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]


class _Exhausted(Exception):  # noqa: N818 - a signal, not an error
    """A budget is used up."""


class Plan:
    """A compiled rule book (``core.ports.Plan``): immutable, shared between threads."""

    def __init__(self, rules: Sequence[Rule], causes: Mapping[str, Cause], digest: str) -> None:
        self.rules = stratify(rules)
        self.causes = causes
        self.digest = digest
        self._compiled: dict[str, CompiledRule] = {}
        self.derived_kinds = frozenset(kind for rule in self.rules for kind in derived_kinds(rule))
        self._read = frozenset(kind for rule in self.rules for kind in read_kinds(rule))

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
        gaps: list[Gap] = []
        if len(facts) > budget.facts:
            facts = sorted(facts, key=lambda fact: fact.id)[: budget.facts]
            gaps.append(_gap(f"only {budget.facts} facts were considered (budget)"))
        until = clock() + budget.seconds

        def tick() -> None:
            if clock() > until:
                raise _Exhausted(f"the inference stopped after {budget.seconds:g} s (budget)")

        wanted = [fact for fact in facts if fact.kind in self._read]
        run = _Run(Memory(wanted, edges, coverage, tick), self.derived_kinds, budget)
        try:
            possible = self._possible({fact.kind for fact in wanted})
            for _, rules in groupby(possible, key=lambda compiled: compiled.rule.stratum):
                run.stratum(tuple(rules))
        except _Exhausted as spent:
            gaps.append(_gap(str(spent)))
        return Inference(derivations=run.derivations(), gaps=tuple(gaps))

    def _possible(self, kinds: set[str]) -> list[CompiledRule]:
        """Return the rules, by stratum, whose positive facts there are or could be derived; compiled when first used."""
        known = kinds | self.derived_kinds
        found = []
        for rule in self.rules:
            if any(pattern_kinds(variant.patterns) <= known for variant in rule.variants):
                if rule.id not in self._compiled:
                    self._compiled[rule.id] = compile_rule(rule)
                found.append(self._compiled[rule.id])
        return found


class _Run:
    """One inference in progress."""

    def __init__(self, memory: Memory, derived: frozenset[str], budget: Budget) -> None:
        self.memory = memory
        self._fired: dict[Place, tuple[Derivation, ...]] = {}
        self._firings = 0
        self._derived = derived
        self._budget = budget
        self._delta: list[tuple[str, Row]] = []

    def derivations(self) -> tuple[Derivation, ...]:
        """Return what fired, ordered by rule, bound facts and paths."""
        return tuple(one for place in sorted(self._fired) for one in self._fired[place])

    def stratum(self, rules: Sequence[CompiledRule]) -> None:
        for rule in rules:
            self._fire_all(rule, self._whole)
        while self._delta:
            delta: dict[str, list[Row]] = {}
            for kind, row in self._delta:
                delta.setdefault(kind, []).append(row)
            self._delta = []
            for rule in rules:
                if not rule.starts.isdisjoint(delta):
                    self._fire_all(rule, partial(self._touched, delta))

    def _whole(self, variant: CompiledVariant) -> Iterator[dict[str, Row]]:
        """Join a variant over everything, from its rarest kind."""
        starts = variant.starts
        if not starts:
            return join(variant.from_any, self.memory, {})
        rarest = min(starts, key=lambda place: (self.memory.size(starts[place].kind), place))
        return join(variant.steps[rarest], self.memory, {})

    def _touched(self, delta: Mapping[str, Sequence[Row]], variant: CompiledVariant) -> Iterator[dict[str, Row]]:
        """Join a variant from each newly derived fact."""
        for place, pattern in variant.starts.items():
            for row in delta.get(pattern.kind, ()):
                yield from join(variant.steps[place], self.memory, {}, start=row)

    def _fire_all(self, rule: CompiledRule, bindings: Callable[[CompiledVariant], Iterator[dict[str, Row]]]) -> None:
        """Fire on every binding, the first alternative first; what is derived counts from then on."""
        made: list[Fact] = []
        for variant in rule.variants:
            for start in bindings(variant):
                for binding in counted(rule, variant.after, self.memory, start):
                    made += self._fire(rule, binding)
        for fact in made:
            row = self.memory.add(fact)
            if row is not None:
                self._delta.append((fact.kind, row))

    def _fire(self, rule: CompiledRule, binding: dict[str, Row]) -> list[Fact]:
        rows = sorted(binding.items())
        bound = {name: row.ids for name, row in rows if row.ids}
        edges = tuple([row.text for _, row in rows if row.text])
        place = (rule.rule.id, tuple(bound.items()), edges)
        if place in self._fired:
            return []
        self._fired[place] = ()
        decided = absent_or_undecided(rule, self.memory, binding, self._derived)
        if decided is None:
            return []
        made = [_derivation(rule.rule, then, binding, bound, edges, decided) for then in rule.rule.then]
        kept = [one for one in made if one is not None]
        for number, derivation in enumerate(kept, start=1):
            self._spend(derivation)
            self._fired[place] = tuple(kept[:number])
        return [one.derived for one in kept if one.derived is not None]

    def _spend(self, derivation: Derivation) -> None:
        if self._firings >= self._budget.firings:
            raise _Exhausted(f"the inference stopped after {self._firings} firings (budget)")
        if derivation.derived is not None and len(self.memory) >= self._budget.facts:
            raise _Exhausted(f"the inference stopped at {len(self.memory)} facts (budget)")
        self._firings += 1


def _derivation(
    rule: Rule,
    then: Conclude | Derive,
    binding: Binding,
    bound: dict[str, tuple[str, ...]],
    edges: tuple[str, ...],
    decided: Undecided,
) -> Derivation | None:
    def value(name: str, attribute: str) -> Value:
        return binding[name].values.get(attribute)

    if any(value(slot.name, slot.attribute) is None for slot in slots(then.component)):
        return None
    component = render(then.component, value)
    conclusion, derived, because = None, None, rule.title
    explains: tuple[str, ...] = ()
    if isinstance(then, Conclude):
        conclusion = Conclusion(cause=then.cause, component=component, polarity=then.polarity, strength=then.strength)
        because = render(then.because, value)
        explains = tuple(dict.fromkeys(fact for name in then.explains for fact in bound.get(name, ())))
    else:
        derived = derived_fact(then, component, value)
    return Derivation(
        rule=rule.id,
        title=rule.title,
        bound=bound,
        edges=edges,
        absent=decided.absent,
        missing=decided.missing,
        conclusion=conclusion,
        derived=derived,
        because=because,
        explains=explains,
    )


def derived_fact(then: Derive, component: str, value: Callable[[str, str], Value]) -> Fact:
    """Return the fact that ``then`` asserts; it carries no time, so that every derivation of it agrees."""
    attributes = {name: typed(template, value) for name, template in then.attributes.items()}
    kept = {name: one for name, one in attributes.items() if one is not None}
    return Fact(
        id=fact_id("", then.kind, component, kept), kind=then.kind, component=component, attributes=kept, agent="rules"
    )


def _gap(why: str) -> Gap:
    return Gap(agent="rules", what="some conclusions", why=why, remedy="narrow the incident to fewer namespaces")
