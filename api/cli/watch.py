"""``sre-orchestrator watch``."""

from __future__ import annotations

import re
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import msgspec
import typer

from sre_orchestrator.api.cli.common import FAILED, SettingsOption, StateOption, Table, settings_from
from sre_orchestrator.api.cli.diagnose import KubeconfigOption, with_kubeconfig
from sre_orchestrator.api.process import last_long
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings

if TYPE_CHECKING:
    from sre_orchestrator.api.health import Health
    from sre_orchestrator.api.watching import Scenes, Told

LOOPBACK = "127.0.0.1"
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def watch(
    namespace: Annotated[str, typer.Option(help="Where to look (comma-separated); by default everywhere.")] = "",
    context: Annotated[str, typer.Option(help="A context of the kubeconfig; by default its current one.")] = "",
    kubeconfig: KubeconfigOption = None,
    interval: Annotated[str, typer.Option(help="How often to look, such as 30s or 2m.", show_default="30s")] = "",
    once: Annotated[bool, typer.Option("--once", help="Look once, and open what is seen without waiting.")] = False,
    port: Annotated[
        int | None,
        typer.Option(
            help="Serve /healthz, /readyz and /metrics there; 0 takes a free port, which is logged.", min=0, max=65535
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to serve at; nothing but this machine by default.")] = LOOPBACK,
    format: Annotated[Table, typer.Option(help="json prints one object a line for what happens.")] = Table.TEXT,
    snapshot: Annotated[
        Path | None, typer.Option(help="Watch a recorded incident instead of a cluster.", show_default=False)
    ] = None,
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Watch a cluster and open incidents by itself.

    Each incident is kept in STATE/incidents/<id>/ with its report and the bundle to replay. Logs go to standard
    error. A first SIGTERM or Ctrl-C finishes the round; a second one ends at once.

    Examples:
      sre-orchestrator watch --namespace shop
      sre-orchestrator watch --port 8080 --format json
      sre-orchestrator watch --snapshot incident.tar.gz --once

    """
    from sre_orchestrator.api.logs import configure_logs  # noqa: PLC0415 - help must be quick

    last_long()
    configure_logs()
    read = with_kubeconfig(settings_from(settings, state_dir), kubeconfig)
    chosen = _patience(read, interval=interval, once=once, recorded=snapshot is not None)
    if not anyio.run(_watch, chosen, namespace, context, snapshot, _Served(host=host, port=port), format, once):
        raise typer.Exit(FAILED)


class _Served(msgspec.Struct, frozen=True, kw_only=True):
    """Where health is served; nowhere without a port."""

    host: str
    port: int | None


async def _watch(
    settings: Settings, namespace: str, context: str, snapshot: Path | None, served: _Served, form: Table, once: bool
) -> bool:
    from sre_orchestrator.api.health import Health, bound, serving  # noqa: PLC0415
    from sre_orchestrator.api.incidents import IncidentStore  # noqa: PLC0415
    from sre_orchestrator.api.live import check_access, settings_for  # noqa: PLC0415
    from sre_orchestrator.api.logs import warn  # noqa: PLC0415
    from sre_orchestrator.api.rounds import run_round, run_rounds  # noqa: PLC0415
    from sre_orchestrator.api.scenes import Followed, Listed, Recorded  # noqa: PLC0415
    from sre_orchestrator.api.watching import Watcher  # noqa: PLC0415
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415

    chosen = settings_for(settings, namespace, context)
    if not snapshot and not once:
        check_access(chosen)  # a typing error is told at once, not in every round
    installation = Installation(chosen)
    health = Health(chosen.watch.interval_seconds)
    store = IncidentStore(Path(chosen.state_dir), chosen.cluster.context)
    for warning in store.warnings:
        warn(warning)
    ears = bound(served.host, served.port) if served.port is not None else None
    stop = anyio.Event()
    succeeded = True
    async with AsyncExitStack() as ending, anyio.create_task_group() as tasks:
        tasks.start_soon(heed_signals, stop, tasks.cancel_scope)
        scenes: Scenes
        if snapshot:
            scenes = Recorded(installation, snapshot)
        elif once:
            scenes = Listed(installation, chosen)
        else:
            scenes = await ending.enter_async_context(Followed(installation, chosen))
        watcher = Watcher(scenes, store, Printed(health, form), watch=chosen.watch, namespace=chosen.namespace)
        if once:
            succeeded = await run_round(watcher, health)
        else:
            async with serving(health, ears):
                await run_rounds(watcher, health, stop, interval_seconds=chosen.watch.interval_seconds)
        tasks.cancel_scope.cancel()
    return succeeded


async def heed_signals(stop: anyio.Event, scope: anyio.CancelScope) -> None:
    """Set ``stop`` at the first SIGTERM or Ctrl-C, and cancel ``scope`` at the next."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            if stop.is_set():
                scope.cancel()
            stop.set()


class Printed:
    """Prints what happens to incidents on standard output, and counts it."""

    def __init__(self, health: Health, form: Table) -> None:
        self._health = health
        self._form = form

    def told(self, news: Told) -> None:
        """Print one line."""
        self._health.told(news)
        print(msgspec.json.encode(news).decode() if self._form is Table.JSON else _line(news), flush=True)


def _line(news: Told) -> str:
    one = news.incident
    cause = f"{one.cause} at {one.component} ({one.confidence:.2f})" if one.cause else "cause not found yet"
    if one.merged_into:
        cause = f"the same as {one.merged_into}"
    return f"{news.at:%Y-%m-%d %H:%M:%S} {news.event:7} {one.id} {one.description}: {cause}; {news.folder}"


def _patience(settings: Settings, *, interval: str, once: bool, recorded: bool) -> Settings:
    """Return the settings of this call: one look needs no patience, and a recording is read whole."""
    watch = settings.watch
    if interval:
        watch = msgspec.structs.replace(watch, interval_seconds=_seconds(interval))
    if once:
        watch = msgspec.structs.replace(watch, open_after=1, open_within=1, settle_seconds=0.0)
    if recorded:
        watch = msgspec.structs.replace(watch, skip_agents=())
    return msgspec.structs.replace(settings, watch=watch)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not seconds:
        raise InputError(f"--interval {text!r}: is no time; write 30s, 2m or 1h")
    return seconds
