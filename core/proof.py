"""Proof trees: from a conclusion through derived facts down to what was observed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sre_orchestrator.core.models import Derivation, Proof


class Proofs:
    """Looks up how derived facts were derived."""

    def __init__(self, derivations: Sequence[Derivation]) -> None:
        self._made: dict[str, Derivation] = {}
        for derivation in derivations:
            if derivation.derived is not None:
                self._made.setdefault(derivation.derived.id, derivation)

    def base(self, derivation: Derivation) -> frozenset[str]:
        """Return the observed facts under ``derivation``."""
        return frozenset(self._down(_facts(derivation), set()))

    def tree(self, derivation: Derivation) -> Proof:
        """Return the proof tree of ``derivation``."""
        return self._tree(derivation, frozenset())

    def _down(self, facts: Iterable[str], seen: set[str]) -> Iterable[str]:
        for fact in facts:
            if fact in seen:
                continue
            seen.add(fact)
            made = self._made.get(fact)
            if made is None:
                yield fact
            else:
                yield from self._down(_facts(made), seen)

    def _tree(self, derivation: Derivation, above: frozenset[str]) -> Proof:
        conclusion = derivation.conclusion
        facts = _facts(derivation)
        children = [self._made[fact] for fact in facts if fact in self._made and fact not in above]
        return Proof(
            rule=derivation.rule,
            title=derivation.title,
            because=derivation.because,
            polarity=conclusion.polarity if conclusion else "for",
            strength=conclusion.strength if conclusion else None,
            facts=facts,
            edges=derivation.edges,
            absent=derivation.absent,
            children=tuple(self._tree(child, above | set(facts)) for child in children),
        )


def _facts(derivation: Derivation) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact for facts in derivation.bound.values() for fact in facts))
