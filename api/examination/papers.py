"""The papers of an examination: texts to read, questions to choose from, reports to narrate; own-written, shipped with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Literal, TypeVar

from sre_orchestrator.api.examination.marks import Step
from sre_orchestrator.core.documents import read_yaml
from sre_orchestrator.core.facts import fact_id
from sre_orchestrator.core.identity import namespace_of
from sre_orchestrator.core.models import (
    Cause,
    Fact,
    Hypothesis,
    Incident,
    Missing,
    Proof,
    Question,
    Report,
    Scalar,
    Struct,
    Versions,
)
from sre_orchestrator.core.rank import Ranking
from sre_orchestrator.core.report import verdict
from sre_orchestrator.core.settings import Settings

AT = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
CONFIDENCES = (0.55, 0.5)
T = TypeVar("T")


class Text(Struct, frozen=True, kw_only=True):
    """What a person reported; ``agents`` are those of which one should be asked first."""

    id: str
    language: str
    world: str
    text: str
    components: frozenset[str]
    symptoms: frozenset[Literal["restarts", "unavailable", "errors", "slow"]]
    agents: frozenset[str]

    def incident(self) -> Incident:
        """Return it as an incident."""
        return Incident(id=f"i-{self.id}", description=self.text, at=AT, namespace="")


class Texts(Struct, frozen=True, kw_only=True):
    """All texts, and what exists in each world."""

    worlds: dict[str, tuple[str, ...]]
    texts: tuple[Text, ...]


class _Possible(Struct, frozen=True, kw_only=True):
    cause: str
    component: str
    because: str


class _Open(Struct, frozen=True, kw_only=True):
    kind: str
    component: str
    text: str
    right: bool = False


class _QuestionSet(Struct, frozen=True, kw_only=True):
    hypotheses: tuple[_Possible, ...]
    questions: tuple[_Open, ...]


class Choice(Struct, frozen=True, kw_only=True):
    """Close hypotheses, the questions that are open, and those of them that tell the hypotheses apart."""

    ranking: Ranking
    questions: tuple[Question, ...]
    right: tuple[Question, ...]


class _Observed(Struct, frozen=True, kw_only=True):
    kind: str
    component: str
    minutes: int | None = None
    attributes: dict[str, Scalar] = {}


class _Because(Struct, frozen=True, kw_only=True):
    says: str
    facts: tuple[str, ...]


class _Concluded(Struct, frozen=True, kw_only=True):
    cause: str
    component: str
    confidence: float
    because: tuple[_Because, ...]
    changes: tuple[str, ...] = ()


class _Case(Struct, frozen=True, kw_only=True):
    question: str
    language: str
    facts: dict[str, _Observed]
    hypotheses: tuple[_Concluded, ...] = ()
    symptoms: tuple[str, ...] = ()


class Papers(Struct, frozen=True, kw_only=True):
    """All that a model is examined with."""

    texts: Texts
    choices: tuple[Choice, ...]
    reports: tuple[Report, ...]

    def count(self, step: Step) -> int:
        """Return how many papers there are of a step."""
        return len({"read": self.texts.texts, "ask": self.choices, "narrate": self.reports}[step])

    def some(self, most: int) -> Papers:
        """Return at most ``most`` papers of each step, from all parts of it."""
        return Papers(
            texts=Texts(worlds=self.texts.worlds, texts=_spread(self.texts.texts, most)),
            choices=_spread(self.choices, most),
            reports=_spread(self.reports, most),
        )


def papers_in(causes: Mapping[str, Cause]) -> Papers:
    """Return all papers; ``causes`` are the catalogue."""
    cases = _read("reports", tuple[_Case, ...])
    return Papers(
        texts=_read("texts", Texts),
        choices=tuple(_choice(one, causes) for one in _read("questions", tuple[_QuestionSet, ...])),
        reports=tuple(_report(one, causes, number) for number, one in enumerate(cases)),
    )


def _spread(papers: tuple[T, ...], most: int) -> tuple[T, ...]:
    count = min(most, len(papers))
    return tuple(papers[number * len(papers) // count] for number in range(count))


def _read(name: str, kind: type[T]) -> T:
    return read_yaml((files("sre_orchestrator.api.examination") / f"{name}.yaml").read_bytes(), kind)


def _choice(paper: _QuestionSet, causes: Mapping[str, Cause]) -> Choice:
    questions = [
        (Question(kind=one.kind, component=one.component, text=one.text), one.right) for one in paper.questions
    ]
    missing = tuple(Missing(kind=one.kind, component=one.component, condition=one.text) for one in paper.questions)
    hypotheses = tuple(
        Hypothesis(
            cause=one.cause,
            component=one.component,
            title=causes[one.cause].title,
            category=causes[one.cause].category,
            confidence=confidence,
            because=one.because,
            missing=missing,
        )
        for one, confidence in zip(paper.hypotheses, CONFIDENCES, strict=True)
    )
    return Choice(
        ranking=Ranking(hypotheses=hypotheses),
        questions=tuple(question for question, _ in questions),
        right=tuple(question for question, right in questions if right),
    )


def _report(case: _Case, causes: Mapping[str, Cause], number: int) -> Report:
    facts = {name: _fact(one) for name, one in case.facts.items()}
    hypotheses = tuple(_hypothesis(one, causes[one.cause], facts) for one in case.hypotheses)
    namespace = next((one for one in (namespace_of(fact.component) for fact in facts.values()) if one), "")
    return Report(
        incident=Incident(id=f"i-report-{number}", description=case.question, at=AT, namespace=namespace),
        verdict=verdict(hypotheses, Settings().confidence_floor),
        hypotheses=hypotheses,
        symptoms=tuple(facts[name].id for name in case.symptoms),
        facts={fact.id: fact for fact in facts.values()},
        versions=Versions(program="", rule_book=""),
    )


def _fact(one: _Observed) -> Fact:
    at = None if one.minutes is None else AT - timedelta(minutes=one.minutes)
    return Fact(
        id=fact_id("", one.kind, one.component, one.attributes),
        kind=one.kind,
        component=one.component,
        attributes=one.attributes,
        observed_at=at,
        agent="examination",
    )


def _hypothesis(one: _Concluded, cause: Cause, facts: Mapping[str, Fact]) -> Hypothesis:
    return Hypothesis(
        cause=one.cause,
        component=one.component,
        title=cause.title,
        category=cause.category,
        confidence=one.confidence,
        because=one.because[0].says,
        proof=tuple(_proof(because, facts) for because in one.because),
        changes=tuple(facts[name].id for name in one.changes),
        remedy=cause.remedy,
    )


def _proof(one: _Because, facts: Mapping[str, Fact]) -> Proof:
    ids = tuple(facts[name].id for name in one.facts)
    return Proof(rule="", title="", because=one.says, polarity="for", strength="strong", facts=ids)
