"""Checks what settings say of servers: against the vocabulary, and against the servers themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sre_orchestrator.core.mcp_servers import FactMapping, McpServer, StandIn
from sre_orchestrator.core.models import Scalar, Struct
from sre_orchestrator.core.vocabulary import FactKind, Vocabulary, nearest
from sre_orchestrator.plugins.mcp.answers import McpProblem
from sre_orchestrator.plugins.mcp.mapping import converted
from sre_orchestrator.plugins.mcp.paths import PathError, steps_of
from sre_orchestrator.plugins.mcp.server import Server, Visit
from sre_orchestrator.plugins.mcp.session import Tool

KINDS_OF = {"workload": ("deployment", "statefulset", "daemonset", "replicaset", "job", "cronjob", "pod")}
"""What else the kinds of components in the vocabulary stand for."""


class Checked(Struct, frozen=True, kw_only=True):
    """What was found of one server: who answered, which of its tools are used, and what is wrong."""

    server: str
    answered: str = ""
    protocol: str = ""
    tools: int = 0
    used: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def complaints_of(server: McpServer, vocabulary: Vocabulary) -> list[str]:
    """Return what the mappings of a server name that the vocabulary has not, and paths that are none."""
    return [
        f"mcp_servers {server.name}: tool {use.tool!r}: {complaint}"
        for use in server.tools
        for mapping in use.facts
        for complaint in _complaints(mapping, vocabulary)
    ]


def checked(server: Server, vocabulary: Vocabulary) -> Checked:
    """Return what is right and wrong with a server; it is asked for its tools, none of which is called."""
    settings = server.settings
    problems = complaints_of(settings, vocabulary)
    visit = server.visit()
    try:
        tools = visit.tools()
    except McpProblem as problem:
        return Checked(server=server.name, problems=(*problems, f"mcp_servers {server.name}: {problem}"))
    for name, arguments, trusted in _uses(settings):
        problems += (f"mcp_servers {settings.name}: {one}" for one in _wrong(visit, name, arguments, trusted=trusted))
    about = server.greeting
    return Checked(
        server=server.name,
        answered=f"{about.name} {about.version}".strip(),
        protocol=about.protocol,
        tools=len(tools),
        used=tuple(sorted({name for name, _, _ in _uses(settings)})),
        problems=tuple(dict.fromkeys(problems)),
    )


def _uses(server: McpServer) -> Iterator[tuple[str, dict[str, Scalar], bool]]:
    """Yield each tool that is called, with its arguments, and whether it is trusted to read only."""
    for use in server.tools:
        yield use.tool, dict(use.arguments), use.trusted
    stand_ins: list[StandIn | None] = []
    if server.replaces == "kubernetes" and server.cluster:
        stand_ins += [server.cluster.list, server.cluster.log]
    if server.replaces == "prometheus" and server.metrics:
        stand_ins += [server.metrics.instant, server.metrics.range]
    for one in stand_ins:
        if one:
            yield one.tool, dict(one.arguments), one.trusted


def _wrong(visit: Visit, name: str, arguments: dict[str, Scalar], *, trusted: bool) -> Iterator[str]:
    try:
        tool = visit.allowed(name, trusted=trusted)
    except McpProblem as problem:
        yield f"{problem}; {problem.remedy}"
        return
    yield from _misfits(tool, arguments)


def _misfits(tool: Tool, arguments: dict[str, Scalar]) -> Iterator[str]:
    for name in arguments:
        if tool.arguments and name not in tool.arguments:
            yield f"tool {tool.name!r} has no argument {name!r}{nearest(name, tool.arguments)}"
    for name in tool.required:
        if name not in arguments:
            yield f"tool {tool.name!r} needs the argument {name!r}; fill it under arguments"


def _complaints(mapping: FactMapping, vocabulary: Vocabulary) -> Iterator[str]:
    for name, path in {
        "items": mapping.items,
        **{f"values.{name}": path for name, path in mapping.values.items()},
    }.items():
        try:
            steps_of(path)
        except PathError as error:
            yield f"{name}: {error}"
    kind = vocabulary.kinds.get(mapping.kind)
    if kind is None:
        yield f"there is no fact kind {mapping.kind!r}{nearest(mapping.kind, vocabulary.kinds)}"
    elif kind.derived:
        yield f"facts of kind {mapping.kind!r} are for rules to conclude; choose one that is observed"
    else:
        yield from _misfitting(mapping, kind)


def _misfitting(mapping: FactMapping, kind: FactKind) -> Iterator[str]:
    about = mapping.component.partition("/")[0]
    if "$" not in about and kind.component != "any" and about not in KINDS_OF.get(kind.component, (kind.component,)):
        yield f"facts of kind {mapping.kind!r} are about a {kind.component}, not a {about}"
    for name, value in mapping.attributes.items():
        attribute = kind.attributes.get(name)
        if attribute is None:
            yield f"{mapping.kind} has no attribute {name!r}{nearest(name, kind.attributes)}"
        elif "$" not in str(value) and converted(value, attribute.type) is None:
            yield f"{mapping.kind}: {name} must be {attribute.type}, not {value!r}"
        elif attribute.values and "$" not in str(value) and value not in attribute.values:
            yield f"{mapping.kind}: {name} is one of {', '.join(attribute.values)}, not {value!r}"


def problems_of(found: Sequence[Checked]) -> list[str]:
    """Return all problems."""
    return [problem for one in found for problem in one.problems]
