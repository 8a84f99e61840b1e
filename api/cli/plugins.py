"""``sre-orchestrator plugins``: what was found, and what is broken."""

from __future__ import annotations

from typing import Annotated

import typer

from sre_orchestrator.api.cli.common import SettingsOption, StateOption, Table, echo_json, settings_from


def plugins(
    format: Annotated[Table, typer.Option("--format")] = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List the plugins, built in and installed with pip, and why any is not in use."""
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415

    found = Installation(settings_from(settings, state_dir)).plugins.found
    if format is Table.JSON:
        echo_json(found)
        return
    for one in found:
        typer.echo(f"{one.name:20} {one.origin:30} {one.problem or 'in use'}")
