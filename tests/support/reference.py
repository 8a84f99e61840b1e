"""The meaning of a rule book, by brute force: every assignment of facts and paths is tried.

Nothing here is shared with the engines but the rule model and the wording of units. What it says:

- a rule fires once for each assignment of facts and paths to its names under which all conditions hold;
  no two names share a fact; of several alternatives that hold, the first words the firing;
- names that refer to a count, directly or through others, are assigned after counting; a count sees the
  names assigned before, and counts facts that none of them holds;
- ``none`` blocks where its patterns have an assignment; else it holds where it was read, and is undecided where
  facts that nobody read could still complete it;
- a rule runs when everything that it negates, counts or joins after a count is complete.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from typing import Any

import msgspec

from sre_orchestrator.core.facts import fact_id
from sre_orchestrator.core.models import Coverage, Edge, Fact
from sre_orchestrator.rules.model import Conclude, Count, Derive, EdgePattern, FactPattern, Pattern, Rule
from sre_orchestrator.rules.model import Test as Condition
from sre_orchestrator.rules.templates import FILTERS

Values = Mapping[str, Any]
Fired = tuple[Any, ...]


@dataclass
class Thing:
    """What a name holds: a fact, a path or a count; ``ids`` are its facts, ``text`` its path."""

    values: dict[str, Any]
    ids: tuple[str, ...] = ()
    text: str = ""
    counts: bool = False


@dataclass
class World:
    """Facts by id, edges and coverage."""

    facts: dict[str, Fact]
    edges: Sequence[Edge]
    coverage: Sequence[Coverage]
    derived: frozenset[str] = frozenset()
    fired: dict[tuple[Any, ...], list[Fired]] = field(default_factory=dict)


def infer(
    rules: Sequence[Rule], facts: Iterable[Fact], edges: Sequence[Edge], coverage: Sequence[Coverage]
) -> Counter[Fired]:
    """Return how often each firing happens, as ``(rule, bound, edges, missing, absent, what follows)``."""
    derived = frozenset(then.kind for rule in rules for then in rule.then if isinstance(then, Derive))
    world = World({fact.id: fact for fact in facts}, edges, coverage, derived)
    levels = _levels(rules, derived)
    for level in sorted(set(levels.values())):
        mine = [rule for rule in rules if levels[rule.id] == level]
        while made := [fact for rule in mine for fact in _fire(rule, world) if fact.id not in world.facts]:
            world.facts |= {fact.id: fact for fact in made}
    return Counter(one for firings in world.fired.values() for one in firings)


def _levels(rules: Sequence[Rule], derived: frozenset[str]) -> dict[str, int]:
    """Return the level of each rule: as high as what it derives from, higher than what must be complete."""
    kinds = dict.fromkeys(derived, 0)
    levels: dict[str, int] = {}
    for _ in range(len(derived) + 2):
        for rule in rules:
            early, late = _early_and_late(rule)
            closed = [count.of for count in rule.counts] + [one for group in rule.none for one in group] + late
            above = [kinds[one.kind] + 1 for one in closed if isinstance(one, FactPattern) and one.kind in kinds]
            beside = [kinds[one.kind] for one in early if isinstance(one, FactPattern) and one.kind in kinds]
            levels[rule.id] = max([0, *above, *beside])
            for then in rule.then:
                if isinstance(then, Derive):
                    kinds[then.kind] = max(kinds[then.kind], levels[rule.id])
    return levels


def _early_and_late(rule: Rule) -> tuple[list[Pattern], list[Pattern]]:
    split = [_split(variant.patterns, rule) for variant in rule.variants]
    return [one for early, _ in split for one in early], [one for _, late in split for one in late]


def _split(patterns: Sequence[Pattern], rule: Rule) -> tuple[list[Pattern], list[Pattern]]:
    names = {count.name for count in rule.counts}
    while more := [one for one in patterns if one.name not in names and _mentioned(one) & names]:
        names |= {one.name for one in more}
    return [one for one in patterns if one.name not in names], [one for one in patterns if one.name in names]


def _mentioned(pattern: Pattern) -> set[str]:
    if isinstance(pattern, FactPattern):
        return {test.ref.name for test in pattern.tests if test.ref}
    return {end.ref.name for end in (pattern.source, pattern.target) if end.ref}


def _fire(rule: Rule, world: World) -> list[Fact]:
    made: list[Fact] = []
    for variant in rule.variants:
        early, late = _split(variant.patterns, rule)
        for start in _assignments(early, {}, world):
            for counted in _counted(rule.counts, start, world):
                for bound in _assignments(late, counted, world):
                    made += _conclude(rule, bound, world)
    return made


def _assignments(patterns: Sequence[Pattern], known: dict[str, Thing], world: World) -> Iterator[dict[str, Thing]]:
    """Yield every assignment to ``patterns`` beside ``known`` under which all their conditions hold."""
    for chosen in product(*(_candidates(pattern, world) for pattern in patterns)):
        bound = {**known, **{pattern.name: thing for pattern, thing in zip(patterns, chosen, strict=True)}}
        held = [fact for thing in bound.values() if not thing.counts for fact in thing.ids]
        if len(held) == len(set(held)) and all(_holds(pattern, bound) for pattern in patterns):
            yield bound


def _candidates(pattern: Pattern, world: World) -> list[Thing]:
    if isinstance(pattern, FactPattern):
        return [_thing(fact, pattern) for fact in world.facts.values() if fact.kind == pattern.kind]
    return [
        Thing(
            {"from": source, "to": target, "hops": hops},
            text=f"{source} {pattern.edge} {target}" + (f" ({hops} hops)" if hops > 1 else ""),
        )
        for (source, target), hops in _paths(pattern, world.edges).items()
    ]


def _thing(fact: Fact, pattern: FactPattern) -> Thing:
    kind, *inside = fact.component.split("/", 2)
    values: dict[str, Any] = {
        "namespace": inside[0] if len(inside) > 1 or (kind == "namespace" and inside) else "",
        "name": inside[-1] if inside else kind,
        **fact.attributes,
        "component": fact.component,
        "observed_at": fact.observed_at,
    }
    for test in pattern.tests:
        text = values.get(test.attribute)
        if test.operator == "matches" and isinstance(text, str) and (match := re.search(str(test.value), text)):
            values |= match.groupdict()
    return Thing(values, ids=(fact.id,))


def _paths(pattern: EdgePattern, edges: Sequence[Edge]) -> dict[tuple[str, str], int]:
    """Return the fewest hops between any two components, as far as ``within``."""
    direct = {(edge.source, edge.target) for edge in edges if edge.kind == pattern.edge}
    shortest = dict.fromkeys(direct, 1)
    for hops in range(2, pattern.within + 1):
        for (source, middle), so_far in list(shortest.items()):
            for start, target in direct:
                if start == middle and so_far == hops - 1:
                    shortest.setdefault((source, target), hops)
    return shortest


def _holds(pattern: Pattern, bound: Mapping[str, Thing]) -> bool:
    values = bound[pattern.name].values
    if isinstance(pattern, FactPattern):
        return all(_passes(test, values, bound) for test in pattern.tests)
    for side, end in (("from", pattern.source), ("to", pattern.target)):
        wanted = bound[end.ref.name].values.get(end.ref.attribute) if end.ref else end.component
        if (end.ref or end.component) and not _equal(values[side], wanted):
            return False
    return True


def _passes(test: Condition, values: Values, bound: Mapping[str, Thing]) -> bool:  # noqa: C901, PLR0911
    left = values.get(test.attribute)
    right = bound[test.ref.name].values.get(test.ref.attribute) if test.ref else test.value
    if test.operator == "exists":
        return (left is not None) is right
    if left is None or right is None:
        return False
    if test.operator == "eq":
        return _equal(left, right)
    if test.operator == "not":
        return not _equal(left, right)
    if test.operator == "in":
        return any(_equal(left, one) for one in right)
    if test.operator in ("matches", "contains"):
        if not isinstance(left, str) or not isinstance(right, str):
            return False
        return bool(re.search(right, left)) if test.operator == "matches" else right in left
    if test.operator in ("before", "after", "within_seconds"):
        one, two = _time(left), _time(right)
        if one is None or two is None:
            return False
        if test.operator == "within_seconds":
            return abs((one - two).total_seconds()) <= test.value  # type: ignore[operator]
        return one < two if test.operator == "before" else one > two
    if not (_is_number(left) and _is_number(right)) and not (isinstance(left, str) and isinstance(right, str)):
        return False
    return {"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}[test.operator]


def _equal(left: Any, right: Any) -> bool:
    return left is not None and isinstance(left, bool) == isinstance(right, bool) and left == right


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _time(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if not isinstance(found, datetime):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _counted(counts: Sequence[Count], known: dict[str, Thing], world: World) -> Iterator[dict[str, Thing]]:
    if not counts:
        yield known
        return
    count, rest = counts[0], counts[1:]
    for group in _groups(count, known, world):
        bound = {**known, count.name: group}
        if all(_passes(test, group.values, bound) for test in count.tests):
            yield from _counted(rest, bound, world)


def _groups(count: Count, known: dict[str, Thing], world: World) -> Iterator[Thing]:
    found = [bound[count.of.name] for bound in _assignments([count.of], known, world)]
    found.sort(key=lambda thing: thing.ids)
    sorts: list[list[Thing]] = [] if count.by else [found]
    for thing in found if count.by else ():
        values = [thing.values.get(name) for name in count.by]
        for sort in sorts:
            if all(_equal(value, sort[0].values.get(name)) for name, value in zip(count.by, values, strict=True)):
                sort.append(thing)
                break
        else:
            if all(value is not None for value in values):
                sorts.append([thing])
    for sort in sorts:
        shared = {name: sort[0].values[name] for name in count.by}
        size = len(_distinct(count, sort)) if count.distinct else len(sort)
        yield Thing({**shared, "count": size}, ids=tuple(thing.ids[0] for thing in sort), counts=True)


def _distinct(count: Count, things: Sequence[Thing]) -> list[Any]:
    seen: list[Any] = []
    for thing in things:
        value = thing.values.get(count.distinct)
        if value is not None and not any(_equal(value, one) for one in seen):
            seen.append(value)
    return seen


def _conclude(rule: Rule, bound: dict[str, Thing], world: World) -> list[Fact]:
    facts = tuple((name, thing.ids) for name, thing in sorted(bound.items()) if thing.ids)
    paths = tuple(thing.text for _, thing in sorted(bound.items()) if thing.text)
    place = (rule.id, facts, paths)
    if place in world.fired:
        return []
    verdicts = [_absent(group, bound, world) for group in rule.none]
    if None in verdicts:
        return []
    missing = frozenset(one for verdict in verdicts if verdict for one in verdict)
    absent = sum(verdict == [] for verdict in verdicts)
    world.fired[place] = []
    made: list[Fact] = []
    for then in rule.then:
        follows, derived = _follows(then, rule, bound)
        if follows:
            world.fired[place].append((*place, missing, absent, follows))
            made += derived
    return made


def _absent(group: Sequence[Pattern], bound: dict[str, Thing], world: World) -> list[tuple[str, str]] | None:
    """Return ``None`` where the group is present, else the (kind, component) that nobody could decide."""
    if _has_one(group, bound, world):
        return None
    unread = [one for one in group if isinstance(one, FactPattern) and not _read(one, bound, world)]
    names = {one.name for one in unread}
    rest = [_without(one, names) for one in group if one.name not in names]
    if unread and _has_one(rest, bound, world):
        return [(one.kind, _pinned(one, bound)) for one in unread]
    return []


def _has_one(patterns: Sequence[Pattern], bound: dict[str, Thing], world: World) -> bool:
    return next(_assignments(patterns, bound, world), None) is not None


def _without(pattern: Pattern, names: set[str]) -> Pattern:
    if isinstance(pattern, FactPattern):
        kept = tuple(test for test in pattern.tests if not (test.ref and test.ref.name in names))
        return msgspec.structs.replace(pattern, tests=kept)
    opened = {
        side: type(end)()
        for side, end in (("source", pattern.source), ("target", pattern.target))
        if end.ref and end.ref.name in names
    }
    return msgspec.structs.replace(pattern, **opened)


def _read(pattern: FactPattern, bound: Mapping[str, Thing], world: World) -> bool:
    if pattern.kind in world.derived:
        return True
    components = [thing.values["component"] for _, thing in sorted(bound.items()) if thing.values.get("component")]
    place = _pinned(pattern, bound) or (str(components[0]) if components else "")
    kind, _, rest = place.partition("/")
    namespace, slash, _ = rest.partition("/")
    namespace = namespace if slash or kind == "namespace" else ""
    return any(
        one.kind == pattern.kind and one.scope in ("*", place, f"namespace/{namespace}") for one in world.coverage
    )


def _pinned(pattern: FactPattern, bound: Mapping[str, Thing]) -> str:
    for attribute in ("component", "namespace"):
        for test in pattern.tests:
            if test.attribute == attribute and test.operator == "eq" and (test.ref is None or test.ref.name in bound):
                value = bound[test.ref.name].values.get(test.ref.attribute) if test.ref else test.value
                if value is not None:
                    return f"namespace/{value}" if attribute == "namespace" else str(value)
    return ""


def _follows(then: Conclude | Derive, rule: Rule, bound: Mapping[str, Thing]) -> tuple[Fired, list[Fact]]:
    if any(_value(name, attribute, bound) is None for name, attribute, _ in SLOT.findall(then.component)):
        return (), []
    component = _filled(then.component, bound)
    if isinstance(then, Conclude):
        explains = tuple(dict.fromkeys(fact for name in then.explains for fact in bound[name].ids))
        because = _filled(then.because, bound)
        return (then.cause, component, then.polarity, then.strength, because, explains), []
    values = {name: _typed(template, bound) for name, template in then.attributes.items()}
    kept = {name: value for name, value in values.items() if value is not None}
    fact = Fact(
        id=fact_id("", then.kind, component, kept), kind=then.kind, component=component, attributes=kept, agent="rules"
    )
    return (fact.kind, fact.component, tuple(sorted((k, repr(v)) for k, v in kept.items())), rule.title), [fact]


SLOT = re.compile(r"\{(\w+)\.(\w+)(?:\|(\w+))?\}")


def _value(name: str, attribute: str, bound: Mapping[str, Thing]) -> Any:
    return bound[name].values.get(attribute)


def _typed(template: Any, bound: Mapping[str, Thing]) -> Any:
    if not isinstance(template, str):
        return template
    whole = SLOT.fullmatch(template)
    if not whole or whole[3]:
        return _filled(template, bound)
    value = _value(whole[1], whole[2], bound)
    return None if isinstance(value, datetime) else value


def _filled(template: str, bound: Mapping[str, Thing]) -> str:
    def word(match: re.Match[str]) -> str:
        value = _value(match[1], match[2], bound)
        if value is None:
            return "?"
        if match[3]:
            return FILTERS[match[3]](value)
        return f"{value:g}" if isinstance(value, float) else str(value)

    return SLOT.sub(word, template)
