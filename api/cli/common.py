"""What the commands share: options, settings, time, progress, output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from sre_orchestrator.api.parts import Unwatched
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.ports import Progress
from sre_orchestrator.core.settings import PREFIX, Settings, read_settings

if TYPE_CHECKING:
    from sre_orchestrator.api.taking import Watched

FAILED, BAD_INPUT = 1, 2


class Format(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class Table(StrEnum):
    """How a list is printed."""

    TEXT = "text"
    JSON = "json"


SnapshotOption = Annotated[
    Path,
    typer.Option("--snapshot", help="A recorded incident: a folder, .tar.gz, .tar.xz or .zip.", show_default=False),
]
SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        envvar=f"{PREFIX}SETTINGS",
        help="A TOML or YAML file; every key is also an environment variable.",
    ),
]
StateOption = Annotated[str | None, typer.Option("--state-dir", help="Where state and caches are kept.")]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        help="A language model that may help, KIND:NAME, such as llama_cpp:/models/model.gguf or openai:NAME.",
    ),
]
BaseUrlOption = Annotated[str, typer.Option("--base-url", help="Where the model of --model openai:NAME is served.")]
FormatOption = Annotated[
    Format, typer.Option("--format", help="json prints the Report; everything else goes to standard error.")
]


def settings_from(path: Path | None, state_dir: str | None) -> Settings:
    """Read the settings of this call."""
    return read_settings(path, os.environ, state_dir=state_dir)


def with_model(settings: Settings, use: str, base_url: str) -> Settings:
    """Return settings with the model of the command line, which has to be there then.

    Raises:
        InputError: there is an address, but no model.

    """
    if base_url and not (use or settings.model.use):
        raise InputError("--base-url: name the model that is served there, too: --model openai:NAME")
    chosen = {"use": use, "required": True} if use else {}
    address = {"base_url": base_url} if base_url else {}
    return msgspec.structs.replace(settings, model=msgspec.structs.replace(settings.model, **chosen, **address))


def parse_time(text: str) -> datetime:
    """Return an aware time from ISO 8601 text; without a zone it is UTC.

    Raises:
        InputError: the text is no time.

    """
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"--at {text!r}: is no ISO 8601 time; write 2026-01-31T14:00:00Z") from error


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Yield a progress display on standard error; a silent one when nobody looks at it."""
    if sys.stderr.isatty():
        from sre_orchestrator.api.cli.progress import AgentBoard  # noqa: PLC0415 - rich is slow to import

        with AgentBoard() as board:
            yield board
    else:
        from sre_orchestrator.api.wiring import Quiet  # noqa: PLC0415

        yield Quiet()


@contextmanager
def shown_parts(doing: str = "recording") -> Iterator[Watched]:
    """Yield a bar of parts that are done on standard error; a silent one when nobody looks at it."""
    if sys.stderr.isatty():
        from sre_orchestrator.api.cli.progress import PartsBar  # noqa: PLC0415 - rich is slow to import

        with PartsBar(doing=doing) as bar:
            yield bar
    else:
        yield Unwatched()


def look_at_each(contexts: Sequence[str], look: Callable[[str], int]) -> int:
    """Look at several clusters, one after the other, and return an exit code.

    A cluster that cannot be reached does not keep the others back; it is told, and the code is then 2, else the first
    that is not 0.
    """
    code = 0
    for context in dict.fromkeys(contexts):
        try:
            found = look(context)
        except InputError as error:
            typer.echo(f"error: {context}: {error}", err=True)
            code = BAD_INPUT
        else:
            code = code or found
    return code


def echo_json(value: object) -> None:
    """Print a value as JSON on standard output."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
