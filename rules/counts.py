"""Counts: how many facts match, by group, compared with numbers or with other counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sre_orchestrator.rules.compiled import CompiledRule
from sre_orchestrator.rules.joins import Step, join, passes, value_of
from sre_orchestrator.rules.memory import Memory, Row
from sre_orchestrator.rules.model import Count
from sre_orchestrator.rules.operators import Value, key

SHOWN = 50


def counted(
    rule: CompiledRule, after: Sequence[Step], memory: Memory, binding: dict[str, Row]
) -> Iterator[dict[str, Row]]:
    """Yield ``binding`` extended by every group of every count whose comparison holds, and what joins ``after``."""
    if not rule.counts:
        yield binding
        return
    for extended in _next(rule, 0, memory, binding):
        yield from join(after, memory, extended)


def _next(rule: CompiledRule, place: int, memory: Memory, binding: dict[str, Row]) -> Iterator[dict[str, Row]]:
    if place == len(rule.rule.counts):
        yield binding
        return
    count = rule.rule.counts[place]
    matched = [found[count.of.name] for found in join(rule.counts[place], memory, binding)]
    for row in _groups(count, matched):
        extended = {**binding, count.name: row}
        if all(passes(test, row, value_of(test, extended)) for test in count.tests):
            yield from _next(rule, place + 1, memory, extended)


def _groups(count: Count, rows: Iterable[Row]) -> Iterator[Row]:
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        values = [row.values.get(attribute) for attribute in count.by]
        if all(value is not None for value in values):
            groups[tuple(key(value) for value in values)].append(row)
    if not count.by and not groups:
        groups[()] = []
    for group in groups.values():
        members = sorted(group, key=lambda row: row.ids)
        shared = {attribute: members[0].values[attribute] for attribute in count.by}
        yield Row({**shared, "count": _size(count, members)}, ids=tuple(row.ids[0] for row in members[:SHOWN]))


def _size(count: Count, members: list[Row]) -> Value:
    if not count.distinct:
        return len(members)
    return len({key(value) for row in members if (value := row.values.get(count.distinct)) is not None})
