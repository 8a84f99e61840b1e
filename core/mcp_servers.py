"""Settings of MCP servers: how each is reached, which of its tools may be called with what, and what facts their results are."""

from __future__ import annotations

import re
from string import Template
from typing import Annotated, Literal

import msgspec

from sre_orchestrator.core.models import Scalar, Struct

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
OF_SCOPE = ("namespace", "cluster", "component", "kind", "name", "since", "until", "since_unix", "until_unix", "seconds", "minutes")  # fmt: skip
"""What an argument of a call may be filled with: nothing that somebody wrote in a log or an incident."""
OF_COMPONENT = frozenset({"component", "kind", "name"})
OF_LIST = ("api_version", "kind", "namespace", "selector")
OF_LOG = ("namespace", "pod", "container", "previous", "lines")
OF_QUERY = ("query", "time", "start", "end", "step")


class FactMapping(Struct, frozen=True, kw_only=True):
    """How a part of a result becomes facts of ``kind``.

    ``items`` is the path of what becomes a fact each (``$.items[*]``), in the structured content, or in the text where
    that is JSON or YAML; or ``lines`` is a regular expression with named groups, found in each line of the text.
    ``values`` names what is in an item (``{name: metadata.name}``); groups of ``lines`` are such values too, and so are
    ``namespace`` and the like of the scope that was asked for. ``where`` are regular expressions that values must fit.
    ``component``, ``at`` and the attributes are filled with values: ``pod/$namespace/$name``. With ``complete``, facts of
    this kind that a result does not hold are not there.
    """

    kind: str
    component: str
    items: str = ""
    lines: str = ""
    values: dict[str, str] = {}
    where: dict[str, str] = {}
    attributes: dict[str, Scalar] = {}
    at: str = ""
    complete: bool = False

    def __post_init__(self) -> None:
        """Refuse what could never be filled."""
        place = f"facts of kind {self.kind!r}"
        if bool(self.items) == bool(self.lines):
            raise ValueError(f"{place}: has no items and no lines, or both; say where in a result they are")
        groups = _compiled(self.lines, f"{place}: lines").groupindex if self.lines else {}
        known = {*self.values, *groups, *OF_SCOPE}
        for name, pattern in self.where.items():
            _compiled(pattern, f"{place}: where.{name}")
        templates = {"component": self.component, "at": self.at}
        templates |= {f"attributes.{name}": text for name, text in self.attributes.items() if isinstance(text, str)}
        for where, text in templates.items():
            _filled_from(text, known, f"{place}: {where}")
        if unknown := sorted(set(self.where) - known):
            raise ValueError(
                f"{place}: where names {unknown[0]!r}, which is no value; known are {', '.join(sorted(known))}"
            )


class ToolCall(Struct, frozen=True, kw_only=True):
    """A tool that may be called, and its arguments, in which stand ``$namespace`` and the like (``OF_SCOPE``).

    It is called for each namespace of the scope where an argument holds ``$namespace``, for each component of one of
    ``kinds`` that the incident names where one holds ``$component``, ``$kind`` or ``$name``; else once. The server must
    say that the tool only reads, or it is ``trusted`` to. ``format`` is what text of a result is read as.
    """

    tool: str
    arguments: dict[str, Scalar] = {}
    kinds: tuple[str, ...] = ()
    trusted: bool = False
    format: Literal["json", "yaml", "text"] = "json"
    facts: tuple[FactMapping, ...] = ()

    def __post_init__(self) -> None:
        """Refuse arguments that nothing fills, and paths into text."""
        for name, text in self.arguments.items():
            _filled_from(text, {*OF_SCOPE}, f"tool {self.tool!r}: arguments.{name}")
        if self.format == "text" and any(one.items for one in self.facts):
            raise ValueError(f"tool {self.tool!r}: has items of a text; give lines, or format json or yaml")


class StandIn(Struct, frozen=True, kw_only=True):
    """A tool that a source calls, with its arguments, and where in the result the answer is.

    ``labels``, ``values`` and ``cut`` are what series are called in an answer about metrics, and what says that it is
    not all of it.
    """

    tool: str
    arguments: dict[str, str] = {}
    items: str = "$"
    trusted: bool = False
    labels: str = "metric"
    values: str = "values"
    cut: str = ""


class ClusterTools(Struct, frozen=True, kw_only=True):
    """The tools by which a server stands in for the Kubernetes API."""

    list: StandIn
    log: StandIn | None = None

    def __post_init__(self) -> None:
        """Refuse arguments that nothing fills."""
        for one, known in ((self.list, OF_LIST), *([(self.log, OF_LOG)] if self.log else [])):
            _stands_in(one, known)


class MetricTools(Struct, frozen=True, kw_only=True):
    """The tools by which a server stands in for Prometheus; ``stored`` where ``instant`` answers ranges, as they were stored."""

    range: StandIn
    instant: StandIn
    stored: bool = True

    def __post_init__(self) -> None:
        """Refuse arguments that nothing fills."""
        for one in (self.range, self.instant):
            _stands_in(one, OF_QUERY)


class McpServer(Struct, frozen=True, kw_only=True):
    """An MCP server: a ``command`` that is started and spoken to on its standard input, or a ``url`` (streamable HTTP).

    ``preset`` fills in what is not given here, and its tools are called beside ``tools``. Files of headers and tokens
    are read at each request. ``replaces`` is the client that the server stands in for. ``env`` is all that a command
    gets beside ``HOME``, ``PATH``, ``SHELL``, ``TERM``, ``USER``; variables of ``env_from`` are passed on as they are.
    One investigation makes ``calls`` calls at most, for ``total_seconds`` at most; an answer has ``answer_bytes`` at most.
    """

    name: Name
    preset: str = ""
    description: str = ""
    examples: tuple[str, ...] = ()
    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    env_from: tuple[str, ...] = ()
    cwd: str = ""
    url: str = ""
    headers: dict[str, str] = {}
    header_files: dict[str, str] = {}
    bearer_token_file: str = ""
    ca_file: str = ""
    connect_seconds: Seconds = 15.0
    call_seconds: Seconds = 10.0
    total_seconds: Seconds = 25.0
    calls: Positive = 50
    answer_bytes: Positive = 4 * 1024**2
    facts: Positive = 2000
    tools: tuple[ToolCall, ...] = ()
    replaces: Literal["", "kubernetes", "prometheus"] = ""
    cluster: ClusterTools | None = None
    metrics: MetricTools | None = None

    def __post_init__(self) -> None:
        """Refuse what is reached in two ways."""
        place = f"mcp_servers {self.name}"
        if self.command and self.url:
            raise ValueError(f"{place}: has a command and a url; give one of them")
        if not (self.command or self.url or self.preset):
            raise ValueError(f"{place}: cannot be reached; give a command, a url, or a preset")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError(f"{place}: url is no address of a web service; begin it with https://")
        if not self.url and (self.headers or self.header_files or self.bearer_token_file):
            raise ValueError(f"{place}: headers and tokens are for a url; give env to a command")

    @property
    def agent(self) -> str:
        """Return what its agent is called."""
        return f"mcp-{self.name}"


class Preset(Struct, frozen=True, kw_only=True):
    """What is known of a server that others publish: ``source`` says where it is from, the rest is as in ``McpServer``."""

    source: str
    description: str
    examples: tuple[str, ...] = ()
    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    tools: tuple[ToolCall, ...] = ()
    cluster: ClusterTools | None = None
    metrics: MetricTools | None = None


def _compiled(pattern: str, where: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{where}: is no regular expression: {error}") from error


def _stands_in(one: StandIn, known: tuple[str, ...]) -> None:
    for name, text in one.arguments.items():
        _filled_from(text, {*known}, f"tool {one.tool!r}: arguments.{name}")


def _filled_from(text: Scalar, known: set[str], where: str) -> None:
    if not isinstance(text, str):
        return
    template = Template(text)
    if not template.is_valid():
        raise ValueError(f"{where}: holds a $ without a name; write $$ for a dollar")
    if unknown := sorted(set(template.get_identifiers()) - known):
        raise ValueError(f"{where}: holds ${unknown[0]}; known are {', '.join(sorted(known))}, and $$ for a dollar")
