"""Proposes which causes of the catalogue a runbook or an alert is about, by the words that they share; a person confirms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import mul

import msgspec

from sre_orchestrator.core.language.ports import Embedder
from sre_orchestrator.core.models import Cause, Struct
from sre_orchestrator.plugins.knowledge.keywords import query_words, spoken
from sre_orchestrator.plugins.knowledge.words import stems

MOST = 3
LEAST = 0.35  # cosine; how often it is right: docs/how-to/rules-in-runbooks.md
MOSTLY = 0.66  # of the words of a cause's id
NEAR = 0.7  # of the best score
SAID = 300  # characters of which the meaning is compared
MEANT = 0.3  # cosine of embeddings
HEAD, BODY = 3.0, 1.0
# Said in every runbook and of every cause.
COMMON = frozenset(
    stems(
        "alert alerting kube kubernetes openshift cluster operator pod pods container containers fires firing triggers"
        " triggered issue service services application applications namespace not missing than more its is are has"
        " have need needs can cannot with without from that which when where while for the of in on to and or no error errors"
        " fail failed fails failing failure failures high low too wrong down up node nodes component workload state"
        " exceed exceeded exceeds denied denies unhealthy exhausted full insufficient missing degraded"
    )
)


class Proposal(Struct, frozen=True, kw_only=True):
    """A cause that a text may be about: how like they are (0 to 1), and the words that they share, most telling first."""

    cause: str
    score: float
    words: tuple[str, ...]


class Proposer:
    """Knows the words of all causes; ``texts`` are further words of a cause, those of its rules.

    With an ``embedder``, what shares words but means something else is not proposed. (What means the same without a
    shared word is not either: of 45 public runbooks nearest to a cause by meaning, about a third were about it.)
    """

    def __init__(
        self, causes: Mapping[str, Cause], texts: Mapping[str, Sequence[str]], embedder: Embedder | None = None
    ) -> None:
        self._embedder = embedder
        self._about = {name: f"{cause.title}. {cause.about}"[:SAID] for name, cause in causes.items()}
        self._meant: dict[str, Sequence[float]] = {}
        heads = {name: _counted(_head(cause)) for name, cause in causes.items()}
        bodies = {name: _counted(" ".join((cause.about, *texts.get(name, ())))) for name, cause in causes.items()}
        known = {name: heads[name].keys() | bodies[name].keys() for name in causes}
        seen = Counter(word for words in known.values() for word in words)
        self._weight = {word: math.log(1 + len(known) / number) for word, number in seen.items()}
        self._ids = {name: _counted(name.replace("-", " ")) for name in causes}
        self._causes = {name: self._vector(heads[name], bodies[name]) for name in causes}

    def propose(self, head: str, body: str) -> tuple[Proposal, ...]:
        """Return the causes that a text is about, likest first, at most three.

        ``head`` is what it is called (the name and summary of an alert, a title), of which a cause must share a word that
        tells something.
        """
        called, said = _counted(head), _counted(body)
        mine = self._vector(called, said)
        found = []
        for cause, theirs in self._causes.items():
            shared = mine.keys() & theirs.keys()
            if not self._agree(cause, called, said):
                continue
            score = sum(mine[word] * theirs[word] for word in shared)
            if score >= LEAST:
                words = sorted(shared, key=lambda word: (-mine[word] * theirs[word], word))
                found.append(Proposal(cause=cause, score=round(score, 2), words=tuple(words[:5])))
        found = self._meaning(found, f"{head}. {body}"[:SAID])
        found.sort(key=lambda one: (-one.score, one.cause))
        return tuple(one for one in found if one.score >= NEAR * found[0].score)[:MOST]

    def _meaning(self, found: list[Proposal], text: str) -> list[Proposal]:
        """Return those that also mean what ``text`` does, each with the mean of both scores."""
        if self._embedder is None or not found:
            return found
        (mine,) = self._embedder.embed([spoken(text)])
        new = [one.cause for one in found if one.cause not in self._meant]
        if new:
            self._meant |= zip(new, self._embedder.embed([self._about[one] for one in new]), strict=True)
        alike = {one.cause: sum(map(mul, mine, self._meant[one.cause])) for one in found}
        return [
            msgspec.structs.replace(one, score=round((one.score + alike[one.cause]) / 2, 2))
            for one in found
            if alike[one.cause] >= MEANT
        ]

    def _agree(self, cause: str, called: Counter[str], said: Counter[str]) -> bool:
        """Say whether a text says most of what the id of a cause says, and is called by some of it."""
        own = self._ids[cause].keys()
        there = own & (called.keys() | said.keys())
        return bool(own & called.keys()) and len(there) >= MOSTLY * len(own)

    def _vector(self, head: Counter[str], body: Counter[str]) -> dict[str, float]:
        """Return a vector of unit length."""
        raw = {
            word: self._weight[word] * (HEAD * (word in head) + BODY * math.log1p(body[word]))
            for word in head.keys() | body.keys()
            if word in self._weight
        }
        length = math.sqrt(sum(value * value for value in raw.values())) or 1.0
        return {word: value / length for word, value in raw.items()}


def _head(cause: Cause) -> str:
    return " ".join((cause.id.replace("-", " "), cause.title, *cause.aliases))


def _counted(text: str) -> Counter[str]:
    told = " ".join(query_words(text)) if len(text) < 200 else text  # noqa: PLR2004
    return Counter(word for word in stems(told) if word not in COMMON and len(word) > 1)
