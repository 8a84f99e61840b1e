"""One state folder for the session, so that the rule book is compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sre_orchestrator.core.settings import Settings


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def settings(state: Path) -> Settings:
    """Return settings that touch nobody's state."""
    return Settings(state_dir=str(state))
