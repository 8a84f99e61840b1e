"""Derivations of an engine in the shape that the reference gives."""

from __future__ import annotations

from reference import Fired

from sre_orchestrator.core.models import Derivation


def fired(one: Derivation) -> Fired:
    """Return a derivation as the reference gives it."""
    conclusion, derived = one.conclusion, one.derived
    if conclusion:
        follows: Fired = (
            conclusion.cause,
            conclusion.component,
            conclusion.polarity,
            conclusion.strength,
            one.because,
            one.explains,
        )
    else:
        assert derived is not None
        values = tuple(sorted((name, repr(value)) for name, value in derived.attributes.items()))
        follows = (derived.kind, derived.component, values, one.because)
    missing = frozenset((lack.kind, lack.component) for lack in one.missing)
    return (one.rule, tuple(sorted(one.bound.items())), one.edges, missing, len(one.absent), follows)
