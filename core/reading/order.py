"""Puts the agents that an incident is about in front: by words, and by meaning where a model embeds texts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from operator import mul

from sre_orchestrator.core.boundary import Success, guarded
from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.language.ports import Embedder
from sre_orchestrator.core.reading.words import Lexicon, fold, http_codes, terms

WORDS = 0.15  # what words weigh beside meaning
ENDING = re.compile(r"(?<=[a-z]{3})(?:ings?|ed|e?s|e)$")


class AgentOrder:
    """Orders agents for incidents; safe to ask from several threads.

    Each agent is known by its ``description`` and its ``examples``, short texts of incidents that are for it. Without
    ``embedder``, or where it fails, words alone decide.
    """

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder
        self._vectors: dict[tuple[str, ...], Sequence[Sequence[float]]] = {}

    def __call__(self, text: str, agents: Sequence[Agent]) -> tuple[str, ...]:
        """Return the names of all ``agents``, the likeliest first; where nothing tells them apart they stay in order."""
        plain = _plain(text)
        documents = [documents_of(agent) for agent in agents]
        scores = _by_words(plain, [" ".join(one) for one in documents])
        meant = guarded(lambda: self._by_meaning(plain, documents))
        if isinstance(meant, Success):
            scores = [meaning + WORDS * words for meaning, words in zip(meant.value, scores, strict=True)]
        ranked = sorted(zip(scores, agents, strict=True), key=lambda one: -one[0])
        return tuple(dict.fromkeys(agent.name for _, agent in ranked))

    def _by_meaning(self, text: str, documents: Sequence[tuple[str, ...]]) -> list[float]:
        if not self._embedder:
            return [0.0] * len(documents)
        for one in documents:
            if one not in self._vectors:
                self._vectors[one] = self._embedder.embed(one)
        asked = self._embedder.embed([text])[0]
        return [max(sum(map(mul, asked, one)) for one in self._vectors[document]) for document in documents]


def documents_of(agent: Agent) -> tuple[str, ...]:
    """Return the texts that an agent is known by."""
    return (f"{agent.name.replace('_', ' ')}: {agent.description}", *getattr(agent, "examples", ()))


def _plain(text: str) -> str:
    """Return ``text`` with English words for those of other languages that agents are found by."""
    meanings = _meanings().find(fold(text))
    return " ".join([text, *meanings, *(["users get 5xx answers"] if http_codes(text) else [])])


@cache
def _meanings() -> Lexicon:
    return Lexicon(terms().meanings.items())


def _by_words(text: str, documents: Sequence[str]) -> list[float]:
    """Return how much of the words of ``text`` each document holds, rare words more: from 0 to 1."""
    held = [set(_stems(one)) for one in documents]
    common = Counter(stem for one in held for stem in one)
    weights = {stem: math.log(1 + len(held) / common[stem]) for stem in set(_stems(text)) if common[stem]}
    most = sum(weights.values()) or 1.0
    return [sum(weight for stem, weight in weights.items() if stem in one) / most for one in held]


def _stems(text: str) -> list[str]:
    return [ENDING.sub("", word) for word in re.findall(r"[^\W_]+", fold(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)))]
