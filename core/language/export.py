"""An investigation as it may leave the house: with pseudonyms, and still concluding the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain

import msgspec

from sre_orchestrator.core.bundle import replay
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.facts import fact_id
from sre_orchestrator.core.language.disguise import pseudonyms_for
from sre_orchestrator.core.language.names import terms_of
from sre_orchestrator.core.models import Component, Report
from sre_orchestrator.core.pipeline import Bundle, Reasoning

# What the program itself writes into these, it compares with what rules say.
_OWN = frozenset(
    {"kind", "cause", "rule", "agent", "agents", "strength", "polarity", "category", "verdict", "rule_book"}
)
_FACT = re.compile(r"(?<![0-9A-Za-z])f[0-9a-f]{12}(?![0-9A-Za-z])")


def pseudonymised(bundle: Bundle, parts: Reasoning) -> tuple[Bundle, dict[str, int]]:
    """Return ``bundle`` with pseudonyms, and how often each kind of thing was masked in it.

    Ids of facts hash names, and are made anew. The report is that of a replay with ``parts``.

    Raises:
        InputError: what is left would not conclude the same.

    """
    names = pseudonyms_for(
        (Component(id=one) for one in _components(bundle)),
        bundle.scope.incident,
        terms_of(parts.vocabulary, parts.plan.causes),
    )
    names.learn(bundle.seen.facts)
    hidden = msgspec.convert(_changed(msgspec.to_builtins(bundle), names.hide), Bundle)
    hidden = _with_new_ids(hidden)
    masked = names.masked()
    again = replay(hidden, parts)
    if _concluded(again.report, str) != _concluded(replay(bundle, parts).report, names.hide):
        raise InputError("with pseudonyms, the bundle would not conclude the same; save it without them")
    return again, masked


def _components(bundle: Bundle) -> set[str]:
    ends = chain.from_iterable((edge.source, edge.target) for edge in bundle.edges)
    return {*ends, *bundle.scope.components, *(fact.component for fact in bundle.seen.facts)}


def _with_new_ids(bundle: Bundle) -> Bundle:
    ids = {one.id: fact_id(one.cluster, one.kind, one.component, one.attributes) for one in bundle.seen.facts}
    text = _FACT.sub(lambda found: ids.get(found[0], found[0]), msgspec.json.encode(bundle).decode())
    renamed = msgspec.json.decode(text, type=Bundle)
    facts = tuple(sorted(renamed.seen.facts, key=lambda fact: fact.id))
    return msgspec.structs.replace(renamed, seen=msgspec.structs.replace(renamed.seen, facts=facts))


def _changed(node: object, told: Callable[[str], str]) -> object:
    """Return builtins in which every text that is not the program's own is told otherwise."""
    if isinstance(node, str):
        return told(node)
    if isinstance(node, list | tuple):
        return [_changed(one, told) for one in node]
    if isinstance(node, dict):
        return {key: value if key in _OWN else _changed(value, told) for key, value in node.items()}
    return node


def _concluded(report: Report, told: Callable[[str], str]) -> tuple[str, list[str]]:
    """Return the verdict and the hypotheses."""
    every = (*report.hypotheses, *report.ruled_out)
    return report.verdict, sorted(f"{one.cause} {told(one.component)}" for one in every)
