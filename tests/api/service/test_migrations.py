"""Steps of the schema: each can be taken and taken back, with incidents in the database, and lead to the tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from investigation import NOW
from postgres import fresh_database
from sqlalchemy import Engine, inspect

from sre_orchestrator.api.service.models import Arrival, Feedback, Query, Reported
from sre_orchestrator.api.service.store import Database
from sre_orchestrator.api.service.store.engine import open_engine
from sre_orchestrator.api.service.store.migrations import migrate
from sre_orchestrator.api.service.store.tables import metadata
from sre_orchestrator.core.errors import InputError

STEPS = ["base", "0001", "0002", "0003", "0004", "0005", "0006", "0007"]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = fresh_database() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'service.db'}"
    found = open_engine(url)
    yield found
    found.dispose()


def differences(engine: Engine) -> list[object]:
    """Return in what the tables of a database are not those of the program."""
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    return [one for one in found if "procrastinate" not in str(one)]


def tables(engine: Engine) -> set[str]:
    """Return the names of our tables."""
    return {one for one in inspect(engine).get_table_names() if "procrastinate" not in one} - {"alembic_version"}


def test_the_steps_lead_to_the_tables_of_the_program(engine: Engine) -> None:
    assert differences(engine) == []


@pytest.mark.parametrize("step", STEPS)
def test_steps_are_taken_back_and_taken_again(engine: Engine, step: str) -> None:
    Database(engine).accept(Arrival(reported=Reported(description="x"), origin="api"), NOW)

    with engine.begin() as connection:
        migrate(connection, step)
    fewer = tables(engine)
    with engine.begin() as connection:
        migrate(connection)

    assert (fewer == set()) == (step == "base")
    assert differences(engine) == []
    kept = Database(engine).list(Query(since=NOW - timedelta(days=1))).items
    assert len(kept) == (step != "base")


def test_feedback_of_before_is_found_by_its_cause(engine: Engine) -> None:
    store = Database(engine)
    name = store.accept(Arrival(reported=Reported(description="x"), origin="api"), NOW).record.id
    said = Feedback(cause="memory-leak", component="deployment/shop/web", right=True)
    store.feedback(name, said, "eve", NOW)

    with engine.begin() as connection:
        migrate(connection, "0006")
        migrate(connection)

    assert [one.feedback for one in store.last_words("memory-leak", limit=9)] == [said]


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'service.db'}"
    with closing(open_engine(url).raw_connection()) as raw:
        raw.cursor().execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()

    with pytest.raises(InputError, match="a later version of this program wrote this database"):
        open_engine(url)
