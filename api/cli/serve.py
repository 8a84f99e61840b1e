"""``sre-orchestrator serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sre_orchestrator.api.cli.common import (
    BaseUrlOption,
    ModelOption,
    SettingsOption,
    StateOption,
    settings_from,
    with_model,
)
from sre_orchestrator.api.cli.diagnose import KubeconfigOption, with_kubeconfig
from sre_orchestrator.api.process import last_long

LOOPBACK = "127.0.0.1"


def serve(
    snapshot: Annotated[
        Path | None,
        typer.Option(help="Investigate a recorded incident instead of a cluster.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes a free port.", min=0, max=65535)] = 8080,
    host: Annotated[
        str, typer.Option(help="The address to listen at; one that others reach needs keys (sre-orchestrator keys).")
    ] = LOOPBACK,
    watch: Annotated[
        bool, typer.Option("--watch", help="Watch the cluster, too: keep its twin, and open incidents by itself.")
    ] = False,
    kubeconfig: KubeconfigOption = None,
    model: ModelOption = "",
    base_url: BaseUrlOption = "",
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Serve the REST API: report incidents, read diagnoses.

    An incident is stored before it is acknowledged; what was being investigated when the process ended is taken up
    at the next start. SIGTERM finishes what runs.

    Examples:
      sre-orchestrator serve --snapshot incident.tar.gz --port 8080
      sre-orchestrator serve --watch
      curl -d '{"description": "checkout answers 500"}' http://127.0.0.1:8080/api/v1/incidents

    """
    from sre_orchestrator.api.logs import configure_logs  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.api.service.serving import run  # noqa: PLC0415

    last_long()
    configure_logs()
    where = with_model(with_kubeconfig(settings_from(settings, state_dir), kubeconfig), model, base_url)
    run(where, snapshot, (host, port), watch=watch)
