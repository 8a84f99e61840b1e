"""``sre-orchestrator runbooks``: ingest, search, list and remove runbooks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from sre_orchestrator.api.blocks import CHECK, RULE
from sre_orchestrator.api.cli.common import (
    BAD_INPUT,
    FAILED,
    SettingsOption,
    StateOption,
    Table,
    echo_json,
    settings_from,
    shown_parts,
)
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.wording import counted

if TYPE_CHECKING:
    from sre_orchestrator.api.wiring import Installation
    from sre_orchestrator.core.knowledge import Found
    from sre_orchestrator.plugins.knowledge.ingesting import Ingested
    from sre_orchestrator.plugins.knowledge.library import Library, Listed

app = typer.Typer(help="Ingest, search and list runbooks; reports quote those that fit.", no_args_is_help=True)
FormatOption = Annotated[Table, typer.Option("--format", help="How it is printed.")]
SHOWN = 600
NAMED = 10


@app.command()
def ingest(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FOLDER|FILE|URL]...",
            help="Folders (all runbooks below them), files, or pages of hosts in knowledge.allowed_hosts; "
            "by default the folders of knowledge.folders.",
            show_default=False,
        ),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild",
            help="Throw the library away first, as when its file is damaged; runbooks of rule packs are read again, too.",
        ),
    ] = False,
    format: FormatOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Read runbooks into the library: Markdown, reStructuredText, HTML, PDF, DOCX and plain text; and alert rules (YAML).

    What is kept already and has not changed is not read again; what is gone from a folder is removed from the library.
    A document that cannot be read is named, and the others are ingested; it ends with 1 then, and with 2 if none could
    be read. Rules and checks in them are tried: one that cannot be used is named, and it ends with 1. Where a model
    embeds texts (model.embedder), it then reads what is new; Ctrl-C ends that, and the next ingestion goes on there.

    Examples:
      sre-orchestrator runbooks ingest ./runbooks
      sre-orchestrator runbooks ingest ./runbooks handbook.pdf https://wiki.example.org/cart
      sre-orchestrator runbooks ingest rules.yaml

    """
    from sre_orchestrator.plugins.knowledge import alert_files  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.plugins.knowledge.library import library_file  # noqa: PLC0415
    from sre_orchestrator.plugins.knowledge.tables import throw_away  # noqa: PLC0415
    from sre_orchestrator.rules.packs import runbook_folders  # noqa: PLC0415

    chosen = settings_from(settings, state_dir)
    wanted = places or list(chosen.knowledge.folders)
    if not wanted:
        raise InputError("no runbooks are named; give folders, files or URLs, or set knowledge.folders")
    if rebuild:
        throw_away(library_file(chosen.state_dir))
        wanted = [*wanted, *map(str, runbook_folders(Path(chosen.state_dir)))]
    with _library(chosen) as library, shown_parts("reading runbooks") as progress:
        done = alert_files.ingest(library, wanted, chosen, progress)
        tried = any(library.fences(language) for language in (RULE, CHECK))
    done = msgspec.structs.replace(done, refused=_refused(chosen) if tried else ())
    _tell(done, format)
    if not (done.added or done.changed or done.unchanged or done.removed or done.alerts or done.problems):
        _tell_nothing(done, wanted)
    if chosen.model.embedder:
        _embed(chosen)
    if done.failed:
        raise typer.Exit(BAD_INPUT)
    if done.problems or done.refused:
        raise typer.Exit(FAILED)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="The name of an alert, or what is wrong in your words.")],
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many runbooks at most.")] = 5,
    format: FormatOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Print the passages that fit best, one of each runbook: title, headings, passage and where it is.

    Examples:
      sre-orchestrator runbooks search KubePodCrashLooping
      sre-orchestrator runbooks search "pods restart again and again" --limit 3 --format json

    """
    from datetime import UTC, datetime  # noqa: PLC0415

    chosen = settings_from(settings, state_dir)
    with _understood(chosen) as library:
        today = datetime.now(UTC).date()
        found = library.search(text, limit, today=today, stale_days=chosen.knowledge.stale_days)
    if format is Table.JSON:
        echo_json(found)
        return
    if not found:
        typer.echo("nothing fits; try other words, or see what there is: sre-orchestrator runbooks list", err=True)
    for number, one in enumerate(found, 1):
        typer.echo(_shown(number, one))


@app.command("list")
def list_runbooks(
    format: FormatOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List the runbooks of the library: where each is, its title, its owner and when it was last reviewed.

    Examples:
      sre-orchestrator runbooks list
      sre-orchestrator runbooks list --format json

    """
    with _library(settings_from(settings, state_dir), there=True) as library:
        found = library.documents()
    if format is Table.JSON:
        echo_json(found)
        return
    for one in found:
        typer.echo(f"{one.address}  {_about(one)}")


@app.command()
def remove(
    places: Annotated[
        list[str], typer.Argument(metavar="ADDRESS...", help="Files, pages or folders, as the list shows them.")
    ],
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Remove runbooks from the library; the files themselves stay.

    Examples:
      sre-orchestrator runbooks remove ./runbooks/old
      sre-orchestrator runbooks remove https://wiki.example.org/cart

    """
    with _library(settings_from(settings, state_dir), there=True) as library:
        for place in places:
            typer.echo(f"removed {library.remove(_addresses(library, place))} of {place}")


@contextmanager
def _library(settings: Settings, *, there: bool = False) -> Iterator[Library]:
    """Yield the library; with ``there``, one that exists."""
    from sre_orchestrator.plugins.knowledge.library import Library, library_file  # noqa: PLC0415 - help must be quick

    path = library_file(settings.state_dir)
    if there and not path.exists():
        raise InputError(f"{path}: there are no runbooks yet; sre-orchestrator runbooks ingest FOLDER reads some")
    with closing(Library(path)) as library:
        yield library


@contextmanager
def _understood(settings: Settings) -> Iterator[Library]:
    """Yield a library that exists, with what its passages mean as far as that is known; say where it is not."""
    if not settings.model.embedder:
        with _library(settings, there=True) as library:
            yield library
        return
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - slow to import

    with _library(settings, there=True), closing(Installation(settings)) as installation:
        libraries = installation.advice.libraries()
        _say_gaps(installation)
        yield libraries[0]


def _embed(settings: Settings) -> None:
    """Embed what is not embedded yet; Ctrl-C ends it, and the next ingestion goes on there."""
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - slow to import

    with closing(Installation(settings)) as installation, shown_parts("embedding passages") as bar:
        meanings = installation.advice.meanings()
        _say_gaps(installation)
        for meaning in meanings:
            before = 0
            for number, progress in enumerate(meaning.embed()):
                bar.expect(0 if number else progress.all)
                for _ in range(progress.done - before):
                    bar.done("")
                before = progress.done
        embedded = sum(meaning.progress.done for meaning in meanings)
    if meanings:
        typer.echo(f"{counted(embedded, 'passage')} found by meaning", err=True)


def _say_gaps(installation: Installation) -> None:
    for gap in (*installation.order.gaps(), *installation.advice.gaps()):
        remedy = f"; {gap.remedy}" if gap.remedy else ""
        typer.echo(f"note: {gap.what}: {gap.why}{remedy}", err=True)


def _refused(settings: Settings) -> tuple[str, ...]:
    """Return the rules and checks of the library that cannot be used, and why."""
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - slow to import

    with closing(Installation(settings)) as installation:
        return installation.refused


def _tell(done: Ingested, format: Table) -> None:
    for one in (*done.notes, *done.problems):
        typer.echo(f"{'error' if one in done.problems else 'note'}: {one}", err=True)
    for one in done.refused:
        typer.echo(f"refused: {one}", err=True)
    if format is Table.JSON:
        echo_json(done)
        return
    told = {"added": done.added, "changed": done.changed, "unchanged": done.unchanged, "removed": done.removed}
    parts = [f"{len(addresses)} {what}" for what, addresses in told.items()]
    if done.skipped:
        parts.append(f"{len(done.skipped)} skipped (no format of runbooks)")
    if done.problems:
        parts.append(f"{len(done.problems)} not read")
    if done.alerts:
        parts.append(counted(done.alerts, "alert rule"))
    if done.refused:
        parts.append(f"{counted(len(done.refused), 'rule or check', 'rules or checks')} refused")
    typer.echo(", ".join(parts))


def _tell_nothing(done: Ingested, places: Sequence[str]) -> None:
    """Say what would have been read, and what was passed over."""
    from sre_orchestrator.plugins.knowledge.alert_files import SUFFIXES as ALERT_RULES  # noqa: PLC0415
    from sre_orchestrator.plugins.knowledge.formats import SUFFIXES  # noqa: PLC0415

    typer.echo(
        f"note: {', '.join(places)}: holds nothing to ingest; runbooks are read from {', '.join(SUFFIXES)}, alert rules "
        f"from {', '.join(ALERT_RULES)}; files and folders whose names begin with a dot are passed over",
        err=True,
    )
    for one in done.skipped[:NAMED]:
        why = "holds no alert rules" if one.endswith(ALERT_RULES) else "is in no format of runbooks"
        typer.echo(f"note: {one}: was passed over: {why}", err=True)
    if len(done.skipped) > NAMED:
        typer.echo(
            f"note: {counted(len(done.skipped) - NAMED, 'more file')} passed over; --format json names all", err=True
        )


def _shown(number: int, found: Found) -> str:
    where = " > ".join((found.title, *found.headings[found.headings[:1] == (found.title,) :]))
    text = found.text if len(found.text) <= SHOWN else f"{found.text[:SHOWN].rstrip()}…"
    marks = [f"found by {' and '.join(found.by)}", *(["last reviewed long ago"] if found.stale else [])]
    body = "".join(f"   {line}\n" for line in text.splitlines())
    return f"{number}. {where}\n   {found.address}  ({', '.join(marks)})\n{body}"


def _about(listed: Listed) -> str:
    front = listed.front
    told = [listed.title]
    told += [f"owner {front.owner}"] if front.owner else []
    told += [f"reviewed {front.reviewed}"] if front.reviewed else []
    return ", ".join(told)


def _addresses(library: Library, place: str) -> Sequence[str]:
    """Return the addresses of a document or of what is below a folder."""
    from sre_orchestrator.plugins.knowledge.fetching import is_url  # noqa: PLC0415
    from sre_orchestrator.plugins.knowledge.ingesting import absolute  # noqa: PLC0415

    address = place if is_url(place) else str(absolute(place))
    found = [address] if library.digest(address) is not None else sorted(library.below(f"{address.rstrip('/')}/"))
    if not found:
        nearby = _nearest(place, [one.address for one in library.documents()])
        raise InputError(f"{place}: there is no such runbook in the library{nearby}")
    return found


def _nearest(place: str, addresses: Sequence[str]) -> str:
    """Suggest what is called almost so, without the folders that it is in: most runbooks have those in common."""
    there = (one for address in addresses for one in (os.path.dirname(address), address))  # noqa: PTH120 - or a URL
    named = {os.path.basename(one): one for one in there}  # noqa: PTH119
    close = get_close_matches(os.path.basename(place.rstrip("/")), named, n=1)  # noqa: PTH119
    return f"; did you mean {named[close[0]]!r}?" if close else "; sre-orchestrator runbooks list shows what there is"
