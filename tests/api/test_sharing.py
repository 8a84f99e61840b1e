"""Vectors are shared where several replicas may be, and the database is opened when they are first needed."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from metric_servers import free_port
from postgres import fresh_database

from sre_orchestrator.api.sharing import shared_vectors
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Service, Settings


def settings(url: str, state: Path) -> Settings:
    return Settings(state_dir=str(state), service=Service(database_url=url))


@pytest.mark.parametrize("url", ["", "sqlite:///service.db"])
def test_a_service_alone_shares_nothing(tmp_path: Path, url: str) -> None:
    assert shared_vectors(settings(url, tmp_path), ExitStack()) is None


def test_those_of_replicas_are_opened_once_when_they_are_asked_for(tmp_path: Path) -> None:
    with ExitStack() as opened:
        vectors = shared_vectors(settings(fresh_database(), tmp_path), opened)
        assert vectors is not None
        vectors().keep("d1", {"full": b"1234"})

        assert vectors() is vectors()
        assert vectors().known("d1") == {"full": b"1234"}


def test_a_database_that_is_away_is_told_when_it_is_asked(tmp_path: Path) -> None:
    vectors = shared_vectors(settings(f"postgresql://sre:word@127.0.0.1:{free_port()}/x", tmp_path), ExitStack())

    assert vectors is not None
    with pytest.raises(InputError, match="the database cannot be used"):
        vectors()
