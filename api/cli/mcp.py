"""``sre-orchestrator mcp``: answers assistants; and looks at the MCP servers that the settings name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sre_orchestrator.api.cli.common import (
    BaseUrlOption,
    ModelOption,
    SettingsOption,
    StateOption,
    Table,
    echo_json,
    settings_from,
    with_model,
)
from sre_orchestrator.api.cli.diagnose import KubeconfigOption, with_kubeconfig
from sre_orchestrator.core.errors import InputError

if TYPE_CHECKING:
    from sre_orchestrator.core.mcp_servers import McpServer
    from sre_orchestrator.plugins.mcp.server import Server

app = typer.Typer(invoke_without_command=True)
TableOption = Annotated[Table, typer.Option("--format", help="json prints the whole list.")]
PROBLEMS = 1


@app.callback()
def mcp(
    context: typer.Context,
    snapshot: Annotated[
        Path | None,
        typer.Option(help="Answer about a recorded incident instead of a cluster.", show_default=False),
    ] = None,
    kubeconfig: KubeconfigOption = None,
    model: ModelOption = "",
    base_url: BaseUrlOption = "",
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Answer an assistant over MCP on standard input and output.

    The assistant starts this command by itself; what it may call is what /mcp of a running service answers, too.
    The commands below look at other MCP servers, which the setting mcp_servers names and diagnoses ask.

    Examples:
      sre-orchestrator mcp --snapshot incident.tar.gz
      claude mcp add sre-orchestrator -- sre-orchestrator mcp
      sre-orchestrator mcp check --settings settings.yaml

    """
    if context.invoked_subcommand:
        return
    from sre_orchestrator.api.logs import configure_logs  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.api.service.mcp.embedded import speak  # noqa: PLC0415

    configure_logs()
    where = with_model(with_kubeconfig(settings_from(settings, state_dir), kubeconfig), model, base_url)
    speak(where, snapshot)


@app.command("tools")
def tools(
    server: Annotated[str, typer.Argument(help="The name of a server in mcp_servers.", show_default=False)] = "",
    every: Annotated[bool, typer.Option("--all", help="All servers.")] = False,
    shown: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List the tools of MCP servers: whether each says that it only reads, its arguments, what it is for.

    Exits with 1 when a server cannot be reached.

    Example:
      sre-orchestrator mcp tools prom --settings settings.yaml

    """
    from sre_orchestrator.plugins.mcp.answers import McpProblem  # noqa: PLC0415

    failed = False
    told: dict[str, Sequence[object]] = {}
    for one in _chosen(_servers(settings, state_dir), server, every=every):
        with _running(one) as running:
            try:
                found = sorted(running.visit().tools().values(), key=lambda tool: tool.name)
            except McpProblem as problem:
                typer.echo(f"error: {one.name}: {problem}", err=True)
                failed = True
                continue
            about = running.greeting
        told[one.name] = found
        if shown is Table.TEXT:
            typer.echo(f"{one.name}: {about.name} {about.version}, protocol {about.protocol}")
            for tool in found:
                hint = {True: "reads", False: "CHANGES THINGS", None: "says nothing"}[tool.read_only]
                given = ", ".join(f"{name}*" if name in tool.required else name for name in tool.arguments)
                typer.echo(_plain(f"  {tool.name}({given})  [{hint}]  {tool.description[:100]}"))
    if shown is Table.JSON:
        echo_json(told)
    if failed:
        raise typer.Exit(PROBLEMS)


@app.command("call")
def call(
    server: Annotated[str, typer.Argument(help="The name of a server in mcp_servers.")],
    tool: Annotated[str, typer.Argument(help="The name of a tool.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Arguments: key=value, or key:=JSON.", show_default=False)
    ] = None,
    shown: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Call a tool that only reads and print what it answers, without secrets.

    Exits with 1 when the tool fails, or may not be called.

    Example:
      sre-orchestrator mcp call prom execute_query query=up --settings settings.yaml

    """
    from sre_orchestrator.core.redact import without_secrets  # noqa: PLC0415
    from sre_orchestrator.plugins.mcp.answers import McpProblem  # noqa: PLC0415

    one = next(iter(_chosen(_servers(settings, state_dir), server, every=False)))
    trusted = any(use.tool == tool and use.trusted for use in one.tools)
    given = dict(map(_argument, arguments or ()))
    with _running(one) as running:
        try:
            answer = running.visit().call(tool, given, trusted=trusted)
        except McpProblem as problem:
            typer.echo(f"error: {one.name}: {problem}" + (f"; {problem.remedy}" if problem.remedy else ""), err=True)
            raise typer.Exit(PROBLEMS) from problem
    text = answer.structured.decode() if shown is Table.JSON and answer.structured else answer.text
    typer.echo(_plain(without_secrets(text)))


@app.command("check")
def check(
    server: Annotated[
        str, typer.Argument(help="The name of a server in mcp_servers; all by default.", show_default=False)
    ] = "",
    shown: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Check the setting mcp_servers against the vocabulary, and against the servers themselves; no tool is called.

    Exits with 1 when something is wrong.

    Example:
      sre-orchestrator mcp check --settings settings.yaml

    """
    import msgspec  # noqa: PLC0415

    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415
    from sre_orchestrator.plugins.mcp.checking import checked, problems_of  # noqa: PLC0415

    servers = _chosen(_servers(settings, state_dir), server, every=not server)
    installation = Installation(msgspec.structs.replace(settings_from(settings, state_dir), mcp_servers=()))
    found = []
    for one in servers:
        with _running(one) as running:
            found.append(checked(running, installation.kinds()))
    if shown is Table.JSON:
        echo_json(found)
    else:
        for result in found:
            state = "wrong" if result.problems else "ok"
            typer.echo(f"{result.server}: {state}; {result.answered or 'no answer'}; {result.tools} tools, of which "
                       f"{len(result.used)} are used: {', '.join(result.used) or 'none'}")  # fmt: skip
            for problem in result.problems:
                typer.echo(f"  {problem}")
    if problems_of(found):
        raise typer.Exit(PROBLEMS)


def _servers(settings: Path | None, state_dir: str | None) -> tuple[McpServer, ...]:
    from sre_orchestrator.api.mcp_servers import with_presets  # noqa: PLC0415

    found = with_presets(settings_from(settings, state_dir)).mcp_servers
    if not found:
        raise InputError("there are no MCP servers; name them under mcp_servers in a file, and give it with --settings")
    return found


def _chosen(servers: Sequence[McpServer], name: str, *, every: bool) -> Sequence[McpServer]:
    from sre_orchestrator.core.vocabulary import nearest  # noqa: PLC0415

    if every:
        return servers
    known = [one.name for one in servers]
    if not name:
        raise InputError(f"which server? name one of {', '.join(known)}, or give --all")
    if name not in known:
        raise InputError(f"there is no MCP server {name!r}{nearest(name, known)}; known: {', '.join(known)}")
    return [one for one in servers if one.name == name]


@contextmanager
def _running(server: McpServer) -> Iterator[Server]:
    from sre_orchestrator.plugins.mcp.server import Server  # noqa: PLC0415

    running = Server(server)
    try:
        yield running
    finally:
        running.close()


def _plain(text: str) -> str:
    """Return a text of somebody else without what a terminal would obey."""
    return "".join(one if one.isprintable() or one in "\n\t" else " " for one in text)


def _argument(text: str) -> tuple[str, str | int | float | bool]:
    import msgspec  # noqa: PLC0415

    name, equals, value = text.partition("=")
    if not equals or not name.rstrip(":"):
        raise InputError(f"{text!r} is no argument; write key=value, or key:=JSON such as tail:=100")
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], msgspec.json.decode(value, type=str | int | float | bool)
    except msgspec.DecodeError as error:
        raise InputError(f"{text!r}: is no JSON value: {error}") from error
