"""``sre-orchestrator models``: examine language models, and see what they may do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sre_orchestrator.api.cli.common import (
    BaseUrlOption,
    SettingsOption,
    StateOption,
    Table,
    echo_json,
    settings_from,
    with_model,
)
from sre_orchestrator.core.errors import InputError

if TYPE_CHECKING:
    from sre_orchestrator.api.examination.stored import Examination
    from sre_orchestrator.core.settings import Settings

NONE_PASSED = 3
app = typer.Typer(help="Examine language models, and see what they may do.", no_args_is_help=True)


class Part(StrEnum):
    """A step of an incident that a model can take part in."""

    READ = "read"
    ASK = "ask"
    NARRATE = "narrate"


@app.command("check")
def check(
    model: Annotated[
        str, typer.Argument(help="The model, KIND:NAME; by default that of the settings.", show_default=False)
    ] = "",
    base_url: BaseUrlOption = "",
    step: Annotated[
        list[Part] | None,
        typer.Option(
            "--steps", help="A step to examine it in, several times for several; all by default.", show_default=False
        ),
    ] = None,
    items: Annotated[
        int | None,
        typer.Option(
            help="Only so many papers a step, to try it; the result is then not kept.", min=1, show_default=False
        ),
    ] = None,
    output: Annotated[Table, typer.Option("--format", help="How the result is printed.")] = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Examine a model on each step of an incident, and let it take part in those that it passes.

    It reads texts, chooses among questions and words reports that come with the program; all is marked without a judge.

    Exit code 0: it passed a step, 3: none, 2: bad input.

    Examples:
      sre-orchestrator models check llama_cpp:/models/model.gguf
      sre-orchestrator models check openai:NAME --base-url https://models.internal/v1 --steps narrate

    """
    configured = with_model(settings_from(settings, state_dir), model, base_url)
    if not configured.model.use:
        raise InputError("which model? write sre-orchestrator models check KIND:NAME, or set model.use in the settings")
    found, whole = _examined(configured, step or tuple(Part), items)
    if whole:
        from sre_orchestrator.api.examination.stored import keep  # noqa: PLC0415

        path = keep(found, _folder(configured))
    note = f"kept in {path}" if whole else "not kept: only some of the papers; leave out --items"
    if output is Table.JSON:
        echo_json(found)
        typer.echo(note, err=True)
    else:
        _tell(found)
        typer.echo(note)
    raise typer.Exit(0 if found.passed else NONE_PASSED)


@app.command("list")
def list_models(
    output: Annotated[Table, typer.Option("--format", help="How the list is printed.")] = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List the models that were examined, what each may do, and the kinds of models that can be opened."""
    from sre_orchestrator.api.examination.listing import listed  # noqa: PLC0415
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - help must be quick

    configured = settings_from(settings, state_dir)
    with closing(Installation(configured)) as installation:
        found = listed(_folder(configured), installation)
    if output is Table.JSON:
        echo_json(found)
        return
    for one in found.examined:
        _tell(one)
    for other in found.unreadable:
        typer.echo(f"{other.file}: does not count: {other.why}")
    if not found.examined:
        typer.echo("no model was examined; one that was not only narrates: sre-orchestrator models check KIND:NAME")
    typer.echo(f"kinds of models: {', '.join(found.kinds)}")


def _folder(settings: Settings) -> Path:
    return Path(settings.state_dir) / "models"


def _tell(found: Examination) -> None:
    from sre_orchestrator.api.examination.telling import headline, table  # noqa: PLC0415

    for line in (headline(found), *table(found)):
        typer.echo(line)


def _examined(settings: Settings, parts: Collection[str], items: int | None) -> tuple[Examination, bool]:
    """Return the examination, and whether it was with all papers."""
    from sre_orchestrator.api.examination.examining import STEPS, examine  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.api.examination.papers import papers_in  # noqa: PLC0415
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415

    steps = [one for one in STEPS if one in parts]
    with closing(Installation(settings)) as installation:
        model = installation.model.need()
        every = papers_in(installation.book.causes)
        papers = every if items is None else every.some(items)
        counts = {one: papers.count(one) for one in steps}
        with _progress(sum(counts.values())) as done:
            found = examine(model, installation, papers, steps=steps, at=datetime.now(UTC), done=done)
    return found, counts == {one: every.count(one) for one in steps}


@contextmanager
def _progress(papers: int) -> Iterator[Callable[[], None]]:
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from sre_orchestrator.api.cli.progress import PartsBar  # noqa: PLC0415 - rich is slow to import

    with PartsBar(doing="examining") as bar:
        bar.expect(papers)
        yield lambda: bar.done("")
