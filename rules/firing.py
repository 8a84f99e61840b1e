"""What follows from a binding of a rule, whichever engine found it; and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sre_orchestrator.core.facts import fact_id
from sre_orchestrator.core.models import Conclusion, Derivation, Fact, Gap
from sre_orchestrator.core.ports import Budget
from sre_orchestrator.rules.compiled import CompiledRule
from sre_orchestrator.rules.memory import Memory, Row
from sre_orchestrator.rules.model import Conclude, Derive, Rule
from sre_orchestrator.rules.negation import Undecided, absent_or_undecided
from sre_orchestrator.rules.operators import Value
from sre_orchestrator.rules.templates import render, slots, typed

Binding = Mapping[str, Row]
Place = tuple[str, tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]


class Exhausted(Exception):  # noqa: N818 - a signal, not an error
    """A budget is used up."""


class Firings:
    """What fired in one inference: each rule once for each set of facts and paths."""

    def __init__(self, memory: Memory, derived: frozenset[str], budget: Budget) -> None:
        self.memory = memory
        self._fired: dict[Place, tuple[Derivation, ...]] = {}
        self._firings = 0
        self._derived = derived
        self._budget = budget

    def derivations(self) -> tuple[Derivation, ...]:
        """Return what fired, ordered by rule, bound facts and paths."""
        return tuple(one for place in sorted(self._fired) for one in self._fired[place])

    def fire(self, rule: CompiledRule, binding: dict[str, Row]) -> list[Fact]:
        """Draw the conclusions of ``rule`` from ``binding`` unless it did so before; return the facts that it asserts.

        Raises:
            Exhausted: the budget is used up.

        """
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
            raise Exhausted(f"the inference stopped after {self._firings} firings (budget)")
        if derivation.derived is not None and len(self.memory) >= self._budget.facts:
            raise Exhausted(f"the inference stopped at {len(self.memory)} facts (budget)")
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
        derived = _derived(then, component, value)
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


def _derived(then: Derive, component: str, value: Callable[[str, str], Value]) -> Fact:
    """Return the fact that ``then`` asserts; it carries no time, so that every derivation of it agrees."""
    attributes = {name: typed(template, value) for name, template in then.attributes.items()}
    kept = {name: one for name, one in attributes.items() if one is not None}
    return Fact(
        id=fact_id("", then.kind, component, kept), kind=then.kind, component=component, attributes=kept, agent="rules"
    )


def within(budget: Budget, facts: Sequence[Fact]) -> tuple[Sequence[Fact], list[Gap]]:
    """Return as many facts as the budget allows, and the gap where that is not all."""
    if len(facts) <= budget.facts:
        return facts, []
    kept = sorted(facts, key=lambda fact: fact.id)[: budget.facts]
    return kept, [gap(f"only {budget.facts} facts were considered (budget)")]


def until(budget: Budget, clock: Callable[[], float]) -> Callable[[], None]:
    """Return a function that raises ``Exhausted`` when the time of the budget is over."""
    end = clock() + budget.seconds

    def tick() -> None:
        if clock() > end:
            raise Exhausted(f"the inference stopped after {budget.seconds:g} s (budget)")

    return tick


def gap(why: str) -> Gap:
    """Return the gap that an inference leaves when it ends before the fixpoint."""
    return Gap(agent="rules", what="some conclusions", why=why, remedy="narrow the incident to fewer namespaces")
