"""``sre-orchestrator plugins``: what was found, what it adds, and what is broken."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated

import typer

from sre_orchestrator.api.cli.common import FAILED, SettingsOption, StateOption, Table, echo_json, settings_from
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.wording import counted

if TYPE_CHECKING:
    from sre_orchestrator.api.added import PluginView


def _names(incomplete: str) -> list[str]:
    """Return the plugins of third parties for the completion of a shell, which must be quick."""
    found = {point.name for point in entry_points(group="sre_orchestrator")}
    return sorted(name for name in found if name.startswith(incomplete))


def plugins(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Only these, in full.", autocompletion=_names, show_default=False),
    ] = None,
    format: Annotated[Table, typer.Option("--format")] = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List the plugins, built in and installed with pip: what they add, and why any is not in use.

    Where one of them, or a file of one, cannot be used, it ends with 1; one that block_plugins names is not meant to be.

    Examples:
      sre-orchestrator plugins
      sre-orchestrator plugins flag-service network
      sre-orchestrator plugins --format json

    """
    from sre_orchestrator.api.added import plugin_views  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415
    from sre_orchestrator.core.plugins import BLOCKED  # noqa: PLC0415
    from sre_orchestrator.core.vocabulary import nearest  # noqa: PLC0415

    found = plugin_views(Installation(settings_from(settings, state_dir)))
    known = {one.name for one in found}
    for name in names or ():
        if name not in known:
            raise InputError(f"there is no plugin {name!r}{nearest(name, known)}")
    chosen = [one for one in found if not names or one.name in names]
    if format is Table.JSON:
        echo_json(chosen)
    else:
        for one in chosen:
            typer.echo(f"{one.name:20} {one.origin:30} {_state(one)}")
            if names or one.distribution:
                typer.echo("".join(f"    {what:14} {text}\n" for what, text in _details(one)), nl=False)
    if any((one.problem and one.problem != BLOCKED) or one.refused for one in chosen):
        raise typer.Exit(FAILED)


def _state(one: PluginView) -> str:
    if one.problem:
        return one.problem
    return f"in use, without {counted(len(one.refused), 'file')}" if one.refused else "in use"


def _details(one: PluginView) -> Iterator[tuple[str, str]]:
    for what in one.adds.__struct_fields__:
        added: tuple[str, ...] = getattr(one.adds, what)
        if added:
            yield what.replace("_", " "), ", ".join(added)
    if one.hooks:
        names = ", ".join(hook.removeprefix("register_") for hook in one.hooks)
        yield "hooks", names + (f" (made for version {one.made_for})" if one.made_for else "")
    for why in one.refused:
        yield "refused", why
