"""``sre-orchestrator rules add``, ``packs`` and ``remove``: rules of others without Python."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sre_orchestrator.api.cli.common import FAILED, SettingsOption, StateOption, Table, echo_json, settings_from
from sre_orchestrator.core.wording import counted
from sre_orchestrator.rules.packs import SORTS, installed


def add(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|WHEEL",
            help="A folder, or a wheel with one, that holds rules/, causes/, kinds/ or runbooks/.",
            show_default=False,
        ),
    ],
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Add a rule pack: its files are checked, its tests are run, and it is copied; nothing of it is executed.

    It is refused as a whole when something of it cannot be used. One of the same name is replaced.

    Examples:
      sre-orchestrator rules add ./our-rules
      sre-orchestrator rules add acme_rules-1.2.0-py3-none-any.whl

    """
    from sre_orchestrator.api.packs import add_pack  # noqa: PLC0415 - help must be quick

    added = add_pack(settings_from(settings, state_dir), source)
    brought = ", ".join(counted(number, sort.removesuffix("s"), sort) for sort, number in added.files.items() if number)
    typer.echo(f"added {added.pack.name} {added.pack.version or added.pack.digest[:12]}: {brought}")
    typer.echo(f"{counted(added.tests, 'test')} passed")


def packs(
    format: Annotated[Table, typer.Option("--format")] = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List the rule packs, where they came from, and why any cannot be used: it ends with 1 then.

    Examples:
      sre-orchestrator rules packs
      sre-orchestrator rules packs --format json

    """
    found, problems = installed(Path(settings_from(settings, state_dir).state_dir))
    for problem in problems:
        typer.echo(f"error: {problem}", err=True)
    if format is Table.JSON:
        echo_json(found)
    else:
        for one in found:
            typer.echo(f"{one.name:30} {one.version or '-':10} {one.digest[:12]}  {one.origin}")
    if problems:
        raise typer.Exit(FAILED)
    if not found and format is Table.TEXT:
        typer.echo(
            f"there are no rule packs; sre-orchestrator rules add FOLDER adds one that has {', '.join(SORTS)}", err=True
        )


def remove(
    name: Annotated[str, typer.Argument(help="As the list shows it.", show_default=False)],
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Remove a rule pack, and its runbooks from the library.

    Example:
      sre-orchestrator rules remove our-rules

    """
    from sre_orchestrator.api.packs import remove_pack  # noqa: PLC0415 - help must be quick

    remove_pack(settings_from(settings, state_dir), name)
    typer.echo(f"removed {name}")
