"""A report in few words, for a model to word again: what was concluded, and which facts say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from sre_orchestrator.core.models import Fact, Hypothesis, Proof, Report, Struct
from sre_orchestrator.core.report import worded

MOST_BYTES = 2200
LONGEST = 160
FACTS = 3
SUREST = 0.99
BREADTHS = (3, 2, 1)


class Statement(Struct, frozen=True, kw_only=True):
    """One thing that facts say; ``facts`` are their short names in the digest."""

    says: str
    facts: tuple[str, ...]


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hypothesis of the digest."""

    title: str
    cause: str
    component: str
    confidence: float
    because: tuple[Statement, ...]
    against: tuple[Statement, ...] = ()
    changed_before: tuple[Statement, ...] = ()

    def statements(self) -> tuple[Statement, ...]:
        """Return all that is said for and against it."""
        return (*self.because, *self.against, *self.changed_before)

    def facts(self) -> frozenset[str]:
        """Return the short names of the facts that it rests on."""
        return frozenset(name for one in self.statements() for name in one.facts)


class Content(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the model is shown, as JSON."""

    incident: str
    verdict: str
    hypotheses: tuple[Told, ...] = ()
    symptoms: tuple[Statement, ...] = ()
    not_seen: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()


class Digest(Struct, frozen=True, kw_only=True):
    """The content, and the fact id of each short name."""

    content: Content
    facts: Mapping[str, str]

    def text(self) -> str:
        """Return the JSON."""
        return msgspec.json.encode(self.content).decode()


def digest_of(report: Report) -> Digest:
    """Return ``report`` in at most about ``MOST_BYTES``: the less likely is left out first."""
    made = [_digest(report, breadth) for breadth in BREADTHS]
    return next((one for one in made if len(one.text().encode()) <= MOST_BYTES), made[-1])


def _digest(report: Report, breadth: int) -> Digest:
    names = _Names()
    hypotheses = tuple(_told(report, one, names, breadth) for one in report.hypotheses[:breadth])
    symptoms = () if hypotheses else tuple(names.observed(report.facts[one]) for one in report.symptoms[: 2 * breadth])
    steps = report.hypotheses[0].remedy[:breadth] if report.hypotheses else ()
    content = Content(
        incident=short(report.incident.description),
        verdict=report.verdict,
        hypotheses=hypotheses,
        symptoms=symptoms,
        not_seen=tuple(short(one.what) for one in report.gaps[:breadth]),
        next_steps=tuple(short(one.text) for one in steps),
    )
    return Digest(content=content, facts={name: fact for fact, name in names.given.items()})


def _told(report: Report, one: Hypothesis, names: _Names, breadth: int) -> Told:
    return Told(
        title=one.title,
        cause=one.cause,
        component=one.component,
        confidence=round(min(one.confidence, SUREST), 2),
        because=tuple(names.proved(one.proof, breadth + 1)),
        against=tuple(names.proved(one.against, breadth)),
        changed_before=tuple(names.observed(report.facts[change]) for change in one.changes[:breadth]),
    )


class _Names:
    """Short names for facts, since ids cost many tokens."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}

    def proved(self, proofs: Sequence[Proof], most: int) -> Iterator[Statement]:
        """Yield one statement for each sentence; replicas that prove the same are one."""
        facts: dict[str, dict[str, None]] = {}
        for proof in proofs:
            facts.setdefault(proof.because, {}).update(dict.fromkeys(proof.facts))
        for because, ids in list(facts.items())[:most]:
            yield Statement(says=short(because), facts=self._of(list(ids)[:FACTS]))

    def observed(self, fact: Fact) -> Statement:
        """Return what was observed, and when."""
        at = f" at {fact.observed_at:%H:%M:%S}" if fact.observed_at else ""
        return Statement(says=short(f"{fact.component}: {worded(fact)}") + at, facts=self._of([fact.id]))

    def _of(self, facts: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.given.setdefault(fact, f"F{len(self.given) + 1}") for fact in facts)


def short(text: str) -> str:
    r"""Return ``text`` on one line, cut where it is long.

    >>> short("a \n b")
    'a b'
    """
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
