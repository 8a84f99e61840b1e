"""``sre-orchestrator mcp``."""

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


def mcp(
    snapshot: Annotated[
        Path | None,
        typer.Option(help="Answer about a recorded incident instead of a cluster.", show_default=False),
    ] = None,
    kubeconfig: KubeconfigOption = None,
    model: ModelOption = "",
    base_url: BaseUrlOption = "",
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Answer an assistant over MCP on standard input and output.

    The assistant starts this command by itself; what it may call is what /mcp of a running service answers, too.

    Examples:
      sre-orchestrator mcp --snapshot incident.tar.gz
      claude mcp add sre-orchestrator -- sre-orchestrator mcp

    """
    from sre_orchestrator.api.logs import configure_logs  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.api.service.mcp.embedded import speak  # noqa: PLC0415

    last_long()
    configure_logs()
    where = with_model(with_kubeconfig(settings_from(settings, state_dir), kubeconfig), model, base_url)
    speak(where, snapshot)
