"""What is old and finished is forgotten while the service runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import anyio
import pytest
from reports import NOW
from service import bundle_of

from sre_orchestrator.api.service.models import Arrival, Query, Reported
from sre_orchestrator.api.service.ports import Store
from sre_orchestrator.api.service.retention import Retention
from sre_orchestrator.api.service.store import Database, open_database

SOON = 0.01


@pytest.fixture
def store(tmp_path: Path) -> Database:
    return open_database("", tmp_path)


def stored(store: Database, description: str, at: datetime, *, done: bool = True) -> str:
    name = store.accept(Arrival(reported=Reported(description=description), origin="api"), at).record.id
    if done:
        store.claim(at, name)
        store.finish(name, bundle_of(), at)
    return name


def runs_until(retention: Retention, holds: object) -> None:
    async def scenario() -> None:
        with anyio.fail_after(20):
            async with retention.running():
                while not callable(holds) or not holds():
                    await anyio.sleep(SOON)

    anyio.run(scenario)


def test_what_was_finished_long_ago_is_forgotten_and_nothing_else(store: Database) -> None:
    old = stored(store, "old", NOW - timedelta(days=31))
    kept = {
        stored(store, "of last week", NOW - timedelta(days=7)),
        stored(store, "old, and not done", NOW - timedelta(days=31), done=False),
    }

    runs_until(Retention(store, 30, now=lambda: NOW), lambda: store.get(old) is None)

    assert {one.id for one in store.list(Query()).items} == kept
    assert store.bundle(old) is None


def test_what_becomes_old_while_it_runs_is_forgotten_too(store: Database) -> None:
    name, clock = stored(store, "new", NOW), [NOW]
    retention = Retention(store, 30, every_seconds=SOON, now=lambda: clock[0])

    def gone() -> bool:
        there = store.get(name) is not None
        clock[0] += timedelta(days=11)
        return not there

    runs_until(retention, gone)

    assert clock[0] > NOW + timedelta(days=30)


def test_a_store_that_fails_is_asked_again(capfd: pytest.CaptureFixture[str]) -> None:
    asked: list[datetime] = []

    def prune(before: datetime) -> int:
        asked.append(before)
        raise OSError("disk full")

    failing = cast("Store", SimpleNamespace(prune=prune))
    runs_until(Retention(failing, 30, every_seconds=SOON), lambda: len(asked) > 2)

    assert "disk full" in "".join(capfd.readouterr())


def test_more_than_one_portion_is_forgotten(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sre_orchestrator.api.service.store.database.PORTION", 2)
    for number in range(5):
        stored(store, f"old {number}", NOW - timedelta(days=31))

    assert store.prune(NOW) == 5
    assert store.list(Query()).items == ()
