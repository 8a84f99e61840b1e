"""``sre-orchestrator twin``: questions to the component graph of a snapshot or of a cluster, and keeping one current."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, TypeVar

import anyio
import msgspec
import typer

from sre_orchestrator.api.cli.common import (
    SettingsOption,
    StateOption,
    Table,
    parse_time,
    settings_from,
)
from sre_orchestrator.api.cli.diagnose import KubeconfigOption, with_kubeconfig
from sre_orchestrator.core.errors import InputError, SreError
from sre_orchestrator.core.identity import name_of
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.ports import Change
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import nearest
from sre_orchestrator.core.wording import counted

if TYPE_CHECKING:
    from sre_orchestrator.plugins.sources.mirror import Batch
    from sre_orchestrator.twin.store import TwinStore

T = TypeVar("T")
app = typer.Typer(help="Ask the component graph.", no_args_is_help=True)
RecordedOption = Annotated[
    Path | None,
    typer.Option(
        "--snapshot",
        help="A recorded incident: a folder, .tar.gz, .tar.xz or .zip; without it, the twin that `twin follow` keeps.",
        show_default=False,
    ),
]
ContextOption = Annotated[str, typer.Option(help="A context of the kubeconfig; by default what settings say.")]
TableOption = Annotated[Table, typer.Option("--format")]
EPOCH = datetime.fromtimestamp(0, UTC)


@app.command()
def show(
    component: Annotated[str, typer.Argument(help="An id such as service/shop/cart, or a name that is unique.")] = "",
    snapshot: RecordedOption = None,
    context: ContextOption = "",
    format: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Show all components, or one with its relations.

    Examples:
      sre-orchestrator twin show service/shop/cart
      sre-orchestrator twin show service/shop/cart --snapshot incident.tar.gz

    """

    def ask(twin: TwinStore) -> list[str]:
        if not component:
            return [one.id for one in twin.components()]
        edges = twin.edges([resolve(twin, component)])
        return [f"{edge.source} {edge.kind} {edge.target}  ({edge.provenance})" for edge in edges]

    _print(with_twin(snapshot, settings_of(settings, state_dir, context), ask), format)


@app.command()
def impact(
    component: Annotated[str, typer.Argument(help="What might fail.", show_default=False)],
    snapshot: RecordedOption = None,
    context: ContextOption = "",
    hops: Annotated[int, typer.Option(min=1, max=12)] = 4,
    format: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List what a fault of COMPONENT affects, nearest first."""
    _print(
        with_twin(
            snapshot,
            settings_of(settings, state_dir, context),
            lambda twin: list(twin.impact(resolve(twin, component), hops=hops)),
        ),
        format,
    )


@app.command()
def path(
    start: Annotated[str, typer.Argument(show_default=False)],
    end: Annotated[str, typer.Argument(show_default=False)],
    snapshot: RecordedOption = None,
    context: ContextOption = "",
    format: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Print the shortest paths between two components."""

    def ask(twin: TwinStore) -> list[str]:
        return [" - ".join(one) for one in twin.paths(resolve(twin, start), resolve(twin, end))]

    _print(with_twin(snapshot, settings_of(settings, state_dir, context), ask), format)


@app.command()
def changes(
    snapshot: RecordedOption = None,
    context: ContextOption = "",
    since: Annotated[str, typer.Option(help="ISO 8601; by default everything.")] = "",
    until: Annotated[str, typer.Option(help="ISO 8601; by default now.")] = "",
    format: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List what changed, oldest first."""
    begin, end = parse_time(since) if since else EPOCH, parse_time(until) if until else datetime.now(UTC)

    def ask(twin: TwinStore) -> list[str]:
        return [_line(one) for one in twin.changes(begin, end)]

    _print(with_twin(snapshot, settings_of(settings, state_dir, context), ask), format)


@app.command()
def follow(
    context: ContextOption = "",
    kubeconfig: KubeconfigOption = None,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Keep the twin of the running cluster current and print what changes, until interrupted.

    The other commands answer from it meanwhile, and afterwards. The next start goes on from there.

    Example:
      sre-orchestrator twin follow --context eu

    """
    from sre_orchestrator.api.keeping import identity_of, keep, kept_twin, others_of  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.api.live import attached  # noqa: PLC0415
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415
    from sre_orchestrator.plugins.sources.mirror import Mirror  # noqa: PLC0415

    where = with_kubeconfig(settings_of(settings, state_dir, context), kubeconfig)
    stop = Event()
    with (
        closing(Installation(where)) as installation,
        attached(installation, where) as (cluster, sources),
        kept_twin(where, identity_of(cluster)) as twin,
    ):
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, lambda *_: stop.set())
        others = others_of(sources, cluster, where)
        keep(cluster, Mirror(), twin, stop=stop, listener=Printed(twin), settings=where.twin, others=others)


class Printed:
    """Prints changes as they are kept, and on standard error what goes wrong, once."""

    def __init__(self, twin: TwinStore) -> None:
        self._twin = twin
        self._problem = ""

    def kept(self, batch: Batch, at: datetime) -> None:
        """Print the changes of a batch."""
        self._problem = ""
        if batch.delta.whole:
            typer.echo(
                f"{counted(len(self._twin.components()), 'component')}, {counted(len(self._twin.edges()), 'relation')}",
                err=True,
            )
        for one in self._twin.seen_at(at):
            typer.echo(_line(one))
        sys.stdout.flush()

    def failed(self, error: SreError) -> None:
        """Print an error, unless it is the last one again."""
        if str(error) != self._problem:
            self._problem = str(error)
            typer.echo(f"error: {error}", err=True)

    def missing(self, gap: Gap) -> None:
        """Print what a source could not tell."""
        typer.echo(_gap_line(gap), err=True)


def settings_of(path: Path | None, state_dir: str | None, context: str) -> Settings:
    """Read the settings of this call, for the cluster ``context``."""
    read = settings_from(path, state_dir)
    access = msgspec.structs.replace(read.cluster, context=context or read.cluster.context)
    return msgspec.structs.replace(read, cluster=access)


def with_twin(snapshot: Path | None, settings: Settings, ask: Callable[[TwinStore], T]) -> T:
    """Build the twin of a snapshot and ask it, or ask the one that is kept of a cluster."""
    recorded = snapshot or (Path(settings.snapshot) if settings.snapshot else None)
    if recorded is None:
        from sre_orchestrator.api.keeping import twin_path  # noqa: PLC0415 - help must be quick
        from sre_orchestrator.twin.store import TwinStore  # noqa: PLC0415

        with closing(TwinStore(twin_path(settings), read_only=True)) as twin:
            return ask(twin)
    from sre_orchestrator.api.recorded import read_recorded  # noqa: PLC0415
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415

    with closing(Installation(settings)) as installation:
        twin, gaps = anyio.run(read_recorded, installation, recorded)
        with closing(twin):
            for gap in gaps:
                typer.echo(_gap_line(gap), err=True)
            return ask(twin)


def resolve(twin: TwinStore, word: str) -> str:
    """Return the id that ``word`` means: an id, or the name of exactly one component.

    Raises:
        InputError: no component, or several, are called so.

    """
    known = [one.id for one in twin.components()]
    if word in known:
        return word
    named = [one for one in known if name_of(one) == word]
    if len(named) == 1:
        return named[0]
    if named:
        raise InputError(f"{word!r} is the name of several components: {', '.join(named)}; give the id")
    raise InputError(f"there is no component {word!r}{nearest(word, [*known, *map(name_of, known)])}")


def _line(change: Change) -> str:
    return f"{change.at:%Y-%m-%dT%H:%M:%SZ} {change.text}"


def _gap_line(gap: Gap) -> str:
    return f"gap: {gap.agent}: {gap.what}: {gap.why}"


def _print(lines: Sequence[str], form: Table) -> None:
    typer.echo(msgspec.json.encode(lines).decode() if form is Table.JSON else "\n".join(lines))
