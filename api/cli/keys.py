"""``sre-orchestrator keys``: API keys of the service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sre_orchestrator.api.cli.common import SettingsOption, StateOption, Table, settings_from
from sre_orchestrator.core.errors import InputError

if TYPE_CHECKING:
    from sre_orchestrator.api.service.ports import KeyRecord, Keys

app = typer.Typer(help="Create, list and revoke the API keys of the service.", no_args_is_help=True)


class KeyScope(StrEnum):
    """What a key allows."""

    READ = "read"
    REPORT = "report"
    ADMIN = "admin"


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Who uses it; a second key of the same name lets you rotate the first.")],
    scope: Annotated[
        list[KeyScope] | None,
        typer.Option(help="What it allows, several times for several; read and report by default.", show_default=False),
    ] = None,
    namespace: Annotated[
        list[str] | None, typer.Option(help="Where; several times for several, everywhere by default.")
    ] = None,
    days: Annotated[float | None, typer.Option(help="How long it is valid; for ever by default.", min=0.0)] = None,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Create a key and print it, once: only a digest is kept.

    Examples:
      sre-orchestrator keys create alertmanager --scope report
      sre-orchestrator keys create shop-team --scope read --scope report --namespace shop --days 90

    """
    import msgspec  # noqa: PLC0415 - help must be quick

    from sre_orchestrator.api.service.ports import Scope  # noqa: PLC0415
    from sre_orchestrator.api.service.security.keys import create_key  # noqa: PLC0415

    scopes = msgspec.convert(scope or [KeyScope.READ, KeyScope.REPORT], list[Scope])
    now = datetime.now(UTC)
    with _keys(settings, state_dir) as keys:
        record, key = create_key(keys, name, scopes, namespaces=namespace or (), now=now, expires_at=_expiry(now, days))
    typer.echo(f"key {record.id} of {name}: {_about(record, now)}; it is not shown again", err=True)
    typer.echo(key)


@app.command("list")
def list_keys(
    output: Annotated[Table, typer.Option("--format", help="How the list is printed.")] = Table.TEXT,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """List the keys, without their secrets."""
    import msgspec  # noqa: PLC0415

    with _keys(settings, state_dir) as keys:
        found = keys.list()
    if output is Table.JSON:
        typer.echo(msgspec.json.encode(found).decode())
        return
    now = datetime.now(UTC)
    for one in found:
        typer.echo(f"{one.id}  {one.name}  {_about(one, now)}")


@app.command("revoke")
def revoke(
    which: Annotated[str, typer.Argument(help="The id of a key, or a name for all its keys.")],
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Revoke a key: the next request with it is refused."""
    with _keys(settings, state_dir) as keys:
        found = keys.revoke(which, datetime.now(UTC))
    if not found:
        raise InputError(f"{which}: there is no such key that is not revoked; sre-orchestrator keys list shows them")
    for one in found:
        typer.echo(f"revoked {one.id} of {one.name}")


@contextmanager
def _keys(path: Path | None, state_dir: str | None) -> Iterator[Keys]:
    from sre_orchestrator.api.service.store import open_database  # noqa: PLC0415 - help must be quick

    settings = settings_from(path, state_dir)
    store = open_database(settings.service.database_url, Path(settings.state_dir))
    try:
        yield store.keys
    finally:
        store.close()


def _expiry(now: datetime, days: float | None) -> datetime | None:
    try:
        return None if days is None else now + timedelta(days=days)
    except OverflowError as error:
        raise InputError(f"--days {days}: is too long; leave it out for a key without an end") from error


def _about(record: KeyRecord, now: datetime) -> str:
    where = ", ".join(record.namespaces) or "every namespace"
    until = f"until {record.expires_at:%Y-%m-%dT%H:%MZ}" if record.expires_at else "without an end"
    state = "revoked" if record.revoked_at else until if record.valid(now) else "expired"
    return f"{'+'.join(record.scopes)} in {where}, {state}"
