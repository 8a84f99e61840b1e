"""``sre-orchestrator doctor``: what was found, what is missing, and what to do about it."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import typer

from sre_orchestrator.api.cli.common import (
    SettingsOption,
    StateOption,
    Table,
    echo_json,
    look_at_each,
    settings_from,
)
from sre_orchestrator.api.cli.diagnose import KubeconfigOption, RecordedOption, with_kubeconfig
from sre_orchestrator.core.errors import InputError

if TYPE_CHECKING:
    from sre_orchestrator.api.doctor import Check, Checkup

INCOMPLETE = 3
SIGNS = {"ok": ("+", "green"), "missing": ("!", "bold yellow"), "unused": ("-", "dim")}


def doctor(
    context: Annotated[
        list[str] | None,
        typer.Option(help="A context of the kubeconfig; by default its current one; repeatable."),
    ] = None,
    namespace: Annotated[
        str, typer.Option(help="Where diagnoses look (comma-separated); by default what settings or context say.")
    ] = "",
    snapshot: RecordedOption = None,
    kubeconfig: KubeconfigOption = None,
    format: Annotated[Table, typer.Option("--format", help="json prints a Checkup.")] = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List what was found in a running cluster, or a recorded incident, what is missing, and what would give it.

    Exit code 0: nothing is missing, 3: something is, and diagnoses work without it, 2: bad input, or unreachable.
    With several contexts, --format json prints a list of checkups.

    Examples:
      sre-orchestrator doctor --namespace shop
      sre-orchestrator doctor --snapshot incident.tar.gz --format json

    """
    from sre_orchestrator.api.doctor import examine  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.api.live import settings_for  # noqa: PLC0415

    if snapshot and (context or kubeconfig):
        raise InputError("--snapshot: a recorded incident has no contexts; leave out --context and --kubeconfig")
    chosen = with_kubeconfig(settings_from(settings, state_dir), kubeconfig)
    checkups: list[Checkup] = []

    def look(context: str) -> int:
        where = settings_for(chosen, namespace, context)
        recorded = snapshot or (Path(where.snapshot) if where.snapshot and not context else None)
        checkup = anyio.run(examine, where, recorded)
        checkups.append(checkup)
        if format is Table.TEXT:
            _show(checkup)
        return 0 if checkup.complete else INCOMPLETE

    several = len(context or ()) > 1
    code = look_at_each(context or (), look) if several else look(context[0] if context else "")
    if format is Table.JSON:
        echo_json(checkups if several else checkups[0])
    raise typer.Exit(code)


def _show(checkup: Checkup) -> None:
    """Print a table for each area, then what is missing as one sentence."""
    from rich.console import Console  # noqa: PLC0415 - slow to import

    console = Console(highlight=False)
    for area, checks in groupby(checkup.checks, key=lambda one: one.area):
        console.print(f"\n[bold]{area}[/bold]")
        console.print(_table(list(checks)))
    missing = sum(one.state == "missing" for one in checkup.checks)
    console.print(
        f"\n{f'{missing} missing (!): diagnoses work, and say what they could not see' if missing else 'nothing is missing'}"
    )


def _table(checks: list[Check]) -> object:
    from rich.table import Table as Grid  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415 - text of a cluster is no markup

    grid = Grid.grid(padding=(0, 2, 0, 0))
    for width in (1, 24):
        grid.add_column(min_width=width, no_wrap=width == 1)
    grid.add_column(overflow="fold")
    for one in checks:
        sign, style = SIGNS[one.state]
        told = "\n".join(part for part in (one.found, one.why, f"→ {one.remedy}" if one.remedy else "") if part)
        grid.add_row(Text(sign, style=style), Text(one.name), Text(told, style="dim" if one.state == "unused" else ""))
    return grid
