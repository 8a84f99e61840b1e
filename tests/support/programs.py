"""Random rule books and facts: small values, so that things meet; every feature of the rule format."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st

from sre_orchestrator.core.facts import fact_id
from sre_orchestrator.core.models import Coverage, Edge, Fact
from sre_orchestrator.rules.model import (
    Conclude,
    Count,
    Derive,
    EdgePattern,
    End,
    FactPattern,
    Pattern,
    Ref,
    Rule,
    Variant,
)
from sre_orchestrator.rules.model import Test as Condition

T = TypeVar("T")
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
BASE = ("ant", "bee")
DERIVED = ("dog", "elk", "fox")
COMPONENTS = ("pod/s/1", "pod/s/2", "pod/r/1", "node/n")
ATTRIBUTES = ("x", "y", "text")
EVERY = (*ATTRIBUTES, "component", "namespace", "name", "observed_at")
VALUES: dict[str, tuple[Any, ...]] = {
    "x": (1, 1, 2, 1.0, True),
    "y": ("u", "u", "v", "pod/s/1", 1),
    "text": ("uv", "v", "2030-05-01T12:00:00Z"),
    "component": COMPONENTS,
    "namespace": ("s", "r"),
    "name": ("1", "n"),
    "observed_at": ("2030-05-01T12:00:00Z",),
}
PATTERNS = ("^u", "v$", "(?P<g>u|v)", "(?P<g>.)(?P<h>.)?", "5")
PATH = ("from", "to", "from", "to", "hops")
TIMES = ("2030-05-01T12:00:30Z", "2030-05-01T14:00:00+02:00")
BY_REF = ("eq",) * 6 + ("not", "gte", "lte") * 2 + ("gt", "lt", "contains", "before", "after", "within_seconds")
CONSTANT = ("eq", "not", "gt", "lte", "in", "in", "matches", "matches", "contains", "exists", "before", "after")


@dataclass(frozen=True)
class Program:
    """A rule book and what it is run on."""

    rules: tuple[Rule, ...]
    facts: tuple[Fact, ...]
    edges: tuple[Edge, ...]
    coverage: tuple[Coverage, ...]


Names = dict[str, tuple[str, ...]]


class Draws:
    """Draws the parts of one program."""

    def __init__(self, choose: Callable[[Sequence[Any]], Any]) -> None:
        self._choose = choose

    def one(self, *options: Any) -> Any:
        """Return one of the options."""
        return self._choose(options)

    def chance(self, percent: int) -> bool:
        """Say yes in so many of a hundred cases."""
        return bool(self._choose(range(100)) < percent)

    def many(self, *weights: int) -> int:
        """Return 0, 1, 2, … as often as the weights say."""
        return self.one(*(number for number, weight in enumerate(weights) for _ in range(weight)))

    def test(self, names: Names) -> Condition:
        """Return a condition, on a constant or on an attribute of one of ``names``."""
        attribute = self.one(*EVERY, "x", "component")
        if names and self.chance(60):
            operator = self.one(*BY_REF)
            if operator in ("before", "after", "within_seconds"):
                attribute = self.one("observed_at", "observed_at", "text")
            name = self.one(*sorted(names))
            if attribute in names[name] and self.chance(75):
                ref = Ref(name=name, attribute=attribute)
            else:
                attribute, operator = self.one((attribute, operator), ("component", "eq"), ("component", "eq"))
                ref = Ref(name=name, attribute=self.one(*names[name]))
            return Condition(
                attribute=attribute,
                operator=operator,
                ref=ref,
                value=30 if operator == "within_seconds" else None,  # type: ignore[arg-type]
            )
        operator = self.one(*CONSTANT)
        value: Any = self.one(*VALUES[attribute])
        if operator == "in":
            value = (value, self.one(*VALUES[attribute]))
        elif operator in ("before", "after"):
            attribute, value = self.one("observed_at", "text"), self.one(*TIMES)
        elif operator == "matches":
            attribute, value = "text", self.one(*PATTERNS)
        elif operator == "exists":
            value = self.chance(50)
        return Condition(attribute=attribute, operator=operator, value=value)  # type: ignore[arg-type]

    def fact_pattern(self, name: str, kinds: Sequence[str], names: Names) -> FactPattern:
        """Return a pattern of facts that may refer to ``names`` and to itself."""
        tests = tuple(self.test(names) for _ in range(self.many(5, 5, 1)))
        captures = tuple(
            group for test in tests if test.operator == "matches" for group in "gh" if f"?P<{group}>" in str(test.value)
        )
        return FactPattern(name=name, kind=self.one(*BASE, *BASE, *kinds), tests=tests, captures=captures)

    def end(self, names: Names) -> End:
        """Return an end of a path: open, fixed, or what a name holds."""
        if names and self.chance(70):
            name = self.one(*sorted(names))
            return End(
                ref=Ref(
                    name=name, attribute=self.one("component" if "component" in names[name] else "from", *names[name])
                )
            )
        return End(component=self.one(*COMPONENTS)) if self.chance(20) else End()

    def pattern(self, name: str, kinds: Sequence[str], names: Names) -> Pattern:
        """Return a pattern of facts or of paths."""
        if "hops" not in names.get(name, ()):
            return self.fact_pattern(name, kinds, names)
        within = self.one(1, 1, 2, 3)
        return EdgePattern(name=name, edge="depends_on", source=self.end(names), target=self.end(names), within=within)

    def named(self, wanted: Sequence[str], kinds: Sequence[str], names: Names) -> tuple[Pattern, ...]:
        """Return patterns of those names; each may refer to any of them and to ``names``."""
        known = {**self.offers(wanted), **names}
        return tuple(self.pattern(name, kinds, known) for name in wanted)

    def offers(self, wanted: Sequence[str]) -> Names:
        """Return what each name offers: it holds a fact or a path."""
        return {name: PATH if self.chance(25) else (*EVERY, "g") if self.chance(20) else EVERY for name in wanted}

    def count(self, name: str, kinds: Sequence[str], names: Names) -> Count:
        """Return a count that may refer to ``names``."""
        of = self.fact_pattern(f"(of {name})", kinds, names)
        by = tuple(
            dict.fromkeys(self.one(*ATTRIBUTES, "component", "component", "g") for _ in range(self.many(4, 3, 1)))
        )
        tests = [
            Condition(attribute="count", operator=self.one("gte", "gte", "lte", "eq", "gt"), value=self.many(1, 4, 2))
        ]
        comparable = [(other, one) for other in sorted(names) for one in names[other] if one in ("x", "hops", "count")]
        if comparable and self.chance(30):
            other, attribute = self.one(*comparable)
            tests.append(
                Condition(attribute="count", operator=self.one("gte", "lte"), ref=Ref(name=other, attribute=attribute))
            )
        return Count(name=name, of=of, by=by, distinct=self.one("", "", "x", "component"), tests=tuple(tests))

    def rule(self, number: int) -> Rule:
        """Return a rule that reads kinds up to a level and asserts that level's kind, so that books are stratified."""
        level = self.many(3, 2, 2)
        open_kinds, closed_kinds = (*BASE, *DERIVED[: level + 1]), (*BASE, *DERIVED[:level])
        recursive = self.chance(40)
        kinds = open_kinds if recursive else closed_kinds
        common = ["a", "b", "c"][: self.many(2, 4, 5, 1)]
        alternative = self.one((), (), ("o",), ("o", "p")) if common else ("o",)
        offered = self.offers((*common, *alternative))
        counted = self.chance(45)
        # alternatives that compare with a count come after it, so that it cannot look at them
        late = bool(counted and alternative and self.chance(30))
        early = {name: offered[name] for name in common} if late else offered
        counts = self.counts(closed_kinds, early) if counted else ()
        numbers = {count.name: ("count", *count.by) for count in counts}
        shared = self.named(common, kinds, early)
        others = (closed_kinds, {**offered, **numbers}) if late else (kinds, offered)
        variants = [
            (*shared, *self.named(alternative, *others)) for _ in range(self.many(0, 2, 3) if alternative else 1)
        ]
        if counts and self.chance(25):
            after = self.after(closed_kinds, {**offered, **numbers})
            variants = [(*patterns, *after) for patterns in variants]
            offered = {**offered, **{pattern.name: EVERY for pattern in after}}
        bound = {**offered, **numbers}
        return Rule(
            id=f"r{number}",
            title=f"rule {number}",
            status="stable",
            why="",
            variants=tuple(Variant(patterns=patterns) for patterns in variants),
            counts=counts,
            none=tuple(self.negated(closed_kinds, bound) for _ in range(self.many(6, 4, 1))),
            then=tuple(self.then(DERIVED[level], bound, recursive=recursive) for _ in range(self.many(0, 4, 1))),
        )

    def counts(self, kinds: Sequence[str], names: Names) -> tuple[Count, ...]:
        """Return one count or two; the second may refer to the first."""
        first = self.count("n", kinds, names)
        if self.chance(70):
            return (first,)
        return first, self.count("m", kinds, {**names, "n": ("count", *first.by)})

    def after(self, kinds: Sequence[str], names: Names) -> tuple[FactPattern, ...]:
        """Return a pattern that is joined after counting, and perhaps one that leans on it."""
        first = self.fact_pattern("z", kinds, names)
        most = Condition(attribute="x", operator="lte", ref=Ref(name="n", attribute="count"))
        first = FactPattern(name="z", kind=first.kind, tests=(*first.tests, most), captures=first.captures)
        if self.chance(40):
            return (first,)
        second = self.fact_pattern("w", kinds, names)
        same = Condition(attribute="component", operator="eq", ref=Ref(name="z", attribute="component"))
        return first, FactPattern(name="w", kind=second.kind, tests=(*second.tests, same), captures=second.captures)

    def negated(self, kinds: Sequence[str], bound: Names) -> tuple[Pattern, ...]:
        """Return one pattern or a conjunction that must be absent."""
        if self.chance(60):
            return (self.pattern("(none)", kinds, {**bound, **self.offers(["(none)"])}),)
        return self.named(["q", "r", "s"][: self.many(0, 0, 3, 1)], kinds, bound)

    def then(self, kind: str, bound: Names, *, recursive: bool) -> Conclude | Derive:
        """Return a conclusion, or a derived fact whose values come from few when the rule feeds itself."""
        component = self.one(self.slot(bound), "{a.component}" if "a" in bound else "node/n", "node/n")
        if self.chance(45):
            mixed = self.slot(bound) if recursive else f"<{self.slot(bound)}>"
            values = {name: self.one(self.slot(bound), mixed, 1) for name in ATTRIBUTES if self.chance(50)}
            return Derive(
                kind=kind,
                component=component
                if not recursive
                else self.one("{a.component}" if "a" in bound else "node/n", "node/n"),
                attributes=values,
            )
        return Conclude(
            cause=self.one("cold", "flu"),
            component=component,
            polarity=self.one("for", "for", "against"),
            strength=self.one("weak", "strong"),
            because=f"{self.slot(bound)} and {self.slot(bound)}",
            explains=tuple(name for name in bound if self.chance(30)),
        )

    def slot(self, bound: Names) -> str:
        """Return a placeholder."""
        name = self.one(*sorted(bound))
        return f"{{{name}.{self.one(*bound[name])}}}"

    def fact(self) -> Fact:
        """Return an observation."""
        kind, component = self.one(*BASE, *BASE, *DERIVED[:2]), self.one(*COMPONENTS)
        attributes = {name: self.one(*VALUES[name]) for name in ATTRIBUTES if self.chance(85)}
        seconds = self.one(None, 0, 20, 60)
        return Fact(
            id=fact_id("", kind, component, attributes),
            kind=kind,
            component=component,
            attributes=attributes,
            observed_at=None if seconds is None else NOON + timedelta(seconds=seconds),
            agent="test",
        )

    def program(self) -> Program:
        """Return a rule book and what it is run on."""
        facts = {fact.id: fact for fact in (self.fact() for _ in range(self.one(*range(5, 13))))}
        ends = [(self.one(*COMPONENTS), self.one(*COMPONENTS)) for _ in range(self.many(1, 2, 3, 3, 2))]
        edges: list[Edge] = [
            Edge(source=source, kind=self.one("depends_on", "depends_on", "owns"), target=target)  # type: ignore[arg-type]
            for source, target in ends
        ]
        kinds = [kind for kind in BASE if self.chance(50)]
        return Program(
            rules=tuple(self.rule(number) for number in range(self.many(0, 1, 3, 3, 1))),
            facts=tuple(facts.values()),
            edges=tuple(edges),
            coverage=tuple(Coverage(kind=kind, scope=self.one("*", "namespace/s", *COMPONENTS)) for kind in kinds),
        )


class Dice:
    """Draws from lists by a seed alone: a hundred times faster than Hypothesis, which in turn can shrink."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return self._random.choice(options)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Return a program."""
    return Draws(lambda options: draw(st.sampled_from(options))).program()


def program_of(seed: int) -> Program:
    """Return the program of a seed."""
    return Draws(Dice(seed)).program()
