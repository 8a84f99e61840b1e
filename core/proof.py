"""Proof trees: from a conclusion through derived facts down to what was observed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sre_orchestrator.core.models import Derivation, Proof


def facts_of(proofs: Iterable[Proof]) -> Iterator[str]:
    """Yield the ids of the facts in ``proofs`` and below them, those above first."""
    for proof in proofs:
        yield from proof.facts
        yield from facts_of(proof.children)


class Proofs:
    """Looks up how derived facts were derived, always from facts that came before them."""

    def __init__(self, derivations: Sequence[Derivation]) -> None:
        self._made: dict[str, Derivation] = {}
        waiting = [(one.derived.id, one) for one in derivations if one.derived is not None]
        unproved = {fact for fact, _ in waiting}
        while unproved:
            for fact, one in [pair for pair in waiting if unproved.isdisjoint(_facts(pair[1]))]:
                self._made.setdefault(fact, one)
            if unproved.isdisjoint(self._made):
                break  # what is left has no beginning: it was asserted by nothing that is known here
            unproved -= self._made.keys()

    def base(self, derivation: Derivation) -> frozenset[str]:
        """Return the observed facts under ``derivation``."""
        found: set[str] = set()
        left, seen = list(_facts(derivation)), set[str]()
        while left:
            fact = left.pop()
            if fact in seen:
                continue
            seen.add(fact)
            made = self._made.get(fact)
            if made is None:
                found.add(fact)
            else:
                left += _facts(made)
        return frozenset(found)

    def tree(self, derivation: Derivation) -> Proof:
        """Return the proof tree of ``derivation``."""
        conclusion = derivation.conclusion
        facts = _facts(derivation)
        return Proof(
            rule=derivation.rule,
            title=derivation.title,
            because=derivation.because,
            polarity=conclusion.polarity if conclusion else "for",
            strength=conclusion.strength if conclusion else None,
            facts=facts,
            edges=derivation.edges,
            absent=derivation.absent,
            children=tuple(self.tree(self._made[fact]) for fact in facts if fact in self._made),
        )


def _facts(derivation: Derivation) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact for facts in derivation.bound.values() for fact in facts))
