"""Checks of runbooks: one condition a line with its label, marked from the facts of an incident.

A line is ``LABEL: {kind: …}``, or ``LABEL: none {kind: …}`` where nothing may meet the condition. The condition is
one of a rule, in flow style; it may refer to the hypothesis (``component|ref: hypothesis.component``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.identity import name_of, namespace_of
from sre_orchestrator.core.knowledge import CheckText
from sre_orchestrator.core.models import Check, Coverage, Fact
from sre_orchestrator.core.vocabulary import Vocabulary
from sre_orchestrator.rules.check import check_condition
from sre_orchestrator.rules.joins import join, plan_steps
from sre_orchestrator.rules.memory import Memory, Row
from sre_orchestrator.rules.model import FactPattern
from sre_orchestrator.rules.negation import was_read, worded
from sre_orchestrator.rules.reader import Problem, read_condition
from sre_orchestrator.rules.texts import place_of

HYPOTHESIS = "hypothesis"
NAMES = {HYPOTHESIS: frozenset({"component", "namespace", "name"})}
CONDITION = "(condition)"
MAX_LINES = 100
SHOWN = 5
_LINE = re.compile(r"^(?:[-*]\s)?(?P<label>.*?):\s*(?P<none>none\s*)?(?P<condition>\{.*\})$")


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A line of a check block; ``absent``: nothing may meet it."""

    label: str
    pattern: FactPattern
    absent: bool = False


def read_checks(text: CheckText, vocabulary: Vocabulary) -> tuple[tuple[Condition, ...], tuple[str, ...]]:
    """Return the conditions of a block, and what is wrong with its other lines, with document and line."""
    conditions: list[Condition] = []
    problems: list[str] = []
    document, begin = place_of(text.origin)
    lines = text.text.splitlines()
    for number, line in enumerate(lines[:MAX_LINES], start=max(begin, 1)):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                conditions.append(_condition(line.strip(), vocabulary))
            except (Problem, DocumentError) as error:
                problems.append(f"{document}:{number}: {error}")
    if len(lines) > MAX_LINES:
        problems.append(f"{text.origin}: a check block has at most {MAX_LINES} lines; make two of it")
    return tuple(conditions), tuple(problems)


def mark(
    conditions: Iterable[Condition],
    component: str,
    *,
    facts: Sequence[Fact],
    coverage: Sequence[Coverage],
    derived: Set[str] = frozenset(),
) -> tuple[Check, ...]:
    """Return how each condition stands for a hypothesis about ``component``; ``derived`` kinds are known completely."""
    listed = tuple(conditions)
    kinds = {one.pattern.kind for one in listed}
    memory = Memory([fact for fact in facts if fact.kind in kinds], (), coverage)
    hypothesis = Row({"component": component, "namespace": namespace_of(component), "name": name_of(component)})
    return tuple(_marked(one, memory, {HYPOTHESIS: hypothesis}, derived) for one in listed)


def _condition(line: str, vocabulary: Vocabulary) -> Condition:
    found = _LINE.match(line)
    if found is None or not found["label"].strip():
        raise Problem((), "write LABEL: {kind: …} or LABEL: none {kind: …}, one condition a line")
    pattern = read_condition(CONDITION, read_yaml(found["condition"].encode(), object))
    check_condition(pattern, NAMES, vocabulary)
    return Condition(label=found["label"].strip(), pattern=pattern, absent=bool(found["none"]))


def _marked(one: Condition, memory: Memory, binding: dict[str, Row], derived: Set[str]) -> Check:
    facts = tuple(dict.fromkeys(_found(one.pattern, memory, binding)))
    if facts:
        return Check(label=one.label, state="violated" if one.absent else "satisfied", facts=facts[:SHOWN])
    if not was_read(one.pattern, memory, binding, derived):
        return Check(label=one.label, state="unknown", why=f"nobody read {one.pattern.kind} there")
    return Check(label=one.label, state="satisfied" if one.absent else "violated", why=worded(one.pattern, binding))


def _found(pattern: FactPattern, memory: Memory, binding: dict[str, Row]) -> Iterator[str]:
    steps = plan_steps([pattern], None, binding.keys())
    for found in join(steps, memory, binding):
        yield from found[pattern.name].ids
