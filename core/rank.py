"""Turns derivations into ranked hypotheses; ``docs/explanation/ranking.md`` tells the reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sre_orchestrator.core.models import (
    Cause,
    Derivation,
    Edge,
    Fact,
    Hypothesis,
    Missing,
    Question,
    Scope,
    Struct,
)
from sre_orchestrator.core.proof import Proofs
from sre_orchestrator.core.reach import Graph, blamed
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import Vocabulary
from sre_orchestrator.core.weigh import (
    CHANGE_ALONE,
    CHANGED,
    EXPLAINED_STRONG,
    EXPLAINED_WEAK,
    MAX_UNDECIDED,
    NAMED,
    PRIOR,
    UNDECIDED,
    WEIGHT,
    WORDS,
    Evidence,
    combined,
    confidence,
    coverage_term,
)

CHANGES = "change"
NEVER = datetime.max.replace(tzinfo=UTC)


class Ranking(Struct, frozen=True, kw_only=True):
    """Hypotheses in order, those that the facts speak against, and the symptom facts of the scope."""

    hypotheses: tuple[Hypothesis, ...]
    ruled_out: tuple[Hypothesis, ...] = ()
    symptoms: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Candidate:
    """A (cause, component) while its evidence is being added up."""

    cause: Cause
    component: str
    supports: list[Derivation] = field(default_factory=list)
    opposes: list[Derivation] = field(default_factory=list)
    explains: frozenset[str] = frozenset()
    reach: Mapping[str, int] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    terms: dict[str, float] = field(default_factory=dict)
    explained_by: str = ""

    @property
    def key(self) -> str:
        """Name the candidate: cause at component."""
        return f"{self.cause.id} at {self.component}"

    @property
    def log_odds(self) -> float:
        """Return the sum of the terms."""
        return sum(self.terms.values())

    @property
    def strong(self) -> bool:
        """Say whether a strong rule proves it."""
        return any(one.conclusion is not None and one.conclusion.strength == "strong" for one in self.supports)


def rank(
    scope: Scope,
    *,
    facts: Sequence[Fact],
    derivations: Sequence[Derivation],
    edges: Sequence[Edge],
    causes: Mapping[str, Cause],
    vocabulary: Vocabulary,
    settings: Settings,
) -> Ranking:
    """Return the hypotheses in a total order: the same derivations give the same bytes.

    Derivations are merged by (cause, blamed component); distinct facts count once; explained
    symptoms raise, contradictions and undecided conditions lower; what another hypothesis further
    upstream explains moves below it.
    """
    graph, proofs = Graph(edges), Proofs(derivations)
    symptoms = {fact.id: fact for fact in facts if _symptom(fact, vocabulary)}
    changes = [fact for fact in facts if _is_change(fact, vocabulary)]
    candidates = _candidates(derivations, causes, graph)
    for candidate in candidates:
        _weigh(candidate, scope, symptoms, changes, graph, proofs, vocabulary)
    _explain_away(candidates)
    _leave_to_others(candidates, symptoms)
    ordered = sorted(candidates, key=_order)
    hypotheses = [_hypothesis(candidate, proofs) for candidate in ordered]
    return Ranking(
        hypotheses=tuple(h for h, c in zip(hypotheses, ordered, strict=True) if not _refuted(c, h, settings)),
        ruled_out=tuple(h for h, c in zip(hypotheses, ordered, strict=True) if _refuted(c, h, settings)),
        symptoms=tuple(sorted(symptoms, key=lambda fact: (symptoms[fact].observed_at or NEVER, fact))),
    )


def _symptom(fact: Fact, vocabulary: Vocabulary) -> str | None:
    kind = vocabulary.kinds.get(fact.kind)
    return kind.symptom if kind else None


def _is_change(fact: Fact, vocabulary: Vocabulary) -> bool:
    kind = vocabulary.kinds.get(fact.kind)
    return bool(kind and kind.change and fact.observed_at)


def _candidates(derivations: Sequence[Derivation], causes: Mapping[str, Cause], graph: Graph) -> list[Candidate]:
    found: dict[tuple[str, str], Candidate] = {}
    for derivation in derivations:
        conclusion = derivation.conclusion
        if conclusion is None:
            continue
        cause = causes[conclusion.cause]
        component = blamed(cause, conclusion.component, graph)
        candidate = found.setdefault((cause.id, component), Candidate(cause=cause, component=component))
        (candidate.supports if conclusion.polarity == "for" else candidate.opposes).append(derivation)
    return [candidate for candidate in found.values() if candidate.supports]


def _weigh(
    candidate: Candidate,
    scope: Scope,
    symptoms: Mapping[str, Fact],
    changes: Sequence[Fact],
    graph: Graph,
    proofs: Proofs,
    vocabulary: Vocabulary,
) -> None:
    candidate.reach = _reach(candidate, graph)
    named = {fact for one in candidate.supports for fact in one.explains}
    candidate.explains = frozenset(
        {fact for fact, symptom in symptoms.items() if symptom.component in candidate.reach} | (named & symptoms.keys())
    )
    candidate.changes = _changes_before(candidate, symptoms, changes, scope, graph)
    undecided = {missing for one in candidate.supports for missing in one.missing}
    candidate.terms = {
        "prior": PRIOR,
        "for": combined(_evidence(candidate.supports, proofs)),
        "against": -combined(_evidence(candidate.opposes, proofs)),
        "symptoms": coverage_term(candidate.explains, symptoms.keys()),
        "named": NAMED * bool(set(scope.components) & candidate.reach.keys()),
        "words": WORDS * bool(set(scope.symptoms) & _classes(candidate, symptoms, vocabulary)),
        "changed": CHANGED * bool(candidate.changes),
        "undecided": -min(UNDECIDED * len(undecided), MAX_UNDECIDED),
    }
    if candidate.cause.category == CHANGES:
        candidate.terms["change alone"] = min(0.0, CHANGE_ALONE - candidate.log_odds)


def _reach(candidate: Candidate, graph: Graph) -> dict[str, int]:
    """Return where the cause shows: from what is blamed, and from where the rules saw it, as no edge leaves a namespace."""
    reach = dict(graph.reach(candidate.cause, candidate.component))
    for seen in {one.conclusion.component: None for one in candidate.supports if one.conclusion is not None}:
        for place, hops in graph.reach(candidate.cause, seen).items():
            reach.setdefault(place, hops + 1)
    return reach


def _classes(candidate: Candidate, symptoms: Mapping[str, Fact], vocabulary: Vocabulary) -> set[str]:
    """Return the symptom classes that the cause shows: as declared, else as explained here."""
    if candidate.cause.symptoms:
        return set(candidate.cause.symptoms)
    return {_symptom(symptoms[fact], vocabulary) or "" for fact in candidate.explains}


def _evidence(derivations: Sequence[Derivation], proofs: Proofs) -> list[Evidence]:
    return [
        Evidence(strength=one.conclusion.strength, facts=proofs.base(one))
        for one in derivations
        if one.conclusion is not None
    ]


def _changes_before(
    candidate: Candidate, symptoms: Mapping[str, Fact], changes: Sequence[Fact], scope: Scope, graph: Graph
) -> tuple[str, ...]:
    """Return the changes of the blamed object and of its release, from the window's start to its first symptom, latest first."""
    begun = min((at for fact in candidate.explains if (at := symptoms[fact].observed_at)), default=scope.until)
    near = {component for component, hops in candidate.reach.items() if hops == 0}
    near |= {release for one in near for release in graph.step("belongs_to_release", one, "down")}
    fitting = [
        (fact.observed_at, fact.id)
        for fact in changes
        if fact.component in near and fact.observed_at and scope.since <= fact.observed_at <= begun
    ]
    return tuple(fact for _, fact in sorted(fitting, reverse=True))


def _explain_away(candidates: Sequence[Candidate]) -> None:
    """Lower what a likelier hypothesis at another component, further upstream, accounts for."""
    by_likelihood = sorted(candidates, key=_order)
    for effect in candidates:
        for origin in by_likelihood:
            if origin.log_odds < effect.log_odds - (EXPLAINED_STRONG if effect.strong else EXPLAINED_WEAK):
                break
            if _accounts_for(origin, effect):
                effect.explained_by = origin.key
                break
    for effect in candidates:
        if effect.explained_by:
            effect.terms["explained"] = -(EXPLAINED_STRONG if effect.strong else EXPLAINED_WEAK)


def _leave_to_others(candidates: Sequence[Candidate], symptoms: Mapping[str, Fact]) -> None:
    """Take from what a candidate explains the symptoms of a component that has a proved cause of its own."""
    owners: dict[str, set[str]] = defaultdict(set)
    for one in candidates:
        for fact in one.explains if one.strong and not one.cause.consequence else ():
            if one.reach.get(symptoms[fact].component) == 0:
                owners[fact].add(one.key)
    for one in candidates:
        one.explains = frozenset(fact for fact in one.explains if fact not in owners or one.key in owners[fact])


def _accounts_for(origin: Candidate, effect: Candidate) -> bool:
    """Say whether ``effect`` lies downstream of ``origin`` and shows nothing that it does not explain."""
    return (
        origin.component != effect.component
        and origin.reach.get(effect.component, 0) > 0
        and origin.component not in effect.reach
        and effect.explains <= origin.explains
    )


def _order(candidate: Candidate) -> tuple[float, bool, int, int, str, str]:
    return (
        -round(candidate.log_odds, 6),
        bool(candidate.explained_by),
        -len(candidate.explains),
        -len(candidate.supports),
        candidate.cause.id,
        candidate.component,
    )


def _refuted(candidate: Candidate, hypothesis: Hypothesis, settings: Settings) -> bool:
    return bool(candidate.opposes) and hypothesis.confidence < settings.confidence_floor / 2


def _hypothesis(candidate: Candidate, proofs: Proofs) -> Hypothesis:
    supports = sorted(
        candidate.supports, key=lambda one: (_strength_order(one), one.rule, sorted(one.bound.items()), one.because)
    )
    missing = tuple(
        sorted({m for one in supports for m in one.missing}, key=lambda m: (m.kind, m.component, m.condition))
    )
    cause = candidate.cause
    return Hypothesis(
        cause=cause.id,
        component=candidate.component,
        title=cause.title,
        category=cause.category,
        confidence=confidence(candidate.log_odds),
        terms={name: round(term, 4) for name, term in candidate.terms.items() if term},
        because=supports[0].because,
        proof=tuple(proofs.tree(one) for one in supports),
        explains=tuple(sorted(candidate.explains)),
        explained_by=candidate.explained_by,
        against=tuple(proofs.tree(one) for one in sorted(candidate.opposes, key=lambda one: (one.rule, one.because))),
        missing=missing,
        changes=candidate.changes,
        next_question=_question(missing, candidate.component),
        remedy=cause.remedy,
    )


def _question(missing: Sequence[Missing], component: str) -> Question | None:
    if not missing:
        return None
    first = missing[0]
    return Question(kind=first.kind, component=first.component or component, text=first.condition)


def _strength_order(derivation: Derivation) -> float:
    return -WEIGHT[derivation.conclusion.strength] if derivation.conclusion else 0.0
