"""``sre-orchestrator demo``: a diagnosis of the bundled incident."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.resources import as_file, files

from sre_orchestrator.api.cli.common import Format, FormatOption, SettingsOption, StateOption, settings_from
from sre_orchestrator.api.cli.diagnose import investigate, show


def demo(format: FormatOption = Format.TEXT, settings: SettingsOption = None, state_dir: StateOption = None) -> None:  # noqa: A002
    """Diagnose the incident that comes with the package: a shop whose checkout answers 500."""
    with ExitStack() as stack:
        snapshot = stack.enter_context(as_file(files("sre_orchestrator.api") / "demo" / "shop.tar.gz"))
        show(investigate(settings_from(settings, state_dir), snapshot, "", "", "").report, format)
