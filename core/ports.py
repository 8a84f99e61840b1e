"""What the flow needs from the siblings: the twin, the rule book, the narrator, knowledge."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from sre_orchestrator.core.models import (
    Cause,
    Component,
    Coverage,
    Derivation,
    Edge,
    EdgeKind,
    Fact,
    Gap,
    Hypothesis,
    Question,
    Report,
    Runbook,
    Scope,
    Struct,
)


class Change(Struct, frozen=True, kw_only=True):
    """One change that the twin has seen: a component or edge version that opened or closed."""

    at: datetime
    what: str
    component: str
    text: str


class Record(Struct, frozen=True, kw_only=True):
    """An object as a source keeps it beside the twin, opaque to the twin; empty ``content`` means that it is gone."""

    kind: str
    id: str
    content: bytes = b""


class Position(Struct, frozen=True, kw_only=True):
    """How far a source has read one kind: the version after which to go on (``""``: from the start), and its own notes."""

    kind: str
    version: str
    notes: bytes = b""


class Delta(Struct, frozen=True, kw_only=True):
    """What is different in a cluster since the last delta, to be kept in one transaction.

    ``components`` and ``edges`` are there now, with all their attributes and provenances, whether
    they are new or not. ``whole`` says that nothing else is there; else ``gone`` and
    ``edges_gone`` name what is not.
    """

    components: tuple[Component, ...] = ()
    edges: tuple[Edge, ...] = ()
    gone: tuple[str, ...] = ()
    edges_gone: tuple[Edge, ...] = ()
    whole: bool = False
    records: tuple[Record, ...] = ()
    positions: tuple[Position, ...] = ()


class Twin(Protocol):
    """The component graph of one cluster, with history."""

    def components(self, kind: str = "", namespace: str = "") -> tuple[Component, ...]:
        """Return the present components, sorted by id."""
        ...

    def edges(self, components: Collection[str] | None = None) -> tuple[Edge, ...]:
        """Return the present edges, or those that touch ``components``, sorted."""
        ...

    def neighbours(self, component: str, hops: int = 1) -> tuple[str, ...]:
        """Return the ids within ``hops`` edges in either direction, without ``component``."""
        ...

    def impact(self, component: str, *, direction: Literal["up", "down"] = "up", hops: int = 4) -> tuple[str, ...]:
        """Return what is affected by ``component`` (``up``) or what it depends on (``down``), nearest first."""
        ...

    def changes(self, since: datetime, until: datetime) -> tuple[Change, ...]:
        """Return what changed in the window, oldest first."""
        ...


class Inference(Struct, frozen=True, kw_only=True):
    """What an inference gives: derivations in a total order, gaps when a budget ended it."""

    derivations: tuple[Derivation, ...]
    gaps: tuple[Gap, ...] = ()


class Budget(Struct, frozen=True, kw_only=True):
    """Bounds of one inference; reaching one ends it with a gap."""

    facts: int = 1_000_000
    firings: int = 1_000_000
    seconds: float = 60.0


class Plan(Protocol):
    """A compiled rule book: immutable, shared between threads."""

    digest: str
    causes: Mapping[str, Cause]

    def infer(
        self, facts: Sequence[Fact], edges: Sequence[Edge], coverage: Sequence[Coverage], budget: Budget
    ) -> Inference:
        """Run every rule to the fixpoint; the same facts in any order give the same bytes."""
        ...


class Narrator(Protocol):
    """Words a report; must not add to it."""

    def narrate(self, report: Report) -> str:
        """Return sentences, one a line, each citing fact ids as ``[f…]``."""
        ...


class Around(Struct, frozen=True, kw_only=True):
    """What an incident shows around a hypothesis: alerts that fire, names of components, images that run there.

    ``description`` is that of the incident, for its first hypothesis. Whoever sees the incident may see runbooks of its
    ``namespaces`` (none: of all).
    """

    description: str = ""
    at: datetime
    namespaces: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


class Knowledge(Protocol):
    """Finds the runbook passages, and past incidents, that fit a hypothesis."""

    def advise(self, hypothesis: Hypothesis, around: Around) -> tuple[Runbook, ...]:
        """Return the best passages first; empty when nothing fits well: a wrong runbook is worse than none."""
        ...


class Guide(Protocol):
    """Says what the runbooks of a hypothesis mean now."""

    def guided(
        self, hypothesis: Hypothesis, facts: Mapping[str, Fact], coverage: Sequence[Coverage]
    ) -> tuple[Runbook, ...]:
        """Return the runbooks of ``hypothesis`` with their checks marked and their commands as steps."""
        ...


class Account(Struct, frozen=True, kw_only=True):
    """Whose token it is: the name and groups of a service account or a user."""

    name: str
    groups: tuple[str, ...] = ()


class TokenReview(Protocol):
    """Knows the tokens of a cluster; synchronous, safe to call from several threads."""

    def review(self, token: str, audiences: Sequence[str]) -> Account | None:
        """Return whose token it is if it is valid for one of ``audiences``.

        Raises:
            SreError: it cannot be told; the message holds no token.

        """
        ...


class Progress(Protocol):
    """Is told how an investigation goes; must not raise."""

    def step(self, name: str) -> None:
        """Note that a step of the flow begins."""
        ...

    def agent(self, name: str, state: str) -> None:
        """Note that an agent is ``asked``, ``done`` or ``failed``."""
        ...


__all__ = [
    "Account",
    "Around",
    "Budget",
    "Change",
    "Delta",
    "EdgeKind",
    "Guide",
    "Inference",
    "Knowledge",
    "Narrator",
    "Plan",
    "Position",
    "Progress",
    "Question",
    "Record",
    "Scope",
    "TokenReview",
    "Twin",
]
