"""``sre-orchestrator plugin``: begin a plugin of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Begin a plugin of one's own.", no_args_is_help=True)


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="Lower-case words joined by '-'.")],
    folder: Annotated[
        Path, typer.Option("--dir", file_okay=False, help="Where to make the project's folder.")
    ] = Path(),
) -> None:
    """Make the project of a plugin that works and passes its tests, to start from.

    It has an agent, a source, kinds of facts, a cause, rules, a runbook and a format of alerts. Nothing is overwritten.

    Examples:
      sre-orchestrator plugin new flag-service
      sre-orchestrator plugin new billing --dir ~/work

    """
    from sre_orchestrator.api.scaffold import create_project  # noqa: PLC0415 - help must be quick

    written = create_project(name, folder)
    target = folder / name
    typer.echo(f"wrote {len(written)} files into {target}; next: cd {target} && pip install -e '.[test]' && pytest")
