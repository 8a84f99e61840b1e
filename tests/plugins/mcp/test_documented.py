"""The settings that the how-to shows can be used as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sre_orchestrator.core.settings import read_settings
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.plugins.mcp.checking import complaints_of
from sre_orchestrator.plugins.mcp.known import preset_names, resolved_all

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "mcp-servers.md"
SHOWN = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", SHOWN)
def test_what_is_shown_can_be_used(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")

    servers = resolved_all(read_settings(file, {}).mcp_servers)

    assert servers
    assert [complaint for one in servers for complaint in complaints_of(one, load_vocabulary())] == []


def test_every_preset_is_told() -> None:
    assert [one for one in preset_names() if f"| `{one}` |" not in PAGE.read_text(encoding="utf-8")] == []
