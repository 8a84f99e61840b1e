"""``sre-orchestrator twin``: questions to the component graph of a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import anyio
import msgspec
import typer

from sre_orchestrator.api.cli.common import (
    SettingsOption,
    SnapshotOption,
    StateOption,
    Table,
    parse_time,
    settings_from,
)
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.identity import name_of
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import nearest

if TYPE_CHECKING:
    from sre_orchestrator.twin.store import TwinStore

T = TypeVar("T")
app = typer.Typer(help="Ask the component graph.", no_args_is_help=True)
TableOption = Annotated[Table, typer.Option("--format")]
EPOCH = datetime.fromtimestamp(0, UTC)


@app.command()
def show(
    component: Annotated[str, typer.Argument(help="An id such as service/shop/cart, or a name that is unique.")] = "",
    snapshot: SnapshotOption = ...,  # type: ignore[assignment]
    format: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Show all components, or one with its relations.

    Example:
      sre-orchestrator twin show service/shop/cart --snapshot incident.tar.gz

    """

    def ask(twin: TwinStore) -> list[str]:
        if not component:
            return [one.id for one in twin.components()]
        edges = twin.edges([resolve(twin, component)])
        return [f"{edge.source} {edge.kind} {edge.target}  ({edge.provenance})" for edge in edges]

    _print(with_twin(snapshot, settings_from(settings, state_dir), ask), format)


@app.command()
def impact(
    component: Annotated[str, typer.Argument(help="What might fail.", show_default=False)],
    snapshot: SnapshotOption = ...,  # type: ignore[assignment]
    hops: Annotated[int, typer.Option(min=1, max=12)] = 4,
    format: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List what a fault of COMPONENT affects, nearest first."""
    _print(
        with_twin(
            snapshot,
            settings_from(settings, state_dir),
            lambda twin: list(twin.impact(resolve(twin, component), hops=hops)),
        ),
        format,
    )


@app.command()
def path(
    start: Annotated[str, typer.Argument(show_default=False)],
    end: Annotated[str, typer.Argument(show_default=False)],
    snapshot: SnapshotOption = ...,  # type: ignore[assignment]
    format: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Print the shortest paths between two components."""

    def ask(twin: TwinStore) -> list[str]:
        return [" - ".join(one) for one in twin.paths(resolve(twin, start), resolve(twin, end))]

    _print(with_twin(snapshot, settings_from(settings, state_dir), ask), format)


@app.command()
def changes(
    snapshot: SnapshotOption = ...,  # type: ignore[assignment]
    since: Annotated[str, typer.Option(help="ISO 8601; by default everything.")] = "",
    until: Annotated[str, typer.Option(help="ISO 8601; by default now.")] = "",
    format: TableOption = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List what changed, oldest first."""
    begin, end = parse_time(since) if since else EPOCH, parse_time(until) if until else datetime.now(UTC)

    def ask(twin: TwinStore) -> list[str]:
        return [f"{one.at:%Y-%m-%dT%H:%M:%SZ} {one.text}" for one in twin.changes(begin, end)]

    _print(with_twin(snapshot, settings_from(settings, state_dir), ask), format)


def with_twin(snapshot: Path, settings: Settings, ask: Callable[[TwinStore], T]) -> T:
    """Build the twin of a snapshot and ask it."""
    from sre_orchestrator.api.wiring import twin_of  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.plugins.sources.snapshot import open_snapshot  # noqa: PLC0415

    async def run() -> T:
        with open_snapshot(snapshot, settings.snapshot_limits) as source:
            async with twin_of([source], source.captured_at) as (twin, _):
                return ask(twin)

    return anyio.run(run)


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


def _print(lines: Sequence[str], form: Table) -> None:
    typer.echo(msgspec.json.encode(lines).decode() if form is Table.JSON else "\n".join(lines))
