"""Collects the tests embedded in rule files as pytest items, ours and those of third-party packs."""

from __future__ import annotations

from pathlib import Path

import pytest

MARKS = (b"\nwhen:", b"\nthen:", b"\ntests:")


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Treat every YAML file that has ``when``, ``then`` and ``tests`` as a rule file."""
    if file_path.suffix not in {".yaml", ".yml"}:
        return None
    text = file_path.read_bytes()
    if not all(mark in text for mark in MARKS):
        return None
    from sre_orchestrator.rules.collecting import RuleFile  # noqa: PLC0415 - every pytest run loads this module

    return RuleFile.from_parent(parent, path=file_path)
