"""Puts the report together: verdict, timeline, gaps, and every fact that it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sre_orchestrator.core.gather import Observations
from sre_orchestrator.core.models import Cost, Fact, Hypothesis, Incident, Moment, Report, Verdict, Versions
from sre_orchestrator.core.ports import Inference
from sre_orchestrator.core.proof import facts_of
from sre_orchestrator.core.rank import Ranking
from sre_orchestrator.core.remedy import with_names, with_undo
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import Vocabulary

MAX_MOMENTS = 60


def compose(
    incident: Incident,
    *,
    ranking: Ranking,
    seen: Observations,
    inference: Inference,
    vocabulary: Vocabulary,
    settings: Settings,
    versions: Versions,
    cost: Cost,
) -> Report:
    """Return the report without narrative."""
    facts = {fact.id: fact for fact in seen.facts}
    facts |= {one.derived.id: one.derived for one in inference.derivations if one.derived is not None}
    timeline = tuple(_moments(seen.facts, vocabulary))[-MAX_MOMENTS:]
    return Report(
        incident=incident,
        verdict=verdict(ranking.hypotheses, settings.confidence_floor),
        hypotheses=tuple(with_undo(with_names(one, facts), facts, vocabulary) for one in ranking.hypotheses),
        ruled_out=ranking.ruled_out,
        symptoms=ranking.symptoms,
        timeline=timeline,
        gaps=(*seen.gaps, *inference.gaps),
        facts=_cited(facts, ranking, timeline),
        cost=cost,
        versions=versions,
    )


def verdict(hypotheses: tuple[Hypothesis, ...], floor: float) -> Verdict:
    """Return ``diagnosed`` when the first hypothesis reaches ``floor``."""
    return "diagnosed" if hypotheses and hypotheses[0].confidence >= floor else "unresolved"


def _moments(facts: Iterable[Fact], vocabulary: Vocabulary) -> Iterator[Moment]:
    for fact in sorted((f for f in facts if f.observed_at), key=lambda f: (f.observed_at, f.id)):
        kind = vocabulary.kinds.get(fact.kind)
        if fact.observed_at and kind and (kind.change or kind.symptom):
            yield Moment(
                at=fact.observed_at,
                what="change" if kind.change else "symptom",
                component=fact.component,
                text=worded(fact),
                fact=fact.id,
            )


def worded(fact: Fact) -> str:
    """Return the observation in one line: kind and attributes."""
    values = ", ".join(f"{name}={value}" for name, value in fact.attributes.items())
    return f"{fact.kind} {values}".strip()


def _cited(facts: Mapping[str, Fact], ranking: Ranking, timeline: Iterable[Moment]) -> dict[str, Fact]:
    ids = {moment.fact for moment in timeline} | set(ranking.symptoms)
    for hypothesis in (*ranking.hypotheses, *ranking.ruled_out):
        ids |= {*hypothesis.explains, *hypothesis.changes}
        ids |= {fact for runbook in hypothesis.runbooks for check in runbook.checks for fact in check.facts}
        ids |= set(facts_of((*hypothesis.proof, *hypothesis.against)))
    return {fact: facts[fact] for fact in sorted(ids)}
