"""``sre-orchestrator snapshot``: serve recorded clusters."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from sre_orchestrator.api.cli.common import SettingsOption, settings_from
from sre_orchestrator.core.errors import InputError

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
                use = f"KUBECONFIG={kubeconfig} kubectl" if kubeconfig else f"kubectl --server {url}"
                typer.echo(f"serving {path} at {url}\n  {use} get pods --namespace {namespace}\nend with Ctrl-C")
                threading.Event().wait()
        except OSError as error:
            raise InputError(f"--host {host} --port {port}: {error.strerror or error}; choose another") from error
        except KeyboardInterrupt:
            return
