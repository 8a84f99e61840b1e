"""The nouns of a diagnosis: plain frozen data, no behaviour, no I/O."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Scalar = str | int | float | bool
Strength = Literal["weak", "moderate", "strong"]
Verdict = Literal["diagnosed", "unresolved"]
EdgeKind = Literal[
    "owns",
    "selects",
    "routes_to",
    "runs_on",
    "mounts",
    "binds",
    "uses_config",
    "uses_secret",
    "uses_account",
    "scales",
    "limits",
    "belongs_to_release",
    "depends_on",
]


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Base of every value that crosses a package boundary; frozen values make no cycles for the collector to look for."""


class Component(Struct, frozen=True, kw_only=True):
    """A thing in the twin; ``id`` is ``kind/namespace/name`` (core.identity)."""

    id: str
    attributes: dict[str, Scalar] = {}
    since: datetime | None = None


class Edge(Struct, frozen=True, kw_only=True):
    """A relation in the twin, read ``source kind target`` (a pod ``runs_on`` a node, a caller ``depends_on`` a callee)."""

    source: str
    kind: EdgeKind
    target: str
    provenance: str = ""
    since: datetime | None = None


class Incident(Struct, frozen=True, kw_only=True):
    """What a person, an alert or a failing user flow reported."""

    id: str
    description: str
    at: datetime
    namespace: str = ""
    cluster: str = ""
    labels: dict[str, str] = {}

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Return the namespaces that ``namespace`` names, separated by commas; none where it names none."""
        return tuple(filter(None, (one.strip() for one in self.namespace.split(","))))


class Question(Struct, frozen=True, kw_only=True):
    """One enumerated thing to look at next: facts of ``kind`` about ``component``."""

    kind: str
    component: str = ""
    text: str = ""
    command: str = ""
    agents: tuple[str, ...] = ()


class Scope(Struct, frozen=True, kw_only=True):
    """Where to look: namespaces, the components in focus, a time window, agents in order.

    ``components`` are those that the incident names or implies (may be empty: everything in the
    namespaces). ``symptoms`` are the symptom classes that its words imply (``restarts``,
    ``unavailable``, ``errors``, ``slow``). ``questions`` is empty in the first round.
    """

    incident: Incident
    namespaces: tuple[str, ...]
    components: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    since: datetime
    until: datetime
    agents: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()


class Fact(Struct, frozen=True, kw_only=True):
    """One observation about one component; make it with ``core.facts.Observer``.

    ``id`` hashes cluster, kind, component and attributes: the same observation is one fact.
    """

    id: str
    kind: str
    component: str
    attributes: dict[str, Scalar] = {}
    observed_at: datetime | None = None
    agent: str
    query: str = ""
    cluster: str = ""


class Coverage(Struct, frozen=True, kw_only=True):
    """An agent read every fact of ``kind`` in ``scope``: ``*``, ``namespace/NAME`` or a component id."""

    kind: str
    scope: str


class Gap(Struct, frozen=True, kw_only=True):
    """What could not be seen, why, and the least permission or setting that would show it."""

    agent: str
    what: str
    why: str
    remedy: str = ""


class Missing(Struct, frozen=True, kw_only=True):
    """A condition of a rule that could not be decided, because nobody read that kind there."""

    kind: str
    component: str = ""
    condition: str


class Conclusion(Struct, frozen=True, kw_only=True):
    """What a rule says about a cause."""

    cause: str
    component: str
    polarity: Literal["for", "against"] = "for"
    strength: Strength


class Derivation(Struct, frozen=True, kw_only=True):
    """One firing of one rule: what was bound, what it concluded, what stayed undecided.

    Exactly one of ``conclusion`` and ``derived`` is set. ``bound`` maps each name of the rule to
    fact ids (several for ``count``); ``absent`` words the ``none`` conditions that hold.
    """

    rule: str
    title: str = ""
    bound: dict[str, tuple[str, ...]]
    edges: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    conclusion: Conclusion | None = None
    derived: Fact | None = None
    because: str = ""
    explains: tuple[str, ...] = ()


class Propagation(Struct, frozen=True, kw_only=True):
    """How symptoms of a cause travel: along ``edge``, ``up`` (against the arrow: to callers, owners) or ``down``, at most ``hops``."""

    edge: EdgeKind
    direction: Literal["up", "down"]
    hops: int = 1


class Step(Struct, frozen=True, kw_only=True):
    """One remedy step; ``command`` is text for a person, never executed."""

    text: str
    command: str = ""


class Cause(Struct, frozen=True, kw_only=True):
    """An entry of the cause catalogue (``rules/causes/``).

    ``blamed_on`` names the object that a report names: ``workload`` climbs ``owns`` to the top,
    the others take the component as the rule gives it. ``symptoms`` are the symptom classes that
    this cause typically shows. ``confused_with`` lists the look-alikes that its rules tell apart.
    ``consequence`` marks what a fault elsewhere looks like from here: its symptoms stay the origin's.
    """

    id: str
    title: str
    category: str
    blamed_on: Literal["workload", "namespace", "node", "service", "claim", "component"]
    about: str = ""
    symptoms: tuple[str, ...] = ()
    propagates: tuple[Propagation, ...] = ()
    confused_with: tuple[str, ...] = ()
    consequence: bool = False
    remedy: tuple[Step, ...] = ()
    references: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class Proof(Struct, frozen=True, kw_only=True):
    """One node of a proof tree: a rule, the facts it bound, and the proofs of derived facts."""

    rule: str
    title: str
    because: str
    polarity: Literal["for", "against"]
    strength: Strength | None = None
    facts: tuple[str, ...]
    edges: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    children: tuple[Proof, ...] = ()


class Check(Struct, frozen=True, kw_only=True):
    """A condition of a runbook and whether it holds: ``unknown`` where nobody read what it looks at.

    ``facts`` are those that it found; of a condition that nothing may meet, they violate it.
    """

    label: str
    state: Literal["satisfied", "violated", "unknown"]
    facts: tuple[str, ...] = ()
    why: str = ""


class Runbook(Struct, frozen=True, kw_only=True):
    """A passage of a runbook or of a past incident (``past``) that fits a hypothesis.

    ``by`` says what it was found by; a document is ``stale`` when it was last reviewed too long ago. ``checks`` and
    ``steps`` are those of the passage: conditions as they are now, commands with what the incident names.
    """

    title: str
    headings: tuple[str, ...] = ()
    passage: str
    address: str
    by: tuple[Literal["alert", "cause", "component", "image", "words", "meaning"], ...] = ()
    stale: bool = False
    past: bool = False
    checks: tuple[Check, ...] = ()
    steps: tuple[Step, ...] = ()


class Hypothesis(Struct, frozen=True, kw_only=True):
    """A possible cause on a component, with everything that speaks for and against it.

    ``terms`` are the log odds that add up to ``confidence`` (``core.weigh``).
    """

    cause: str
    component: str
    title: str
    category: str
    confidence: float
    terms: dict[str, float] = {}
    because: str
    proof: tuple[Proof, ...] = ()
    explains: tuple[str, ...] = ()
    explained_by: str = ""
    against: tuple[Proof, ...] = ()
    missing: tuple[Missing, ...] = ()
    changes: tuple[str, ...] = ()
    next_question: Question | None = None
    remedy: tuple[Step, ...] = ()
    runbooks: tuple[Runbook, ...] = ()


class Moment(Struct, frozen=True, kw_only=True):
    """One line of the timeline: a change or the first sight of a symptom."""

    at: datetime
    what: Literal["change", "symptom"]
    component: str
    text: str
    fact: str


class ModelUse(Struct, frozen=True, kw_only=True):
    """What a model cost in one step of an incident, and why calls of it were not used.

    Tokens are as the model counts them; some are ``estimated`` where it does not, or where it gave no answer.
    ``masked`` is how often each kind of thing (``names``, ``addresses``, ``secrets``, …) was hidden from it.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    elapsed_ms: int = 0
    failures: tuple[str, ...] = ()
    masked: dict[str, int] = {}

    def plus(self, other: ModelUse) -> ModelUse:
        """Return both together."""
        return ModelUse(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            estimated=self.estimated or other.estimated,
            elapsed_ms=self.elapsed_ms + other.elapsed_ms,
            failures=(*self.failures, *other.failures),
            masked={
                kind: self.masked.get(kind, 0) + other.masked.get(kind, 0)
                for kind in sorted(self.masked | other.masked)
            },
        )


class Cost(Struct, frozen=True, kw_only=True):
    """What the investigation cost; ``elapsed_ms`` is wall time in milliseconds, ``model`` is by step."""

    llm_calls: int = 0
    tokens: int = 0
    elapsed_ms: int = 0
    agents_ms: dict[str, int] = {}
    model: dict[str, ModelUse] = {}


class Versions(Struct, frozen=True, kw_only=True):
    """What made the report: program, hash of the rule book, model if any."""

    program: str
    rule_book: str
    model: str = ""


class Suggestion(Struct, frozen=True, kw_only=True):
    """A cause of the catalogue that a model thinks possible; nothing proves it."""

    cause: str
    component: str
    title: str
    why: str = ""


class Said(Struct, frozen=True, kw_only=True):
    """What was used of a model's answers, kept so that a replay needs no model.

    ``components``, ``symptoms`` and ``agents`` are how it read the incident; ``asked`` are the questions that it put first.
    """

    components: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    asked: tuple[Question, ...] = ()


class Report(Struct, frozen=True, kw_only=True):
    """The answer to one incident; its JSON Schema is published in the docs.

    ``facts`` holds every fact that the report refers to by id.
    """

    incident: Incident
    verdict: Verdict
    hypotheses: tuple[Hypothesis, ...] = ()
    ruled_out: tuple[Hypothesis, ...] = ()
    symptoms: tuple[str, ...] = ()
    timeline: tuple[Moment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    facts: dict[str, Fact] = {}
    narrative: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    cost: Cost = msgspec.field(default_factory=Cost)
    versions: Versions
