"""``sre-orchestrator snapshot``: record clusters, serve recordings."""

from __future__ import annotations

import re
import shutil
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import typer

from sre_orchestrator.api.cli.common import SettingsOption, StateOption, settings_from, shown_parts
from sre_orchestrator.api.cli.diagnose import KubeconfigOption, with_kubeconfig
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings

if TYPE_CHECKING:
    from sre_orchestrator.api.taking import Wanted
    from sre_orchestrator.core.models import Gap

INTERRUPTED = 130
_AGE = re.compile(r"(?P<count>\d+)(?P<unit>[smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
app = typer.Typer(help="Record clusters, serve recordings.", no_args_is_help=True)
SourceArgument = Annotated[
    Path, typer.Argument(help="A snapshot: a folder, .tar.gz, .tar.xz or .zip.", show_default=False)
]


@app.command()
def serve(
    path: SourceArgument,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    host: Annotated[
        str, typer.Option(help="Where to listen. There is no password: beware of other addresses.")
    ] = "127.0.0.1",
    kubeconfig: Annotated[Path | None, typer.Option(help="Write a kubeconfig for it to this file.")] = None,
    settings: SettingsOption = None,
) -> None:
    """Serve a snapshot as a read-only Kubernetes API, so that kubectl, helm and MCP servers can look at it.

    Example:
      sre-orchestrator snapshot serve incident.tar.gz --port 8001 --kubeconfig incident.kubeconfig
      KUBECONFIG=incident.kubeconfig kubectl get pods --all-namespaces

    """
    from sre_orchestrator.api.wire import serving, store_of, write_kubeconfig  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.plugins.sources.snapshot import open_snapshot  # noqa: PLC0415

    with open_snapshot(path, settings_from(settings, None).snapshot_limits) as snapshot:
        recorded = store_of(snapshot)
        for problem in recorded.problems:
            typer.echo(f"{problem.where}: {problem.why}; it is not served", err=True)
        try:
            with serving(recorded.store, host=host, port=port) as url:
                namespace = next(iter(snapshot.info.namespaces), "default")
                if kubeconfig:
                    write_kubeconfig(kubeconfig, url, namespace=namespace)
                for one in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the former
                    signal.signal(one, signal.default_int_handler)  # so that nothing that was unpacked stays
                use = f"KUBECONFIG={kubeconfig} kubectl" if kubeconfig else f"kubectl --server {url}"
                typer.echo(f"serving {path} at {url}\n  {use} get pods --namespace {namespace}\nend with Ctrl-C")
                _wait()
        except OSError as error:
            raise InputError(f"--host {host} --port {port}: {error.strerror or error}; choose another") from error
        except KeyboardInterrupt:
            return


@app.command()
def take(
    place: Annotated[
        Path, typer.Argument(help="A new folder, or an archive: .tar.gz, .tar.xz or .zip.", show_default=False)
    ],
    namespace: Annotated[
        list[str] | None, typer.Option(help="What to record; repeatable. By default everything that may be read.")
    ] = None,
    context: Annotated[str, typer.Option(help="A context of the kubeconfig.")] = "",
    kubeconfig: KubeconfigOption = None,
    question: Annotated[str, typer.Option(help="What is wrong, in words; kept for diagnose.")] = "",
    logs_since: Annotated[str, typer.Option(help="How old lines of logs may be: 90s, 30m, 1h, 2d.")] = "",
    max_log_bytes: Annotated[
        str, typer.Option(help="How much of the end of each log: 65536, 64Ki, 4Mi. By default cluster.log_bytes.")
    ] = "",
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Record a running cluster: objects, logs, metrics and alerts, without secrets.

    Values of Secrets and payloads of Helm releases are never kept; whatever looks like a password, token or key in
    environments, ConfigMaps, annotations and logs is masked. What may not be read is noted in the snapshot. When it
    is interrupted, the same command goes on where it stopped.

    Examples:
      sre-orchestrator snapshot take incident.tar.gz --namespace shop --question "checkout answers 500"
      sre-orchestrator snapshot take ./everything --context production --logs-since 1h --max-log-bytes 1Mi

    """
    where = with_kubeconfig(settings_from(settings, state_dir), kubeconfig)
    wanted = _wanted(where, tuple(namespace or ()), question, logs_since, max_log_bytes)
    try:
        gaps = _take(where, place, context, wanted)
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on where it stopped", err=True)
        raise typer.Exit(INTERRUPTED) from None
    for gap in gaps:
        typer.echo(f"not recorded: {gap.what}: {gap.why}; {gap.remedy}", err=True)
    typer.echo(f"recorded {place}\n  sre-orchestrator diagnose --snapshot {place}")


def _wait() -> None:
    """Wait for Ctrl-C."""
    threading.Event().wait()


def _wanted(where: Settings, namespaces: tuple[str, ...], question: str, logs_since: str, max_log_bytes: str) -> Wanted:
    from sre_orchestrator.api.taking import Wanted  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.api.taking.logs import LogLimits  # noqa: PLC0415

    logs = LogLimits(since_seconds=_age(logs_since), each_bytes=_bytes(max_log_bytes, where.cluster.log_bytes))
    return Wanted(namespaces=namespaces, logs=logs, window_minutes=where.window_minutes, question=question)


def _take(where: Settings, place: Path, context: str, wanted: Wanted) -> tuple[Gap, ...]:
    """Record into a folder, the archive's beside it where an archive is wanted."""
    from sre_orchestrator.api.live import attached, known_namespaces, settings_for  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.api.taking import take as record  # noqa: PLC0415
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415
    from sre_orchestrator.plugins.sources.snapshot.packing import is_archive, pack  # noqa: PLC0415
    from sre_orchestrator.plugins.sources.snapshot.recording import (  # noqa: PLC0415
        Terms,
        gaps_in,
        is_complete,
        open_recording,
    )

    folder = place.with_name(f"{place.name}.partial") if is_archive(place) else place
    if folder != place and place.exists():
        raise InputError(f"{place}: exists already; give another file")
    if folder == place or not is_complete(folder):
        settings = settings_for(where, ",".join(wanted.namespaces), context)
        with attached(Installation(where), settings) as (cluster, sources), shown_parts() as bar:
            anyio.run(known_namespaces, cluster, wanted.namespaces)
            terms = Terms(server=cluster.address, namespaces=wanted.namespaces)
            record(cluster, sources, open_recording(folder, terms, datetime.now(UTC)), wanted, bar)
    gaps = gaps_in(folder)
    if folder != place:
        pack(folder, place)
        shutil.rmtree(folder)
    return gaps


def _age(text: str) -> int:
    found = _AGE.fullmatch(text)
    if text and not found:
        raise InputError(f"--logs-since {text!r}: is no age; write 90s, 30m, 1h or 2d")
    return int(found["count"]) * _SECONDS[found["unit"]] if found else 0


def _bytes(text: str, default: int) -> int:
    from sre_orchestrator.plugins.objects.quantity import parse_quantity  # noqa: PLC0415 - help must be quick

    try:
        size = int(parse_quantity(text)) if text else default
    except ValueError:
        size = 0
    if size < 1:
        raise InputError(f"--max-log-bytes {text!r}: is no size; write 65536, 64Ki or 4Mi")
    return size
