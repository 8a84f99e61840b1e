"""``sre-orchestrator diagnose`` and ``explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import anyio
import typer

from sre_orchestrator.api.cli.common import (
    Format,
    FormatOption,
    SettingsOption,
    SnapshotOption,
    StateOption,
    parse_time,
    settings_from,
    shown_progress,
)
from sre_orchestrator.core.bundle import write_bundle
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Hypothesis, Report
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import Settings

UNRESOLVED = 3


def diagnose(
    question: Annotated[str, typer.Argument(help="What is wrong, in words; by default what the snapshot says.")] = "",
    snapshot: SnapshotOption = ...,  # type: ignore[assignment]
    namespace: Annotated[
        str, typer.Option(help="Where to look (comma-separated); by default what the snapshot says.")
    ] = "",
    at: Annotated[str, typer.Option(help="When it happened, ISO 8601; by default when the snapshot was taken.")] = "",
    format: FormatOption = Format.TEXT,
    save_bundle: Annotated[
        Path | None, typer.Option(help="Write the investigation to a file for replay.", show_default=False)
    ] = None,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Diagnose a recorded incident.

    Exit code 0: diagnosed, 3: unresolved, 2: bad input.

    Examples:
      sre-orchestrator diagnose --snapshot incident.tar.gz
      sre-orchestrator diagnose "checkout answers 500" --snapshot ./incident --namespace shop --format json

    """
    bundle = investigate(settings_from(settings, state_dir), snapshot, question, namespace, at)
    if save_bundle:
        write_bundle(bundle, save_bundle)
    report = bundle.report
    show(report, format)
    raise typer.Exit(0 if report.verdict == "diagnosed" else UNRESOLVED)


def explain(
    number: Annotated[int, typer.Argument(help="Which hypothesis, counted from 1.")] = 1,
    snapshot: SnapshotOption = ...,  # type: ignore[assignment]
    question: Annotated[str, typer.Option(help="What is wrong, in words.")] = "",
    namespace: Annotated[str, typer.Option(help="Where to look.")] = "",
    at: Annotated[str, typer.Option(help="When it happened.")] = "",
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Print the proof tree of a hypothesis, down to facts and the command that shows each.

    Example:
      sre-orchestrator explain 1 --snapshot incident.tar.gz

    """
    from sre_orchestrator.api.render import proof_text  # noqa: PLC0415

    report = investigate(settings_from(settings, state_dir), snapshot, question, namespace, at).report
    typer.echo(proof_text(report, chosen(report, number)))


def chosen(report: Report, number: int) -> Hypothesis:
    """Return hypothesis ``number`` (from 1), ruled-out ones last.

    Raises:
        InputError: there are not so many.

    """
    every = (*report.hypotheses, *report.ruled_out)
    if not 1 <= number <= len(every):
        raise InputError(f"hypothesis {number} does not exist; the report has {len(every)}")
    return every[number - 1]


def investigate(settings: Settings, snapshot: Path, question: str, namespace: str, at: str) -> Bundle:
    """Diagnose with a progress display."""
    from sre_orchestrator.api.wiring import Installation, diagnose_snapshot  # noqa: PLC0415 - help must be quick

    moment = parse_time(at) if at else None
    with shown_progress() as progress:
        installation = Installation(settings)

        async def run() -> Bundle:
            return await diagnose_snapshot(
                installation, snapshot, question=question, namespace=namespace, at=moment, progress=progress
            )

        return anyio.run(run)


def show(report: Report, form: Format) -> None:
    """Print a report on standard output."""
    from sre_orchestrator.api import render  # noqa: PLC0415 - help must be quick

    if form is Format.JSON:
        typer.echo(render.json_text(report))
    elif form is Format.MARKDOWN:
        typer.echo(render.markdown(report))
    else:
        render.print_report(report)
