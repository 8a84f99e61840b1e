"""Turns results into facts, as settings say; a text of a result can only become the value of an attribute."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from string import Template

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import namespace_of
from sre_orchestrator.core.mcp_servers import FactMapping
from sre_orchestrator.core.models import Fact, Scalar, Scope, Struct
from sre_orchestrator.core.vocabulary import AttributeType
from sre_orchestrator.plugins.mcp.answers import Answer, content_of
from sre_orchestrator.plugins.mcp.filling import SECONDS, Call, filled, is_plain
from sre_orchestrator.plugins.mcp.paths import first_at, found_at

MOST_TEXT = 4096
MOST_LINE = 16 * 1024
MOST_WHOLE = 2**53  # beyond it, not every whole number is a float
Types = Mapping[str, Mapping[str, AttributeType]]
"""The types of attributes by kind of fact, as the vocabulary declares them."""


class Left(Struct, frozen=True, kw_only=True):
    """What of a result became no fact, and why."""

    kind: str
    why: str


def facts_in(answer: Answer, call: Call, scope: Scope, observe: Observer, types: Types) -> Iterator[Fact | Left]:
    """Yield the facts in a result, and what of it could not become one.

    Raises:
        McpProblem: the result is not what the mapping reads.

    """
    for mapping in call.use.facts:
        for values in _items(answer, call, mapping):
            if all(_fits(values.get(name), pattern) for name, pattern in mapping.where.items()):
                yield _fact(mapping, values, call, scope, observe=observe, types=types.get(mapping.kind, {}))


def query_of(call: Call) -> str:
    """Return what a person would run to see the same."""
    return " ".join(["call", call.use.tool, *(f"{name}={_text(value)}" for name, value in call.arguments.items())])


def moment(value: object) -> datetime | None:
    """Return a time from RFC 3339 text or Unix seconds, ``None`` where it is neither.

    >>> moment("2026-03-12T14:00:00Z") == moment(1773324000) == moment("1773324000")
    True
    """
    try:
        if isinstance(value, str) and not re.fullmatch(r"\d{9,11}(?:\.\d+)?", value):
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo else None
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _items(answer: Answer, call: Call, mapping: FactMapping) -> Iterator[dict[str, Scalar]]:
    """Yield the values of each item."""
    if mapping.lines:
        pattern = _line(mapping.lines)
        for line in answer.text.splitlines():
            if found := pattern.search(line[:MOST_LINE]):
                yield call.about | {name: text for name, text in found.groupdict().items() if text is not None}
        return
    for item in found_at(content_of(answer, call.use.format), mapping.items):
        read = {name: first_at(item, path) for name, path in mapping.values.items()}
        yield call.about | {name: value for name, value in read.items() if isinstance(value, str | int | float)}


def _fact(
    mapping: FactMapping,
    values: Mapping[str, Scalar],
    call: Call,
    scope: Scope,
    *,
    observe: Observer,
    types: Mapping[str, AttributeType],
) -> Fact | Left:
    component = _component(mapping.component, values)
    if not component:
        return Left(kind=mapping.kind, why=f"{mapping.component!r} cannot be filled with names from it")
    if namespace_of(component) not in ("", *scope.namespaces):
        return Left(kind=mapping.kind, why="it is about a namespace outside the scope")
    attributes: dict[str, Scalar | None] = {}
    for name, template in mapping.attributes.items():
        value = _whole(template, values)
        attributes[name] = None if value is None else converted(value, types.get(name, "string"))
        if value is not None and attributes[name] is None:
            return Left(kind=mapping.kind, why=f"{name} is no {types.get(name)}: {str(value)[:40]!r}")
    at = moment(_whole(mapping.at, values)) if mapping.at else None
    return observe(mapping.kind, component, query=query_of(call), at=at, **attributes)


def _component(template: str, values: Mapping[str, Scalar]) -> str:
    """Return the id of a component, in which only plain names may stand; ``""`` where one is not."""
    names = Template(template).get_identifiers()
    if not all(is_plain(values.get(name)) for name in names):
        return ""
    whole = str(Template(template).substitute(values))
    kind, _, rest = whole.partition("/")
    return f"{kind.lower()}/{rest}" if is_plain(whole) else ""


def _whole(template: Scalar, values: Mapping[str, Scalar]) -> Scalar | None:
    """Return a template filled, ``None`` where a value is missing."""
    if isinstance(template, str) and not set(Template(template).get_identifiers()) <= set(values):
        return None
    return filled(template, values)


def converted(value: Scalar, kind: AttributeType) -> Scalar | None:
    """Return a value as the vocabulary declares it, ``None`` where it is something else.

    >>> converted("137", "integer"), converted("yes", "integer"), converted("true", "boolean"), converted(7, "string")
    (137, None, True, '7')
    """
    text = _text(value)
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower())
    if kind == "time":
        at = moment(value)
        return at.strftime(SECONDS) if at else None
    if kind in ("integer", "number"):
        try:
            number = float(text)
        except ValueError:
            return None
        if not isfinite(number):
            return None
        whole = number.is_integer() and abs(number) <= MOST_WHOLE
        return (int(number) if whole else None) if kind == "integer" else number
    return text[:MOST_TEXT]


def _fits(value: Scalar | None, pattern: str) -> bool:
    return value is not None and _line(pattern).fullmatch(_text(value)[:MOST_TEXT]) is not None


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=1024)
def _line(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
