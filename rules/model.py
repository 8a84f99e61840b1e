"""A checked rule: what the reader produces, the cache stores and the engine runs."""

from __future__ import annotations

from typing import Literal

from sre_orchestrator.core.models import EdgeKind, Scalar, Strength, Struct

Operator = Literal[
    "eq", "not", "gt", "gte", "lt", "lte", "in", "matches", "contains", "exists", "before", "after", "within_seconds"
]
Status = Literal["experimental", "stable", "deprecated"]


class Ref(Struct, frozen=True, kw_only=True):
    """``name.attribute`` of another pattern of the rule."""

    name: str
    attribute: str


class Test(Struct, frozen=True, kw_only=True):
    """One condition on one attribute: compared with ``value`` or, when set, with ``ref``."""

    attribute: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...] | None = None
    ref: Ref | None = None


class FactPattern(Struct, frozen=True, kw_only=True, tag="fact"):
    """Facts of one kind that pass every test; ``captures`` are the named groups of its ``matches``."""

    name: str
    kind: str
    tests: tuple[Test, ...] = ()
    captures: tuple[str, ...] = ()


class End(Struct, frozen=True, kw_only=True):
    """One end of an edge pattern: a component, a reference, or open (both unset)."""

    component: str = ""
    ref: Ref | None = None


class EdgePattern(Struct, frozen=True, kw_only=True, tag="edge"):
    """A path of ``edge`` edges, one to ``within`` hops; binds ``name.from``, ``name.to``, ``name.hops``."""

    name: str
    edge: EdgeKind
    source: End = End()
    target: End = End()
    within: int = 1


Pattern = FactPattern | EdgePattern


class Count(Struct, frozen=True, kw_only=True):
    """How many facts (or distinct values) match ``of``, by group; binds ``name.count`` and the group's attributes."""

    name: str
    of: FactPattern
    by: tuple[str, ...] = ()
    distinct: str = ""
    tests: tuple[Test, ...] = ()


class Conclude(Struct, frozen=True, kw_only=True, tag="conclude"):
    """Says something about a cause; texts are templates."""

    cause: str
    component: str
    polarity: Literal["for", "against"] = "for"
    strength: Strength
    because: str
    explains: tuple[str, ...] = ()


class Derive(Struct, frozen=True, kw_only=True, tag="derive"):
    """Asserts an intermediate fact; attribute values are scalars or templates."""

    kind: str
    component: str
    attributes: dict[str, Scalar] = {}


class Variant(Struct, frozen=True, kw_only=True):
    """The positive part of a rule for one alternative of ``any``."""

    patterns: tuple[Pattern, ...]


class Rule(Struct, frozen=True, kw_only=True):
    """One rule; ``variants`` is ``all`` joined with each alternative of ``any``."""

    id: str
    title: str
    status: Status
    why: str
    references: tuple[str, ...] = ()
    path: str = ""
    variants: tuple[Variant, ...]
    counts: tuple[Count, ...] = ()
    none: tuple[tuple[Pattern, ...], ...] = ()
    then: tuple[Conclude | Derive, ...]
    stratum: int = 0


class CaseFact(Struct, frozen=True, kw_only=True):
    """A fact of an embedded test."""

    kind: str
    component: str
    observed_at: str = ""
    attributes: dict[str, Scalar] = {}


class Case(Struct, frozen=True, kw_only=True):
    """An embedded test: these facts give exactly these causes, derived kinds and undecided kinds.

    ``expect`` entries are ``cause`` or ``cause @ component``; against-conclusions are ``-cause``.
    """

    name: str
    facts: tuple[CaseFact, ...] = ()
    edges: tuple[tuple[str, EdgeKind, str], ...] = ()
    coverage: tuple[tuple[str, str], ...] = ()
    expect: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    derives: tuple[str, ...] = ()
    line: int = 0
