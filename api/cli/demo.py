"""``sre-orchestrator demo``: a diagnosis of the bundled incident."""

from __future__ import annotations

from importlib.resources import as_file, files

from sre_orchestrator.api.cli.common import Format, FormatOption, SettingsOption, StateOption, settings_from
from sre_orchestrator.api.cli.diagnose import investigate, show


def demo(format: FormatOption = Format.TEXT, settings: SettingsOption = None, state_dir: StateOption = None) -> None:
    """Diagnose the incident that comes with the package: a shop whose checkout answers 500."""
    with as_file(files("sre_orchestrator.api") / "demo" / "shop") as snapshot:
        show(investigate(settings_from(settings, state_dir), snapshot, "", "", "").report, format)
