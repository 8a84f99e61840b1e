"""Fills the arguments of calls from the scope: nothing that somebody wrote in a log or an incident gets into them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from string import Template

from sre_orchestrator.core.identity import kind_of, name_of, namespace_of
from sre_orchestrator.core.mcp_servers import OF_COMPONENT, ToolCall
from sre_orchestrator.core.models import Scalar, Scope, Struct

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,252}")
"""Names of Kubernetes and times; no quotes, spaces or braces that would mean something in a query."""
SECONDS = "%Y-%m-%dT%H:%M:%SZ"
_ALONE = re.compile(r"\$(?:(?P<name>[a-z_]+)|\{(?P<braced>[a-z_]+)\})")


class Call(Struct, frozen=True, kw_only=True):
    """One call that is to be made: the tool, its arguments, and the values of the scope that they were filled with."""

    use: ToolCall
    arguments: dict[str, Scalar]
    about: dict[str, Scalar]


def calls_of(use: ToolCall, scope: Scope) -> Iterator[Call]:
    """Yield the calls of a tool in ``scope``: one for each namespace or component that its arguments need."""
    for about in _abouts(use, scope):
        values: Mapping[str, Scalar] = about | _times(scope)
        arguments = {name: filled(text, values) for name, text in use.arguments.items()}
        yield Call(use=use, arguments=arguments, about=dict(values))


def filled(text: Scalar, values: Mapping[str, Scalar]) -> Scalar:
    """Return a template filled; a value that stands alone keeps its type.

    >>> filled("$seconds", {"seconds": 90}), filled("last ${seconds}s, $$1", {"seconds": 90})
    (90, 'last 90s, $1')
    """
    if not isinstance(text, str):
        return text
    if alone := _ALONE.fullmatch(text):
        return values.get(alone["name"] or alone["braced"], "")
    return Template(text).safe_substitute(values)


def names_in(use: ToolCall) -> set[str]:
    """Return the placeholders of the arguments."""
    return {
        name for text in use.arguments.values() if isinstance(text, str) for name in Template(text).get_identifiers()
    }


def is_plain(value: object) -> bool:
    """Say whether a value is a name that means nothing else in an argument."""
    return isinstance(value, str) and PLAIN.fullmatch(value) is not None


def _abouts(use: ToolCall, scope: Scope) -> Iterator[dict[str, Scalar]]:
    names = names_in(use)
    shared: dict[str, Scalar] = {"cluster": scope.incident.cluster if is_plain(scope.incident.cluster) else ""}
    if names & OF_COMPONENT:
        for one in scope.components:
            if is_plain(one) and (not use.kinds or kind_of(one) in use.kinds):
                yield {
                    **shared,
                    "component": one,
                    "kind": kind_of(one),
                    "name": name_of(one),
                    "namespace": namespace_of(one),
                }
    elif "namespace" in names:
        yield from ({**shared, "namespace": one} for one in scope.namespaces if is_plain(one))
    else:
        yield shared


def _times(scope: Scope) -> dict[str, Scalar]:
    seconds = max(1, round((scope.until - scope.since).total_seconds()))
    return {
        "since": scope.since.strftime(SECONDS),
        "until": scope.until.strftime(SECONDS),
        "since_unix": int(scope.since.timestamp()),
        "until_unix": int(scope.until.timestamp()),
        "seconds": seconds,
        "minutes": -(-seconds // 60),
    }
