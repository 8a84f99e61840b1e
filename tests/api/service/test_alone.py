"""One service at a time investigates what is in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sre_orchestrator.api.alone import alone
from sre_orchestrator.api.service.serving import run
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Service, Settings


@pytest.mark.parametrize("service", [Service(), Service(database_url="sqlite:///other.db")])
def test_a_second_service_of_one_folder_is_refused(tmp_path: Path, service: Service) -> None:
    settings = Settings(state_dir=str(tmp_path), service=service)

    with (
        alone(tmp_path / "service.lock", "held"),
        pytest.raises(InputError, match="another service keeps its incidents there; stop it"),
    ):
        run(settings, None, ("127.0.0.1", 0))


def test_what_was_held_is_free_again(tmp_path: Path) -> None:
    lock = tmp_path / "new" / "lock"

    with alone(lock, "held"), pytest.raises(InputError, match="held"), alone(lock, "held"):
        pass

    with alone(lock, "held"):
        assert lock.exists()
