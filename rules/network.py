"""The part of a rule book that a durable_rules network can hold, in the form that it wants.

The limits are those at which durable_rules 2.0.28 fails, hangs or answers wrongly (measured): 65 joined
patterns of a kind, 256 users of a pattern, names or ids that share a 32-bit hash, values that are no
plain strings, joins on absent properties.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sre_orchestrator.rules.memory import Row
from sre_orchestrator.rules.model import FactPattern, Rule, Variant
from sre_orchestrator.rules.operators import Value
from sre_orchestrator.rules.stratify import joined_late

MAX_PATTERNS = 16
MAX_JOINED = 50
MAX_SHARERS = 250
MAX_BRANCHES = 500
MAX_TEXT = 200
KIND, ALWAYS = "kind_", "one_"
RESERVED = (KIND, ALWAYS, "id", "sid", *(f"m{place}_" for place in range(MAX_PATTERNS)))
Condition = dict[str, object]


class _Refused(Exception):  # noqa: N818 - becomes a reason
    """Why a rule does not fit."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What an activation means: an alternative of a rule, and its names in the order of the patterns."""

    rule: Rule
    place: int
    names: tuple[str, ...]


@dataclass
class _Load:
    """How much of its limits a network has used."""

    joined: Counter[str] = field(default_factory=Counter)
    sharers: Counter[str] = field(default_factory=Counter)
    branches: dict[str, set[str]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def copy(self) -> _Load:
        return _Load(
            Counter(self.joined),
            Counter(self.sharers),
            {key: set(value) for key, value in self.branches.items()},
            dict(self.names),
        )


class Network:
    """The rules that fit, as one ruleset; ``refused`` says of the others why not."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.refused: dict[str, str] = {}
        self.found: dict[str, Found] = {}
        self._ruleset: dict[str, object] = {"boot": {"all": [{"m0_": {KIND: "boot"}}], "pri": 0}}
        self._used: dict[str, set[str]] = {}
        self._load = _Load()
        for name in RESERVED:
            self._name(name, self._load)
        for rule in rules:
            self._admit(rule)

    @property
    def ruleset(self) -> str:
        """Return the ruleset as JSON."""
        return json.dumps(self._ruleset)

    @property
    def kinds(self) -> Iterable[str]:
        """Return the kinds of facts that the network looks at."""
        return self._used.keys()

    def message(self, row: Row) -> dict[str, object]:
        """Return what the network is told of a fact: tagged texts of the attributes that its rules join by."""
        kind = row.fact.kind if row.fact else ""
        told: dict[str, object] = {KIND: kind, ALWAYS: 1}
        for attribute in self._used.get(kind, ()):
            text = tagged(row.values.get(attribute))
            if text is not None:
                told[_property(attribute)] = text
        return told

    def _admit(self, rule: Rule) -> None:
        load = self._load.copy()
        try:
            plans = [_planned(variant, rule) for variant in rule.variants]
            for patterns, _ in plans:
                self._count(patterns, load)
        except _Refused as reason:
            self.refused[rule.id] = str(reason)
            return
        self._load = load
        for place, (patterns, names) in enumerate(plans):
            activation = f"a{len(self.found)}"
            self.found[activation] = Found(rule=rule, place=place, names=names)
            self._ruleset[activation] = {"all": [_shaped(one) for one in patterns], "pri": rule.stratum + 1, "dist": 1}
            for pattern in patterns:
                self._used.setdefault(pattern.kind, set()).update(pattern.attributes)

    def _count(self, patterns: Sequence[_Planned], load: _Load) -> None:
        for place, pattern in enumerate(patterns):
            load.joined[pattern.kind] += place > 0
            if load.joined[pattern.kind] > MAX_JOINED:
                raise _Refused(f"{MAX_JOINED} patterns of {pattern.kind} are joined already")
            texts = [json.dumps(condition, sort_keys=True) for condition in pattern.conditions]
            load.sharers["".join(texts)] += 1
            if load.sharers["".join(texts)] > MAX_SHARERS:
                raise _Refused(f"{MAX_SHARERS} rules share a pattern of {pattern.kind} already")
            for above, below in zip(["", *texts], texts, strict=False):
                load.branches.setdefault(above, set()).add(below)
                if len(load.branches[above]) > MAX_BRANCHES:
                    raise _Refused(f"{MAX_BRANCHES} patterns begin as one of {pattern.kind} does")
            for attribute in pattern.attributes:
                self._name(_property(attribute), load)

    def _name(self, name: str, load: _Load) -> None:
        if load.names.setdefault(fnv(name), name) != name:
            raise _Refused(f"{name!r} and {load.names[fnv(name)]!r} share a hash")


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """One pattern: its conditions in order, and the attributes that they read."""

    alias: str
    kind: str
    conditions: tuple[Condition, ...]
    attributes: frozenset[str]


def _planned(variant: Variant, rule: Rule) -> tuple[list[_Planned], tuple[str, ...]]:
    """Return the patterns of an alternative in an order in which each is joined to one before it by an equality."""
    late = joined_late(variant, rule)
    facts = {one.name: one for one in variant.patterns if isinstance(one, FactPattern) and one not in late}
    if not facts:
        raise _Refused("it begins with no fact")
    if len(facts) > MAX_PATTERNS:
        raise _Refused(f"it has more than {MAX_PATTERNS} patterns")
    joins = list(_equalities(facts))
    order = [next(iter(facts))]
    while len(order) < len(facts):
        following = [
            name for name in facts if name not in order and any(name in join and {*join} & {*order} for join in joins)
        ]
        if not following:
            raise _Refused("its facts are not all joined by equalities")
        order.append(following[0])
    return [_pattern(place, order, facts, joins) for place in range(len(order))], tuple(order)


Join = Mapping[str, str]


def _equalities(facts: Mapping[str, FactPattern]) -> Iterator[Join]:
    """Yield each equality of two patterns, as the attribute that it reads of each."""
    for pattern in facts.values():
        for test in pattern.tests:
            if test.operator == "eq" and test.ref and test.ref.name in facts and test.ref.name != pattern.name:
                other = facts[test.ref.name]
                if _told(pattern, test.attribute) and _told(other, test.ref.attribute):
                    yield {pattern.name: test.attribute, other.name: test.ref.attribute}


def _told(pattern: FactPattern, attribute: str) -> bool:
    """Say whether the network is told of an attribute: not of times, nor of what is captured later."""
    return attribute != "observed_at" and attribute not in pattern.captures


def _pattern(place: int, order: Sequence[str], facts: Mapping[str, FactPattern], joins: Sequence[Join]) -> _Planned:
    pattern = facts[order[place]]
    before = {name: f"m{at}_" for at, name in enumerate(order[:place])}
    conditions: list[Condition] = [{KIND: pattern.kind}]
    attributes: set[str] = set()
    for test in pattern.tests:
        if test.operator == "eq" and test.ref is None and _told(pattern, test.attribute):
            value = None if isinstance(test.value, tuple) else tagged(test.value)
            conditions.append({_property(test.attribute): value or "never"})
            attributes.add(test.attribute)
    for join in joins:
        others = [name for name in join if name != pattern.name]
        if pattern.name not in join:
            continue
        attributes.add(join[pattern.name])
        mine = _property(join[pattern.name])
        if others[0] in before:
            conditions.append({mine: {before[others[0]]: _property(join[others[0]])}})
        else:  # a join on an absent property is an error of the engine
            conditions.append({"$ex": {mine: 1}})
    if place:  # a join that ends with a condition that is false reads beyond its memory
        conditions.append({ALWAYS: {"m0_": ALWAYS}})
    return _Planned(
        alias=f"m{place}_", kind=pattern.kind, conditions=tuple(conditions), attributes=frozenset(attributes)
    )


def _shaped(pattern: _Planned) -> dict[str, object]:
    conditions = list(pattern.conditions)
    return {pattern.alias: conditions[0] if len(conditions) == 1 else {"$and": conditions}}


def _property(attribute: str) -> str:
    return f"p_{attribute}"


def tagged(value: Value) -> str | None:
    """Return a plain text that is equal for equal values and no others; ``None`` for what equals nothing.

    >>> tagged(1) == tagged(1.0), tagged(1) == tagged(True), tagged("1") == tagged(1)
    (True, False, False)
    """
    if isinstance(value, bool):
        return f"b:{value}"
    if isinstance(value, int | float):
        return _number(value)
    if not isinstance(value, str):
        return None
    if len(value) > MAX_TEXT or not value.isascii() or not value.isprintable() or any(one in value for one in "\"'\\"):
        return "h:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"s:{value}"


def _number(value: float) -> str | None:
    if value != value:  # noqa: PLR0124 - NaN equals nothing
        return None
    try:
        same = float(value)
    except OverflowError:
        return f"n:{value}"
    return f"n:{same!r}" if same == value else f"n:{value}"


def fnv(text: str) -> int:
    """Return the 32-bit hash by which durable_rules knows names and ids (its characters are signed)."""
    found = 0x811C9DC5
    for byte in text.encode():
        found = (found ^ (byte if byte < 128 else byte - 256) & 0xFFFFFFFF) * 16777619 & 0xFFFFFFFF  # noqa: PLR2004
    return found
